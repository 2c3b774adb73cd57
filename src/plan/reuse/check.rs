//! What keeps a request from being carried out.

use std::collections::BTreeSet;

use super::earlier_run::EarlierRun;
use super::error::PartialError;
use super::reuse_plan::{Decision, ReusePlan};
use super::selection::{Given, Selection};
use crate::diagnostic::did_you_mean;
use crate::language::consumed_type;
use crate::plan::model::{Body, Plan, PlannedTask};
use crate::resolve::ResolvedTask;
use crate::spec::param::{ParamType, ParamValue};
use crate::spec::task::TaskResult;
use crate::substitution::Access;

/// Errors of the names, which make everything else meaningless.
pub(crate) fn names(
    plan: &Plan,
    source: Option<&EarlierRun>,
    selection: &Selection,
) -> Vec<PartialError> {
    let disable: Vec<&String> = selection.disable.iter().map(|entry| &entry.name).collect();
    let enable: Vec<&String> = selection.enable.iter().collect();
    let mut errors = Vec::new();
    for (list, tasks) in [
        ("disableTasks", disable.clone()),
        ("enableTasks", enable.clone()),
        ("--result", selection.results.keys().collect()),
        ("--only", selection.only.iter().collect()),
        ("--until", selection.until.iter().collect()),
        ("--from", selection.from.iter().collect()),
    ] {
        errors.extend(of_list(plan, list, &tasks));
    }
    let both = enable.into_iter().filter(|task| disable.contains(task));
    errors.extend(both.cloned().map(PartialError::Both));
    if !selection.enable.is_empty() && source.is_none() {
        errors.push(PartialError::EnableWithoutSource);
    }
    if let Some(source) = source.filter(|_| !selection.force)
        && !source.tasks.is_empty()
        && !plan
            .tasks
            .iter()
            .any(|task| source.tasks.contains_key(&task.name))
    {
        errors.push(PartialError::OtherPipeline(source.run.clone()));
    }
    errors
}

fn of_list(plan: &Plan, list: &'static str, tasks: &[&String]) -> Vec<PartialError> {
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    for task in tasks {
        if !seen.insert(*task) {
            errors.push(PartialError::Duplicate {
                list,
                task: (*task).clone(),
            });
        } else if plan.index_of(task).is_none() {
            let known = plan.tasks.iter().map(|planned| planned.name.as_str());
            errors.push(PartialError::UnknownTask {
                list,
                task: (*task).clone(),
                near: did_you_mean(task, known).map(str::to_owned),
            });
        }
    }
    errors
}

/// Values given for results: of disabled tasks only, and as their Tasks declare them. Where a Task
/// is not at hand there is a warning.
pub(crate) fn given(
    plan: &Plan,
    selection: &Selection,
    reuse: &mut ReusePlan,
) -> Vec<PartialError> {
    let mut errors = Vec::new();
    for (task, results) in &selection.results {
        if reuse.disabled(task).is_none() {
            errors.extend(results.keys().map(|result| PartialError::ResultOfEnabled {
                task: task.clone(),
                result: result.clone(),
            }));
            continue;
        }
        let planned = plan.tasks.iter().find(|planned| planned.name == *task);
        match planned.and_then(|planned| Some((planned, definition(planned)?))) {
            Some((planned, definition)) => {
                errors.extend(of_task(planned, &definition.spec.results, results));
            }
            None => reuse.warnings.extend(results.keys().map(|result| {
                format!("result {task}.{result} cannot be checked: the Task of \"{task}\" is not in the files")
            })),
        }
    }
    errors
}

fn definition(planned: &PlannedTask) -> Option<&ResolvedTask> {
    match &planned.body {
        Body::Task(resolved) | Body::Absent(Some(resolved)) => Some(resolved),
        Body::Pipeline | Body::Absent(None) => None,
    }
}

fn of_task(planned: &PlannedTask, declared: &[TaskResult], given: &Given) -> Vec<PartialError> {
    let check = |(name, value): (&String, &ParamValue)| {
        let task = planned.name.clone();
        let result = name.clone();
        let Some(own) = declared.iter().find(|own| own.name == *name) else {
            let known = declared.iter().map(|own| own.name.as_str());
            return Some(PartialError::UndeclaredResult {
                task,
                result,
                near: did_you_mean(name, known).map(str::to_owned),
            });
        };
        let declared = consumed_type(own, planned.source.matrix.is_some());
        (declared != value.kind()).then(|| PartialError::ResultType {
            task,
            result,
            declared,
            given: value.kind(),
        })
    };
    given.iter().filter_map(check).collect()
}

/// The type a value given for a result must have; `None` when the Task is not at hand, or does
/// not declare it.
pub fn result_type(plan: &Plan, task: &str, result: &str) -> Option<ParamType> {
    let planned = plan.tasks.iter().find(|planned| planned.name == task)?;
    let declared = &definition(planned)?.spec.results;
    let own = declared.iter().find(|own| own.name == result)?;
    Some(consumed_type(own, planned.source.matrix.is_some()))
}

/// Results of disabled tasks, and parts of them, that a task which will run needs. Finally tasks are
/// skipped instead.
pub(crate) fn missing(plan: &Plan, reuse: &ReusePlan) -> Vec<PartialError> {
    let mut errors = Vec::new();
    for (task, decision) in plan.tasks.iter().zip(&reuse.decisions) {
        let settled = match decision.decision {
            Decision::Disabled(_) => true,
            Decision::Reuse => reuse.stays(&task.name),
            Decision::Run => false,
        };
        if task.finally || settled {
            continue;
        }
        for reference in &task.result_refs {
            let Some(results) = reuse.disabled(&reference.task) else {
                continue;
            };
            let error = match results.get(&reference.result) {
                None => PartialError::MissingResult {
                    task: reference.task.clone(),
                    result: reference.result.clone(),
                    needed_by: task.name.clone(),
                },
                Some(value) if !has_part(value, &reference.access) => PartialError::MissingPart {
                    task: reference.task.clone(),
                    result: reference.result.clone(),
                    part: reference.part(),
                    needed_by: task.name.clone(),
                },
                Some(_) => continue,
            };
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
    }
    errors
}

fn has_part(value: &ParamValue, access: &Access) -> bool {
    match (access, value) {
        (Access::Key(key), ParamValue::Object(map)) => map.contains_key(key),
        (Access::Index(index), ParamValue::Array(items)) => *index < items.len(),
        // Another type than the reference expects is an error of its own.
        _ => true,
    }
}
