//! What keeps a request from being carried out.

use std::collections::BTreeSet;

use super::earlier_run::EarlierRun;
use super::fault::PartialFault;
use super::reuse_plan::{Decision, ReusePlan};
use super::selection::{Given, Selection};
use crate::diagnostic::did_you_mean;
use crate::plan::model::{Body, Plan, PlannedTask};
use crate::resolve::ResolvedTask;
use crate::spec::param::ParamType;
use crate::spec::task::TaskResult;

/// Faults of the names, which make everything else meaningless.
pub(crate) fn names(
    plan: &Plan,
    source: Option<&EarlierRun>,
    selection: &Selection,
) -> Vec<PartialFault> {
    let disable: Vec<&String> = selection.disable.iter().map(|entry| &entry.name).collect();
    let enable: Vec<&String> = selection.enable.iter().collect();
    let mut faults = Vec::new();
    for (list, tasks) in [
        ("disableTasks", disable.clone()),
        ("enableTasks", enable.clone()),
        ("--result", selection.results.keys().collect()),
        ("--only", selection.only.iter().collect()),
        ("--until", selection.until.iter().collect()),
        ("--from", selection.from.iter().collect()),
    ] {
        faults.extend(of_list(plan, list, &tasks));
    }
    let both = enable.into_iter().filter(|task| disable.contains(task));
    faults.extend(both.cloned().map(PartialFault::Both));
    if !selection.enable.is_empty() && source.is_none() {
        faults.push(PartialFault::EnableWithoutSource);
    }
    if let Some(source) = source.filter(|_| !selection.force)
        && !source.tasks.is_empty()
        && !plan
            .tasks
            .iter()
            .any(|task| source.tasks.contains_key(&task.name))
    {
        faults.push(PartialFault::OtherPipeline(source.run.clone()));
    }
    faults
}

fn of_list(plan: &Plan, list: &'static str, tasks: &[&String]) -> Vec<PartialFault> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for task in tasks {
        if !seen.insert(*task) {
            faults.push(PartialFault::Duplicate {
                list,
                task: (*task).clone(),
            });
        } else if plan.index_of(task).is_none() {
            let known = plan.tasks.iter().map(|planned| planned.name.as_str());
            faults.push(PartialFault::UnknownTask {
                list,
                task: (*task).clone(),
                near: did_you_mean(task, known).map(str::to_owned),
            });
        }
    }
    faults
}

/// Values given for results: of disabled tasks only, and as their Tasks declare them. Where a Task
/// is not at hand there is a warning.
pub(crate) fn given(
    plan: &Plan,
    selection: &Selection,
    reuse: &mut ReusePlan,
) -> Vec<PartialFault> {
    let mut faults = Vec::new();
    for (task, results) in &selection.results {
        if reuse.disabled(task).is_none() {
            faults.extend(results.keys().map(|result| PartialFault::ResultOfEnabled {
                task: task.clone(),
                result: result.clone(),
            }));
            continue;
        }
        let planned = plan.tasks.iter().find(|planned| planned.name == *task);
        match planned.and_then(|planned| Some((planned, definition(planned)?))) {
            Some((planned, definition)) => {
                faults.extend(of_task(planned, &definition.spec.results, results));
            }
            None => reuse.warnings.extend(results.keys().map(|result| {
                format!("result {task}.{result} is taken as given: the Task of \"{task}\" is not at hand")
            })),
        }
    }
    faults
}

fn definition(planned: &PlannedTask) -> Option<&ResolvedTask> {
    match &planned.body {
        Body::Task(resolved) | Body::Absent(Some(resolved)) => Some(resolved),
        Body::Pipeline | Body::Absent(None) => None,
    }
}

fn of_task(planned: &PlannedTask, declared: &[TaskResult], given: &Given) -> Vec<PartialFault> {
    let check = |(name, value): (&String, &crate::spec::param::ParamValue)| {
        let task = planned.name.clone();
        let result = name.clone();
        let Some(own) = declared.iter().find(|own| own.name == *name) else {
            let known = declared.iter().map(|own| own.name.as_str());
            return Some(PartialFault::UndeclaredResult {
                task,
                result,
                near: did_you_mean(name, known).map(str::to_owned),
            });
        };
        let declared = wanted(planned, own);
        (declared != value.kind()).then(|| PartialFault::ResultType {
            task,
            result,
            declared,
            given: value.kind(),
        })
    };
    given.iter().filter_map(check).collect()
}

/// The type its consumers see: a matrix makes arrays.
fn wanted(planned: &PlannedTask, result: &TaskResult) -> ParamType {
    if planned.source.matrix.is_some() {
        return ParamType::Array;
    }
    ParamType::parse(&result.result_type).unwrap_or(if result.properties.is_empty() {
        ParamType::String
    } else {
        ParamType::Object
    })
}

/// The type a value given for a result must have; `None` when the Task is not at hand, or does
/// not declare it.
pub fn result_type(plan: &Plan, task: &str, result: &str) -> Option<ParamType> {
    let planned = plan.tasks.iter().find(|planned| planned.name == task)?;
    let declared = &definition(planned)?.spec.results;
    let own = declared.iter().find(|own| own.name == result)?;
    Some(wanted(planned, own))
}

/// Results of disabled tasks that a task which will run needs. Finally tasks are skipped instead.
pub(crate) fn missing(plan: &Plan, reuse: &ReusePlan) -> Vec<PartialFault> {
    let mut faults = Vec::new();
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
            let fault = PartialFault::MissingResult {
                task: reference.task.clone(),
                result: reference.result.clone(),
                needed_by: task.name.clone(),
            };
            if !results.contains_key(&reference.result) && !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    faults
}
