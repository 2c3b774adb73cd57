//! What is known of one PipelineRun, or of a standalone TaskRun.

use std::collections::BTreeMap;

use serde_json::Value;

use super::kind::RunKind;
use super::object::{ended, set_condition, with_status};
use super::task_run_record::TaskRunRecord;
use super::task_state::TaskState;
use crate::name;
use crate::spec::when::WhenExpression;
use crate::status::{
    ChildReference, Condition, ConditionStatus, PipelineRunStatus, Reason, SkipReason, SkippedTask,
    TaskRunStatus, Timestamp,
};

/// One run: its object, its status so far and its TaskRuns.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: RunKind,
    /// The object without status.
    pub object: Value,
    /// Its tasks and finally tasks, in the order of the pipeline.
    pub tasks: Vec<String>,
    /// The PipelineRun this is a child of, and the task there.
    pub parent: Option<(String, String)>,
    /// Its status. Of a TaskRun: condition, times and results alone.
    pub status: PipelineRunStatus,
    /// Its TaskRuns, in the order they were created in.
    pub task_runs: Vec<TaskRunRecord>,
    skips: BTreeMap<String, SkipReason>,
    created_at: Timestamp,
}

impl RunRecord {
    pub(super) fn new(
        name: &str,
        kind: RunKind,
        object: &Value,
        tasks: &[String],
        at: Timestamp,
    ) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            object: object.clone(),
            tasks: tasks.to_vec(),
            parent: None,
            status: PipelineRunStatus::default(),
            task_runs: Vec::new(),
            skips: BTreeMap::new(),
            created_at: at,
        }
    }

    pub(super) fn started(mut self, started: bool, at: Timestamp) -> Self {
        let condition = if started {
            self.status.start_time = Some(at);
            Condition::new(ConditionStatus::Unknown, Reason::Started, "")
        } else {
            let (reason, kind) = match self.kind {
                RunKind::PipelineRun => (Reason::PipelineRunPending, "PipelineRun"),
                RunKind::TaskRun => (Reason::TaskRunPending, "TaskRun"),
            };
            let message = format!("{kind} \"{}\" is pending", self.name);
            Condition::new(ConditionStatus::Unknown, reason, message)
        };
        self.set_condition(condition, at);
        self
    }

    /// Its condition.
    pub fn condition(&self) -> Option<&Condition> {
        self.status.conditions.first()
    }

    /// True when it has ended.
    pub fn is_finished(&self) -> bool {
        ended(&self.status.conditions)
    }

    /// True when its clock was started; false while it is pending.
    pub fn is_started(&self) -> bool {
        self.status.start_time.is_some()
    }

    /// The name of the Pipeline or Task it runs, `None` for an embedded one.
    pub fn definition(&self) -> Option<&str> {
        let reference = match self.kind {
            RunKind::PipelineRun => "/spec/pipelineRef/name",
            RunKind::TaskRun => "/spec/taskRef/name",
        };
        self.object.pointer(reference).and_then(Value::as_str)
    }

    /// Why a task was skipped.
    pub fn skip_reason(&self, task: &str) -> Option<SkipReason> {
        self.skips.get(task).copied()
    }

    /// The TaskRuns of a task, a matrix by index.
    pub fn task_runs_of<'a>(&'a self, task: &str) -> Vec<&'a TaskRunRecord> {
        let mut runs: Vec<_> = self
            .task_runs
            .iter()
            .filter(|run| run.task == task)
            .collect();
        runs.sort_by_key(|run| self.combination_index(task, &run.name));
        runs
    }

    /// What became of a task that has no child pipeline.
    pub(super) fn task_state(&self, task: &str) -> TaskState {
        if let Some(reason) = self.skip_reason(task) {
            return TaskState::Skipped(reason);
        }
        self.task_runs
            .iter()
            .filter(|run| run.task == task)
            .map(TaskRunRecord::state)
            .fold(TaskState::NotStarted, TaskState::worse)
    }

    /// The object with its status.
    pub fn object(&self) -> Value {
        match (self.kind, self.task_runs.first()) {
            (RunKind::PipelineRun, _) => with_status(&self.object, &self.status, self.created_at),
            (RunKind::TaskRun, Some(run)) => run.object(),
            (RunKind::TaskRun, None) => {
                let status = TaskRunStatus {
                    conditions: self.status.conditions.clone(),
                    start_time: self.status.start_time,
                    completion_time: self.status.completion_time,
                    results: self.status.results.clone(),
                    ..TaskRunStatus::default()
                };
                with_status(&self.object, &status, self.created_at)
            }
        }
    }

    pub(super) fn set_condition(&mut self, condition: Condition, at: Timestamp) {
        set_condition(&mut self.status.conditions, condition, at);
    }

    pub(super) fn skip(&mut self, task: &str, reason: SkipReason, when: &[WhenExpression]) {
        self.skips.insert(task.to_owned(), reason);
        self.status.skipped_tasks.retain(|known| known.name != task);
        self.status.skipped_tasks.push(SkippedTask {
            name: task.to_owned(),
            reason: reason.as_str().to_owned(),
            when_expressions: when.to_vec(),
        });
        let tasks = &self.tasks;
        self.status
            .skipped_tasks
            .sort_by_key(|skipped| position(tasks, &skipped.name));
    }

    /// Adds a child where it belongs: tasks in the order of the pipeline, a matrix by index.
    pub(super) fn add_child(&mut self, reference: ChildReference) {
        self.status
            .child_references
            .retain(|known| known.name != reference.name || known.kind != reference.kind);
        self.status.child_references.push(reference);
        let mut children = std::mem::take(&mut self.status.child_references);
        children.sort_by_cached_key(|child| {
            let task = &child.pipeline_task_name;
            let index = self.combination_index(task, &child.name);
            (position(&self.tasks, task), index)
        });
        self.status.child_references = children;
    }

    fn combination_index(&self, task: &str, task_run: &str) -> usize {
        combination_index(&self.name, task, task_run).unwrap_or_default()
    }

    pub(super) fn cancel(&mut self, at: Timestamp) {
        let status_message = match self.kind {
            RunKind::PipelineRun => {
                "TaskRun cancelled as the PipelineRun it belongs to has been cancelled."
            }
            RunKind::TaskRun => "",
        };
        for run in &mut self.task_runs {
            run.cancel(status_message, at);
        }
        if self.is_finished() || !self.is_started() {
            return;
        }
        let failure = self
            .condition()
            .filter(|c| c.reason == Reason::EngineFailed);
        let condition = match self.kind {
            _ if failure.is_some() => {
                let message = failure.map(|c| c.message.clone()).unwrap_or_default();
                Condition::failed(Reason::EngineFailed, message)
            }
            RunKind::PipelineRun => {
                let message = format!("PipelineRun \"{}\" was cancelled", self.name);
                Condition::failed(Reason::Cancelled, message)
            }
            RunKind::TaskRun => {
                let message = format!("TaskRun \"{}\" was cancelled. ", self.name);
                let own = self.task_runs.first().and_then(TaskRunRecord::condition);
                own.cloned()
                    .unwrap_or_else(|| Condition::failed(Reason::TaskRunCancelled, message))
            }
        };
        self.status.completion_time = Some(at);
        self.set_condition(condition, at);
    }
}

/// Which combination of its matrix a TaskRun of `run` is; `None` when the task has but one.
pub(super) fn combination_index(run: &str, task: &str, task_run: &str) -> Option<usize> {
    if task_run == name::task_run(run, task, 0, 1) {
        return None;
    }
    task_run.rsplit_once('-')?.1.parse().ok()
}

fn position(tasks: &[String], task: &str) -> usize {
    tasks
        .iter()
        .position(|name| name == task)
        .unwrap_or(tasks.len())
}
