//! One task of a Pipeline.

use std::collections::BTreeSet;

use super::checker::Checker;
use super::step::is_on_error;
use super::usage::{Declared, Slot, usage, value_usage};
use super::{matrix, params, pipeline, refs, task, timeouts, when, workspaces};
use crate::diagnostic::FieldPath;
use crate::spec::task::TaskRef;
use crate::spec::{ParamValue, PipelineTask};

/// What a task of a Pipeline finds around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    /// The parameters its own fields may use.
    pub(super) params: &'a Declared,
    /// The parameters an embedded Task may use besides its own.
    pub(super) embedded: &'a Declared,
    /// The workspaces there are, where the document says.
    pub(super) workspaces: Option<&'a BTreeSet<&'a str>>,
}

pub(super) fn one(
    check: &mut Checker,
    at: &FieldPath,
    task: &PipelineTask,
    around: Surroundings<'_>,
) {
    ref_or_spec(check, at, task);
    on_error(check, at, task);
    // The webhook leaves these two to the TaskRun, which then cannot be created.
    if task.retries < 0 {
        check.invalid(
            &at.key("retries"),
            format_args!("{} should be >= 0", task.retries),
        );
    }
    timeouts::not_negative(check, &at.key("timeout"), task.timeout);
    body(check, at, task, around);
    params::distinct(check, &at.key("params"), &task.params);
    matrix::of_task(check, at, task);
    when::expressions(check, &at.key("when"), &task.when);
    param_usage(check, at, task, around.params);
    workspaces::of_pipeline_task(check, at, task, around.workspaces);
}

fn ref_or_spec(check: &mut Checker, at: &FieldPath, task: &PipelineTask) {
    let fields = [
        ("taskRef", task.task_ref.is_some()),
        ("taskSpec", task.task_spec.is_some()),
        ("pipelineRef", task.pipeline_ref.is_some()),
        ("pipelineSpec", task.pipeline_spec.is_some()),
    ];
    let given: Vec<FieldPath> = fields
        .iter()
        .filter(|(_, given)| *given)
        .map(|(field, _)| at.key(*field))
        .collect();
    if given.is_empty() {
        let all = fields.map(|(field, _)| at.key(field));
        check.fault_among(&all, "expected exactly one, got neither");
    } else if given.len() > 1 {
        check.fault_among(&given, "expected exactly one, got multiple");
    }
}

fn on_error(check: &mut Checker, at: &FieldPath, task: &PipelineTask) {
    let word = task.on_error.as_str();
    if word.is_empty() || word.starts_with("$(params") {
        return;
    }
    if !is_on_error(word) {
        check.fault_with(
            &at.key("onError"),
            format_args!("invalid value: {word}"),
            Some("PipelineTask OnError must be either \"continue\" or \"stopAndFail\"".to_owned()),
        );
    }
    if word == "continue" && task.retries > 0 {
        check.fault(
            &at.key("onError"),
            "PipelineTask OnError cannot be set to \"continue\" when Retries is greater than 0",
        );
    }
}

fn body(check: &mut Checker, at: &FieldPath, task: &PipelineTask, around: Surroundings<'_>) {
    if let Some(reference) = &task.task_ref {
        task_ref(check, &at.key("taskRef"), reference);
    }
    if let Some(spec) = &task.task_spec {
        let at = at.key("taskSpec");
        let custom = !spec.api_version.is_empty() || !matches!(spec.kind.as_str(), "" | "Task");
        if custom {
            custom_spec(check, &at, &spec.api_version, &spec.kind);
        }
        if !spec.steps.is_empty() {
            beside_steps(check, &at, &spec.api_version, &spec.kind);
        }
        if !custom || !spec.steps.is_empty() {
            task::task_spec(check, &at, &spec.to_task_spec(), around.embedded);
        }
    }
    if let Some(reference) = &task.pipeline_ref {
        let at = at.key("pipelineRef");
        refs::reference(
            check,
            &at,
            &reference.name,
            &reference.resolver,
            &reference.params,
        );
    }
    if let Some(spec) = &task.pipeline_spec {
        pipeline::child(check, &at.key("pipelineSpec"), spec);
    }
    if task.pipeline_ref.is_some() || task.pipeline_spec.is_some() {
        without_effect(check, at, task);
    }
}

/// What a cluster accepts on a task that is a pipeline, and does not do
/// (`docs/pipelines-in-pipelines.md`).
fn without_effect(check: &mut Checker, at: &FieldPath, task: &PipelineTask) {
    let fields = [
        (
            "retries",
            task.retries > 0,
            "it runs once; put retries on the tasks of the child pipeline",
        ),
        (
            "timeout",
            task.timeout.is_some(),
            "put timeouts on the tasks of the child pipeline",
        ),
        (
            "matrix",
            matrix::is_matrixed(task),
            "one child run starts, and does not get these values; put the matrix on the tasks of \
             the child pipeline",
        ),
    ];
    for (field, _, hint) in fields.iter().filter(|(_, given, _)| *given) {
        check.warning(
            &at.key(*field),
            format_args!("{field} has no effect on a task that is a pipeline"),
            Some((*hint).to_owned()),
        );
    }
}

/// A reference to a Task. One that says `apiVersion: tekton.dev/…` and `kind: Task` is a custom
/// task to the webhook; here it is what its author meant.
fn task_ref(check: &mut Checker, at: &FieldPath, reference: &TaskRef) {
    let plain_kind = matches!(reference.kind.as_str(), "" | "Task");
    let tekton = reference.api_version.starts_with("tekton.dev/") && plain_kind;
    if tekton {
        check.warning(
            &at.key("apiVersion"),
            "on a cluster a taskRef with an apiVersion is a custom task",
            Some("leave out apiVersion".to_owned()),
        );
    }
    if tekton || (plain_kind && reference.api_version.is_empty()) {
        refs::reference(
            check,
            at,
            &reference.name,
            &reference.resolver,
            &reference.params,
        );
        return;
    }
    if reference.kind.is_empty() && !reference.resolver.is_empty() {
        check.invalid(&at.key("kind"), "custom task ref must specify kind");
    } else if reference.api_version.is_empty() {
        check.invalid(
            &at.key("apiVersion"),
            "custom task ref must specify apiVersion",
        );
    } else {
        // That it cannot run here is no fault of the document: `support` says so.
        api_version(check, at, &reference.api_version);
    }
}

fn custom_spec(check: &mut Checker, at: &FieldPath, version: &str, kind: &str) {
    if kind.is_empty() {
        check.invalid(&at.key("kind"), "custom task spec must specify kind");
    }
    if version.is_empty() {
        check.invalid(
            &at.key("apiVersion"),
            "custom task spec must specify apiVersion",
        );
    } else {
        api_version(check, at, version);
    }
}

fn api_version(check: &mut Checker, at: &FieldPath, version: &str) {
    let parts: Vec<&str> = version.split('/').collect();
    let valid = parts.len() == 2 && parts.iter().all(|part| !part.is_empty());
    if !valid {
        check.invalid(
            &at.key("apiVersion"),
            format_args!(
                "invalid apiVersion format {version:?}, must be in the format \"group/version\""
            ),
        );
    }
}

fn beside_steps(check: &mut Checker, at: &FieldPath, version: &str, kind: &str) {
    for (field, value) in [("apiVersion", version), ("kind", kind)] {
        if !value.is_empty() {
            check.fault(
                &at.key(field),
                format_args!("taskSpec.{field} cannot be specified when using taskSpec.steps"),
            );
        }
    }
}

fn param_usage(check: &mut Checker, at: &FieldPath, task: &PipelineTask, declared: &Declared) {
    for (index, param) in task.params.iter().enumerate() {
        let at = at.key("params").index(index).key("value");
        value_usage(check, &at, &param.value, declared);
    }
    if let Some(matrix) = &task.matrix {
        let at = at.key("matrix");
        for (index, param) in matrix.params.iter().enumerate() {
            let at = at.key("params").index(index).key("value");
            match &param.value {
                ParamValue::Array(_) => value_usage(check, &at, &param.value, declared),
                // The webhook looks at arrays only.
                value => check.leniently(|check| {
                    value_usage(check, &at, value, declared);
                }),
            }
        }
        for (index, include) in matrix.include.iter().enumerate() {
            let at = at.key("include").index(index).key("params");
            for (index, param) in include.params.iter().enumerate() {
                if let ParamValue::String(text) = &param.value {
                    let at = at.index(index).key("value");
                    usage(check, &at, text, Slot::Text, declared);
                }
            }
        }
    }
    when::usage(check, &at.key("when"), &task.when, declared);
}

#[cfg(test)]
mod tests {
    use crate::validate::testing::{errors, pipeline, pipeline_run, said, table, tasks};

    #[test]
    fn one_of_four_is_given() {
        table(
            tasks,
            &[
                (
                    "[{name: a, taskRef: {name: t}, taskSpec: {steps: [{image: i}]}}]",
                    "expected exactly one, got multiple: spec.tasks[0].taskRef, \
                     spec.tasks[0].taskSpec",
                ),
                (
                    "[{name: a}]",
                    "expected exactly one, got neither: spec.tasks[0].taskRef, \
                     spec.tasks[0].taskSpec, spec.tasks[0].pipelineRef, \
                     spec.tasks[0].pipelineSpec",
                ),
                ("[{name: a, pipelineRef: {name: p}}]", ""),
            ],
        );
    }

    #[test]
    fn retries_and_on_error() {
        table(
            |fields| tasks(&format!("[{{name: a, taskRef: {{name: t}}, {fields}}}]")),
            &[
                (
                    "retries: -1",
                    "invalid value: -1 should be >= 0: spec.tasks[0].retries",
                ),
                (
                    "timeout: -1s",
                    "invalid value: -1s should be >= 0: spec.tasks[0].timeout",
                ),
                (
                    "onError: continue, retries: 1",
                    "PipelineTask OnError cannot be set to \"continue\" when Retries is greater \
                     than 0: spec.tasks[0].onError",
                ),
                ("onError: continue", ""),
                (
                    "onError: ignore",
                    "invalid value: ignore: spec.tasks[0].onError",
                ),
                ("onError: $(params.e)", ""),
            ],
        );
    }

    #[test]
    fn params_must_be_declared() {
        let found = said(&pipeline(
            "{params: [{name: version}], tasks: [{name: a, taskRef: {name: t}, \
             params: [{name: p, value: $(params.verison)}]}]}",
        ));
        assert_eq!(
            found[0].message,
            "non-existent variable in \"$(params.verison)\": spec.tasks[0].params[0].value"
        );
        assert_eq!(found[0].hint.as_deref(), Some("did you mean \"version\"?"));
    }

    #[test]
    fn in_a_run_all_tasks_declare_for_each_other() {
        let run = |name: &str| {
            pipeline_run(&format!(
                "{{pipelineSpec: {{tasks: [\
                 {{name: a, taskRef: {{name: t}}, params: [{{name: p, value: $(params.{name})}}]}}, \
                 {{name: b, taskSpec: {{params: [{{name: nope, default: d}}], steps: [{{image: i}}]}}}}]}}}}"
            ))
        };
        assert_eq!(errors(&run("nope")), [""; 0]);
        assert_eq!(
            errors(&run("other")),
            ["non-existent variable in \"$(params.other)\": \
              spec.pipelineSpec.tasks[0].params[0].value"]
        );
    }

    #[test]
    fn pipeline_arrays_and_objects_stay_whole() {
        table(
            |value| {
                pipeline(&format!(
                    "{{params: [{{name: arr, type: array}}, {{name: o, type: object, \
                     properties: {{k: {{type: string}}}}}}], tasks: [{{name: a, taskRef: {{name: t}}, \
                     params: [{{name: p, value: {value}}}]}}]}}"
                ))
            },
            &[
                ("'$(params.arr[*])'", ""),
                ("'$(params.o[*])'", ""),
                ("'$(params.o.k) $(params.arr[1])'", ""),
                ("['$(params.arr[*])', b]", ""),
                (
                    "'x $(params.arr[*])'",
                    "variable type invalid in \"x $(params.arr[*])\": \
                     spec.tasks[0].params[0].value",
                ),
                (
                    "['x$(params.arr[*])']",
                    "variable is not properly isolated in \"x$(params.arr[*])\": \
                     spec.tasks[0].params[0].value[0]",
                ),
                (
                    "$(params.o.z)",
                    "non-existent variable in \"$(params.o.z)\": spec.tasks[0].params[0].value",
                ),
                (
                    "{k: '$(params.o)'}",
                    "variable type invalid in \"$(params.o)\": spec.tasks[0].params[0].value.k",
                ),
            ],
        );
    }

    #[test]
    fn custom_tasks_need_a_group_and_a_kind() {
        table(
            |reference| tasks(&format!("[{{name: a, taskRef: {reference}}}]")),
            &[
                ("{apiVersion: acme.io/v1, kind: Scan, name: s}", ""),
                (
                    "{kind: Scan, name: s}",
                    "invalid value: custom task ref must specify apiVersion: \
                     spec.tasks[0].taskRef.apiVersion",
                ),
                (
                    "{apiVersion: v1, kind: Scan, name: s}",
                    "invalid value: invalid apiVersion format \"v1\", must be in the format \
                     \"group/version\": spec.tasks[0].taskRef.apiVersion",
                ),
                ("{apiVersion: tekton.dev/v1, kind: Task, name: s}", ""),
            ],
        );
    }
}
