//! What is known of reuse before anything runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::drafts::{DraftBuilder, TaskRunDraft, run_claims, storage_of};
use super::group::{reused_end, summary};
use crate::execute::schedule::{Action, Scheduler};
use crate::plan::reuse::Foreseen;
use crate::plan::{
    Body, Plan, PlannedTask, TaskInputs, bind, content_inputs, inputs, result_inputs,
    wanted_workspaces,
};
use crate::resolve::Library;
use crate::substitution::Scope;

/// Compares every success that may be reused with what its task would be given if the tasks
/// before it yielded what they did in the source run. By task.
pub fn foresee(plan: &Plan, library: &Library) -> BTreeMap<String, Foreseen> {
    let plan = Arc::new(plan.clone());
    let mut scheduler = Scheduler::new(Arc::clone(&plan));
    for (index, task) in plan.tasks.iter().enumerate() {
        let successes = plan.reuse.earlier(&task.name);
        if plan.reuse.disabled(&task.name).is_none() && !successes.is_empty() {
            scheduler.finish(index, summary(successes.iter().map(reused_end).collect()));
        }
    }
    (0..plan.tasks.len())
        .filter(|index| plan.reuse.may_reuse(&plan.tasks[*index].name))
        .filter_map(|index| {
            let known = of_task(&plan, index, &mut scheduler, library)?;
            Some((plan.tasks[index].name.clone(), known))
        })
        .collect()
}

fn of_task(
    plan: &Plan,
    index: usize,
    scheduler: &mut Scheduler,
    library: &Library,
) -> Option<Foreseen> {
    let planned = &plan.tasks[index];
    let Body::Task(task) = &planned.body else {
        return None;
    };
    let Ok(Action::Start(start)) = scheduler.start(index, Vec::new()) else {
        return None;
    };
    let builder = DraftBuilder {
        plan,
        scope: scheduler.scope(),
        storage: &storage_of(plan),
    };
    let claims = run_claims(plan);
    let mut known = Foreseen::default();
    for draft in builder.task_runs(&start, task) {
        known.all += 1;
        // No image has been looked up yet: digests are compared at the start.
        let inputs = unit_inputs(
            plan,
            planned,
            &draft,
            scheduler.scope(),
            library,
            &|_| None,
            &claims,
        );
        let reuse = &plan.reuse;
        match reuse.reusable(&planned.name, &draft.combination, &inputs) {
            Some(Ok(_)) => known.reused += 1,
            Some(Err(change)) => drop(known.change.get_or_insert(change)),
            None => {}
        }
    }
    Some(known)
}

/// What decides about a later reuse of a TaskRun. One that cannot be bound has none: it fails, and
/// is never reused.
pub(crate) fn unit_inputs(
    plan: &Plan,
    planned: &PlannedTask,
    draft: &TaskRunDraft,
    scope: &Scope,
    library: &Library,
    digest: &dyn Fn(&str) -> Option<String>,
    run_claims: &BTreeMap<String, String>,
) -> TaskInputs {
    let Ok(bound) = bind(&draft.request, 0) else {
        return TaskInputs::new();
    };
    let mut inputs = inputs(&bound, &draft.request, library, digest, run_claims);
    inputs.extend(result_inputs(&planned.source.params, scope));
    let workspaces = wanted_workspaces(&planned.source, &draft.request.task);
    inputs.extend(content_inputs(&workspaces, &plan.contents));
    inputs
}
