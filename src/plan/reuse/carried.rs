//! What is settled before the start.

use std::collections::{BTreeMap, BTreeSet};

use super::selection::{Given, Reuse};
use super::source::{Success, results};
use crate::plan::fingerprint::{Change, Inputs, first_change};
use crate::plan::model::Plan;
use crate::spec::param::Param;

/// What becomes of a task.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It is not started; its results are these.
    Disabled(Given),
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

/// What can be told before the start of a task with successes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Foreseen {
    /// How many of its TaskRuns can be reused as far as is known.
    pub reused: usize,
    /// How many TaskRuns it has.
    pub all: usize,
    /// What changed, of the first TaskRun that cannot be reused.
    pub change: Option<Change>,
}

/// What an earlier run and the request settle for a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Carried {
    /// The tasks in the order of the plan.
    pub fates: Vec<TaskFate>,
    /// What a person should know that keeps nothing from starting.
    pub warnings: Vec<String>,
    pub(crate) reuse: Reuse,
    pub(crate) successes: BTreeMap<String, Vec<Success>>,
    /// Tasks that were not chosen: their success is reused whatever changed.
    pub(crate) unchosen: BTreeSet<String>,
}

impl Carried {
    /// The results of a disabled task; `None` when it is not disabled.
    pub fn disabled(&self, task: &str) -> Option<&Given> {
        match &self.fate(task)?.fate {
            Fate::Disabled(results) => Some(results),
            Fate::Run | Fate::Reuse => None,
        }
    }

    /// What becomes of a task; `None` when nothing is settled.
    pub fn fate(&self, task: &str) -> Option<&TaskFate> {
        self.fates.iter().find(|fate| fate.task == task)
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
        if self.stays(task) {
            return Some(Ok(success));
        }
        Some(first_change(&success.inputs, inputs).map_or(Ok(success), Err))
    }

    /// True when a success of this task is reused whatever changed.
    pub(crate) fn stays(&self, task: &str) -> bool {
        self.reuse == Reuse::Always || self.unchosen.contains(task)
    }

    /// True when a task may be reused.
    pub fn may_reuse(&self, task: &str) -> bool {
        self.successes.contains_key(task)
    }

    /// The TaskRuns that may stand for those of a task.
    pub fn successes(&self, task: &str) -> &[Success] {
        self.successes.get(task).map_or(&[], Vec::as_slice)
    }

    /// What the consumers of a disabled or reused task get, as far as it is settled.
    pub fn values(&self, task: &str) -> Given {
        match self.fate(task).map(|fate| &fate.fate) {
            Some(Fate::Disabled(given)) => given.clone(),
            Some(Fate::Reuse) => results(self.successes(task)),
            Some(Fate::Run) | None => Given::new(),
        }
    }

    /// Takes in what can be told before the start: a success whose inputs have changed runs again,
    /// and one that waits for results of such a task is reused only if they do not change.
    pub fn foresee(&mut self, plan: &Plan, foreseen: &BTreeMap<String, Foreseen>) {
        let mut open: BTreeSet<&str> = BTreeSet::new();
        for index in plan.graph.order() {
            let planned = &plan.tasks[*index];
            let producers: BTreeSet<&str> = planned
                .result_refs
                .iter()
                .map(|reference| reference.task.as_str())
                .filter(|task| open.contains(task))
                .collect();
            let stays = self.stays(&planned.name);
            let Some(fate) = self.fates.iter_mut().find(|fate| fate.task == planned.name) else {
                continue;
            };
            if let Some(known) = foreseen.get(&planned.name) {
                settle(fate, known);
            }
            if fate.fate == Fate::Reuse && !producers.is_empty() && !stays {
                let producers: Vec<String> =
                    producers.iter().map(|task| format!("{task}'s")).collect();
                fate.reason = format!(
                    "if {} results do not change; {}",
                    producers.join(" and "),
                    fate.reason
                );
                open.insert(&planned.name);
            }
            if fate.fate == Fate::Run {
                open.insert(&planned.name);
            }
        }
    }
}

fn settle(fate: &mut TaskFate, known: &Foreseen) {
    let Foreseen {
        reused,
        all,
        change,
    } = known;
    if reused == all && fate.fate == Fate::Reuse {
        return;
    }
    if fate.fate == Fate::Reuse {
        fate.fate = Fate::Run;
        if let (Some(change), 0) = (change, *reused) {
            fate.reason = format!("changed: {change}");
            return;
        }
    }
    if *reused > 0 {
        fate.reason = format!("{}; {reused} of {all} combinations are reused", fate.reason);
    }
    if let Some(change) = change {
        fate.reason = format!("{}; changed: {change}", fate.reason);
    }
}

fn same_params(one: &[Param], other: &[Param]) -> bool {
    one.len() == other.len() && one.iter().all(|param| other.contains(param))
}
