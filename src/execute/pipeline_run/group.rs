//! The TaskRuns of one task, and what they amount to.

use std::collections::BTreeMap;

use tokio::sync::watch;

use super::stop::Stop;
use crate::execute::options::{Halt, HaltReceiver};
use crate::execute::schedule::{Ending, Finished};
use crate::execute::task_run::retries::TaskRunEnd;
use crate::plan::reuse::Success;
use crate::sandbox::SandboxError;
use crate::spec::param::ParamValue;
use crate::status::{Condition, Reason};

/// The TaskRuns, or the child run, of one task.
pub(crate) struct Group {
    /// How they ended, those that have.
    pub(crate) ends: Vec<Option<TaskRunEnd>>,
    /// What tells each of them to stop.
    pub(crate) halts: Vec<watch::Sender<Option<Halt>>>,
    /// What tells a child run to stop.
    pub(crate) child: Option<watch::Sender<Stop>>,
}

impl Group {
    /// A group of which nothing has ended, and what its members listen to.
    pub(crate) fn new(
        count: usize,
        child: Option<watch::Sender<Stop>>,
    ) -> (Self, Vec<HaltReceiver>) {
        let (halts, halted) = (0..count).map(|_| watch::channel(None)).unzip();
        let group = Self {
            ends: vec![None; count],
            halts,
            child,
        };
        (group, halted)
    }
}

/// One member has ended.
pub(crate) struct DraftEnd {
    /// Its task's place in the plan.
    pub(crate) task: usize,
    /// Its place in the group.
    pub(crate) index: usize,
    /// How.
    pub(crate) end: Result<TaskRunEnd, SandboxError>,
}

/// The end of a child run. `halt` says why it was stopped, when it was.
pub(crate) fn child_end(condition: Condition, halt: Option<&Halt>) -> TaskRunEnd {
    let ending = match halt {
        _ if condition.is_true() => Ending::Succeeded,
        Some(halt) => halt.ending,
        None => Ending::Failed,
    };
    TaskRunEnd {
        condition,
        results: BTreeMap::new(),
        ending,
        artifacts: None,
    }
}

/// The end of a TaskRun for which an earlier success stands.
pub(crate) fn reused_end(success: &Success) -> TaskRunEnd {
    TaskRunEnd {
        condition: Condition::succeeded(Reason::Succeeded, "All Steps have completed executing"),
        results: success.results.clone(),
        ending: Ending::Succeeded,
        artifacts: success.object.pointer("/status/artifacts").cloned(),
    }
}

/// One ending of all TaskRuns of a task.
pub(crate) fn summary(ends: Vec<TaskRunEnd>) -> Finished {
    let worst = |ending: Ending| ends.iter().find(|end| end.ending == ending);
    let decisive = [Ending::Failed, Ending::TimedOut, Ending::Cancelled]
        .into_iter()
        .find_map(worst);
    let (ending, reason) = match decisive {
        Some(end) => (end.ending, end.condition.reason.clone()),
        None => (
            Ending::Succeeded,
            ends.first()
                .map(|end| end.condition.reason.clone())
                .unwrap_or_default(),
        ),
    };
    let artifacts = match ends.as_slice() {
        [only] => only.artifacts.clone(),
        _ => None,
    };
    let results: Vec<BTreeMap<String, ParamValue>> =
        ends.into_iter().map(|end| end.results).collect();
    Finished {
        ending,
        reason,
        results,
        artifacts,
    }
}
