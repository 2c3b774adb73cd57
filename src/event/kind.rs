//! Events, and what travels with them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::log::LogChunk;
use crate::spec::param::Param;
use crate::spec::when::WhenExpression;
use crate::status::{Condition, RunResult, SidecarState, SkipReason, StepState, Timestamp};

/// Which kind of object a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunKind {
    /// A PipelineRun.
    PipelineRun,
    /// A TaskRun that is nobody's child.
    TaskRun,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, by the clock of this machine.
    pub at: Timestamp,
    /// The PipelineRun it belongs to (of a child pipeline: the child), or the TaskRun that is
    /// nobody's child.
    pub run: String,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "event",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum EventKind {
    /// A run began: its object without status (`apiVersion`, `kind`, `metadata`, `spec`).
    RunStarted {
        /// What it is.
        kind: RunKind,
        /// The object, with name, uid, labels and annotations filled in.
        object: Value,
        /// The pipeline after substitution of params and context; `None` for a TaskRun.
        pipeline_spec: Option<Value>,
        /// The names of the tasks and finally tasks, in the order of the pipeline.
        tasks: Vec<String>,
        /// The PipelineRun this is a child of, and the task there.
        parent: Option<(String, String)>,
        /// Whether the clock runs: false while the run is pending.
        started: bool,
    },
    /// Something that the user should know: a difference from a cluster, a deviation.
    Notice {
        /// The text.
        message: String,
    },
    /// The condition of a run that goes on changed.
    RunProgress {
        /// The condition, `Unknown`.
        condition: Condition,
    },
    /// The first finally task was scheduled.
    FinallyStarted {},
    /// A task will not run.
    TaskSkipped {
        /// The task.
        task: String,
        /// Why.
        reason: SkipReason,
        /// Its guard, substituted.
        when: Vec<WhenExpression>,
    },
    /// A success of an earlier run stands for this task.
    TaskReused {
        /// The task.
        task: String,
        /// The name its TaskRun has in `childReferences`.
        task_run: String,
        /// `<run>/<taskrun>` that really executed it.
        reused_from: String,
        /// The object of that TaskRun, with status.
        object: Value,
        /// Its matrix params, empty without a matrix.
        #[serde(default)]
        combination: Vec<Param>,
        /// The digests of the inputs it had, for the next resume.
        inputs: Value,
    },
    /// A task, or one combination of it, was given to the sandbox.
    TaskRunCreated {
        /// The task of the pipeline; its own name for a run that is nobody's child.
        task: String,
        /// The name of the TaskRun.
        task_run: String,
        /// The object without status.
        object: Value,
        /// Its display name.
        display_name: String,
        /// Its guard, substituted.
        when: Vec<WhenExpression>,
        /// Its matrix params, empty without a matrix.
        combination: Vec<Param>,
        /// The digests of its resolved inputs, by name of the input.
        inputs: Value,
    },
    /// An attempt began.
    TaskRunStarted {
        /// The TaskRun.
        task_run: String,
        /// 0 for the first.
        attempt: usize,
        /// The pod it would have on a cluster.
        pod_name: String,
        /// The Task after substitution.
        task_spec: Value,
        /// The names of its steps as in status.
        steps: Vec<String>,
    },
    /// A sidecar started.
    SidecarStarted {
        /// The TaskRun.
        task_run: String,
        /// The sidecar.
        sidecar: SidecarState,
    },
    /// A sidecar ended.
    SidecarFinished {
        /// The TaskRun.
        task_run: String,
        /// The sidecar.
        sidecar: SidecarState,
    },
    /// A step was released.
    StepStarted {
        /// The TaskRun.
        task_run: String,
        /// Its place among the steps.
        index: usize,
        /// The step.
        step: StepState,
    },
    /// A step waits at a breakpoint.
    StepPaused {
        /// The TaskRun.
        task_run: String,
        /// The step's name.
        step: String,
        /// How to look inside and how to go on.
        message: String,
    },
    /// A step ended, or was skipped.
    StepFinished {
        /// The TaskRun.
        task_run: String,
        /// Its place among the steps.
        index: usize,
        /// The step.
        step: StepState,
    },
    /// An attempt failed and another follows.
    TaskRunRetried {
        /// The TaskRun.
        task_run: String,
        /// The condition of the failed attempt.
        condition: Condition,
        /// The results it had written.
        results: Vec<RunResult>,
    },
    /// A TaskRun ended.
    TaskRunFinished {
        /// The TaskRun.
        task_run: String,
        /// How.
        condition: Condition,
        /// Its results.
        results: Vec<RunResult>,
        /// Its artifacts, merged.
        artifacts: Option<Value>,
    },
    /// A child pipeline was started for a task.
    ChildRunCreated {
        /// The task of the pipeline.
        task: String,
        /// The name of the child PipelineRun.
        child: String,
        /// Its display name.
        display_name: String,
        /// The task's guard, substituted.
        when: Vec<WhenExpression>,
    },
    /// A run ended.
    RunFinished {
        /// How.
        condition: Condition,
        /// Its results.
        results: Vec<RunResult>,
    },
}

/// What the executor hands to its sinks.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// A fact.
    Event(Box<Event>),
    /// Output.
    Log(LogChunk),
}
