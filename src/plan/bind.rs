//! One TaskRun: what it is given, checked and bound, so that every reference in it has a value.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::container_names::step_container;
use super::error::{Place, PlanError};
use super::problem::Problem;
use super::task_run::TaskRunRequest;
use super::workspaces::mentioned_workspaces;
use crate::diagnostic::FieldPath;
use crate::resolve::{ParamError, ResolvedTask, task_params};
use crate::spec::param::{Param, ParamValue};
use crate::spec::task::{StepSpecOverride, TaskSpec};
use crate::spec::when::WhenExpression;
use crate::spec::workspace::{WorkspaceBinding, WorkspaceDeclaration, WorkspaceUsage};
use crate::substitution::{Scope, fields, references};

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
        let listed = |usages: &[WorkspaceUsage]| {
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
pub fn bind(request: &TaskRunRequest, attempt: usize) -> Result<BoundTask, PlanError> {
    let spec = &request.task.spec;
    let mut scope = request.outer.clone();
    scope.begin_object();
    set_context(request, attempt, &mut scope);
    let values = set_params(request, &mut scope)?;
    check_indexes(request, &scope)?;
    check_overrides(request)?;
    let workspaces = workspaces(request, &scope)?;
    let mut own = Scope::new();
    set_context(request, attempt, &mut own);
    set_workspaces(spec, &workspaces, &mut own);
    set_paths(spec, &mut own);
    scope.merge(&own);
    expand_params(&values, &own, &mut scope);
    check_size(request, &scope)?;
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

/// Makes the params known; the answer is their values, as given.
pub(super) fn set_params(
    request: &TaskRunRequest,
    scope: &mut Scope,
) -> Result<Vec<(String, ParamValue)>, PlanError> {
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
    let values = task_params(specs, &given, scope).map_err(|error| {
        let place = place_of_param(request, &error);
        let task = request.task_name().to_owned();
        PlanError::new(Problem::TaskRunParams { task, error }, place)
    })?;
    for (name, value) in &values {
        scope.set_param(name, value);
    }
    Ok(values.into_iter().collect())
}

/// The value that is wrong; the declaration of a param that has none.
fn place_of_param(request: &TaskRunRequest, error: &ParamError) -> Place {
    let name = error.param().unwrap_or_default();
    let params = FieldPath::root().key("params");
    let given = request.params.iter().position(|param| param.name == name);
    let mut declared = request.task.spec.params.iter();
    let declared = declared.position(|spec| spec.name == name);
    match (error, given, declared) {
        (ParamError::Default(_) | ParamError::TooLarge(..), _, Some(index)) => {
            in_task(request, params.index(index).key("default"))
        }
        (_, Some(index), _) => Place::of_run(params.index(index).key("value")),
        (_, None, Some(index)) => in_task(request, params.index(index).key("name")),
        (_, None, None) => Place::of_run(params),
    }
}

fn in_task(request: &TaskRunRequest, path: FieldPath) -> Place {
    Place::of_task(request.task.name.as_deref(), path)
}

fn check_indexes(request: &TaskRunRequest, scope: &Scope) -> Result<(), PlanError> {
    let mut found = OutOfBounds {
        scope,
        references: Vec::new(),
    };
    fields::task_spec(&mut request.task.spec.clone(), &mut found);
    if found.references.is_empty() {
        return Ok(());
    }
    found.references.sort();
    found.references.dedup();
    let place = in_task(request, FieldPath::root());
    Err(PlanError::new(
        Problem::ParamReferences(found.references),
        place,
    ))
}

struct OutOfBounds<'a> {
    scope: &'a Scope,
    references: Vec<String>,
}

impl OutOfBounds<'_> {
    fn look(&mut self, text: &str) {
        let wrong = references(text)
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

    fn value(&mut self, _: fields::Place, _: &mut ParamValue) {}

    fn when(&mut self, _: usize, _: &mut WhenExpression) {}
}

/// The Task with its references replaced must be an object that a cluster could store.
fn check_size(request: &TaskRunRequest, scope: &Scope) -> Result<(), PlanError> {
    let mut scope = scope.clone();
    scope.begin_object();
    fields::task_spec(&mut request.task.spec.clone(), &mut &scope);
    scope.exceeded().map_err(|error| {
        let place = in_task(request, FieldPath::root());
        PlanError::new(Problem::TooLarge(error), place)
    })
}

fn check_overrides(request: &TaskRunRequest) -> Result<(), PlanError> {
    let (spec, overrides) = (&request.task.spec, &request.overrides);
    let steps = |name: &str| spec.steps.iter().any(|step| step.name == name);
    let sidecars = |name: &str| spec.sidecars.iter().any(|sidecar| sidecar.name == name);
    let unknown = |entries: &[StepSpecOverride], known: &dyn Fn(&str) -> bool| {
        let index = entries.iter().position(|entry| !known(&entry.name))?;
        Some((index, entries[index].name.clone()))
    };
    let (field, index, problem) =
        if let Some((index, name)) = unknown(&overrides.step_specs, &steps) {
            ("stepSpecs", index, Problem::StepOverride(name))
        } else if let Some((index, name)) = unknown(&overrides.sidecar_specs, &sidecars) {
            ("sidecarSpecs", index, Problem::SidecarOverride(name))
        } else {
            return Ok(());
        };
    let path = FieldPath::root().key(field).index(index).key("name");
    Err(PlanError::new(problem, Place::of_run(path)))
}

/// The workspaces a Task declares; one written in place may be given others, too.
fn declared_workspaces(request: &TaskRunRequest) -> Result<Vec<WorkspaceDeclaration>, PlanError> {
    let mut declared = request.task.spec.workspaces.clone();
    for (index, binding) in request.workspaces.iter().enumerate() {
        let mut known = declared.iter();
        if known.any(|declaration| declaration.name == binding.name) {
            continue;
        }
        if request.task.name.is_some() {
            let path = FieldPath::root().key("workspaces").index(index);
            return Err(PlanError::new(
                Problem::UndeclaredWorkspace(binding.name.clone()),
                Place::of_run(path.key("name")),
            ));
        }
        declared.push(WorkspaceDeclaration {
            name: binding.name.clone(),
            ..WorkspaceDeclaration::default()
        });
    }
    Ok(declared)
}

fn workspaces(request: &TaskRunRequest, scope: &Scope) -> Result<Vec<BoundWorkspace>, PlanError> {
    let mut bound = Vec::new();
    for (index, mut declaration) in declared_workspaces(request)?.into_iter().enumerate() {
        let mut bindings = request.workspaces.iter();
        let binding = bindings.find(|binding| binding.name == declaration.name);
        let Some(binding) = binding else {
            if declaration.optional {
                continue;
            }
            let path = FieldPath::root().key("workspaces").index(index).key("name");
            return Err(PlanError::new(
                Problem::UnboundWorkspace(declaration.name),
                in_task(request, path),
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
