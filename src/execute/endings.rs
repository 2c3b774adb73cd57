//! How what a task became counts for its pipeline.

use std::collections::BTreeMap;

use super::scheduler::{Ending, Finished};
use super::task_run::TaskRunEnd;
use crate::plan::partial::Success;
use crate::spec::param::ParamValue;
use crate::status::Condition;

/// How a child run counts: one that was told to stop was cancelled.
pub(super) fn child_end(condition: Condition, stopped: bool) -> TaskRunEnd {
    let ending = if condition.is_true() {
        Ending::Succeeded
    } else if stopped {
        Ending::Cancelled
    } else {
        Ending::Failed
    };
    TaskRunEnd {
        condition,
        results: BTreeMap::new(),
        ending,
        artifacts: None,
    }
}

/// How the success of an earlier run counts.
pub(super) fn reused_end(success: &Success) -> TaskRunEnd {
    TaskRunEnd {
        condition: Condition::succeeded("Succeeded", "All Steps have completed executing"),
        results: success.results.clone(),
        ending: Ending::Succeeded,
        artifacts: success.object.pointer("/status/artifacts").cloned(),
    }
}

/// One ending of all TaskRuns of a task.
pub(super) fn summary(ends: Vec<TaskRunEnd>) -> Finished {
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
