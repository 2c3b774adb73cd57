//! What the scheduler knows of a task, and what it answers.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::language::Combination;
use crate::spec::param::{Param, ParamValue};
use crate::spec::when::WhenExpression;
use crate::status::{Condition, SkipReason};

/// How a task ended, seen from the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Every TaskRun succeeded.
    Succeeded,
    /// Some TaskRun failed.
    Failed,
    /// Some TaskRun was cancelled, and none failed.
    Cancelled,
    /// Cancelled because the time of the run, or of its tasks, was up.
    TimedOut,
}

/// What a task left.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finished {
    /// How it ended.
    pub(crate) ending: Ending,
    /// The reason of its first TaskRun that did not succeed, else of its first.
    pub(crate) reason: String,
    /// The results of each of its TaskRuns, in order.
    pub(crate) results: Vec<BTreeMap<String, ParamValue>>,
    /// The artifacts of its only TaskRun.
    pub(crate) artifacts: Option<Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State {
    Waiting,
    Skipped(SkipReason),
    /// It refers to a result that does not exist: the text says so.
    Invalid(String),
    Running,
    Done(Finished),
}

/// What is to happen to a task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// It starts.
    Start(Start),
    /// It does not.
    Skip {
        /// Its place in the plan.
        task: usize,
        /// Why.
        reason: SkipReason,
        /// Its `when` expressions, references replaced.
        when: Vec<WhenExpression>,
    },
    /// From here on finally tasks are decided.
    FinallyStarts,
    /// The run ends now, without finally: what runs is to be killed.
    Abort(Condition),
}

/// A task that starts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Start {
    /// Its place in the plan.
    pub(crate) task: usize,
    /// Its `when` expressions, references replaced.
    pub(crate) when: Vec<WhenExpression>,
    /// Its params, references replaced.
    pub(crate) params: Vec<Param>,
    /// Its combinations; `None` without a matrix.
    pub(crate) combinations: Option<Vec<Combination>>,
    /// Its display name, references replaced but those to matrix params.
    pub(crate) display_name: String,
}

/// What is to become of a task that waits.
pub(crate) enum Decision {
    /// Nothing yet.
    Waits,
    /// It does not run.
    Decided(Action),
    /// It never runs: it refers to a result that does not exist.
    Invalid,
    /// It runs, with these `when` expressions.
    MayStart(Vec<WhenExpression>),
}
