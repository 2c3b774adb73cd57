//! Tasks, TaskRuns, steps, sidecars and StepActions (`pkg/apis/pipeline/v1/*_types.go`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::core::{
    ContainerPort, EnvFromSource, EnvVar, ObjectMeta, PodTemplate, Probe, ResourceRequirements,
    SecurityContext, Volume, VolumeDevice, VolumeMount,
};
use super::duration::GoDuration;
use super::param::{Param, ParamSpec, ParamValue, PropertySpec};
use super::schema::api_object;
use super::when::WhenExpression;
use super::workspace::{WorkspaceBinding, WorkspaceDeclaration, WorkspaceUsage};

const NO_CLUSTER: &str = "there is no cluster";

api_object! {
    /// A Task document.
    Task = "Task" {
        api_version: String = "apiVersion", Honoured;
        kind: String = "kind", Honoured;
        metadata: ObjectMeta = "metadata", Honoured;
        spec: TaskSpec = "spec", Honoured;
        status: Option<Value> = "status", NoEffect(NO_CLUSTER);
    }

    /// What a Task does.
    TaskSpec = "TaskSpec" {
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

    /// A result a Task declares.
    TaskResult = "TaskResult" {
        name: String = "name", Honoured;
        result_type: String = "type", Honoured;
        properties: BTreeMap<String, PropertySpec> = "properties", Honoured;
        description: String = "description", NoEffect("text for people");
        value: Option<ParamValue> = "value", Honoured;
    }

    /// A result a step declares.
    StepResult = "StepResult" {
        name: String = "name", Honoured;
        result_type: String = "type", Honoured;
        properties: BTreeMap<String, PropertySpec> = "properties", Honoured;
        description: String = "description", NoEffect("text for people");
    }

    /// One container that runs after the one before it.
    Step = "Step" {
        name: String = "name", Honoured;
        display_name: String = "displayName", NoEffect("text for people");
        image: String = "image", Honoured;
        command: Vec<String> = "command", Honoured;
        args: Vec<String> = "args", Honoured;
        working_dir: String = "workingDir", Honoured;
        env_from: Vec<EnvFromSource> = "envFrom", Honoured;
        env: Vec<EnvVar> = "env", Honoured;
        compute_resources: ResourceRequirements = "computeResources", Honoured;
        volume_mounts: Vec<VolumeMount> = "volumeMounts", Honoured;
        volume_devices: Vec<VolumeDevice> = "volumeDevices", Refused("block devices have no local counterpart");
        image_pull_policy: String = "imagePullPolicy", Honoured;
        security_context: Option<SecurityContext> = "securityContext", Honoured;
        script: String = "script", Honoured;
        timeout: Option<GoDuration> = "timeout", Honoured;
        workspaces: Vec<WorkspaceUsage> = "workspaces", Honoured;
        on_error: String = "onError", Honoured;
        stdout_config: Option<StepOutputConfig> = "stdoutConfig", Honoured;
        stderr_config: Option<StepOutputConfig> = "stderrConfig", Honoured;
        step_ref: Option<StepRef> = "ref", Honoured;
        params: Vec<Param> = "params", Honoured;
        results: Vec<StepResult> = "results", Honoured;
        when: Vec<WhenExpression> = "when", Honoured;
    }

    /// A file that receives a copy of a stream.
    StepOutputConfig = "StepOutputConfig" {
        path: String = "path", Honoured;
    }

    /// The StepAction a step is.
    StepRef = "Ref" {
        name: String = "name", Honoured;
        resolver: String = "resolver", Emulated("cluster: from the given files; others: --resolve");
        params: Vec<Param> = "params", Honoured;
    }

    /// What all steps of a Task have in common.
    StepTemplate = "StepTemplate" {
        image: String = "image", Honoured;
        command: Vec<String> = "command", Honoured;
        args: Vec<String> = "args", Honoured;
        working_dir: String = "workingDir", Honoured;
        env_from: Vec<EnvFromSource> = "envFrom", Honoured;
        env: Vec<EnvVar> = "env", Honoured;
        compute_resources: ResourceRequirements = "computeResources", Honoured;
        volume_mounts: Vec<VolumeMount> = "volumeMounts", Honoured;
        volume_devices: Vec<VolumeDevice> = "volumeDevices", Refused("block devices have no local counterpart");
        image_pull_policy: String = "imagePullPolicy", Honoured;
        security_context: Option<SecurityContext> = "securityContext", Honoured;
    }

    /// A container that runs beside the steps.
    Sidecar = "Sidecar" {
        name: String = "name", Honoured;
        image: String = "image", Honoured;
        command: Vec<String> = "command", Honoured;
        args: Vec<String> = "args", Honoured;
        working_dir: String = "workingDir", Honoured;
        ports: Vec<ContainerPort> = "ports", Honoured;
        env_from: Vec<EnvFromSource> = "envFrom", Honoured;
        env: Vec<EnvVar> = "env", Honoured;
        compute_resources: ResourceRequirements = "computeResources", Honoured;
        volume_mounts: Vec<VolumeMount> = "volumeMounts", Honoured;
        volume_devices: Vec<VolumeDevice> = "volumeDevices", Refused("block devices have no local counterpart");
        liveness_probe: Option<Probe> = "livenessProbe", Honoured;
        readiness_probe: Option<Probe> = "readinessProbe", Honoured;
        startup_probe: Option<Probe> = "startupProbe", Honoured;
        lifecycle: Option<Value> = "lifecycle", NoEffect("the sidecar is stopped by a signal, without hooks");
        termination_message_path: String = "terminationMessagePath", NoEffect("nothing reads it");
        termination_message_policy: String = "terminationMessagePolicy", NoEffect("nothing reads it");
        image_pull_policy: String = "imagePullPolicy", Honoured;
        security_context: Option<SecurityContext> = "securityContext", Honoured;
        stdin: bool = "stdin", NoEffect("no terminal is attached");
        stdin_once: bool = "stdinOnce", NoEffect("no terminal is attached");
        tty: bool = "tty", NoEffect("no terminal is attached");
        script: String = "script", Honoured;
        workspaces: Vec<WorkspaceUsage> = "workspaces", Honoured;
        restart_policy: String = "restartPolicy", Honoured;
    }

    /// A TaskRun document.
    TaskRun = "TaskRun" {
        api_version: String = "apiVersion", Honoured;
        kind: String = "kind", Honoured;
        metadata: ObjectMeta = "metadata", Honoured;
        spec: TaskRunSpec = "spec", Honoured;
        status: Option<Value> = "status", NoEffect("the run makes its own");
    }

    /// What a TaskRun asks for.
    TaskRunSpec = "TaskRunSpec" {
        debug: Option<TaskRunDebug> = "debug", Honoured;
        params: Vec<Param> = "params", Honoured;
        service_account_name: String = "serviceAccountName", Emulated("names the credentials to use");
        task_ref: Option<TaskRef> = "taskRef", Honoured;
        task_spec: Option<TaskSpec> = "taskSpec", Honoured;
        status: String = "status", Honoured;
        status_message: String = "statusMessage", Honoured;
        retries: i64 = "retries", Honoured;
        timeout: Option<GoDuration> = "timeout", Honoured;
        pod_template: Option<PodTemplate> = "podTemplate", Honoured;
        workspaces: Vec<WorkspaceBinding> = "workspaces", Honoured;
        step_specs: Vec<StepSpecOverride> = "stepSpecs", Honoured;
        sidecar_specs: Vec<StepSpecOverride> = "sidecarSpecs", Honoured;
        compute_resources: Option<ResourceRequirements> = "computeResources", Honoured;
        managed_by: Option<String> = "managedBy", Honoured;
    }

    /// Where a run pauses.
    TaskRunDebug = "TaskRunDebug" {
        breakpoints: Option<TaskBreakpoints> = "breakpoints", Honoured;
    }

    /// The breakpoints of a TaskRun.
    TaskBreakpoints = "TaskBreakpoints" {
        on_failure: String = "onFailure", Honoured;
        before_steps: Vec<String> = "beforeSteps", Honoured;
    }

    /// The Task a run runs.
    TaskRef = "TaskRef" {
        name: String = "name", Honoured;
        kind: String = "kind", Honoured;
        api_version: String = "apiVersion", Honoured;
        resolver: String = "resolver", Emulated("cluster: from the given files; others: --resolve");
        params: Vec<Param> = "params", Honoured;
        bundle: String = "bundle", Refused("removed from Tekton; use resolver: bundles");
    }

    /// Resources of one step or sidecar, by name.
    StepSpecOverride = "TaskRunStepSpec" {
        name: String = "name", Honoured;
        compute_resources: ResourceRequirements = "computeResources", Honoured;
    }

    /// A StepAction document.
    StepAction = "StepAction" {
        api_version: String = "apiVersion", Honoured;
        kind: String = "kind", Honoured;
        metadata: ObjectMeta = "metadata", Honoured;
        spec: StepActionSpec = "spec", Honoured;
        status: Option<Value> = "status", NoEffect(NO_CLUSTER);
    }

    /// A step to be referred to.
    StepActionSpec = "StepActionSpec" {
        description: String = "description", NoEffect("text for people");
        image: String = "image", Honoured;
        command: Vec<String> = "command", Honoured;
        args: Vec<String> = "args", Honoured;
        env: Vec<EnvVar> = "env", Honoured;
        script: String = "script", Honoured;
        working_dir: String = "workingDir", Honoured;
        params: Vec<ParamSpec> = "params", Honoured;
        results: Vec<StepResult> = "results", Honoured;
        security_context: Option<SecurityContext> = "securityContext", Honoured;
        volume_mounts: Vec<VolumeMount> = "volumeMounts", Honoured;
    }
}
