//! What is settled before the start.

use std::collections::{BTreeMap, BTreeSet};

use super::earlier_run::{Success, results};
use super::selection::{Given, Reuse};
use crate::plan::fingerprint::{Change, TaskInputs, first_change};
use crate::spec::param::Param;

/// What becomes of a task.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// It is not started; its results are these.
    Disabled(Given),
    /// It runs; a matrix may still reuse the combinations that succeeded.
    Run,
    /// Its success is reused, unless its inputs turn out to have changed.
    Reuse,
}

/// One line of the plan of a resumed run.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskDecision {
    /// The task.
    pub task: String,
    /// What becomes of it.
    pub decision: Decision,
    /// Why, for people; empty when there is nothing to say.
    pub reason: String,
}

/// What an earlier run and the request settle for a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReusePlan {
    /// The tasks in the order of the plan.
    pub decisions: Vec<TaskDecision>,
    /// What a person should know that keeps nothing from starting.
    pub warnings: Vec<String>,
    pub(crate) reuse: Reuse,
    pub(crate) successes: BTreeMap<String, Vec<Success>>,
    /// Those of tasks that run again although they succeeded: their results are not known before
    /// they have run, and until then these are the likeliest.
    pub(crate) earlier: BTreeMap<String, Vec<Success>>,
    /// Tasks that were not chosen: their success is reused whatever changed.
    pub(crate) unchosen: BTreeSet<String>,
    /// How many files of a workspace are not what the source run began with, by workspace.
    pub changed_files: BTreeMap<String, usize>,
}

impl ReusePlan {
    /// The results of a disabled task; `None` when it is not disabled.
    pub fn disabled(&self, task: &str) -> Option<&Given> {
        match &self.decision(task)?.decision {
            Decision::Disabled(results) => Some(results),
            Decision::Run | Decision::Reuse => None,
        }
    }

    /// What becomes of a task; `None` when nothing is settled.
    pub fn decision(&self, task: &str) -> Option<&TaskDecision> {
        self.decisions.iter().find(|decision| decision.task == task)
    }

    /// The success that stands for a TaskRun about to start, or what about its inputs changed.
    pub fn reusable(
        &self,
        task: &str,
        combination: &[Param],
        inputs: &TaskInputs,
    ) -> Option<Result<&Success, Change>> {
        let success = self
            .successes
            .get(task)?
            .iter()
            .find(|success| same_params(&success.combination, combination))?;
        if self.stays(task) {
            return Some(Ok(success));
        }
        let Some(mut change) = first_change(&success.inputs, inputs) else {
            return Some(Ok(success));
        };
        let files = change.workspace().map(|name| self.changed_files.get(name));
        change.files = files.flatten().copied().filter(|files| *files > 0);
        Some(Err(change))
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

    /// What a task yielded in the source run, whether that is reused or not.
    pub fn earlier(&self, task: &str) -> &[Success] {
        let reused = self.successes.get(task);
        let known = reused.or_else(|| self.earlier.get(task));
        known.map_or(&[], Vec::as_slice)
    }

    /// What the consumers of a disabled or reused task get, as far as it is settled.
    pub fn values(&self, task: &str) -> Given {
        match self.decision(task).map(|decision| &decision.decision) {
            Some(Decision::Disabled(given)) => given.clone(),
            Some(Decision::Reuse) => results(self.successes(task)),
            Some(Decision::Run) | None => Given::new(),
        }
    }
}

fn same_params(one: &[Param], other: &[Param]) -> bool {
    one.len() == other.len() && one.iter().all(|param| other.contains(param))
}
