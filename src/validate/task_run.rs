//! TaskRuns (`pkg/apis/pipeline/v1/taskrun_validation.go`).

use super::checker::{Checker, meant};
use super::names::{self, repeats};
use super::pipeline_run::{has_started, properties_of_given};
use super::usage::Declared;
use super::{params, refs, task, timeouts, workspaces};
use crate::diagnostic::FieldPath;
use crate::spec::core::ResourceRequirements;
use crate::spec::task::{StepSpecOverride, TaskBreakpoints};
use crate::spec::{TaskRun, TaskRunSpec};

const STATUSES: [&str; 2] = ["TaskRunCancelled", "TaskRunPending"];

/// The `spec` of a TaskRun document.
pub(super) fn document(check: &mut Checker, at: &FieldPath, run: &TaskRun) {
    let spec = &run.spec;
    if spec.status == "TaskRunPending" && has_started(run.status.as_ref()) {
        check.invalid(
            &at.key("status"),
            "TaskRun cannot be Pending after it is started",
        );
    }
    ref_or_spec(check, at, spec);
    let given = spec.params.iter().map(|param| param.name.as_str());
    names::distinct_ignoring_case(check, &at.key("params"), given);
    workspaces::of_task_run(check, &at.key("workspaces"), &spec.workspaces);
    if let Some(breakpoints) = spec.debug.as_ref().and_then(|d| d.breakpoints.as_ref()) {
        debug(check, &at.key("debug").key("breakpoints"), breakpoints);
    }
    overrides(
        check,
        at,
        &spec.step_specs,
        &spec.sidecar_specs,
        spec.compute_resources.is_some(),
    );
    status(check, at, spec);
    if spec.retries < 0 {
        check.invalid(
            &at.key("retries"),
            format_args!("{} should be >= 0", spec.retries),
        );
    }
    timeouts::not_negative(check, &at.key("timeout"), spec.timeout);
}

fn ref_or_spec(check: &mut Checker, at: &FieldPath, spec: &TaskRunSpec) {
    let both = [at.key("taskRef"), at.key("taskSpec")];
    let given = usize::from(spec.task_ref.is_some()) + usize::from(spec.task_spec.is_some());
    check.exactly_one(&both, given);
    if let Some(reference) = &spec.task_ref {
        refs::reference(
            check,
            &both[0],
            &reference.name,
            &reference.resolver,
            &reference.params,
        );
    }
    if let Some(task) = &spec.task_spec {
        let mut known = Declared::closed();
        known.add_given(&spec.params);
        known.settle();
        task::task_spec(check, &both[1], task, &known);
        properties_of_given(check, &both[1].key("params"), &task.params, &spec.params);
        params::given_name_formats(check, &at.key("params"), &spec.params);
    }
}

/// `beforeSteps` may stand alone, as the documentation says; the webhook demands `onFailure` too.
fn debug(check: &mut Checker, at: &FieldPath, breakpoints: &TaskBreakpoints) {
    let word = breakpoints.on_failure.as_str();
    let place = at.key("onFailure");
    if word.is_empty() && breakpoints.before_steps.is_empty() {
        check.invalid(
            &place,
            "onFailure breakpoint is empty, it is only allowed to be set as enabled",
        );
    } else if !matches!(word, "" | "enabled") {
        check.invalid(
            &place,
            format_args!(
                "{word} is not a valid onFailure breakpoint value, onFailure breakpoint is only \
                 allowed to be set as enabled"
            ),
        );
    }
    for (index, step) in repeats(breakpoints.before_steps.iter().map(String::as_str)) {
        check.fault(
            &at.key("beforeSteps").index(index),
            format_args!(
                "before step must be unique, the same step: {step} is defined multiple times at"
            ),
        );
    }
}

/// Resources by the name of the step or sidecar, of a TaskRun or of one task of a PipelineRun.
pub(super) fn overrides(
    check: &mut Checker,
    at: &FieldPath,
    steps: &[StepSpecOverride],
    sidecars: &[StepSpecOverride],
    whole: bool,
) {
    for (field, list) in [("stepSpecs", steps), ("sidecarSpecs", sidecars)] {
        let at = at.key(field);
        for (index, _) in list
            .iter()
            .enumerate()
            .filter(|(_, one)| one.name.is_empty())
        {
            check.missing(&at.index(index).key("name"));
        }
        let named: Vec<String> = list.iter().map(|one| one.name.to_lowercase()).collect();
        for (index, name) in repeats(named.iter().map(String::as_str)) {
            if !name.is_empty() {
                check.repeated(&at.index(index).key("name"));
            }
        }
    }
    let own = steps
        .iter()
        .position(|step| step.compute_resources != ResourceRequirements::default());
    if let Some(index) = own.filter(|_| whole) {
        let both = [
            at.key("computeResources"),
            at.key("stepSpecs").index(index).key("computeResources"),
        ];
        check.exactly_one(&both, 2);
    }
}

fn status(check: &mut Checker, at: &FieldPath, spec: &TaskRunSpec) {
    let word = spec.status.as_str();
    if !word.is_empty() && !STATUSES.contains(&word) {
        check.fault_with(
            &at.key("status"),
            format_args!("invalid value: {word} should be TaskRunCancelled or TaskRunPending"),
            meant(word, STATUSES),
        );
    }
    if word.is_empty() && !spec.status_message.is_empty() {
        check.invalid(
            &at.key("statusMessage"),
            format_args!(
                "statusMessage should not be set if status is not set, but it is currently set to \
                 {}",
                spec.status_message
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::validate::testing::{table, task_run};

    fn of_ref(fields: &str) -> String {
        task_run(&format!("{{taskRef: {{name: t}}, {fields}}}"))
    }

    #[test]
    fn a_task_run_has_one_task() {
        table(
            task_run,
            &[
                (
                    "{params: []}",
                    "expected exactly one, got neither: spec.taskRef, spec.taskSpec",
                ),
                (
                    "{taskRef: {name: t}, taskSpec: {steps: [{image: i}]}}",
                    "expected exactly one, got both: spec.taskRef, spec.taskSpec",
                ),
                ("{taskRef: {}}", "missing field(s): spec.taskRef.name"),
                (
                    "{taskRef: {name: t}, params: [{name: x, value: a}, {name: X, value: a}]}",
                    "expected exactly one, got both: spec.params[1].name",
                ),
            ],
        );
    }

    #[test]
    fn numbers_and_words() {
        table(
            of_ref,
            &[
                (
                    "retries: -1",
                    "invalid value: -1 should be >= 0: spec.retries",
                ),
                (
                    "timeout: -1s",
                    "invalid value: -1s should be >= 0: spec.timeout",
                ),
                (
                    "status: Foo",
                    "invalid value: Foo should be TaskRunCancelled or TaskRunPending: spec.status",
                ),
                (
                    "statusMessage: m",
                    "invalid value: statusMessage should not be set if status is not set, but it \
                     is currently set to m: spec.statusMessage",
                ),
            ],
        );
    }

    #[test]
    fn task_breakpoints_before_steps_may_stand_alone() {
        table(
            |breakpoints| of_ref(&format!("debug: {{breakpoints: {breakpoints}}}")),
            &[
                ("{beforeSteps: [a]}", ""),
                ("{onFailure: enabled}", ""),
                (
                    "{beforeSteps: [a, a]}",
                    "before step must be unique, the same step: a is defined multiple times at: \
                     spec.debug.breakpoints.beforeSteps[1]",
                ),
                (
                    "{onFailure: x}",
                    "invalid value: x is not a valid onFailure breakpoint value, onFailure \
                     breakpoint is only allowed to be set as enabled: \
                     spec.debug.breakpoints.onFailure",
                ),
            ],
        );
    }

    #[test]
    fn task_resources_are_given_in_one_place() {
        table(
            of_ref,
            &[
                (
                    "stepSpecs: [{name: a}, {name: a}]",
                    "expected exactly one, got both: spec.stepSpecs[1].name",
                ),
                (
                    "sidecarSpecs: [{computeResources: {}}]",
                    "missing field(s): spec.sidecarSpecs[0].name",
                ),
                (
                    "computeResources: {limits: {cpu: 1}}, stepSpecs: [{name: a, \
                     computeResources: {limits: {cpu: 1}}}]",
                    "expected exactly one, got both: spec.computeResources, \
                     spec.stepSpecs[0].computeResources",
                ),
            ],
        );
    }
}
