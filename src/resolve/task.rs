//! From a task reference or embedded task to a Task whose steps are all at hand.

use std::collections::BTreeMap;

use super::error::ResolveError;
use super::library::{Library, Reference, concise_params};
use crate::spec::param::Param;
use crate::spec::task::{StepActionSpec, StepRef, TaskRef, TaskSpec};
use crate::substitution::Scope;

/// A Task, with the StepActions its steps refer to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResolvedTask {
    /// The Task's name; `None` for one written in place.
    pub name: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// What it does, as written.
    pub spec: TaskSpec,
    /// For each step, the StepAction it refers to.
    pub actions: Vec<Option<StepActionSpec>>,
}

impl ResolvedTask {
    /// A Task written in place.
    pub fn embedded(
        spec: TaskSpec,
        library: &Library,
        scope: &Scope,
    ) -> Result<Self, ResolveError> {
        let actions = actions(None, &spec, library, scope)?;
        Ok(Self {
            spec,
            actions,
            ..Self::default()
        })
    }
}

/// Finds a Task and the StepActions it uses. `scope` replaces references in the parameters of a
/// resolver.
pub fn resolve_task(
    reference: &TaskRef,
    library: &Library,
    scope: &Scope,
) -> Result<ResolvedTask, ResolveError> {
    let name = scope.text(&reference.name);
    let (resolver, params) = concise(&name, &reference.resolver, &reference.params, scope);
    let task = library.task(Reference {
        name: &name,
        resolver: &resolver,
        params: &params,
    })?;
    let actions = actions(Some(&task.metadata.name), &task.spec, library, scope)?;
    Ok(ResolvedTask {
        name: Some(task.metadata.name.clone()),
        labels: task.metadata.labels.clone(),
        annotations: task.metadata.annotations.clone(),
        spec: task.spec.clone(),
        actions,
    })
}

/// The resolver and parameters of a reference, also when it is a URL (`http` by convention).
pub fn concise(
    name: &str,
    resolver: &str,
    params: &[Param],
    scope: &Scope,
) -> (String, Vec<Param>) {
    if resolver.is_empty() && name.contains("://") {
        return ("http".to_owned(), concise_params(name));
    }
    (resolver.to_owned(), scope.params(params))
}

/// `task` is the name of the Task; `None` for one written in place.
fn actions(
    task: Option<&str>,
    spec: &TaskSpec,
    library: &Library,
    scope: &Scope,
) -> Result<Vec<Option<StepActionSpec>>, ResolveError> {
    let mut scope = scope.clone();
    for param in &spec.params {
        if let Some(default) = param
            .default
            .as_ref()
            .filter(|_| !scope.knows(&format!("params.{}", param.name)))
        {
            scope.set_param(&param.name, default);
        }
    }
    spec.steps
        .iter()
        .enumerate()
        .map(|(index, step)| {
            let Some(reference) = &step.step_ref else {
                return Ok(None);
            };
            action(reference, library, &scope)
                .map(Some)
                .map_err(|error| ResolveError::StepAction {
                    step: step.name.clone(),
                    index,
                    task: task.map(str::to_owned),
                    error: Box::new(error),
                })
        })
        .collect()
}

fn action(
    reference: &StepRef,
    library: &Library,
    scope: &Scope,
) -> Result<StepActionSpec, ResolveError> {
    let (resolver, params) = concise(
        &reference.name,
        &reference.resolver,
        &reference.params,
        scope,
    );
    let found = library.step_action(Reference {
        name: &reference.name,
        resolver: &resolver,
        params: &params,
    })?;
    Ok(found.spec.clone())
}
