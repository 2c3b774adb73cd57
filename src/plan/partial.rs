//! Running part of a pipeline: which tasks are disabled, which are reused and which run (TEP-0077).
//!
//! The decision is a pure function of the plan, of what is known of the source run and of what was
//! asked for. Whether a success is really reused is settled when its task is about to start, by
//! comparing its inputs ([`Carried::reusable`]): a parent that runs again may yield other results.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::inputs::{Change, Inputs, first_change};
use super::model::{Body, Plan};
use crate::diagnostic::did_you_mean;
use crate::spec::param::{Param, ParamType, ParamValue};

/// When a success of the source run is reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reuse {
    /// When its inputs are the same.
    #[default]
    Unchanged,
    /// Whatever changed: the letter of the TEP.
    Always,
}

/// A task that is not to run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Disable {
    /// The task.
    pub name: String,
    /// Values its consumers get instead of its results.
    pub results: BTreeMap<String, ParamValue>,
    /// Everything downstream of it is disabled as well.
    pub dependents: bool,
}

/// What was asked for, in the file and on the command line, merged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// Tasks that are not to run.
    pub disable: Vec<Disable>,
    /// Tasks that run again although they succeeded.
    pub enable: Vec<String>,
    /// Only these; the others are disabled, or reused when resuming.
    pub only: Option<BTreeSet<String>>,
    /// When a success is reused.
    pub reuse: Reuse,
}

/// A TaskRun of the source run that succeeded.
#[derive(Debug, Clone, PartialEq)]
pub struct Success {
    /// Its matrix params; empty without a matrix.
    pub combination: Vec<Param>,
    /// `<run>/<taskrun>` that really executed it.
    pub executed_by: String,
    /// Its object, with status.
    pub object: Value,
    /// Its results.
    pub results: BTreeMap<String, ParamValue>,
    /// The digests of its inputs.
    pub inputs: Inputs,
}

/// How a task ended in the source run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceState {
    /// All its TaskRuns succeeded, or were reused.
    Succeeded,
    /// It failed, was cancelled or timed out, or its failure was ignored.
    Failed,
    /// Its guard was false.
    SkippedByGuard,
    /// It never started.
    NotRun,
}

/// A task of the source run.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceTask {
    /// How it ended.
    pub state: SourceState,
    /// Its TaskRuns that succeeded.
    pub successes: Vec<Success>,
}

/// The source run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Source {
    /// Its id.
    pub run: String,
    /// Its tasks by name.
    pub tasks: BTreeMap<String, SourceTask>,
}

/// What becomes of a task.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It is not started; its results are these.
    Disabled(BTreeMap<String, ParamValue>),
    /// It runs; a matrix may still reuse the combinations that succeeded.
    Run,
    /// Its success is reused, unless its inputs turn out to have changed.
    Reuse,
}

/// One line of the plan of a resumed run.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskFate {
    /// The task.
    pub task: String,
    /// What becomes of it.
    pub fate: Fate,
    /// Why, for people; empty when there is nothing to say.
    pub reason: String,
}

/// What an earlier run and the request settle for a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Carried {
    /// The tasks in the order of the plan.
    pub fates: Vec<TaskFate>,
    reuse: Reuse,
    successes: BTreeMap<String, Vec<Success>>,
}

impl Carried {
    /// The results of a disabled task; `None` when it is not disabled.
    pub fn disabled(&self, task: &str) -> Option<&BTreeMap<String, ParamValue>> {
        self.fates
            .iter()
            .find(|fate| fate.task == task)
            .and_then(|fate| match &fate.fate {
                Fate::Disabled(results) => Some(results),
                Fate::Run | Fate::Reuse => None,
            })
    }

    /// The success that stands for a TaskRun about to start, or what about its inputs changed.
    pub fn reusable(
        &self,
        task: &str,
        combination: &[Param],
        inputs: &Inputs,
    ) -> Option<Result<&Success, Change>> {
        let success = self
            .successes
            .get(task)?
            .iter()
            .find(|success| same_params(&success.combination, combination))?;
        if self.reuse == Reuse::Always {
            return Some(Ok(success));
        }
        Some(first_change(&success.inputs, inputs).map_or(Ok(success), Err))
    }

    /// True when a task may be reused.
    pub fn may_reuse(&self, task: &str) -> bool {
        self.successes.contains_key(task)
    }
}

fn same_params(one: &[Param], other: &[Param]) -> bool {
    one.len() == other.len() && one.iter().all(|param| other.contains(param))
}

/// What is wrong with a request; nothing starts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartialFault {
    /// A task that the pipeline does not have.
    #[error("{list}: the pipeline has no task \"{task}\"{}", .near.as_ref().map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default())]
    UnknownTask {
        /// Where it was named.
        list: &'static str,
        /// The name.
        task: String,
        /// A name that is close.
        near: Option<String>,
    },
    /// A finally task, which always runs.
    #[error("{list}: \"{task}\" is a finally task; finally tasks always run")]
    Finally {
        /// Where it was named.
        list: &'static str,
        /// The name.
        task: String,
    },
    /// The same task twice.
    #[error("{list}: \"{task}\" is named more than once")]
    Duplicate {
        /// Where.
        list: &'static str,
        /// The name.
        task: String,
    },
    /// Enabled and disabled.
    #[error("\"{0}\" is both enabled and disabled")]
    Both(String),
    /// `enableTasks` without a source.
    #[error("enableTasks has no meaning without resumeFrom: nothing is reused")]
    EnableWithoutSource,
    /// A result of a task that is not disabled.
    #[error(
        "result {task}.{result} is given, but \"{task}\" is not disabled; add --disable {task}"
    )]
    ResultOfEnabled {
        /// The task.
        task: String,
        /// The result.
        result: String,
    },
    /// A result the Task does not declare.
    #[error("task \"{task}\" declares no result \"{result}\"{}", .near.as_ref().map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default())]
    UndeclaredResult {
        /// The task.
        task: String,
        /// The result.
        result: String,
        /// A name that is close.
        near: Option<String>,
    },
    /// A value of another type than declared.
    #[error("result {task}.{result} is of type {declared}, the value given is of type {given}")]
    ResultType {
        /// The task.
        task: String,
        /// The result.
        result: String,
        /// The type it is declared with.
        declared: ParamType,
        /// The type of the value.
        given: ParamType,
    },
    /// A result that is needed and nobody gives.
    #[error(
        "task \"{needed_by}\" needs result {task}.{result} of a disabled task; give it with --result {task}.{result}=VALUE"
    )]
    MissingResult {
        /// The disabled task.
        task: String,
        /// The result.
        result: String,
        /// Who needs it.
        needed_by: String,
    },
    /// Not one task in common with the source.
    #[error(
        "run \"{0}\" is of another pipeline: no task name in common; --force resumes it all the same"
    )]
    OtherPipeline(String),
}

/// Decides about every task. All faults are told together.
pub fn decide(
    plan: &Plan,
    source: Option<&Source>,
    selection: &Selection,
) -> Result<Carried, Vec<PartialFault>> {
    let mut faults = check_names(plan, source.is_some(), selection);
    if !faults.is_empty() {
        return Err(faults);
    }
    let disabled = disabled(plan, source, selection);
    let mut carried = Carried {
        reuse: selection.reuse,
        ..Carried::default()
    };
    for task in &plan.tasks {
        let known = source.and_then(|source| source.tasks.get(&task.name));
        if let Some((reason, given)) = disabled.get(&task.name) {
            let mut results = known
                .and_then(|known| known.successes.first())
                .map(|success| success.results.clone())
                .unwrap_or_default();
            results.extend(given.clone());
            carried.fates.push(TaskFate {
                task: task.name.clone(),
                fate: Fate::Disabled(results),
                reason: reason.clone(),
            });
            continue;
        }
        let (fate, reason) = fate(plan, task.finally, &task.name, source, selection);
        if !task.finally
            && !selection.enable.contains(&task.name)
            && let Some(known) = known.filter(|known| !known.successes.is_empty())
            && (fate == Fate::Reuse || task.source.matrix.is_some())
        {
            carried
                .successes
                .insert(task.name.clone(), known.successes.clone());
        }
        carried.fates.push(TaskFate {
            task: task.name.clone(),
            fate,
            reason,
        });
    }
    faults.extend(missing_results(plan, &carried));
    if faults.is_empty() {
        Ok(carried)
    } else {
        Err(faults)
    }
}

/// Rows 3 to 10 of the table of decisions.
fn fate(
    plan: &Plan,
    finally: bool,
    task: &str,
    source: Option<&Source>,
    selection: &Selection,
) -> (Fate, String) {
    let Some(source) = source else {
        return (Fate::Run, String::new());
    };
    let run = &source.run;
    if finally {
        return (Fate::Run, "finally tasks always run again".to_owned());
    }
    if selection.enable.iter().any(|enabled| enabled == task) {
        return (Fate::Run, "enabled".to_owned());
    }
    match source.tasks.get(task).map(|known| known.state) {
        Some(SourceState::Succeeded) => {
            let again = again_before(plan, task, source, selection);
            let reason = if again.is_empty() || selection.reuse == Reuse::Always {
                format!("succeeded in {run}")
            } else {
                format!(
                    "succeeded in {run}; reuse if the results of {} do not change",
                    again.join(", ")
                )
            };
            (Fate::Reuse, reason)
        }
        Some(SourceState::Failed) => (Fate::Run, format!("failed in {run}")),
        Some(SourceState::SkippedByGuard) => (Fate::Run, format!("skipped in {run}")),
        Some(SourceState::NotRun) | None => (Fate::Run, format!("not run in {run}")),
    }
}

/// The producers of a task's results that run again.
fn again_before(plan: &Plan, task: &str, source: &Source, selection: &Selection) -> Vec<String> {
    let Some(planned) = plan.tasks.iter().find(|planned| planned.name == task) else {
        return Vec::new();
    };
    let producers: BTreeSet<&String> = planned
        .result_refs
        .iter()
        .map(|reference| &reference.task)
        .collect();
    let again = |name: &str| {
        selection.enable.iter().any(|enabled| enabled == name)
            || source
                .tasks
                .get(name)
                .is_none_or(|known| known.state != SourceState::Succeeded)
    };
    let disabled = |name: &str| selection.disable.iter().any(|disable| disable.name == name);
    producers
        .into_iter()
        .filter(|name| again(name) && !disabled(name))
        .cloned()
        .collect()
}

type Disabled = BTreeMap<String, (String, BTreeMap<String, ParamValue>)>;

/// Rows 1 and 2, and what `--only` and its kin leave out.
fn disabled(plan: &Plan, source: Option<&Source>, selection: &Selection) -> Disabled {
    let mut disabled: Disabled = selection
        .disable
        .iter()
        .map(|disable| {
            (
                disable.name.clone(),
                ("disabled".to_owned(), disable.results.clone()),
            )
        })
        .collect();
    for disable in selection
        .disable
        .iter()
        .filter(|disable| disable.dependents)
    {
        for name in downstream(plan, &disable.name) {
            disabled
                .entry(name)
                .or_insert_with(|| (format!("disabled with {}", disable.name), BTreeMap::new()));
        }
    }
    if let Some(only) = &selection.only {
        for task in plan
            .tasks
            .iter()
            .filter(|task| !task.finally && !only.contains(&task.name))
        {
            let known = source.and_then(|source| source.tasks.get(&task.name));
            if known.is_none_or(|known| known.state != SourceState::Succeeded) {
                disabled
                    .entry(task.name.clone())
                    .or_insert_with(|| ("not selected".to_owned(), BTreeMap::new()));
            }
        }
    }
    disabled
}

/// The tasks that wait for a task, directly or not.
pub fn downstream(plan: &Plan, task: &str) -> BTreeSet<String> {
    reach(plan, task, |plan, index| {
        plan.graph.children(index).collect()
    })
}

/// The tasks a task waits for, directly or not.
pub fn upstream(plan: &Plan, task: &str) -> BTreeSet<String> {
    reach(plan, task, |plan, index| {
        plan.graph.parents(index).collect()
    })
}

fn reach(plan: &Plan, task: &str, next: impl Fn(&Plan, usize) -> Vec<usize>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<usize> = plan.index_of(task).into_iter().collect();
    while let Some(index) = open.pop() {
        for each in next(plan, index) {
            if found.insert(plan.tasks[each].name.clone()) {
                open.push(each);
            }
        }
    }
    found
}

fn check_names(plan: &Plan, resuming: bool, selection: &Selection) -> Vec<PartialFault> {
    let mut faults = Vec::new();
    let names = |plan: &Plan| {
        plan.tasks
            .iter()
            .map(|task| task.name.clone())
            .collect::<Vec<_>>()
    };
    let disable: Vec<&String> = selection
        .disable
        .iter()
        .map(|disable| &disable.name)
        .collect();
    let lists = [
        ("disableTasks", disable.clone()),
        ("enableTasks", selection.enable.iter().collect()),
        ("--only", selection.only.iter().flatten().collect()),
    ];
    for (list, entries) in lists {
        let mut seen = BTreeSet::new();
        for task in entries {
            match plan.tasks.iter().find(|planned| planned.name == *task) {
                None => faults.push(PartialFault::UnknownTask {
                    list,
                    task: task.clone(),
                    near: did_you_mean(task, names(plan).iter().map(String::as_str))
                        .map(str::to_owned),
                }),
                Some(planned) if planned.finally && list != "--only" => {
                    faults.push(PartialFault::Finally {
                        list,
                        task: task.clone(),
                    });
                }
                Some(_) => {}
            }
            if !seen.insert(task) {
                faults.push(PartialFault::Duplicate {
                    list,
                    task: task.clone(),
                });
            }
        }
    }
    faults.extend(
        selection
            .enable
            .iter()
            .filter(|task| disable.contains(task))
            .cloned()
            .map(PartialFault::Both),
    );
    if !selection.enable.is_empty() && !resuming {
        faults.push(PartialFault::EnableWithoutSource);
    }
    for entry in &selection.disable {
        faults.extend(check_results(plan, entry));
    }
    faults
}

fn check_results(plan: &Plan, disable: &Disable) -> Vec<PartialFault> {
    let planned = plan
        .tasks
        .iter()
        .find(|planned| planned.name == disable.name);
    let Some(Body::Task(resolved)) = planned.map(|planned| &planned.body) else {
        return Vec::new();
    };
    let declared = &resolved.spec.results;
    disable
        .results
        .iter()
        .filter_map(
            |(name, value)| match declared.iter().find(|result| result.name == *name) {
                None => Some(PartialFault::UndeclaredResult {
                    task: disable.name.clone(),
                    result: name.clone(),
                    near: did_you_mean(name, declared.iter().map(|result| result.name.as_str()))
                        .map(str::to_owned),
                }),
                Some(result) => {
                    let wanted = ParamType::parse(&result.result_type).unwrap_or({
                        if result.properties.is_empty() {
                            ParamType::String
                        } else {
                            ParamType::Object
                        }
                    });
                    (wanted != value.kind()).then(|| PartialFault::ResultType {
                        task: disable.name.clone(),
                        result: name.clone(),
                        declared: wanted,
                        given: value.kind(),
                    })
                }
            },
        )
        .collect()
}

/// Results of disabled tasks that a task which will run needs. Finally tasks are skipped instead.
fn missing_results(plan: &Plan, carried: &Carried) -> Vec<PartialFault> {
    let mut faults = Vec::new();
    for (task, fate) in plan.tasks.iter().zip(&carried.fates) {
        if task.finally || matches!(fate.fate, Fate::Disabled(_)) {
            continue;
        }
        for reference in &task.result_refs {
            let Some(results) = carried.disabled(&reference.task) else {
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
