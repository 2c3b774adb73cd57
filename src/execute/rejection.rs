//! Runs that end before their first container.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::Value;

use super::images::Images;
use super::options::RunContext;
use super::pipeline_run::drafts::TaskRunDraft;
use super::pipeline_run::runner::{PipelineEnd, started};
use super::pod::failure::image_fault;
use super::prestart::upcoming::Upcoming;
use super::schedule::Tally;
use super::task_run::prepare::{pull_secrets, wanted_images};
use crate::event::{RunEvent, RunKind, TaskRunEvent};
use crate::plan::reuse::Decision;
use crate::plan::{Job, Plan, RunRequest, bind};
use crate::resolve::Library;
use crate::sandbox::Engine;
use crate::status::{Condition, Reason};

/// A TaskRun whose image is not to be had.
pub(super) struct ImageFault {
    task: usize,
    draft: TaskRunDraft,
    condition: Condition,
}

/// Looks up every image that is known before the start, all at once. The faults are those of tasks
/// that run whatever happens: on a cluster the run could not succeed either.
pub(super) async fn check_images<E: Engine>(
    job: &Job,
    runs: &[Upcoming],
    images: &Images<E>,
    library: &Library,
) -> Vec<ImageFault> {
    let checks = runs.iter().map(|run| check_run(job, run, images, library));
    let faults = join_all(checks).await;
    let Job::Pipeline(plan) = job else {
        // It says so itself, and nothing else waits for it.
        return Vec::new();
    };
    let certain = certain(plan);
    faults
        .into_iter()
        .flatten()
        .filter(|fault| !plan.tasks[fault.task].continue_on_error)
        .filter(|fault| certain[fault.task])
        .collect()
}

/// Looks the images of a TaskRun up. The fault is that of a TaskRun of the root run.
async fn check_run<E: Engine>(
    job: &Job,
    run: &Upcoming,
    images: &Images<E>,
    library: &Library,
) -> Option<ImageFault> {
    let request = &run.draft.request;
    let bound = bind(request, 0).ok()?;
    let secrets = pull_secrets(request, library);
    let is_reused = match job {
        Job::Pipeline(plan) if !run.of_child => {
            let decision = plan.reuse.decision(&request.pipeline_task);
            decision.is_some_and(|decision| decision.decision == Decision::Reuse)
        }
        Job::Pipeline(_) | Job::Task(_) => false,
    };
    let mut wanted = wanted_images(&bound).ok()?;
    wanted.retain(|wanted| !wanted.reference.contains("$("));
    let lookups = wanted.iter().map(|wanted| {
        // What is reused needs no image; that it is another by now shows if it is there.
        let policy = if is_reused { "Never" } else { &wanted.policy };
        images.get(&wanted.reference, policy, &secrets)
    });
    let found = join_all(lookups).await;
    if is_reused || run.of_child {
        return None;
    }
    let (wanted, error) = wanted
        .iter()
        .zip(found)
        .find_map(|(wanted, found)| Some((wanted, found.err()?)))?;
    Some(ImageFault {
        task: run.task,
        draft: run.draft.clone(),
        condition: image_fault(
            request,
            wanted.role,
            &wanted.name,
            &wanted.reference,
            &error.to_string(),
        ),
    })
}

/// For every task whether it runs unless something fails first.
pub(super) fn certain(plan: &Plan) -> Vec<bool> {
    let unguarded = plan.tasks.iter().map(|task| task.source.when.is_empty());
    let mut certain: Vec<bool> = unguarded.collect();
    for &task in plan.graph.order() {
        certain[task] &= plan.graph.parents(task).all(|parent| certain[parent]);
    }
    certain
}

/// Ends a run before its first container: the TaskRuns that could never start have failed.
pub(super) fn reject_images<E: Engine>(
    context: &Arc<RunContext<E>>,
    plan: &Plan,
    faults: Vec<ImageFault>,
) -> PipelineEnd {
    let emitter = &context.emitter;
    emitter.event(started(plan, None, true));
    let tasks: BTreeSet<usize> = faults.iter().map(|fault| fault.task).collect();
    let count = tasks.len();
    for fault in faults {
        let task_run = fault.draft.request.identity.name.clone();
        emitter.event(RunEvent::TaskRunCreated {
            task: plan.tasks[fault.task].name.clone(),
            task_run: task_run.clone(),
            object: fault.draft.request.object(),
            display_name: fault.draft.display_name,
            when: Vec::new(),
            combination: fault.draft.combination,
            inputs: Value::Null,
        });
        let finished = TaskRunEvent::Finished {
            condition: fault.condition,
            results: Vec::new(),
            artifacts: None,
        };
        emitter.task_run_event(&task_run, finished);
    }
    let tally = Tally {
        failed: count,
        skipped: plan.tasks.len() - count,
        ..Tally::default()
    };
    let condition = Condition::failed(Reason::Failed, tally.message());
    emitter.event(RunEvent::Finished {
        condition: condition.clone(),
        results: Vec::new(),
    });
    PipelineEnd { condition }
}

/// Announces a child run that cannot start, and its end.
pub(super) fn reject_child<E: Engine>(
    context: &Arc<RunContext<E>>,
    request: &RunRequest,
    condition: &Condition,
    parent: Option<&(String, String)>,
) {
    let emitter = context.emitter.of(&request.identity.name);
    for mut kind in rejected(RunKind::PipelineRun, request.object(), condition) {
        if let RunEvent::Started { parent: slot, .. } = &mut kind {
            *slot = parent.cloned();
        }
        emitter.event(kind);
    }
}

/// What there is to tell of a run that cannot start.
pub fn rejected(kind: RunKind, object: Value, condition: &Condition) -> Vec<RunEvent> {
    vec![
        RunEvent::Started {
            kind,
            object,
            pipeline_spec: None,
            tasks: Vec::new(),
            parent: None,
            started: true,
        },
        RunEvent::Finished {
            condition: condition.clone(),
            results: Vec::new(),
        },
    ]
}
