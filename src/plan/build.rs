//! From a PipelineRun to its plan, checking in Tekton's order
//! (`pkg/reconciler/pipelinerun/pipelinerun.go`, `reconcile`): the first fault decides, and has
//! the reason and message it has on a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::check;
use super::children;
use super::model::{Body, Identity, Overrides, Plan, PlannedTask, Requested};
use super::reuse::ReusePlan;
use crate::language::Graph;
use crate::language::Timeouts;
use crate::resolve::{
    Library, ResolveError, ResolvedPipeline, ResolvedTask, pipeline_params, resolve_pipeline,
    resolve_task,
};
use crate::spec::core::PodTemplate;
use crate::spec::param::ParamValue;
use crate::spec::pipeline::{Matrix, PipelineRunSpec, PipelineTask, PipelineTaskRunSpec};
use crate::status::{Condition, Reason};
use crate::substitution::{Scope, dependencies, result_refs};

/// A PipelineRun to plan.
#[derive(Debug, Clone, Default)]
pub struct RunRequest {
    /// Who it is.
    pub identity: Identity,
    /// What it asks for.
    pub spec: PipelineRunSpec,
    /// The names of the pipelines it is inside of, outermost first.
    pub ancestors: Vec<String>,
    /// Tasks whose definition need not exist.
    pub disabled: BTreeSet<String>,
}

/// Plans a run, or says with which condition it ends before anything starts.
pub fn build(request: &RunRequest, library: &Library) -> Result<Plan, Condition> {
    let mut identity = request.identity.clone();
    let spec = &request.spec;
    let run_scope = given_scope(&identity, spec);
    let pipeline = resolve_pipeline(
        spec.pipeline_ref.as_ref(),
        spec.pipeline_spec.as_ref(),
        library,
        &run_scope,
    )
    .map_err(|error| {
        Condition::failed(
            Reason::CouldntGetPipeline,
            format!(
                "Error retrieving pipeline for pipelinerun {}: {error}",
                identity.qualified()
            ),
        )
    })?;
    let pipeline_name = pipeline
        .name
        .clone()
        .unwrap_or_else(|| identity.name.clone());
    adopt(&mut identity, &pipeline, &pipeline_name);
    let graph = graph(&identity, &pipeline)?;
    let scope = scope(&identity, spec, &pipeline, &pipeline_name)?;
    check::array_indexes(&identity, &pipeline_name, &pipeline.spec, &scope)?;
    check::workspaces(&identity, &pipeline_name, &pipeline.spec, spec)?;
    check::task_run_specs(&identity, &pipeline.spec, spec)?;
    if request.ancestors.is_empty() {
        children::check(&identity, &pipeline_name, &pipeline.spec, library)?;
    }
    let pipeline_spec = substituted(&identity, &pipeline, &pipeline_name, &scope)?;

    let mut ancestors = request.ancestors.clone();
    ancestors.push(pipeline_name.clone());
    let context = TaskPlanner {
        library,
        scope: &scope,
        spec,
        request,
        identity: &identity,
        ancestors: &ancestors,
    };
    let timeouts = Timeouts::new(spec.timeouts.as_ref());
    let sides = [
        (&pipeline.spec.tasks, false),
        (&pipeline.spec.finally, true),
    ];
    let mut tasks = Vec::new();
    for (source, finally) in sides
        .into_iter()
        .flat_map(|(tasks, side)| tasks.iter().map(move |task| (task, side)))
    {
        tasks.push(context.task(source, finally, &timeouts)?);
    }
    check::tasks(&identity, &pipeline.spec, &tasks, &scope, spec)?;
    Ok(Plan {
        object: object(&identity, spec),
        pipeline_spec,
        pipeline_name,
        ancestors,
        tasks,
        graph,
        results: pipeline.spec.results.clone(),
        bindings: spec.workspaces.clone(),
        timeouts,
        requested: requested(&spec.status),
        reuse: ReusePlan::default(),
        contents: BTreeMap::new(),
        scope,
        identity,
    })
}

/// What the run itself gives: params and context, for references in `pipelineRef`.
fn given_scope(identity: &Identity, spec: &PipelineRunSpec) -> Scope {
    let mut scope = Scope::new();
    for param in &spec.params {
        scope.set_param(&param.name, &param.value);
    }
    scope.merge(&context(identity));
    scope
}

fn context(identity: &Identity) -> Scope {
    let mut scope = Scope::new();
    scope.set("context.pipelineRun.name", &identity.name);
    scope.set("context.pipelineRun.namespace", &identity.namespace);
    scope.set("context.pipelineRun.uid", &identity.uid);
    scope
}

/// Labels and annotations a run takes over from its Pipeline; its own win.
fn adopt(identity: &mut Identity, pipeline: &ResolvedPipeline, pipeline_name: &str) {
    for (key, value) in &pipeline.labels {
        identity
            .labels
            .entry(key.clone())
            .or_insert_with(|| value.clone());
    }
    for (key, value) in &pipeline.annotations {
        if key != "kubectl.kubernetes.io/last-applied-configuration" {
            identity
                .annotations
                .entry(key.clone())
                .or_insert_with(|| value.clone());
        }
    }
    identity
        .labels
        .insert("tekton.dev/pipeline".to_owned(), pipeline_name.to_owned());
}

fn graph(identity: &Identity, pipeline: &ResolvedPipeline) -> Result<Graph, Condition> {
    let names: Vec<&str> = pipeline
        .spec
        .tasks
        .iter()
        .map(|task| task.name.as_str())
        .collect();
    let on: Vec<BTreeSet<String>> = pipeline.spec.tasks.iter().map(dependencies).collect();
    Graph::new(&names, &on).map_err(|fault| {
        Condition::failed(
            Reason::PipelineInvalidGraph,
            format!(
                "[User error] PipelineRun {}'s Pipeline DAG is invalid: {fault}",
                identity.qualified()
            ),
        )
    })
}

fn scope(
    identity: &Identity,
    spec: &PipelineRunSpec,
    pipeline: &ResolvedPipeline,
    pipeline_name: &str,
) -> Result<Scope, Condition> {
    let mut scope = context(identity);
    scope.set("context.pipeline.name", pipeline_name);
    for workspace in &pipeline.spec.workspaces {
        scope.set(format!("workspaces.{}.bound", workspace.name), "false");
    }
    for binding in &spec.workspaces {
        scope.set(format!("workspaces.{}.bound", binding.name), "true");
    }
    let qualified = format!("{}/{pipeline_name}", identity.namespace);
    let values = pipeline_params(&pipeline.spec.params, &spec.params, &scope).map_err(|fault| {
        let (reason, message) = fault.of_run(&identity.qualified(), &qualified);
        Condition::failed(reason, format!("[User error] {message}"))
    })?;
    for (name, value) in &values {
        scope.set_param(name, value);
    }
    Ok(scope)
}

fn requested(status: &str) -> Option<Requested> {
    match status {
        "PipelineRunPending" => Some(Requested::Pending),
        "Cancelled" => Some(Requested::Cancelled),
        "CancelledRunFinally" => Some(Requested::CancelledRunFinally),
        "StoppedRunFinally" => Some(Requested::StoppedRunFinally),
        _ => None,
    }
}

fn object(identity: &Identity, spec: &PipelineRunSpec) -> Value {
    json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": identity.metadata(),
        "spec": spec,
    })
}

/// The pipeline as `status.pipelineSpec` shows it: params and context replaced, results not yet.
fn substituted(
    identity: &Identity,
    pipeline: &ResolvedPipeline,
    name: &str,
    scope: &Scope,
) -> Result<Value, Condition> {
    let mut scope = scope.clone();
    scope.begin_object();
    let mut spec = pipeline.spec.clone();
    for task in spec.tasks.iter_mut().chain(&mut spec.finally) {
        substitute_task(task, &scope);
        scope.exceeded().map_err(|fault| {
            Condition::failed(
                Reason::PipelineValidationFailed,
                format!(
                    "[User error] Pipeline {}/{name} can't be Run; task \"{}\": {fault}",
                    identity.namespace, task.name
                ),
            )
        })?;
    }
    Ok(serde_json::to_value(&spec).unwrap_or_default())
}

fn substitute_task(task: &mut PipelineTask, scope: &Scope) {
    let value = |value: &mut ParamValue| *value = scope.value(value);
    task.params
        .iter_mut()
        .for_each(|param| value(&mut param.value));
    if let Some(matrix) = &mut task.matrix {
        matrix
            .params
            .iter_mut()
            .for_each(|param| value(&mut param.value));
        matrix
            .include
            .iter_mut()
            .flat_map(|include| &mut include.params)
            .for_each(|param| value(&mut param.value));
    }
    for when in &mut task.when {
        *when = scope.when(when);
    }
    for workspace in &mut task.workspaces {
        workspace.sub_path = scope.text(&workspace.sub_path);
    }
    task.on_error = scope.text(&task.on_error);
    if task.matrix.is_none() {
        task.display_name = scope.text(&task.display_name);
    }
    if let Some(embedded) = &task.task_spec {
        let mut spec = embedded.to_task_spec();
        let inner = inner_scope(scope, task);
        crate::substitution::fields::task_spec(&mut spec, &mut &inner);
        task.task_spec = Some(embedded.with_task_spec(spec));
    }
}

/// What an embedded task sees of the pipeline: its own params win, so theirs are left for later.
fn inner_scope(scope: &Scope, task: &PipelineTask) -> Scope {
    let mut inner = scope.without_params();
    let own: BTreeSet<&str> = task
        .params
        .iter()
        .map(|param| param.name.as_str())
        .collect();
    let matrix: BTreeSet<&str> = task
        .matrix
        .iter()
        .flat_map(Matrix::all_params)
        .map(|param| param.name.as_str())
        .collect();
    for name in scope.param_names() {
        let shadowed = own.contains(name.as_str()) || matrix.contains(name.as_str());
        if let Some(value) = scope.get(&format!("params.{name}")).filter(|_| !shadowed) {
            inner.set_param(&name, &value);
        }
    }
    inner
}

/// What planning one task needs to know of its run.
struct TaskPlanner<'a> {
    library: &'a Library,
    scope: &'a Scope,
    spec: &'a PipelineRunSpec,
    request: &'a RunRequest,
    identity: &'a Identity,
    ancestors: &'a [String],
}

impl TaskPlanner<'_> {
    fn task(
        &self,
        source: &PipelineTask,
        finally: bool,
        timeouts: &Timeouts,
    ) -> Result<PlannedTask, Condition> {
        let on_error = self.scope.text(&source.on_error);
        if !matches!(on_error.as_str(), "" | "continue" | "stopAndFail") {
            return Err(Condition::failed(
                Reason::PipelineValidationFailed,
                format!(
                    "Pipeline {} can't be Run; it has an invalid spec: invalid value: PipelineTask OnError must be either \"continue\" or \"stopAndFail\": tasks[{}].onError",
                    self.identity.qualified(),
                    source.name
                ),
            ));
        }
        let (overrides, own_timeout) = overrides(self.spec, &source.name);
        Ok(PlannedTask {
            name: source.name.clone(),
            finally,
            body: self.body(source)?,
            retries: usize::try_from(source.retries).unwrap_or(0),
            timeout: timeouts.attempt(own_timeout.or(source.timeout), finally),
            continue_on_error: on_error == "continue",
            overrides,
            result_refs: result_refs(source),
            source: source.clone(),
        })
    }

    fn body(&self, source: &PipelineTask) -> Result<Body, Condition> {
        if self.request.disabled.contains(&source.name) {
            return Ok(Body::Absent(self.resolve(source).ok().map(Arc::new)));
        }
        if source.pipeline_ref.is_some() || source.pipeline_spec.is_some() {
            return self.child(source).map(|()| Body::Pipeline);
        }
        self.resolve(source)
            .map(|task| Body::Task(Arc::new(task)))
            .map_err(|error| self.missing_task(source, &error))
    }

    fn resolve(&self, source: &PipelineTask) -> Result<ResolvedTask, ResolveError> {
        match (&source.task_ref, &source.task_spec) {
            (Some(reference), _) => resolve_task(reference, self.library, self.scope),
            (None, Some(embedded)) => {
                ResolvedTask::embedded(embedded.to_task_spec(), self.library, self.scope)
            }
            (None, None) => Ok(ResolvedTask::default()),
        }
    }

    fn missing_task(&self, source: &PipelineTask, error: &ResolveError) -> Condition {
        let name = source
            .task_ref
            .as_ref()
            .map_or("", |reference| reference.name.as_str());
        let pipeline = format!(
            "{}/{}",
            self.identity.namespace,
            self.ancestors.last().map_or("", String::as_str)
        );
        match error.reason {
            Some(_) => Condition::failed(
                Reason::CouldntGetTask,
                format!(
                    "PipelineRun {} can't be Run; couldn't resolve all references: {error}",
                    self.identity.qualified()
                ),
            ),
            None => Condition::failed(
                Reason::CouldntGetTask,
                format!(
                    "Pipeline {pipeline} can't be Run; it contains Tasks that don't exist: Couldn't retrieve Task \"{name}\": {error}"
                ),
            ),
        }
    }

    /// A child pipeline must exist and not be one this run is already inside of.
    fn child(&self, source: &PipelineTask) -> Result<(), Condition> {
        let pipeline =
            resolve_pipeline(source.pipeline_ref.as_ref(), source.pipeline_spec.as_deref(), self.library, self.scope)
                .map_err(|error| {
                    Condition::failed(
                        Reason::CouldntGetPipeline,
                        format!(
                            "Pipeline {}/{} can't be Run; it contains child Pipelines that don't exist: {error}",
                            self.identity.namespace,
                            self.ancestors.last().map_or("", String::as_str),
                        ),
                    )
                })?;
        match pipeline.name {
            Some(name) if self.ancestors.contains(&name) => Err(Condition::failed(
                Reason::CreateRunFailed,
                format!(
                    "detected cycle in pipeline-in-pipeline: pipeline \"{name}\" is already running in ancestor chain [{}]",
                    self.ancestors.join(" ")
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// The settings of one task: `taskRunSpecs` entries in order, above `taskRunTemplate`.
fn overrides(spec: &PipelineRunSpec, task: &str) -> (Overrides, Option<crate::spec::GoDuration>) {
    let template = &spec.task_run_template;
    let mut merged = Overrides {
        service_account: template.service_account_name.clone(),
        pod_template: template.pod_template.clone().unwrap_or_default(),
        ..Overrides::default()
    };
    let mut timeout = None;
    let entries = spec
        .task_run_specs
        .iter()
        .filter(|entry| entry.pipeline_task_name == task);
    for entry in entries {
        let PipelineTaskRunSpec {
            pipeline_task_name: _,
            service_account_name,
            pod_template,
            step_specs,
            sidecar_specs,
            metadata,
            compute_resources,
            timeout: own_timeout,
        } = entry.clone();
        if !service_account_name.is_empty() {
            merged.service_account = service_account_name;
        }
        if let Some(pod) = pod_template {
            merged.pod_template = merge_pod_templates(pod, merged.pod_template);
        }
        merged.step_specs = step_specs;
        merged.sidecar_specs = sidecar_specs;
        if let Some(metadata) = metadata {
            merged.labels = metadata.labels;
            merged.annotations = metadata.annotations;
        }
        merged.compute_resources = compute_resources;
        timeout = own_timeout.or(timeout);
    }
    (merged, timeout)
}

/// Merges pod templates field by field, env and volumes by name; the first wins
/// (`pkg/apis/pipeline/pod/template.go`, `MergePodTemplateWithDefault`).
fn merge_pod_templates(own: PodTemplate, base: PodTemplate) -> PodTemplate {
    let mut env = own.env;
    let names: BTreeSet<String> = env.iter().map(|var| var.name.clone()).collect();
    env.extend(
        base.env
            .into_iter()
            .filter(|var| !names.contains(&var.name)),
    );
    let mut volumes = own.volumes;
    let names: BTreeSet<String> = volumes.iter().map(|volume| volume.name.clone()).collect();
    volumes.extend(
        base.volumes
            .into_iter()
            .filter(|volume| !names.contains(&volume.name)),
    );
    let either = |own: BTreeMap<String, String>, base: BTreeMap<String, String>| {
        if own.is_empty() { base } else { own }
    };
    PodTemplate {
        env,
        volumes,
        security_context: own.security_context.or(base.security_context),
        host_aliases: if own.host_aliases.is_empty() {
            base.host_aliases
        } else {
            own.host_aliases
        },
        dns_policy: if own.dns_policy.is_empty() {
            base.dns_policy
        } else {
            own.dns_policy
        },
        dns_config: own.dns_config.or(base.dns_config),
        host_network: own.host_network || base.host_network,
        image_pull_secrets: if own.image_pull_secrets.is_empty() {
            base.image_pull_secrets
        } else {
            own.image_pull_secrets
        },
        node_selector: either(own.node_selector, base.node_selector),
        ..base
    }
}
