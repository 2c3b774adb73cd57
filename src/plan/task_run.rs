//! One TaskRun: what it is given, checked and bound, so that every reference in it has a value.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::model::{Identity, Overrides};
use super::workspaces::mentioned_workspaces;
use crate::resolve::{ParamFault, ResolvedTask, task_params};
use crate::spec::param::{Param, ParamValue};
use crate::spec::task::{TaskBreakpoints, TaskSpec};
use crate::spec::workspace::{WorkspaceBinding, WorkspaceDeclaration};
use crate::status::{Condition, Reason};
use crate::substitution::{Scope, TooLarge, fields};

/// A TaskRun to run.
#[derive(Debug, Clone, Default)]
pub struct TaskRunRequest {
    /// Who it is.
    pub identity: Identity,
    /// The task of the pipeline; the TaskRun's own name for one that is nobody's child.
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
    /// A failure is recorded and forgiven (`onError: continue` of the pipeline's task).
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
            |limit| crate::spec::GoDuration::from(limit).to_string(),
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
        if self.overrides.pod_template != crate::spec::PodTemplate::default() {
            spec["podTemplate"] = json!(self.overrides.pod_template);
        }
        json!({
            "apiVersion": "tekton.dev/v1",
            "kind": "TaskRun",
            "metadata": self.identity.metadata(),
            "spec": spec,
        })
    }

    /// Replaces the references of the pod template to params, which are those of the Task
    /// (`pkg/reconciler/taskrun/resources/apply.go`, `ApplyParametersToPodTemplate`). What cannot
    /// be settled stays: the TaskRun fails for it.
    #[must_use]
    pub fn with_settled_pod_template(mut self) -> Self {
        let mut template = json!(self.overrides.pod_template);
        if !template.to_string().contains("$(") {
            return self;
        }
        let mut scope = self.outer.clone();
        if let Ok(values) = set_params(&self, &mut scope) {
            let mut params = Scope::new();
            for (name, value) in &values {
                params.set_param(name, value);
            }
            replace_texts(&mut template, &params);
            if let Ok(settled) = serde_json::from_value(template) {
                self.overrides.pod_template = settled;
            }
        }
        self
    }

    /// The name of the Task; for one written in place the TaskRun's.
    pub fn task_name(&self) -> &str {
        self.task.name.as_deref().unwrap_or(&self.identity.name)
    }
}

fn replace_texts(value: &mut Value, scope: &Scope) {
    match value {
        Value::String(text) => *text = scope.text(text),
        Value::Array(items) => {
            for item in items {
                replace_texts(item, scope);
            }
        }
        Value::Object(map) => {
            for (_, item) in map {
                replace_texts(item, scope);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A workspace of a TaskRun and what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundWorkspace {
    /// As declared, with its mount path filled in.
    pub declaration: WorkspaceDeclaration,
    /// What the run gives; references replaced.
    pub binding: WorkspaceBinding,
}

impl BoundWorkspace {
    /// True when only the steps and sidecars that list it get it.
    pub fn is_isolated(&self, spec: &TaskSpec) -> bool {
        let listed = |usages: &[crate::spec::workspace::WorkspaceUsage]| {
            usages
                .iter()
                .any(|usage| usage.name == self.declaration.name)
        };
        spec.steps.iter().any(|step| listed(&step.workspaces))
            || spec
                .sidecars
                .iter()
                .any(|sidecar| listed(&sidecar.workspaces))
    }
}

/// A TaskRun whose params and workspaces are settled.
#[derive(Debug, Clone)]
pub struct BoundTask {
    /// What it runs, as written.
    pub task: Arc<ResolvedTask>,
    /// Everything its references can mean before a step has run.
    pub scope: Scope,
    /// Its workspaces.
    pub workspaces: Vec<BoundWorkspace>,
}

/// Settles a TaskRun for one attempt, checking in the order of
/// `pkg/reconciler/taskrun/taskrun.go`, `prepare`.
pub fn bind(request: &TaskRunRequest, attempt: usize) -> Result<BoundTask, Condition> {
    let spec = &request.task.spec;
    let mut scope = request.outer.clone();
    scope.begin_object();
    set_context(request, attempt, &mut scope);
    let values = set_params(request, &mut scope)?;
    check_indexes(spec, &scope)?;
    check_overrides(request)?;
    let workspaces = workspaces(request, &scope)?;
    let mut own = Scope::new();
    set_context(request, attempt, &mut own);
    set_workspaces(spec, &workspaces, &mut own);
    set_paths(spec, &mut own);
    scope.merge(&own);
    expand_params(&values, &own, &mut scope);
    check_size(spec, &scope)?;
    Ok(BoundTask {
        task: Arc::clone(&request.task),
        scope,
        workspaces,
    })
}

/// A value of a param may name what the Task knows of itself, such as the path of a workspace:
/// Tekton replaces that after the params. A reference to a param in a value stays as it is.
fn expand_params(values: &[(String, ParamValue)], own: &Scope, scope: &mut Scope) {
    for (name, value) in values {
        let expanded = own.value(value);
        if expanded != *value {
            scope.set_param(name, &expanded);
        }
    }
}

fn set_context(request: &TaskRunRequest, attempt: usize, scope: &mut Scope) {
    let identity = &request.identity;
    scope.set("context.taskRun.name", &identity.name);
    scope.set("context.taskRun.namespace", &identity.namespace);
    scope.set("context.taskRun.uid", &identity.uid);
    scope.set("context.task.name", request.task_name());
    scope.set("context.task.retry-count", attempt.to_string());
}

fn user_error(reason: Reason, message: &str) -> Condition {
    Condition::failed(reason, format!("[User error] {message}"))
}

/// Makes the params known; the answer is their values, as given.
fn set_params(
    request: &TaskRunRequest,
    scope: &mut Scope,
) -> Result<Vec<(String, ParamValue)>, Condition> {
    let specs = &request.task.spec.params;
    let mut given = request.params.clone();
    let own: BTreeSet<&str> = request.params.iter().map(|it| it.name.as_str()).collect();
    for spec in specs.iter().filter(|spec| spec.default.is_some()) {
        let outer = scope
            .get(&format!("params.{}", spec.name))
            .filter(|value| value.kind() == spec.kind());
        if let Some(value) = outer.filter(|_| !own.contains(spec.name.as_str())) {
            given.push(Param {
                name: spec.name.clone(),
                value,
            });
        }
    }
    let values = task_params(specs, &given, scope).map_err(|fault| {
        let reason = match fault {
            ParamFault::Enum(..) => Reason::InvalidParamValue,
            ParamFault::Missing(_)
            | ParamFault::Type(_)
            | ParamFault::Keys(_)
            | ParamFault::Default(_)
            | ParamFault::TooLarge(..) => Reason::TaskRunValidationFailed,
        };
        let text = match fault {
            ParamFault::Enum(..) => fault.of_task(),
            _ => format!(
                "invalid input params for task {}: {}",
                request.task_name(),
                fault.of_task()
            ),
        };
        user_error(reason, &text)
    })?;
    for (name, value) in &values {
        scope.set_param(name, value);
    }
    Ok(values.into_iter().collect())
}

fn check_indexes(spec: &TaskSpec, scope: &Scope) -> Result<(), Condition> {
    let mut found = OutOfBounds {
        scope,
        references: Vec::new(),
    };
    fields::task_spec(&mut spec.clone(), &mut found);
    if found.references.is_empty() {
        return Ok(());
    }
    found.references.sort();
    found.references.dedup();
    Err(user_error(
        Reason::TaskRunValidationFailed,
        &format!(
            "non-existent param references:[{}]",
            found.references.join(" ")
        ),
    ))
}

struct OutOfBounds<'a> {
    scope: &'a Scope,
    references: Vec<String>,
}

impl OutOfBounds<'_> {
    fn look(&mut self, text: &str) {
        let wrong = crate::substitution::references(text)
            .into_iter()
            .filter(|reference| {
                reference.starts_with("params.") && self.scope.is_out_of_bounds(reference)
            })
            .map(|reference| format!("$({reference})"));
        self.references.extend(wrong);
    }
}

impl fields::Visitor for OutOfBounds<'_> {
    fn text(&mut self, _: fields::Place, text: &mut String) {
        self.look(text);
    }

    fn list(&mut self, _: &'static str, list: &mut Vec<String>) {
        list.iter().for_each(|item| self.look(item));
    }

    fn value(&mut self, _: fields::Place, _: &mut crate::spec::ParamValue) {}

    fn when(&mut self, _: usize, _: &mut crate::spec::WhenExpression) {}
}

/// The Task with its references replaced must be an object that a cluster could store.
fn check_size(spec: &TaskSpec, scope: &Scope) -> Result<(), Condition> {
    let mut scope = scope.clone();
    scope.begin_object();
    fields::task_spec(&mut spec.clone(), &mut &scope);
    let fault = |fault: TooLarge| user_error(Reason::TaskRunValidationFailed, &fault.to_string());
    scope.exceeded().map_err(fault)
}

fn check_overrides(request: &TaskRunRequest) -> Result<(), Condition> {
    let spec = &request.task.spec;
    for each in &request.overrides.step_specs {
        if !spec.steps.iter().any(|step| step.name == each.name) {
            return Err(user_error(
                Reason::TaskRunValidationFailed,
                &format!("invalid StepOverride: No Step named {}", each.name),
            ));
        }
    }
    for each in &request.overrides.sidecar_specs {
        if !spec
            .sidecars
            .iter()
            .any(|sidecar| sidecar.name == each.name)
        {
            return Err(user_error(
                Reason::TaskRunValidationFailed,
                &format!("invalid SidecarOverride: No Sidecar named {}", each.name),
            ));
        }
    }
    Ok(())
}

fn workspaces(request: &TaskRunRequest, scope: &Scope) -> Result<Vec<BoundWorkspace>, Condition> {
    let spec = &request.task.spec;
    let mut declared = spec.workspaces.clone();
    for binding in &request.workspaces {
        if declared
            .iter()
            .any(|declaration| declaration.name == binding.name)
        {
            continue;
        }
        if request.task.name.is_some() {
            return Err(user_error(
                Reason::TaskRunValidationFailed,
                &format!(
                    "workspace binding \"{}\" does not match any declared workspace",
                    binding.name
                ),
            ));
        }
        declared.push(WorkspaceDeclaration {
            name: binding.name.clone(),
            ..WorkspaceDeclaration::default()
        });
    }
    let mut bound = Vec::new();
    for mut declaration in declared {
        let binding = request
            .workspaces
            .iter()
            .find(|binding| binding.name == declaration.name);
        let Some(binding) = binding else {
            if declaration.optional {
                continue;
            }
            return Err(user_error(
                Reason::TaskRunValidationFailed,
                &format!(
                    "declared workspace \"{}\" is required but has not been bound",
                    declaration.name
                ),
            ));
        };
        if declaration.mount_path.is_empty() {
            declaration.mount_path = format!("/workspace/{}", declaration.name);
        }
        declaration.mount_path = scope.text(&declaration.mount_path);
        let mut binding = binding.clone();
        fields::binding(&mut binding, &mut &*scope);
        bound.push(BoundWorkspace {
            declaration,
            binding,
        });
    }
    Ok(bound)
}

fn set_workspaces(spec: &TaskSpec, bound: &[BoundWorkspace], scope: &mut Scope) {
    let unbound = spec
        .workspaces
        .iter()
        .map(|declaration| declaration.name.clone())
        .chain(mentioned_workspaces(spec));
    for name in unbound.filter(|name| {
        spec.workspaces
            .iter()
            .any(|declared| declared.name == *name)
    }) {
        for (field, value) in [
            ("path", ""),
            ("bound", "false"),
            ("claim", ""),
            ("volume", ""),
        ] {
            scope.set(format!("workspaces.{name}.{field}"), value);
        }
    }
    for workspace in bound {
        let name = &workspace.declaration.name;
        let claim = workspace.binding.persistent_volume_claim.as_ref();
        scope.set(
            format!("workspaces.{name}.path"),
            clean(&workspace.declaration.mount_path),
        );
        scope.set(format!("workspaces.{name}.bound"), "true");
        scope.set(
            format!("workspaces.{name}.claim"),
            claim.map_or("", |claim| claim.claim_name.as_str()),
        );
        scope.set(
            format!("workspaces.{name}.volume"),
            crate::name::workspace_volume(name),
        );
    }
}

fn clean(path: &str) -> String {
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() {
        "/".to_owned()
    } else {
        trimmed.to_owned()
    }
}

/// The directory name of a step: `step-<name>`, or `step-unnamed-<i>`.
pub(super) fn step_container(name: &str, index: usize) -> String {
    if name.is_empty() {
        format!("step-unnamed-{index}")
    } else {
        format!("step-{name}")
    }
}

/// A container's name in status: at most 63 characters, ending in a letter or digit
/// (`pkg/names/generate.go`, `SimpleNameGenerator.RestrictLength`).
pub fn truncated(container: &str) -> String {
    let cut: String = container.chars().take(63).collect();
    cut.trim_end_matches(|c: char| !c.is_ascii_alphanumeric())
        .to_owned()
}

fn set_paths(spec: &TaskSpec, scope: &mut Scope) {
    for result in &spec.results {
        let path = Path::new("/tekton/results")
            .join(&result.name)
            .display()
            .to_string();
        for key in [
            format!("results.{}.path", result.name),
            format!("results['{}'].path", result.name),
            format!("results[\"{}\"].path", result.name),
        ] {
            scope.set(key, &path);
        }
    }
    for (index, step) in spec.steps.iter().enumerate() {
        let container = step_container(&step.name, index);
        scope.set(
            format!("steps.{container}.exitCode.path"),
            format!("/tekton/steps/{container}/exitCode"),
        );
    }
    scope.set("artifacts.path", "/tekton/artifacts/provenance.json");
    scope.set("credentials.path", "/tekton/creds");
}
