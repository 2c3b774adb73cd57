//! From a run's object to what the executor runs.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::cli::load::select::Run;
use crate::event::RunKind;
use crate::execute::Job;
use crate::language::standalone_timeout;
use crate::plan::{Body, Identity, Overrides, RunRequest, TaskRunRequest, bind, build};
use crate::resolve::{Library, ResolvedTask, resolve_task};
use crate::spec::TaskRun;
use crate::status::{Condition, Reason};
use crate::substitution::Scope;

/// A run that cannot start.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rejected {
    /// What it is.
    pub(crate) kind: RunKind,
    /// Its object without status.
    pub(crate) object: Value,
    /// How it ends.
    pub(crate) condition: Condition,
}

impl Rejected {
    /// What to call it.
    pub(crate) fn title(&self) -> String {
        let text = |pointer| self.object.pointer(pointer).and_then(Value::as_str);
        let text = |pointer| text(pointer).unwrap_or_default();
        format!("{} {}", text("/kind"), text("/metadata/name"))
    }
}

/// Plans a run.
pub(crate) fn plan(run: &Run, library: &Library) -> Result<Job, Box<Rejected>> {
    match run {
        Run::Pipeline(run) => {
            let request = RunRequest {
                identity: Identity::new(&run.metadata),
                spec: run.spec.clone(),
                ..RunRequest::default()
            };
            build(&request, library)
                .map(|plan| Job::Pipeline(Box::new(plan)))
                .map_err(|condition| Box::new(rejected(&request, condition)))
        }
        Run::Task(run) => {
            let identity = Identity::new(&run.metadata);
            let object = object("TaskRun", &identity, &json!(run.spec));
            task_run(run, identity, library)
                .map(|request| Job::Task(Box::new(request)))
                .map_err(|condition| {
                    Box::new(Rejected {
                        kind: RunKind::TaskRun,
                        object,
                        condition,
                    })
                })
        }
    }
}

/// A PipelineRun that cannot start.
pub(crate) fn rejected(request: &RunRequest, condition: Condition) -> Rejected {
    Rejected {
        kind: RunKind::PipelineRun,
        object: object("PipelineRun", &request.identity, &json!(request.spec)),
        condition,
    }
}

fn object(kind: &str, identity: &Identity, spec: &Value) -> Value {
    json!({
        "apiVersion": "tekton.dev/v1",
        "kind": kind,
        "metadata": identity.metadata(),
        "spec": spec,
    })
}

/// A TaskRun that is nobody's child (`pkg/reconciler/taskrun/taskrun.go`).
fn task_run(
    run: &TaskRun,
    mut identity: Identity,
    library: &Library,
) -> Result<TaskRunRequest, Condition> {
    let spec = &run.spec;
    if spec.status == "TaskRunCancelled" {
        let message = format!(
            "TaskRun \"{}\" was cancelled. {}",
            identity.name, spec.status_message
        );
        return Err(Condition::failed(Reason::TaskRunCancelled, message));
    }
    let task = resolved(run, &identity, library)?;
    adopt(&mut identity, &task);
    let request = TaskRunRequest {
        pipeline_task: identity.name.clone(),
        pipeline_run: None,
        task: Arc::new(task),
        params: spec.params.clone(),
        outer: Scope::new(),
        workspaces: spec.workspaces.clone(),
        retries: usize::try_from(spec.retries).unwrap_or_default(),
        timeout: standalone_timeout(spec.timeout),
        overrides: Overrides {
            service_account: spec.service_account_name.clone(),
            pod_template: spec.pod_template.clone().unwrap_or_default(),
            step_specs: spec.step_specs.clone(),
            sidecar_specs: spec.sidecar_specs.clone(),
            compute_resources: spec.compute_resources.clone(),
            ..Overrides::default()
        },
        breakpoints: spec
            .debug
            .as_ref()
            .and_then(|debug| debug.breakpoints.clone()),
        ignore_failure: false,
        pending: spec.status == "TaskRunPending",
        identity,
    }
    .with_settled_pod_template();
    // With retries the fault is tried again, as on a cluster; that shows in its status.
    if request.retries == 0 {
        bind(&request, 0)?;
    }
    Ok(request)
}

fn resolved(
    run: &TaskRun,
    identity: &Identity,
    library: &Library,
) -> Result<ResolvedTask, Condition> {
    let mut scope = Scope::new();
    for param in &run.spec.params {
        scope.set_param(&param.name, &param.value);
    }
    scope.set("context.taskRun.name", &identity.name);
    scope.set("context.taskRun.namespace", &identity.namespace);
    scope.set("context.taskRun.uid", &identity.uid);
    let found = match (&run.spec.task_ref, &run.spec.task_spec) {
        (Some(reference), _) => resolve_task(reference, library, &scope),
        (None, spec) => ResolvedTask::embedded(spec.clone().unwrap_or_default(), library, &scope),
    };
    found.map_err(|error| match error.reason {
        Some(reason) => Condition::failed(reason, error.to_string()),
        None => Condition::failed(
            Reason::TaskRunResolutionFailed,
            format!(
                "error when listing tasks for taskRun {}: {error}",
                identity.name
            ),
        ),
    })
}

/// Labels and annotations a run takes over from its Task; its own win.
fn adopt(identity: &mut Identity, task: &ResolvedTask) {
    for (key, value) in &task.labels {
        let label = identity.labels.entry(key.clone());
        label.or_insert_with(|| value.clone());
    }
    for (key, value) in &task.annotations {
        if key != "kubectl.kubernetes.io/last-applied-configuration" {
            let annotation = identity.annotations.entry(key.clone());
            annotation.or_insert_with(|| value.clone());
        }
    }
    if let Some(name) = &task.name {
        identity
            .labels
            .insert("tekton.dev/task".to_owned(), name.clone());
    }
    identity.labels.insert(
        "app.kubernetes.io/managed-by".to_owned(),
        "tekton-pipelines".to_owned(),
    );
}

/// Its object without status.
pub(crate) fn object_of(job: &Job) -> Value {
    match job {
        Job::Pipeline(plan) => plan.object.clone(),
        Job::Task(request) => request.object(),
    }
}

/// What it is.
pub(crate) const fn kind_of(job: &Job) -> RunKind {
    match job {
        Job::Pipeline(_) => RunKind::PipelineRun,
        Job::Task(_) => RunKind::TaskRun,
    }
}

/// The name of the Pipeline or Task; `None` for one written in place.
pub(crate) fn definition_of(object: &Value) -> Option<String> {
    ["/spec/pipelineRef/name", "/spec/taskRef/name"]
        .into_iter()
        .find_map(|pointer| object.pointer(pointer)?.as_str())
        .map(str::to_owned)
}

/// The run with every reference resolved, as it is kept.
pub(crate) fn resolved_run(job: &Job) -> Value {
    match job {
        Job::Pipeline(plan) => {
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
        Job::Task(request) => json!({
            "object": request.object(),
            "task": task_value(&request.task),
        }),
    }
}

fn task_value(task: &ResolvedTask) -> Value {
    json!({
        "name": task.name,
        "spec": task.spec,
        "stepActions": task.actions,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{definition_of, plan, resolved_run};
    use crate::cli::load::select::Run;
    use crate::execute::Job;
    use crate::resolve::Library;
    use crate::spec::{Object, Task};

    fn library() -> Library {
        let task: Task = serde_json::from_value(json!({
            "metadata": {"name": "t", "labels": {"a": "task", "b": "task"}},
            "spec": {"steps": [{"name": "s", "image": "i"}]},
        }))
        .unwrap();
        Library::new(&[Object::Task(Box::new(task))])
    }

    fn task_run(spec: &serde_json::Value) -> Run {
        let value = json!({"metadata": {"name": "r", "labels": {"a": "run"}}, "spec": spec});
        Run::Task(Box::new(serde_json::from_value(value).unwrap()))
    }

    #[test]
    fn a_task_run_takes_over_the_labels_of_its_task() {
        let run = task_run(&json!({"taskRef": {"name": "t"}, "retries": 2, "timeout": "0s"}));
        let job = plan(&run, &library()).unwrap();
        assert_eq!(resolved_run(&job)["task"]["name"], "t");
        let Job::Task(request) = job else {
            panic!("it was a TaskRun");
        };
        let labels = &request.identity.labels;
        assert_eq!(labels["a"], "run");
        assert_eq!(labels["b"], "task");
        assert_eq!(labels["tekton.dev/task"], "t");
        assert_eq!((request.retries, request.timeout), (2, None));
    }

    #[test]
    fn a_task_run_without_its_task_ends_as_on_a_cluster() {
        let rejected = plan(&task_run(&json!({"taskRef": {"name": "x"}})), &library()).unwrap_err();
        assert_eq!(rejected.condition.reason, "TaskRunResolutionFailed");
        let message = &rejected.condition.message;
        assert!(
            message.starts_with("error when listing tasks for taskRun r: "),
            "{message}"
        );
        assert_eq!(definition_of(&rejected.object), Some("x".to_owned()));
    }

    #[test]
    fn a_task_run_that_is_cancelled_in_its_file_does_not_start() {
        let run = task_run(&json!({
            "taskRef": {"name": "t"},
            "status": "TaskRunCancelled",
            "statusMessage": "because",
        }));
        let condition = plan(&run, &library()).unwrap_err().condition;
        assert_eq!(condition.reason, "TaskRunCancelled");
        assert_eq!(condition.message, "TaskRun \"r\" was cancelled. because");
    }
}
