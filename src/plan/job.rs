//! A run that has been planned, whatever its kind.

use serde_json::{Value, json};

use super::model::{Body, Plan};
use super::task_run::TaskRunRequest;
use crate::resolve::ResolvedTask;

/// What to run.
#[derive(Debug, Clone)]
pub enum Job {
    /// A PipelineRun.
    Pipeline(Box<Plan>),
    /// A standalone TaskRun.
    Task(Box<TaskRunRequest>),
}

impl Job {
    /// The namespace of the run.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Pipeline(plan) => &plan.identity.namespace,
            Self::Task(request) => &request.identity.namespace,
        }
    }

    /// The name of the run.
    pub fn name(&self) -> &str {
        match self {
            Self::Pipeline(plan) => &plan.identity.name,
            Self::Task(request) => &request.identity.name,
        }
    }

    /// Its object without status.
    pub fn object(&self) -> Value {
        match self {
            Self::Pipeline(plan) => plan.object.clone(),
            Self::Task(request) => request.object(),
        }
    }

    /// The run with every reference resolved, as it is kept.
    pub fn resolved(&self) -> Value {
        match self {
            Self::Pipeline(plan) => {
                let tasks: serde_json::Map<String, Value> = plan
                    .tasks
                    .iter()
                    .map(|task| {
                        let body = match &task.body {
                            Body::Task(resolved) => task_value(resolved),
                            Body::Pipeline | Body::Absent(_) => Value::Null,
                        };
                        (task.name.clone(), body)
                    })
                    .collect();
                json!({
                    "object": plan.object,
                    "pipeline": plan.pipeline_name,
                    "pipelineSpec": plan.pipeline_spec,
                    "tasks": tasks,
                })
            }
            Self::Task(request) => json!({
                "object": request.object(),
                "task": task_value(&request.task),
            }),
        }
    }
}

fn task_value(task: &ResolvedTask) -> Value {
    json!({
        "name": task.name,
        "spec": task.spec,
        "stepActions": task.actions,
    })
}
