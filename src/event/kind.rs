//! Events: what happened, to which run, and when.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::spec::param::Param;
use crate::spec::when::WhenExpression;
use crate::status::{Condition, RunResult, SidecarState, SkipReason, StepState, Timestamp};

/// Which kind of object a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunKind {
    /// A PipelineRun.
    PipelineRun,
    /// A standalone TaskRun.
    TaskRun,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, by the clock of this machine.
    pub at: Timestamp,
    /// The PipelineRun it belongs to (of a child pipeline: the child), or the standalone
    /// TaskRun.
    pub run: String,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened: to the run, or to one of its TaskRuns.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// Something happened to the run, or to a task of its pipeline.
    Run(RunEvent),
    /// Something happened inside a TaskRun of the run.
    TaskRun {
        /// The TaskRun.
        task_run: String,
        /// What happened to it.
        event: TaskRunEvent,
    },
}

/// What happens to a run and to the tasks of its pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all_fields = "camelCase")]
pub enum RunEvent {
    /// A run began: its object without status (`apiVersion`, `kind`, `metadata`, `spec`).
    #[serde(rename = "runStarted")]
    Started {
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
    #[serde(rename = "notice")]
    Notice {
        /// The text.
        message: String,
    },
    /// The condition of a run that has not ended changed.
    #[serde(rename = "runProgress")]
    Progress {
        /// The condition, `Unknown`.
        condition: Condition,
    },
    /// The first finally task was scheduled.
    #[serde(rename = "finallyStarted")]
    FinallyStarted {},
    /// A task will not run.
    #[serde(rename = "taskSkipped")]
    TaskSkipped {
        /// The task.
        task: String,
        /// Why.
        reason: SkipReason,
        /// Its `when` expressions, substituted.
        when: Vec<WhenExpression>,
    },
    /// A success of an earlier run stands for this task.
    #[serde(rename = "taskReused")]
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
    #[serde(rename = "taskRunCreated")]
    TaskRunCreated {
        /// The task of the pipeline; the run's own name for a standalone TaskRun.
        task: String,
        /// The name of the TaskRun.
        task_run: String,
        /// The object without status.
        object: Value,
        /// Its display name.
        display_name: String,
        /// Its `when` expressions, substituted.
        when: Vec<WhenExpression>,
        /// Its matrix params, empty without a matrix.
        combination: Vec<Param>,
        /// The digests of its resolved inputs, by name of the input.
        inputs: Value,
    },
    /// A child pipeline was started for a task.
    #[serde(rename = "childRunCreated")]
    ChildRunCreated {
        /// The task of the pipeline.
        task: String,
        /// The name of the child PipelineRun.
        child: String,
        /// Its display name.
        display_name: String,
        /// The task's `when` expressions, substituted.
        when: Vec<WhenExpression>,
    },
    /// A run ended.
    #[serde(rename = "runFinished")]
    Finished {
        /// How.
        condition: Condition,
        /// Its results.
        results: Vec<RunResult>,
    },
}

/// What happens inside a TaskRun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all_fields = "camelCase")]
pub enum TaskRunEvent {
    /// An attempt began.
    #[serde(rename = "taskRunStarted")]
    Started {
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
    #[serde(rename = "sidecarStarted")]
    SidecarStarted {
        /// The sidecar.
        sidecar: SidecarState,
    },
    /// A sidecar ended.
    #[serde(rename = "sidecarFinished")]
    SidecarFinished {
        /// The sidecar.
        sidecar: SidecarState,
    },
    /// A step was released.
    #[serde(rename = "stepStarted")]
    StepStarted {
        /// Its place among the steps.
        index: usize,
        /// The step.
        step: StepState,
    },
    /// A step waits at a breakpoint.
    #[serde(rename = "stepPaused")]
    StepPaused {
        /// The step's name.
        step: String,
        /// How to look inside and how to continue.
        message: String,
    },
    /// A step ended, or was skipped.
    #[serde(rename = "stepFinished")]
    StepFinished {
        /// Its place among the steps.
        index: usize,
        /// The step.
        step: StepState,
    },
    /// An attempt failed and another follows.
    #[serde(rename = "taskRunRetried")]
    Retried {
        /// The condition of the failed attempt.
        condition: Condition,
        /// The results it had written.
        results: Vec<RunResult>,
    },
    /// A TaskRun ended.
    #[serde(rename = "taskRunFinished")]
    Finished {
        /// How.
        condition: Condition,
        /// Its results.
        results: Vec<RunResult>,
        /// Its artifacts, merged.
        artifacts: Option<Value>,
    },
}

impl TaskRunEvent {
    /// This event, of the TaskRun of this name.
    pub fn of(self, task_run: &str) -> EventKind {
        EventKind::TaskRun {
            task_run: task_run.to_owned(),
            event: self,
        }
    }
}

impl From<RunEvent> for EventKind {
    fn from(event: RunEvent) -> Self {
        Self::Run(event)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskRunFields<E> {
    #[serde(flatten)]
    event: E,
    task_run: String,
}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Run(event) => event.serialize(serializer),
            Self::TaskRun { task_run, event } => TaskRunFields {
                event,
                task_run: task_run.clone(),
            }
            .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for EventKind {
    /// `taskRun` beside `task` belongs to a run's event: a task got this TaskRun. `taskRun` alone
    /// says whose event it is.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Map::deserialize(deserializer)?;
        let of_task_run = fields.contains_key("taskRun") && !fields.contains_key("task");
        let fields = Value::Object(fields);
        if of_task_run {
            let TaskRunFields { event, task_run } =
                serde_json::from_value(fields).map_err(D::Error::custom)?;
            return Ok(Self::TaskRun { task_run, event });
        }
        let event = serde_json::from_value(fields).map_err(D::Error::custom)?;
        Ok(Self::Run(event))
    }
}
