//! Checks of a run against its pipeline, with the reasons they have on a cluster.

use std::collections::{BTreeSet, HashMap};

use super::model::{Body, Identity, PlannedTask};
use super::workspaces::wanted_workspaces;
use crate::language::matrix_type_fault;
use crate::resolve::task_params;
use crate::spec::param::{Param, ParamType, ParamValue};
use crate::spec::pipeline::{Matrix, PipelineRunSpec, PipelineSpec};
use crate::spec::when::WhenExpression;
use crate::status::{Condition, Reason};
use crate::substitution::{ResultRef, Scope, references};

/// Row 13 of the order of checks: an item that an array does not have.
pub(super) fn array_indexes(
    identity: &Identity,
    pipeline: &str,
    spec: &PipelineSpec,
    scope: &Scope,
) -> Result<(), Condition> {
    let mut texts: Vec<&str> = Vec::new();
    for task in spec.tasks.iter().chain(&spec.finally) {
        let matrix = task.matrix.iter().flat_map(|matrix| &matrix.params);
        for param in task.params.iter().chain(matrix) {
            texts.extend(param.value.texts());
        }
        texts.extend(task.when.iter().flat_map(WhenExpression::texts));
        texts.extend(
            task.workspaces
                .iter()
                .map(|workspace| workspace.sub_path.as_str()),
        );
    }
    let wrong: BTreeSet<String> = texts
        .into_iter()
        .flat_map(references)
        .filter(|reference| scope.is_out_of_bounds(reference))
        .map(|reference| format!("$({reference})"))
        .collect();
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Condition::failed(
        Reason::ParamArrayIndexingInvalid,
        format!(
            "[User error] PipelineRun {} failed validation: failed to validate Pipeline {}/{pipeline}'s parameter which has an invalid index while referring to an array: non-existent param references:[{}]",
            identity.qualified(),
            identity.namespace,
            wrong.into_iter().collect::<Vec<_>>().join(" ")
        ),
    ))
}

/// Row 14: a workspace the pipeline needs and the run does not give.
pub(super) fn workspaces(
    identity: &Identity,
    pipeline: &str,
    spec: &PipelineSpec,
    run: &PipelineRunSpec,
) -> Result<(), Condition> {
    let bound: BTreeSet<&str> = run.workspaces.iter().map(|it| it.name.as_str()).collect();
    let bound = |name: &str| bound.contains(name);
    let missing = spec
        .workspaces
        .iter()
        .find(|workspace| !workspace.optional && !bound(&workspace.name));
    let Some(workspace) = missing else {
        return Ok(());
    };
    Err(Condition::failed(
        Reason::InvalidWorkspaceBindings,
        format!(
            "[User error] PipelineRun {} doesn't bind Pipeline {}/{pipeline}'s Workspaces correctly: pipeline requires workspace with name \"{}\" be provided by pipelinerun",
            identity.qualified(),
            identity.namespace,
            workspace.name
        ),
    ))
}

/// Row 15: settings for a task that is not there.
pub(super) fn task_run_specs(
    identity: &Identity,
    spec: &PipelineSpec,
    run: &PipelineRunSpec,
) -> Result<(), Condition> {
    let tasks = spec.tasks.iter().chain(&spec.finally);
    let known: BTreeSet<&str> = tasks.map(|task| task.name.as_str()).collect();
    let known = |name: &str| known.contains(name);
    let wrong = run
        .task_run_specs
        .iter()
        .find(|entry| !known(&entry.pipeline_task_name));
    let Some(entry) = wrong else { return Ok(()) };
    Err(Condition::failed(
        Reason::InvalidTaskRunSpecs,
        format!(
            "[User error] PipelineRun {} doesn't define taskRunSpecs correctly: pipelineRun's taskrunSpecs defined wrong taskName: \"{}\", does not exist in Pipeline",
            identity.qualified(),
            entry.pipeline_task_name
        ),
    ))
}

/// Rows 19 to 25: what each task is given and refers to.
pub(super) fn tasks(
    identity: &Identity,
    pipeline: &PipelineSpec,
    tasks: &[PlannedTask],
    scope: &Scope,
    run: &PipelineRunSpec,
) -> Result<(), Condition> {
    for task in tasks {
        params(identity, task, scope)?;
    }
    let mut by_name = HashMap::with_capacity(tasks.len());
    for task in tasks {
        by_name.entry(task.name.as_str()).or_insert(task);
    }
    for task in tasks {
        for reference in &task.result_refs {
            result_reference(task, reference, &by_name)?;
        }
    }
    pipeline_results(identity, pipeline, &by_name)?;
    for task in tasks {
        optional_workspaces(task, pipeline)?;
        matrix_types(task, scope)?;
    }
    tasks
        .iter()
        .try_for_each(|task| bound_workspaces(task, run))
}

fn params(identity: &Identity, task: &PlannedTask, scope: &Scope) -> Result<(), Condition> {
    let Body::Task(resolved) = &task.body else {
        return Ok(());
    };
    let matrix = task.source.matrix.as_ref();
    let late = |param: &Param| Param {
        name: param.name.clone(),
        value: ParamValue::from("$(matrix)"),
    };
    let fanned = matrix.into_iter().flat_map(Matrix::all_params);
    let mut given = scope.params(&task.source.params);
    let fail = |text: String| {
        let name = resolved.name.as_deref().unwrap_or(&task.name);
        Err(Condition::failed(
            Reason::PipelineValidationFailed,
            format!(
                "[User error] Validation failed for pipelinerun {} with error invalid input params for task {name}: {text}",
                identity.name
            ),
        ))
    };
    for param in fanned {
        let declared = resolved
            .spec
            .params
            .iter()
            .find(|spec| spec.name == param.name);
        if declared.is_some_and(|spec| spec.kind() != ParamType::String) {
            return fail(format!(
                "param types don't match the user-specified type: [{}]",
                param.name
            ));
        }
        if !given.iter().any(|other| other.name == param.name) {
            given.push(late(param));
        }
    }
    match task_params(&resolved.spec.params, &given, &Scope::new()) {
        Err(fault) => fail(fault.of_task()),
        Ok(_) => Ok(()),
    }
}

fn result_reference(
    task: &PlannedTask,
    reference: &ResultRef,
    tasks: &HashMap<&str, &PlannedTask>,
) -> Result<(), Condition> {
    let producer = tasks.get(reference.task.as_str());
    let Some(Body::Task(resolved)) = producer.map(|producer| &producer.body) else {
        return Ok(());
    };
    if resolved
        .spec
        .results
        .iter()
        .any(|result| result.name == reference.result)
    {
        return Ok(());
    }
    Err(Condition::failed(
        Reason::InvalidTaskResultReference,
        format!(
            "[User error] invalid result reference in pipeline task \"{}\": \"{}\" is not a named result returned by pipeline task \"{}\"",
            task.name, reference.result, reference.task
        ),
    ))
}

fn pipeline_results(
    identity: &Identity,
    pipeline: &PipelineSpec,
    tasks: &HashMap<&str, &PlannedTask>,
) -> Result<(), Condition> {
    for result in &pipeline.results {
        for reference in result
            .value
            .texts()
            .into_iter()
            .flat_map(ResultRef::find_in)
        {
            let producer = tasks.get(reference.task.as_str());
            let Some(Body::Task(resolved)) = producer.map(|producer| &producer.body) else {
                continue;
            };
            if !resolved
                .spec
                .results
                .iter()
                .any(|declared| declared.name == reference.result)
            {
                return Err(Condition::failed(
                    Reason::InvalidPipelineResultReference,
                    format!(
                        "[User error] Failed to resolve pipeline result reference for \"{}\" with error invalid pipeline result \"{}\": \"{}\" is not a named result returned by pipeline task \"{}\"",
                        identity.name, result.name, reference.result, reference.task
                    ),
                ));
            }
        }
    }
    Ok(())
}

fn optional_workspaces(task: &PlannedTask, pipeline: &PipelineSpec) -> Result<(), Condition> {
    let Body::Task(resolved) = &task.body else {
        return Ok(());
    };
    for usage in &task.source.workspaces {
        let optional = pipeline
            .workspaces
            .iter()
            .any(|workspace| workspace.optional && workspace.name == usage.workspace);
        let required = resolved
            .spec
            .workspaces
            .iter()
            .any(|declared| !declared.optional && declared.name == usage.name);
        if optional && required {
            return Err(Condition::failed(
                Reason::RequiredWorkspaceMarkedOptional,
                format!(
                    "[User error] Optional workspace not supported by task: pipeline workspace \"{}\" is marked optional but pipeline task \"{}\" requires it be provided",
                    usage.workspace, task.name
                ),
            ));
        }
    }
    Ok(())
}

/// What can be told of a matrix before results are there; the rest is told when they are.
fn matrix_types(task: &PlannedTask, scope: &Scope) -> Result<(), Condition> {
    let Some(matrix) = &task.source.matrix else {
        return Ok(());
    };
    for param in scope.params(&matrix.params) {
        let late = param.value.as_str().is_some_and(|text| text.contains("$("));
        if !late && param.value.kind() != ParamType::Array {
            return Err(matrix_type_fault(ParamType::Array, &param, &task.name));
        }
    }
    Ok(())
}

/// Row 25: a workspace of a task that is bound to nothing.
fn bound_workspaces(task: &PlannedTask, run: &PipelineRunSpec) -> Result<(), Condition> {
    let Body::Task(resolved) = &task.body else {
        return Ok(());
    };
    let bound = |name: &str| run.workspaces.iter().any(|binding| binding.name == name);
    let optional = |name: &str| {
        resolved
            .spec
            .workspaces
            .iter()
            .any(|declared| declared.optional && declared.name == name)
    };
    let wanted = wanted_workspaces(&task.source, resolved);
    match wanted
        .iter()
        .find(|usage| !bound(usage.source()) && !optional(&usage.name))
    {
        Some(usage) => Err(Condition::failed(
            Reason::CreateRunFailed,
            format!(
                "[User error] expected workspace \"{}\" to be provided by pipelinerun for pipeline task \"{}\"",
                usage.source(),
                task.name
            ),
        )),
        None => Ok(()),
    }
}
