//! Runs that end before their first container.

use std::sync::Arc;

use serde_json::Value;

use super::attempt::wanted_images;
use super::context::{Context, Options};
use super::images::Images;
use super::laid_out::image_fault;
use super::pipeline_run::{PipelineEnd, started};
use super::run::Job;
use super::sandbox::Engine;
use super::units::{Maker, Storage, Unit};
use crate::event::{EventKind, RunKind};
use crate::plan::partial::Fate;
use crate::plan::{Plan, RunRequest, bind};
use crate::status::Condition;

/// A TaskRun whose image is not to be had.
pub(super) struct ImageFault {
    task: usize,
    unit: Box<Unit>,
    condition: Condition,
}

/// Looks up every image that is known before the start. The faults are those of tasks that run
/// whatever happens: on a cluster the run could not succeed either.
pub(super) async fn check_images<E: Engine>(
    job: &Job,
    images: &Images<E>,
    options: &Options,
) -> Vec<ImageFault> {
    let Job::Pipeline(plan) = job else {
        return Vec::new();
    };
    let maker = Maker {
        plan,
        scope: &plan.scope,
        storage: &Storage::new(),
    };
    let checks = (0..plan.tasks.len())
        .filter_map(|task| Some((task, maker.preview(task)?)))
        .map(|(task, unit)| async move {
            let fate = plan.carried.fate(&plan.tasks[task].name);
            let is_reused = fate.is_some_and(|fate| fate.fate == Fate::Reuse);
            let bound = bind(&unit.request, 0).ok()?;
            let library = &options.library;
            let account = library
                .service_account(&unit.request.overrides.service_account)
                .map(AsRef::as_ref);
            let pod = &unit.request.overrides.pod_template;
            let secrets =
                super::credentials::pull_secrets(account, &pod.image_pull_secrets, library);
            for wanted in wanted_images(&bound).ok()? {
                if wanted.reference.contains("$(") {
                    continue;
                }
                // What is reused needs no image; that it is another by now shows if it is there.
                let policy = if is_reused {
                    "Never"
                } else {
                    wanted.policy.as_str()
                };
                let found = images.get(&wanted.reference, policy, &secrets).await;
                if let Err(error) = found
                    && !is_reused
                {
                    let condition = image_fault(
                        &unit.request,
                        wanted.role,
                        &wanted.name,
                        &wanted.reference,
                        &error.to_string(),
                    );
                    return Some(ImageFault {
                        task,
                        unit: Box::new(unit),
                        condition,
                    });
                }
            }
            None
        });
    let faults = futures_util::future::join_all(checks).await;
    let certain = certain(plan);
    faults
        .into_iter()
        .flatten()
        .filter(|fault| !plan.tasks[fault.task].continue_on_error)
        .filter(|fault| certain[fault.task])
        .collect()
}

/// For every task whether it runs unless something fails first.
fn certain(plan: &Plan) -> Vec<bool> {
    let unguarded = plan.tasks.iter().map(|task| task.source.when.is_empty());
    let mut certain: Vec<bool> = unguarded.collect();
    for &task in plan.graph.order() {
        certain[task] &= plan.graph.parents(task).all(|parent| certain[parent]);
    }
    certain
}

/// Ends a run before its first container: the TaskRuns that could never start have failed.
pub(super) fn reject_images<E: Engine>(
    context: &Arc<Context<E>>,
    plan: &Plan,
    faults: Vec<ImageFault>,
) -> PipelineEnd {
    let emitter = &context.emitter;
    emitter.event(started(plan, None, true));
    let count = faults.len();
    for fault in faults {
        let task_run = fault.unit.request.identity.name.clone();
        emitter.event(EventKind::TaskRunCreated {
            task: plan.tasks[fault.task].name.clone(),
            task_run: task_run.clone(),
            object: fault.unit.request.object(),
            display_name: fault.unit.display_name,
            when: Vec::new(),
            combination: Vec::new(),
            inputs: Value::Null,
        });
        emitter.event(EventKind::TaskRunFinished {
            task_run,
            condition: fault.condition,
            results: Vec::new(),
            artifacts: None,
        });
    }
    let skipped = plan.tasks.len() - count;
    let condition = Condition::failed(
        "Failed",
        format!("Tasks Completed: {count} (Failed: {count}, Cancelled 0), Skipped: {skipped}"),
    );
    emitter.event(EventKind::RunFinished {
        condition: condition.clone(),
        results: Vec::new(),
    });
    PipelineEnd { condition }
}

/// Announces a child run that cannot start, and its end.
pub(super) fn reject_child<E: Engine>(
    context: &Arc<Context<E>>,
    request: &RunRequest,
    condition: &Condition,
    parent: Option<&(String, String)>,
) {
    let emitter = context.emitter.of(&request.identity.name);
    let object = serde_json::json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": request.identity.metadata(),
        "spec": request.spec,
    });
    for mut kind in rejected(RunKind::PipelineRun, object, condition) {
        if let EventKind::RunStarted { parent: slot, .. } = &mut kind {
            *slot = parent.cloned();
        }
        emitter.event(kind);
    }
}

/// What there is to tell of a run that cannot start.
pub fn rejected(kind: RunKind, object: Value, condition: &Condition) -> Vec<EventKind> {
    vec![
        EventKind::RunStarted {
            kind,
            object,
            pipeline_spec: None,
            tasks: Vec::new(),
            parent: None,
            started: true,
        },
        EventKind::RunFinished {
            condition: condition.clone(),
            results: Vec::new(),
        },
    ]
}
