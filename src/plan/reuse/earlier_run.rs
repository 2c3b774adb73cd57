//! What is known of the run that is resumed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::plan::fingerprint::TaskInputs;
use crate::spec::param::{Param, ParamValue};

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
    pub inputs: TaskInputs,
}

/// How a task ended in the source run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceState {
    /// All its TaskRuns succeeded, or were reused.
    Succeeded,
    /// All succeeded, but a result of one held a value of a Secret, which is not recorded.
    Masked,
    /// It failed, or its failure was ignored.
    Failed,
    /// It was cancelled, or cut off with its run.
    Cancelled,
    /// Its timeout passed.
    TimedOut,
    /// Its `when` expressions were false.
    SkippedByWhen,
    /// It never started.
    NotRun,
}

/// A task of the source run.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceTask {
    /// How it ended.
    pub state: SourceState,
    /// Its TaskRuns that succeeded, a matrix by index.
    pub successes: Vec<Success>,
}

impl SourceTask {
    /// Its results as its consumers see them: those of a matrix are arrays, in order of
    /// combination. Empty unless it succeeded as a whole.
    pub fn results(&self) -> BTreeMap<String, ParamValue> {
        if self.state == SourceState::Succeeded {
            results(&self.successes)
        } else {
            BTreeMap::new()
        }
    }
}

/// The results of all TaskRuns of a task, as its consumers see them.
pub(crate) fn results(successes: &[Success]) -> BTreeMap<String, ParamValue> {
    let Some(first) = successes.first() else {
        return BTreeMap::new();
    };
    if first.combination.is_empty() {
        return first.results.clone();
    }
    let mut arrays: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in successes.iter().flat_map(|success| &success.results) {
        let text = value.as_str().unwrap_or_default().to_owned();
        arrays.entry(name.clone()).or_default().push(text);
    }
    arrays
        .into_iter()
        .map(|(name, items)| (name, ParamValue::Array(items)))
        .collect()
}

/// The source run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EarlierRun {
    /// Its id.
    pub run: String,
    /// Its tasks by name.
    pub tasks: BTreeMap<String, SourceTask>,
}

impl EarlierRun {
    /// How a task ended in it.
    pub fn state(&self, task: &str) -> Option<SourceState> {
        self.tasks.get(task).map(|known| known.state)
    }
}
