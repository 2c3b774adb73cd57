//! What each event changes in the run or TaskRun it speaks of.

use super::kind::{RunEvent, RunKind, TaskRunEvent};
use super::run_record::RunRecord;
use super::task_run_record::TaskRunRecord;
use crate::spec::when::WhenExpression;
use crate::status::{ChildReference, Timestamp};

fn reference(kind: &str, name: &str, task: &str) -> ChildReference {
    ChildReference {
        api_version: "tekton.dev/v1".to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        pipeline_task_name: task.to_owned(),
        display_name: String::new(),
        when_expressions: Vec::new(),
        reused_from: None,
    }
}

fn described(
    reference: ChildReference,
    display_name: &str,
    when: &[WhenExpression],
) -> ChildReference {
    ChildReference {
        display_name: display_name.to_owned(),
        when_expressions: when.to_vec(),
        ..reference
    }
}

/// Changes a run.
pub(super) fn apply_to_run(run: &mut RunRecord, event: &RunEvent, at: Timestamp) {
    match event {
        // An engine can also fail after the end, while it cleans up.
        RunEvent::Progress { .. } if run.is_finished() => {}
        RunEvent::Progress { condition } => run.set_condition(condition.clone(), at),
        RunEvent::FinallyStarted {} => {
            run.status.finally_start_time.get_or_insert(at);
        }
        RunEvent::TaskSkipped { task, reason, when } => run.skip(task, *reason, when),
        RunEvent::TaskReused {
            task,
            task_run,
            reused_from,
            object,
            combination,
            inputs,
        } => {
            let record = TaskRunRecord::new(&run.name, task, task_run, object, at);
            let record = record.reused(reused_from).given(combination, inputs);
            run.task_runs.push(record);
            run.add_child(ChildReference {
                reused_from: Some(reused_from.clone()),
                ..reference("TaskRun", task_run, task)
            });
        }
        RunEvent::TaskRunCreated {
            task,
            task_run,
            object,
            display_name,
            when,
            combination,
            inputs,
        } => {
            let record = TaskRunRecord::new(&run.name, task, task_run, object, at);
            let mut record = record.given(combination, inputs);
            record.display_name.clone_from(display_name);
            run.task_runs.push(record);
            if run.kind == RunKind::PipelineRun {
                let reference = reference("TaskRun", task_run, task);
                run.add_child(described(reference, display_name, when));
            }
        }
        RunEvent::ChildRunCreated {
            task,
            child,
            display_name,
            when,
        } => run.add_child(described(
            reference("PipelineRun", child, task),
            display_name,
            when,
        )),
        RunEvent::Finished { condition, results } => {
            run.status.completion_time = Some(at);
            run.status.results.clone_from(results);
            run.set_condition(condition.clone(), at);
        }
        RunEvent::Started { .. } | RunEvent::Notice { .. } => {}
    }
}

/// Changes a TaskRun.
pub(super) fn apply_to_task_run(record: &mut TaskRunRecord, event: &TaskRunEvent, at: Timestamp) {
    match event {
        TaskRunEvent::Started {
            attempt,
            pod_name,
            task_spec,
            steps,
        } => record.start(*attempt, pod_name, task_spec, steps, at),
        TaskRunEvent::SidecarStarted { sidecar } | TaskRunEvent::SidecarFinished { sidecar } => {
            record.set_sidecar(sidecar, at);
        }
        TaskRunEvent::StepStarted { index, step } | TaskRunEvent::StepFinished { index, step } => {
            record.set_step(*index, step, at);
        }
        TaskRunEvent::Retried {
            condition, results, ..
        } => record.retry(condition, results, at),
        TaskRunEvent::Finished {
            condition,
            results,
            artifacts,
        } => record.finish(condition, results, artifacts.as_ref(), at),
        TaskRunEvent::StepPaused { .. } => {}
    }
}
