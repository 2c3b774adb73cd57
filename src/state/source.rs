//! What an earlier run can give to one that resumes it.

use std::collections::BTreeMap;

use crate::event::{Record, RunRecord, TaskRunRecord, TaskState};
use crate::mask;
use crate::plan::reuse::{EarlierRun, SourceState, SourceTask, Success};
use crate::status::SkipReason;

/// Reads the record of a run as the source of another. `id` is the name of its directory.
pub fn source(id: &str, record: &Record) -> EarlierRun {
    let mut source = EarlierRun {
        run: id.to_owned(),
        tasks: BTreeMap::new(),
    };
    let Some(root) = record.root() else {
        return source;
    };
    for task in &root.tasks {
        let mut state = state(record.task_state(&root.name, task), root.skip_reason(task));
        let (masked, successes): (Vec<_>, Vec<_>) =
            successes(id, root, task).into_iter().partition(is_masked);
        if state == SourceState::Succeeded && !masked.is_empty() {
            state = SourceState::Masked;
        }
        source
            .tasks
            .insert(task.clone(), SourceTask { state, successes });
    }
    source
}

const fn state(state: TaskState, skipped: Option<SkipReason>) -> SourceState {
    match (state, skipped) {
        (TaskState::Succeeded | TaskState::Reused, _) => SourceState::Succeeded,
        (_, Some(SkipReason::When)) => SourceState::SkippedByWhen,
        (TaskState::NotStarted | TaskState::Skipped(_), _) => SourceState::NotRun,
        (TaskState::FailureIgnored | TaskState::Failed, _) => SourceState::Failed,
        (TaskState::Cancelled | TaskState::Running, _) => SourceState::Cancelled,
        (TaskState::TimedOut, _) => SourceState::TimedOut,
    }
}

fn successes(id: &str, run: &RunRecord, task: &str) -> Vec<Success> {
    let runs = run.task_runs_of(task);
    runs.into_iter()
        .filter(|run| run.state().is_success())
        .map(|run| success(id, run))
        .collect()
}

/// A result with a Secret in it is recorded without it, so nothing can be made of it.
fn is_masked(success: &Success) -> bool {
    let mut results = success.results.values();
    results.any(|value| serde_json::to_value(value).is_ok_and(|value| mask::is_masked(&value)))
}

fn success(id: &str, run: &TaskRunRecord) -> Success {
    let results = run
        .status
        .results
        .iter()
        .map(|result| (result.name.clone(), result.value.clone()));
    Success {
        combination: run.combination.clone(),
        executed_by: run
            .reused_from
            .clone()
            .unwrap_or_else(|| format!("{id}/{}", run.name)),
        object: run.object(),
        results: results.collect(),
        inputs: serde_json::from_value(run.inputs.clone()).unwrap_or_default(),
    }
}
