//! Planning a TaskRun that no PipelineRun created (`pkg/reconciler/taskrun/taskrun.go`).

use std::sync::Arc;

use super::bind::bind;
use super::error::{Place, PlanError};
use super::identity::Identity;
use super::overrides::Overrides;
use super::problem::Problem;
use super::task_run::TaskRunRequest;
use crate::diagnostic::FieldPath;
use crate::language::standalone_timeout;
use crate::resolve::{Library, ResolveError, ResolvedTask, resolve_task};
use crate::spec::TaskRun;
use crate::spec::task::TaskRunSpec;
use crate::substitution::Scope;

/// Plans a TaskRun of this identity, or says why it ends before anything starts.
pub fn standalone(
    mut identity: Identity,
    run: &TaskRun,
    library: &Library,
) -> Result<TaskRunRequest, PlanError> {
    let spec = &run.spec;
    if spec.status == "TaskRunCancelled" {
        let problem = Problem::TaskRunCancelled {
            run: identity.name,
            message: spec.status_message.clone(),
        };
        let place = Place::of_run(FieldPath::root().key("status"));
        return Err(PlanError::new(problem, place));
    }
    let task = resolved(spec, &identity, library)?;
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
        overrides: overrides(spec),
        breakpoints: spec
            .debug
            .as_ref()
            .and_then(|debug| debug.breakpoints.clone()),
        ignore_failure: false,
        pending: spec.status == "TaskRunPending",
        identity,
    }
    .with_settled_pod_template();
    // With retries every attempt fails alike, as on a cluster; that shows in the status.
    if request.retries == 0 {
        bind(&request, 0)?;
    }
    Ok(request)
}

fn overrides(spec: &TaskRunSpec) -> Overrides {
    Overrides {
        service_account: spec.service_account_name.clone(),
        pod_template: spec.pod_template.clone().unwrap_or_default(),
        step_specs: spec.step_specs.clone(),
        sidecar_specs: spec.sidecar_specs.clone(),
        compute_resources: spec.compute_resources.clone(),
        ..Overrides::default()
    }
}

fn resolved(
    spec: &TaskRunSpec,
    identity: &Identity,
    library: &Library,
) -> Result<ResolvedTask, PlanError> {
    let mut scope = Scope::new();
    for param in &spec.params {
        scope.set_param(&param.name, &param.value);
    }
    scope.set("context.taskRun.name", &identity.name);
    scope.set("context.taskRun.namespace", &identity.namespace);
    scope.set("context.taskRun.uid", &identity.uid);
    let found = match (&spec.task_ref, &spec.task_spec) {
        (Some(reference), _) => resolve_task(reference, library, &scope),
        (None, embedded) => {
            ResolvedTask::embedded(embedded.clone().unwrap_or_default(), library, &scope)
        }
    };
    found.map_err(|error| not_found(identity, error))
}

fn not_found(identity: &Identity, error: ResolveError) -> PlanError {
    if let ResolveError::StepAction { task, index, .. } = &error {
        let path = FieldPath::root().key("steps").index(*index).key("ref");
        let place = Place::of_task(task.as_deref(), path);
        return PlanError::new(Problem::StepActionOfRunNotFound { error }, place);
    }
    let run = identity.name.clone();
    let place = Place::of_run(FieldPath::root().key("taskRef"));
    PlanError::new(Problem::TaskOfRunNotFound { run, error }, place)
}

/// Labels and annotations a run takes over from its Task.
fn adopt(identity: &mut Identity, task: &ResolvedTask) {
    identity.adopt(&task.labels, &task.annotations);
    if let Some(name) = &task.name {
        let label = "tekton.dev/task".to_owned();
        identity.labels.insert(label, name.clone());
    }
    identity.labels.insert(
        "app.kubernetes.io/managed-by".to_owned(),
        "tekton-pipelines".to_owned(),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::standalone;
    use crate::plan::{Identity, Job, PlanError, TaskRunRequest};
    use crate::resolve::Library;
    use crate::spec::{Object, Task, TaskRun};
    use crate::status::Reason;

    fn planned(spec: &Value) -> Result<TaskRunRequest, PlanError> {
        let task: Task = serde_json::from_value(json!({
            "metadata": {"name": "t", "labels": {"a": "task", "b": "task"}},
            "spec": {"params": [{"name": "p", "default": "d"}], "workspaces": [{"name": "w", "optional": true}],
                "steps": [{"name": "s", "image": "i"}]},
        }))
        .unwrap();
        let library = Library::new(&[Object::Task(Box::new(task))]);
        let run: TaskRun = serde_json::from_value(
            json!({"metadata": {"name": "r", "labels": {"a": "run"}}, "spec": spec}),
        )
        .unwrap();
        standalone(Identity::new(&run.metadata), &run, &library)
    }

    #[test]
    fn a_task_run_takes_over_the_labels_of_its_task() {
        let spec = json!({"taskRef": {"name": "t"}, "retries": 2, "timeout": "0s"});
        let request = planned(&spec).unwrap();
        let labels = &request.identity.labels;
        assert_eq!(labels["a"], "run");
        assert_eq!(labels["b"], "task");
        assert_eq!(labels["tekton.dev/task"], "t");
        assert_eq!((request.retries, request.timeout), (2, None));
        let job = Job::Task(Box::new(request));
        assert_eq!(job.resolved()["task"]["name"], "t");
    }

    #[test]
    fn a_task_run_without_its_task_ends_as_on_a_cluster() {
        let error = planned(&json!({"taskRef": {"name": "x"}})).unwrap_err();
        assert_eq!(error.reason(), Reason::TaskRunResolutionFailed);
        let message = error.to_string();
        assert!(
            message.starts_with("error when listing tasks for taskRun r: "),
            "{message}"
        );
    }

    #[test]
    fn a_task_run_that_is_cancelled_in_its_file_does_not_start() {
        let error = planned(&json!({
            "taskRef": {"name": "t"},
            "status": "TaskRunCancelled",
            "statusMessage": "because",
        }))
        .unwrap_err();
        assert_eq!(error.reason(), Reason::TaskRunCancelled);
        assert_eq!(error.to_string(), "TaskRun \"r\" was cancelled. because");
    }

    #[test]
    fn every_error_has_its_field() {
        for (spec, path) in [
            (json!({"taskRef": {"name": "x"}}), "taskRef"),
            (
                json!({"taskRef": {"name": "t"}, "params": [{"name": "p", "value": ["x"]}]}),
                "params[0].value",
            ),
            (
                json!({"taskRef": {"name": "t"}, "workspaces": [{"name": "q", "emptyDir": {}}]}),
                "workspaces[0].name",
            ),
            (
                json!({"taskRef": {"name": "t"}, "stepSpecs": [{"name": "s"}, {"name": "q"}]}),
                "stepSpecs[1].name",
            ),
            (
                json!({"taskSpec": {"steps": [{"name": "s", "ref": {"name": "act"}}]}}),
                "steps[0].ref",
            ),
        ] {
            let error = planned(&spec).unwrap_err();
            assert_eq!(error.place().path.to_string(), path, "{error}");
        }
    }
}
