//! PipelineRuns (`pkg/apis/pipeline/v1/pipelinerun_validation.go`).

use serde_json::Value;

use std::collections::BTreeSet;

use super::checker::{Checker, meant};
use super::pipeline_task::Surroundings;
use super::usage::Declared;
use super::{names, params, partial, pipeline, refs, task_run, timeouts, workspaces};
use crate::diagnostic::FieldPath;
use crate::spec::PipelineSpec;
use crate::spec::pipeline::PipelineTaskRunSpec;
use crate::spec::{Param, ParamSpec, ParamType, ParamValue, PipelineRun, PipelineRunSpec};
use crate::substitution::{ResultRef, references};

const STATUSES: [&str; 4] = [
    "Cancelled",
    "CancelledRunFinally",
    "StoppedRunFinally",
    "PipelineRunPending",
];

/// The `spec` of a PipelineRun document.
pub(super) fn document(check: &mut Checker, at: &FieldPath, run: &PipelineRun) {
    let spec = &run.spec;
    if spec.status == "PipelineRunPending" && has_started(run.status.as_ref()) {
        check.invalid(
            &at.key("status"),
            "PipelineRun cannot be Pending after it is started",
        );
    }
    ref_or_spec(check, at, spec);
    given_params(check, &at.key("params"), &spec.params);
    if let Some(timeouts) = &spec.timeouts {
        timeouts::of_run(check, &at.key("timeouts"), timeouts);
    }
    for (index, one) in spec.task_run_specs.iter().enumerate() {
        task_run_spec(check, &at.key("taskRunSpecs").index(index), one, spec);
    }
    status(check, &at.key("status"), &spec.status);
    workspaces::of_pipeline_run(check, &at.key("workspaces"), &spec.workspaces);
    partial::of_run(check, at, spec);
}

/// True when a status says that a run has started.
pub(super) fn has_started(status: Option<&Value>) -> bool {
    status
        .and_then(|status| status.get("startTime"))
        .is_some_and(|time| !time.is_null())
}

fn ref_or_spec(check: &mut Checker, at: &FieldPath, spec: &PipelineRunSpec) {
    let both = [at.key("pipelineRef"), at.key("pipelineSpec")];
    let given =
        usize::from(spec.pipeline_ref.is_some()) + usize::from(spec.pipeline_spec.is_some());
    check.exactly_one(&both, given);
    if let Some(reference) = &spec.pipeline_ref {
        refs::reference(
            check,
            &both[0],
            &reference.name,
            &reference.resolver,
            &reference.params,
        );
    }
    if let Some(pipeline) = &spec.pipeline_spec {
        inline(check, &both[1], pipeline, spec);
        if pipeline.tasks.iter().any(|task| task.task_spec.is_some()) {
            params::given_name_formats(check, &at.key("params"), &spec.params);
        }
    }
}

/// A Pipeline inside the run: parameters reach everything below (`validateInlineParameters`).
///
/// The webhook throws the parameters of all tasks into one bag, and does not look at `finally`.
fn inline(check: &mut Checker, at: &FieldPath, spec: &PipelineSpec, run: &PipelineRunSpec) {
    let given = &run.params;
    let mut known = Declared::closed();
    known.add_given(given);
    known.add(&spec.params);
    properties_of_given(check, &at.key("params"), &spec.params, given);
    let mut in_finally = Declared::open();
    in_finally.add_given(given);
    in_finally.add(&spec.params);
    for (index, task) in spec.tasks.iter().enumerate() {
        known.add_given(&task.params);
        let Some(embedded) = &task.task_spec else {
            continue;
        };
        known.add(&embedded.params);
        let at = at.key("tasks").index(index);
        params::given_name_formats(check, &at.key("params"), &task.params);
        let at = at.key("taskSpec").key("params");
        properties_of_given(check, &at, &embedded.params, given);
    }
    // The workspaces of the run reach its tasks undeclared. In v1beta1 one that the run does not bind
    // either is an error; since v1 the webhook does not look.
    let declared = spec.workspaces.iter().map(|workspace| &workspace.name);
    let bound = run.workspaces.iter().map(|binding| &binding.name);
    let slots: BTreeSet<&str> = declared.chain(bound).map(String::as_str).collect();
    let slots = Some(&slots).filter(|_| check.is_beta());
    let surroundings = |params| Surroundings {
        params,
        embedded: params,
        workspaces: slots,
    };
    pipeline::pipeline_spec(
        check,
        at,
        spec,
        surroundings(&known),
        surroundings(&in_finally),
    );
}

/// A parameter that is given an object must declare its `properties` (`combineParamSpec`).
pub(super) fn properties_of_given(
    check: &mut Checker,
    at: &FieldPath,
    specs: &[ParamSpec],
    given: &[Param],
) {
    let objects: BTreeSet<&str> = given
        .iter()
        .filter(|param| matches!(param.value, ParamValue::Object(_)))
        .map(|param| param.name.as_str())
        .collect();
    for (index, spec) in specs.iter().enumerate() {
        let object = objects.contains(spec.name.as_str());
        if object && spec.properties.is_empty() && spec.kind() != ParamType::Object {
            check.missing(&at.index(index).key("properties"));
        }
    }
}

fn given_params(check: &mut Checker, at: &FieldPath, given: &[Param]) {
    names::distinct_ignoring_case(check, at, given.iter().map(|param| param.name.as_str()));
    for (index, param) in given.iter().enumerate() {
        let at = at.index(index).key("value");
        let results: Vec<&str> = params::texts(&at, &param.value)
            .into_iter()
            .flat_map(|(_, text)| references(text))
            .filter(|reference| ResultRef::parse(reference).is_some())
            .collect();
        if !results.is_empty() {
            check.invalid(
                &at,
                format_args!(
                    "cannot use result expressions in [{}] as PipelineRun parameter values",
                    results.join(" ")
                ),
            );
        }
    }
}

fn task_run_spec(
    check: &mut Checker,
    at: &FieldPath,
    one: &PipelineTaskRunSpec,
    run: &PipelineRunSpec,
) {
    task_run::overrides(
        check,
        at,
        &one.step_specs,
        &one.sidecar_specs,
        one.compute_resources.is_some(),
    );
    timeouts::of_task(
        check,
        &at.key("timeout"),
        one.timeout,
        run.timeouts.as_ref(),
    );
}

fn status(check: &mut Checker, at: &FieldPath, status: &str) {
    if !status.is_empty() && !STATUSES.contains(&status) {
        check.fault_with(
            at,
            format_args!(
                "invalid value: {status} should be Cancelled, CancelledRunFinally, \
                 StoppedRunFinally or PipelineRunPending"
            ),
            meant(status, STATUSES),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::validate::testing::{pipeline_run, table};

    fn of_ref(fields: &str) -> String {
        pipeline_run(&format!("{{pipelineRef: {{name: p}}, {fields}}}"))
    }

    #[test]
    fn params_that_a_run_gives() {
        table(
            of_ref,
            &[
                (
                    "params: [{name: A, value: x}, {name: a, value: x}]",
                    "expected exactly one, got both: spec.params[1].name",
                ),
                (
                    "params: [{name: a, value: $(tasks.a.results.x)}]",
                    "invalid value: cannot use result expressions in [tasks.a.results.x] as \
                     PipelineRun parameter values: spec.params[0].value",
                ),
            ],
        );
    }

    #[test]
    fn parts_fit_into_the_whole() {
        table(
            |timeouts| of_ref(&format!("timeouts: {timeouts}")),
            &[
                (
                    "{tasks: 2h}",
                    "invalid value: 2h0m0s should be <= pipeline duration: spec.timeouts.tasks",
                ),
                (
                    "{pipeline: 1h, tasks: 40m, finally: 30m}",
                    "invalid value: 40m0s + 30m0s should be <= pipeline duration: \
                     spec.timeouts.tasks, spec.timeouts.finally",
                ),
                ("{pipeline: \"0\", tasks: 3h}", ""),
                (
                    "{pipeline: 1h, tasks: \"0\"}",
                    "invalid value: 0s (no timeout) should be <= pipeline duration: \
                     spec.timeouts.tasks",
                ),
                ("{pipeline: \"0\", tasks: 1h, finally: 1h}", ""),
                (
                    "{tasks: -1s}",
                    "invalid value: -1s should be >= 0: spec.timeouts.tasks",
                ),
            ],
        );
    }

    #[test]
    fn pipeline_timeouts_of_single_tasks() {
        table(
            of_ref,
            &[
                ("taskRunSpecs: [{pipelineTaskName: a, timeout: 1h}]", ""),
                (
                    "taskRunSpecs: [{pipelineTaskName: a, timeout: 61m}]",
                    "invalid value: 1h1m0s should be <= pipeline duration 1h0m0s: \
                     spec.taskRunSpecs[0].timeout",
                ),
                (
                    "timeouts: {tasks: 30m}, taskRunSpecs: [{pipelineTaskName: a, timeout: 40m}]",
                    "invalid value: 40m0s should be <= pipeline tasks duration 30m0s: \
                     spec.taskRunSpecs[0].timeout",
                ),
            ],
        );
    }

    #[test]
    fn pipeline_status_is_one_of_four_words() {
        table(
            |word| of_ref(&format!("status: {word}")),
            &[
                ("StoppedRunFinally", ""),
                (
                    "cancelled",
                    "invalid value: cancelled should be Cancelled, CancelledRunFinally, \
                     StoppedRunFinally or PipelineRunPending: spec.status",
                ),
            ],
        );
    }

    #[test]
    fn pipeline_a_run_has_one_pipeline() {
        table(
            pipeline_run,
            &[
                (
                    "{params: []}",
                    "expected exactly one, got neither: spec.pipelineRef, spec.pipelineSpec",
                ),
                (
                    "{pipelineRef: {name: p}, pipelineSpec: {tasks: [{name: a, taskRef: {name: t}}]}}",
                    "expected exactly one, got both: spec.pipelineRef, spec.pipelineSpec",
                ),
            ],
        );
    }
}
