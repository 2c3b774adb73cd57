//! The status of PipelineRuns, TaskRuns and their steps.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::condition::{Condition, Timestamp};
use super::reason::Reason;
use crate::spec::param::ParamValue;
use crate::spec::when::WhenExpression;

/// A result with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunResult {
    /// Its name.
    pub name: String,
    /// Its declared type; absent for results of a pipeline.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", default)]
    pub result_type: Option<String>,
    /// Its value.
    pub value: ParamValue,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terminated {
    /// The exit status as Tekton reports it.
    pub exit_code: i32,
    /// `Completed`, `Error`, `OOMKilled`, or why the TaskRun ended it.
    pub reason: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When the step really started, after waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The engine's id of the container, as `docker://…`.
    #[serde(
        rename = "containerID",
        default,
        skip_serializing_if = "String::is_empty"
    )]
    pub container_id: String,
}

impl Terminated {
    /// Whether there was never a container: the engine refused it.
    pub fn never_started(&self) -> bool {
        self.container_id.is_empty()
            && matches!(
                Reason::parse(&self.reason),
                Some(
                    Reason::CreateContainerConfigError
                        | Reason::PodCreationFailed
                        | Reason::TaskRunImagePullFailed
                )
            )
    }
}

/// A container that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// Since when.
    pub started_at: Timestamp,
}

/// A container that does not run yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Why.
    pub reason: String,
}

/// The state of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepState {
    /// The step's name, `unnamed-<i>` without one.
    pub name: String,
    /// `step-<name>`.
    pub container: String,
    /// The image's digest, or the reference when the engine knows none.
    #[serde(rename = "imageID", default, skip_serializing_if = "String::is_empty")]
    pub image_id: String,
    /// Its results.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<RunResult>,
    /// Artifacts it read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Value>,
    /// Artifacts it made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Value>,
    /// Where a StepAction came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Value>,
    /// Before it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// While it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Running>,
    /// After it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminated: Option<Terminated>,
    /// `Completed`, `Error`, `Continued`, `Skipped`, `TimeoutExceeded`, `Cancelled`, `OOMKilled`, …
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub termination_reason: String,
}

/// The state of a sidecar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SidecarState {
    /// The sidecar's name.
    pub name: String,
    /// `sidecar-<name>`.
    pub container: String,
    /// The image's digest, or the reference when the engine knows none.
    #[serde(rename = "imageID", default, skip_serializing_if = "String::is_empty")]
    pub image_id: String,
    /// While it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Running>,
    /// After it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminated: Option<Terminated>,
}

/// The status of a TaskRun.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskRunStatus {
    /// The one condition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The pod it would have on a cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pod_name: String,
    /// When the attempt began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Timestamp>,
    /// The steps, in the order of the Task.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepState>,
    /// The sidecars.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sidecars: Vec<SidecarState>,
    /// The results.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<RunResult>,
    /// Artifacts of the Task and all its steps, merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<Value>,
    /// The Task after substitution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_spec: Option<Value>,
    /// The attempts that failed before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retries_status: Vec<Self>,
    /// Where the Task came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Value>,
}

/// A TaskRun or child PipelineRun of a PipelineRun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChildReference {
    /// `tekton.dev/v1`.
    pub api_version: String,
    /// `TaskRun` or `PipelineRun`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The task of the pipeline.
    pub pipeline_task_name: String,
    /// The task's display name, substituted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// Its `when` expressions, substituted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when_expressions: Vec<WhenExpression>,
    /// The run and TaskRun that really executed it, when it was reused: `<run>/<taskrun>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused_from: Option<String>,
}

/// A task that did not run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkippedTask {
    /// The task of the pipeline.
    pub name: String,
    /// One of Tekton's reasons, or `Disabled`.
    pub reason: String,
    /// Its `when` expressions, substituted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when_expressions: Vec<WhenExpression>,
}

/// The status of a PipelineRun.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineRunStatus {
    /// The one condition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Timestamp>,
    /// When the first finally task was scheduled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finally_start_time: Option<Timestamp>,
    /// TaskRuns and child PipelineRuns, in the order of the pipeline.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub child_references: Vec<ChildReference>,
    /// Tasks that did not run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped_tasks: Vec<SkippedTask>,
    /// The results.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<RunResult>,
    /// The pipeline after substitution of params and context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_spec: Option<Value>,
    /// Where the pipeline came from, and what is switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Value>,
}
