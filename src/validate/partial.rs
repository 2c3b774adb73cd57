//! Partial execution: `disableTasks` and `resumeFrom` (TEP-0077).

use std::collections::BTreeSet;

use super::checker::{Checker, meant};
use super::matrix;
use super::names::repeats;
use crate::diagnostic::FieldPath;
use crate::language::consumed_type;
use crate::spec::pipeline::DisableTask;
use crate::spec::{PipelineRunSpec, PipelineSpec, PipelineTask};

/// What one document shows of the faults.
pub(super) fn of_run(check: &mut Checker, at: &FieldPath, spec: &PipelineRunSpec) {
    let disabled: Vec<&str> = spec.disable_tasks.iter().map(|t| t.name.as_str()).collect();
    let place = at.key("disableTasks");
    once(check, &place, &disabled);
    let pipeline = spec.pipeline_spec.as_ref();
    known(check, &place, &disabled, pipeline);
    for (index, task) in spec.disable_tasks.iter().enumerate() {
        results(check, &place.index(index).key("results"), task, pipeline);
    }
    let Some(resume) = &spec.resume_from else {
        return;
    };
    let at = at.key("resumeFrom");
    if resume.name.is_empty() {
        check.missing(&at.key("name"));
    }
    let enabled: Vec<&str> = resume
        .enable_tasks
        .iter()
        .map(|t| t.name.as_str())
        .collect();
    let place = at.key("enableTasks");
    once(check, &place, &enabled);
    known(check, &place, &enabled, pipeline);
    for (index, name) in enabled.iter().enumerate() {
        if disabled.contains(name) {
            check.invalid(
                &place.index(index).key("name"),
                format_args!("task {name:?} is both enabled and disabled"),
            );
        }
    }
}

fn once(check: &mut Checker, at: &FieldPath, names: &[&str]) {
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            check.missing(&at.index(index).key("name"));
        }
    }
    for (index, name) in repeats(names.iter().copied()) {
        if !name.is_empty() {
            check.repeated(&at.index(index).key("name"));
        }
    }
}

fn known(check: &mut Checker, at: &FieldPath, names: &[&str], pipeline: Option<&PipelineSpec>) {
    let Some(pipeline) = pipeline else {
        return;
    };
    let tasks: BTreeSet<&str> = pipeline
        .tasks
        .iter()
        .chain(&pipeline.finally)
        .map(|task| task.name.as_str())
        .collect();
    for (index, name) in names.iter().enumerate() {
        if !name.is_empty() && !tasks.contains(name) {
            check.fault_with(
                &at.index(index).key("name"),
                format_args!("invalid value: task {name:?} does not exist in Pipeline"),
                meant(name, tasks.iter().copied()),
            );
        }
    }
}

/// The results given for a disabled task: once each, and as its embedded Task declares them.
fn results(
    check: &mut Checker,
    at: &FieldPath,
    task: &DisableTask,
    pipeline: Option<&PipelineSpec>,
) {
    let names: Vec<&str> = task.results.iter().map(|r| r.name.as_str()).collect();
    once(check, at, &names);
    let Some(planned) = pipeline.and_then(|pipeline| find(pipeline, &task.name)) else {
        return;
    };
    let Some(spec) = &planned.task_spec else {
        return;
    };
    for (index, given) in task.results.iter().enumerate() {
        let at = at.index(index);
        let Some(declared) = spec.results.iter().find(|r| r.name == given.name) else {
            check.fault_with(
                &at.key("name"),
                format_args!(
                    "invalid value: task {:?} declares no result {:?}",
                    task.name, given.name
                ),
                meant(&given.name, spec.results.iter().map(|r| r.name.as_str())),
            );
            continue;
        };
        let kind = given.value.kind();
        let wanted = consumed_type(declared, matrix::is_matrixed(planned));
        if kind != wanted {
            check.invalid(
                &at.key("value"),
                format_args!("result {:?} is of type {wanted}, not {kind}", given.name),
            );
        }
    }
}

fn find<'p>(pipeline: &'p PipelineSpec, name: &str) -> Option<&'p PipelineTask> {
    let tasks = pipeline.tasks.iter().chain(&pipeline.finally);
    tasks.into_iter().find(|task| task.name == name)
}

#[cfg(test)]
mod tests {
    use crate::validate::testing::{pipeline_run, table};

    #[test]
    fn partial_execution_7_faults_one_document_shows() {
        table(
            |fields| {
                pipeline_run(&format!(
                    "{{pipelineSpec: {{tasks: [{{name: build, taskSpec: {{results: [{{name: r}}], \
                     steps: [{{image: i}}]}}}}]}}, {fields}}}"
                ))
            },
            &[
                (
                    "disableTasks: [{name: build, results: [{name: r, value: v}]}]",
                    "",
                ),
                (
                    "disableTasks: [{name: build}, {name: build}]",
                    "expected exactly one, got both: spec.disableTasks[1].name",
                ),
                (
                    "disableTasks: [{name: biuld}]",
                    "invalid value: task \"biuld\" does not exist in Pipeline: \
                     spec.disableTasks[0].name",
                ),
                (
                    "disableTasks: [{name: build, results: [{name: x, value: v}]}]",
                    "invalid value: task \"build\" declares no result \"x\": \
                     spec.disableTasks[0].results[0].name",
                ),
                (
                    "disableTasks: [{name: build, results: [{name: r, value: [v]}]}]",
                    "invalid value: result \"r\" is of type string, not array: \
                     spec.disableTasks[0].results[0].value",
                ),
                (
                    "disableTasks: [{name: build}], resumeFrom: {name: latest, enableTasks: [{name: build}]}",
                    "invalid value: task \"build\" is both enabled and disabled: \
                     spec.resumeFrom.enableTasks[0].name",
                ),
                (
                    "resumeFrom: {enableTasks: [{name: build}]}",
                    "missing field(s): spec.resumeFrom.name",
                ),
            ],
        );
    }
}
