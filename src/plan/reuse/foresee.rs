//! What is known of the reuse of each task before the start.

use std::collections::{BTreeMap, BTreeSet};

use super::reuse_plan::{Decision, ReusePlan, TaskDecision};
use crate::plan::fingerprint::Change;
use crate::plan::model::Plan;

/// What is known before the start of a task with successes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Foreseen {
    /// How many of its TaskRuns can be reused as far as is known.
    pub reused: usize,
    /// How many TaskRuns it has.
    pub all: usize,
    /// What changed, of the first TaskRun that cannot be reused.
    pub change: Option<Change>,
}

/// Applies what is known before the start: a success whose inputs have changed runs again,
/// and one that waits for results of such a task is reused only if they do not change.
pub fn apply_foreseen(reuse: &mut ReusePlan, plan: &Plan, foreseen: &BTreeMap<String, Foreseen>) {
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for index in plan.graph.order() {
        let planned = &plan.tasks[*index];
        let producers: BTreeSet<&str> = planned
            .result_refs
            .iter()
            .map(|reference| reference.task.as_str())
            .filter(|task| open.contains(task))
            .collect();
        let stays = reuse.stays(&planned.name);
        let Some(decision) = reuse
            .decisions
            .iter_mut()
            .find(|decision| decision.task == planned.name)
        else {
            continue;
        };
        if let Some(known) = foreseen.get(&planned.name) {
            settle(decision, known);
        }
        if decision.decision == Decision::Reuse && !producers.is_empty() && !stays {
            let producers: Vec<String> = producers.iter().map(|task| format!("{task}'s")).collect();
            decision.reason = format!(
                "if {} results do not change; {}",
                producers.join(" and "),
                decision.reason
            );
            open.insert(&planned.name);
        }
        if decision.decision == Decision::Run {
            open.insert(&planned.name);
        }
    }
}

fn settle(decision: &mut TaskDecision, known: &Foreseen) {
    let Foreseen {
        reused,
        all,
        change,
    } = known;
    if reused == all && decision.decision == Decision::Reuse {
        return;
    }
    if decision.decision == Decision::Reuse {
        decision.decision = Decision::Run;
        if let (Some(change), 0) = (change, *reused) {
            decision.reason = change.reason();
            return;
        }
    }
    if *reused > 0 {
        decision.reason = format!(
            "{}; {reused} of {all} combinations are reused",
            decision.reason
        );
    }
    if let Some(change) = change {
        decision.reason = format!("{}; {}", decision.reason, change.reason());
    }
}
