//! The pipeline as the status of its run shows it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::diagnostic::FieldPath;
use crate::resolve::ResolvedPipeline;
use crate::spec::param::ParamValue;
use crate::spec::pipeline::{Matrix, PipelineTask};
use crate::substitution::{Scope, TooLarge, fields};

/// The pipeline as `status.pipelineSpec` shows it: params and context replaced, results not yet.
/// Fails with the first task, and its field, that makes it larger than a cluster could store.
pub(super) fn substituted(
    pipeline: &ResolvedPipeline,
    scope: &Scope,
) -> Result<Value, (FieldPath, String, TooLarge)> {
    let mut scope = scope.clone();
    scope.begin_object();
    let mut spec = pipeline.spec.clone();
    for (side, tasks) in [("tasks", &mut spec.tasks), ("finally", &mut spec.finally)] {
        for (index, task) in tasks.iter_mut().enumerate() {
            substitute_task(task, &scope);
            scope.exceeded().map_err(|error| {
                let path = FieldPath::root().key(side).index(index);
                (path, task.name.clone(), error)
            })?;
        }
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
        fields::task_spec(&mut spec, &mut &inner);
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
