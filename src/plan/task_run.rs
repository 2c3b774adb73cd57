//! A TaskRun that is to be run.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::identity::Identity;
use super::overrides::Overrides;
use crate::resolve::ResolvedTask;
use crate::spec::param::Param;
use crate::spec::task::TaskBreakpoints;
use crate::spec::workspace::WorkspaceBinding;
use crate::spec::{GoDuration, PodTemplate};
use crate::substitution::{Scope, fields};

/// A TaskRun to run.
#[derive(Debug, Clone, Default)]
pub struct TaskRunRequest {
    /// Who it is.
    pub identity: Identity,
    /// The task of the pipeline; the TaskRun's own name for a standalone one.
    pub pipeline_task: String,
    /// The PipelineRun it belongs to.
    pub pipeline_run: Option<String>,
    /// What it runs.
    pub task: Arc<ResolvedTask>,
    /// What it gives to the Task's params.
    pub params: Vec<Param>,
    /// What a task written inside a pipeline sees of it: params, context, results.
    pub outer: Scope,
    /// What it gives to the Task's workspaces.
    pub workspaces: Vec<WorkspaceBinding>,
    /// Further attempts after a failed one.
    pub retries: usize,
    /// The limit of one attempt.
    pub timeout: Option<Duration>,
    /// Its settings.
    pub overrides: Overrides,
    /// Where it pauses.
    pub breakpoints: Option<TaskBreakpoints>,
    /// A failure does not fail its pipeline: `onError: continue`.
    pub ignore_failure: bool,
    /// It is not to start (`status: TaskRunPending`).
    pub pending: bool,
}

impl TaskRunRequest {
    /// Its object without status.
    pub fn object(&self) -> Value {
        let mut spec = json!({
            "serviceAccountName": if self.overrides.service_account.is_empty() { "default" } else { &self.overrides.service_account },
        });
        let spec_timeout = self.timeout.map_or_else(
            || "0s".to_owned(),
            |limit| GoDuration::from(limit).to_string(),
        );
        spec["timeout"] = json!(spec_timeout);
        match &self.task.name {
            Some(name) => spec["taskRef"] = json!({"kind": "Task", "name": name}),
            None => {
                let mut task = self.task.spec.clone();
                fields::task_spec(&mut task, &mut &self.outer);
                spec["taskSpec"] = json!(task);
            }
        }
        if !self.params.is_empty() {
            spec["params"] = json!(self.params);
        }
        if !self.workspaces.is_empty() {
            spec["workspaces"] = json!(self.workspaces);
        }
        if self.retries > 0 {
            spec["retries"] = json!(self.retries);
        }
        if let Some(breakpoints) = &self.breakpoints {
            spec["debug"] = json!({"breakpoints": breakpoints});
        }
        if let Some(resources) = &self.overrides.compute_resources {
            spec["computeResources"] = json!(resources);
        }
        if self.overrides.pod_template != PodTemplate::default() {
            spec["podTemplate"] = json!(self.overrides.pod_template);
        }
        self.identity.object("TaskRun", &spec)
    }

    /// The name of the Task; for one written in place the TaskRun's.
    pub fn task_name(&self) -> &str {
        self.task.name.as_deref().unwrap_or(&self.identity.name)
    }
}
