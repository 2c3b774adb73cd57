//! What lies before and behind a task.

use std::collections::BTreeSet;

use super::selection::Selection;
use crate::plan::model::Plan;

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

/// The tasks that `--only`, `--until` and `--from` choose; `None` when all are chosen. From one
/// task until another means those between them.
pub(crate) fn chosen(plan: &Plan, selection: &Selection) -> Option<BTreeSet<String>> {
    let with = |tasks: &[String], reach: fn(&Plan, &str) -> BTreeSet<String>| {
        let mut found: BTreeSet<String> = tasks.iter().cloned().collect();
        found.extend(tasks.iter().flat_map(|task| reach(plan, task)));
        (!tasks.is_empty()).then_some(found)
    };
    let until = with(&selection.until, upstream);
    let from = with(&selection.from, downstream);
    let range = match (until, from) {
        (Some(until), Some(from)) => Some(&until & &from),
        (one, other) => one.or(other),
    };
    let only: BTreeSet<String> = selection.only.iter().cloned().collect();
    match range {
        Some(range) => Some(&range | &only),
        None => (!only.is_empty()).then_some(only),
    }
}
