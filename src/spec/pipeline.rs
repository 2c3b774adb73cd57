//! Pipelines and PipelineRuns (`pkg/apis/pipeline/v1/pipeline_types.go`, `pipelinerun_types.go`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::core::{ObjectMeta, PodTemplate, ResourceRequirements, Volume};
use super::duration::GoDuration;
use super::param::{Param, ParamSpec, ParamValue};
use super::schema::api_object;
use super::task::{Sidecar, Step, StepSpecOverride, StepTemplate, TaskRef, TaskResult, TaskSpec};
use super::when::WhenExpression;
use super::workspace::{
    PipelineWorkspaceDeclaration, WorkspaceBinding, WorkspaceDeclaration,
    WorkspacePipelineTaskBinding,
};

const NO_CLUSTER: &str = "there is no cluster";

api_object! {
    /// A Pipeline document.
    Pipeline = "Pipeline" {
        api_version: String = "apiVersion", Honoured;
        kind: String = "kind", Honoured;
        metadata: ObjectMeta = "metadata", Honoured;
        spec: PipelineSpec = "spec", Honoured;
        status: Option<Value> = "status", NoEffect(NO_CLUSTER);
    }

    /// What a Pipeline does.
    PipelineSpec = "PipelineSpec" {
        display_name: String = "displayName", NoEffect("text for people");
        description: String = "description", NoEffect("text for people");
        tasks: Vec<PipelineTask> = "tasks", Honoured;
        params: Vec<ParamSpec> = "params", Honoured;
        workspaces: Vec<PipelineWorkspaceDeclaration> = "workspaces", Honoured;
        results: Vec<PipelineResult> = "results", Honoured;
        finally: Vec<PipelineTask> = "finally", Honoured;
    }

    /// A result of a Pipeline.
    PipelineResult = "PipelineResult" {
        name: String = "name", Honoured;
        result_type: String = "type", Honoured;
        description: String = "description", NoEffect("text for people");
        value: ParamValue = "value", Honoured;
    }

    /// A task of a Pipeline.
    PipelineTask = "PipelineTask" {
        name: String = "name", Honoured;
        display_name: String = "displayName", Honoured;
        description: String = "description", NoEffect("text for people");
        task_ref: Option<TaskRef> = "taskRef", Honoured;
        task_spec: Option<EmbeddedTask> = "taskSpec", Honoured;
        pipeline_ref: Option<PipelineRef> = "pipelineRef", Honoured;
        pipeline_spec: Option<Box<PipelineSpec>> = "pipelineSpec", Honoured;
        when: Vec<WhenExpression> = "when", Honoured;
        retries: i64 = "retries", Honoured;
        run_after: Vec<String> = "runAfter", Honoured;
        params: Vec<Param> = "params", Honoured;
        matrix: Option<Matrix> = "matrix", Honoured;
        workspaces: Vec<WorkspacePipelineTaskBinding> = "workspaces", Honoured;
        timeout: Option<GoDuration> = "timeout", Honoured;
        on_error: String = "onError", Honoured;
    }

    /// A fan-out.
    Matrix = "Matrix" {
        params: Vec<Param> = "params", Honoured;
        include: Vec<IncludeParams> = "include", Honoured;
    }

    /// Further combinations of a fan-out.
    IncludeParams = "IncludeParams" {
        name: String = "name", Honoured;
        params: Vec<Param> = "params", Honoured;
    }

    /// A Task written inside a Pipeline: the fields of a TaskSpec and a few more.
    EmbeddedTask = "EmbeddedTask" {
        api_version: String = "apiVersion", Refused("a custom task needs its controller");
        kind: String = "kind", Refused("a custom task needs its controller");
        spec: Option<Value> = "spec", Refused("a custom task needs its controller");
        metadata: TaskMetadata = "metadata", Honoured;
        params: Vec<ParamSpec> = "params", Honoured;
        display_name: String = "displayName", NoEffect("text for people");
        description: String = "description", NoEffect("text for people");
        steps: Vec<Step> = "steps", Honoured;
        volumes: Vec<Volume> = "volumes", Honoured;
        step_template: Option<StepTemplate> = "stepTemplate", Honoured;
        sidecars: Vec<Sidecar> = "sidecars", Honoured;
        workspaces: Vec<WorkspaceDeclaration> = "workspaces", Honoured;
        results: Vec<TaskResult> = "results", Honoured;
    }

    /// Labels and annotations of the TaskRuns of an embedded task.
    TaskMetadata = "PipelineTaskMetadata" {
        labels: BTreeMap<String, String> = "labels", Honoured;
        annotations: BTreeMap<String, String> = "annotations", Honoured;
    }

    /// The Pipeline a run runs.
    PipelineRef = "PipelineRef" {
        name: String = "name", Honoured;
        api_version: String = "apiVersion", NoEffect("both versions are read alike");
        resolver: String = "resolver", Emulated("cluster: from the given files; others: --resolve");
        params: Vec<Param> = "params", Honoured;
        bundle: String = "bundle", Refused("removed from Tekton; use resolver: bundles");
    }

    /// A PipelineRun document.
    PipelineRun = "PipelineRun" {
        api_version: String = "apiVersion", Honoured;
        kind: String = "kind", Honoured;
        metadata: ObjectMeta = "metadata", Honoured;
        spec: PipelineRunSpec = "spec", Honoured;
        status: Option<Value> = "status", NoEffect("the run makes its own");
    }

    /// What a PipelineRun asks for. `disableTasks` and `resumeFrom` are those of TEP-0077.
    PipelineRunSpec = "PipelineRunSpec" {
        pipeline_ref: Option<PipelineRef> = "pipelineRef", Honoured;
        pipeline_spec: Option<PipelineSpec> = "pipelineSpec", Honoured;
        params: Vec<Param> = "params", Honoured;
        status: String = "status", Honoured;
        timeouts: Option<TimeoutFields> = "timeouts", Honoured;
        task_run_template: PipelineTaskRunTemplate = "taskRunTemplate", Honoured;
        workspaces: Vec<WorkspaceBinding> = "workspaces", Honoured;
        task_run_specs: Vec<PipelineTaskRunSpec> = "taskRunSpecs", Honoured;
        managed_by: Option<String> = "managedBy", Honoured;
        disable_tasks: Vec<DisableTask> = "disableTasks", Honoured;
        resume_from: Option<ResumeFrom> = "resumeFrom", Honoured;
    }

    /// The clocks of a PipelineRun.
    TimeoutFields = "TimeoutFields" {
        pipeline: Option<GoDuration> = "pipeline", Honoured;
        tasks: Option<GoDuration> = "tasks", Honoured;
        finally: Option<GoDuration> = "finally", Honoured;
    }

    /// What all TaskRuns of a PipelineRun have in common.
    PipelineTaskRunTemplate = "PipelineTaskRunTemplate" {
        pod_template: Option<PodTemplate> = "podTemplate", Honoured;
        service_account_name: String = "serviceAccountName", Emulated("names the credentials to use");
    }

    /// What one task of a PipelineRun has of its own.
    PipelineTaskRunSpec = "PipelineTaskRunSpec" {
        pipeline_task_name: String = "pipelineTaskName", Honoured;
        service_account_name: String = "serviceAccountName", Emulated("names the credentials to use");
        pod_template: Option<PodTemplate> = "podTemplate", Honoured;
        step_specs: Vec<StepSpecOverride> = "stepSpecs", Honoured;
        sidecar_specs: Vec<StepSpecOverride> = "sidecarSpecs", Honoured;
        metadata: Option<TaskMetadata> = "metadata", Honoured;
        compute_resources: Option<ResourceRequirements> = "computeResources", Honoured;
        timeout: Option<GoDuration> = "timeout", Honoured;
    }

    /// A task that is not to run (TEP-0077).
    DisableTask = "DisableTask" {
        name: String = "name", Honoured;
        results: Vec<Param> = "results", Honoured;
        disable_dependents: bool = "disableDependents", Honoured;
    }

    /// The earlier run this one continues (TEP-0077).
    ResumeFrom = "ResumeFrom" {
        name: String = "name", Honoured;
        enable_tasks: Vec<NamedTask> = "enableTasks", Honoured;
    }

    /// A task by its name.
    NamedTask = "NamedTask" {
        name: String = "name", Honoured;
    }
}

impl Matrix {
    /// Its params, and after them those of `include`.
    pub fn all_params(&self) -> impl Iterator<Item = &Param> {
        let included = self.include.iter().flat_map(|include| &include.params);
        self.params.iter().chain(included)
    }
}

impl EmbeddedTask {
    /// The TaskSpec it contains.
    pub fn to_task_spec(&self) -> TaskSpec {
        TaskSpec {
            params: self.params.clone(),
            display_name: self.display_name.clone(),
            description: self.description.clone(),
            steps: self.steps.clone(),
            volumes: self.volumes.clone(),
            step_template: self.step_template.clone(),
            sidecars: self.sidecars.clone(),
            workspaces: self.workspaces.clone(),
            results: self.results.clone(),
        }
    }

    /// Puts another TaskSpec in its place; what only an embedded task has stays.
    #[must_use]
    pub fn with_task_spec(&self, task: TaskSpec) -> Self {
        Self {
            params: task.params,
            display_name: task.display_name,
            description: task.description,
            steps: task.steps,
            volumes: task.volumes,
            step_template: task.step_template,
            sidecars: task.sidecars,
            workspaces: task.workspaces,
            results: task.results,
            ..self.clone()
        }
    }
}
