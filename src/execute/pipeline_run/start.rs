//! What a PipelineRun starts: the TaskRuns and child runs of its tasks, and containers ahead of
//! them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;
use tokio::sync::watch;

use super::drafts::{DraftBuilder, TaskRunDraft};
use super::foresee::unit_inputs;
use super::group::{DraftEnd, Group, child_end, reused_end};
use super::runner::{Runner, pipeline_run};
use super::stop::Stop;
use crate::event::RunEvent;
use crate::execute::options::HaltReceiver;
use crate::execute::prestart::ahead;
use crate::execute::rejection::reject_child;
use crate::execute::schedule::Start;
use crate::execute::task_run::retries::task_run;
use crate::language::limits::MAX_CHILD_RUNS;
use crate::name;
use crate::plan::reuse::Success;
use crate::plan::{self, PlannedTask, TaskInputs, too_many_child_runs};
use crate::resolve::ResolvedTask;
use crate::sandbox::Engine;
use crate::status::Condition;

impl<E: Engine> Runner<E> {
    fn builder(&self) -> DraftBuilder<'_> {
        DraftBuilder {
            plan: &self.plan,
            scope: self.scheduler.scope(),
            storage: &self.storage,
        }
    }

    /// Wishes for the first container of every task that waits, in the order they will come.
    pub(crate) async fn plan_ahead(&mut self) {
        let plan = Arc::clone(&self.plan);
        let order = plan.graph.order().iter().copied();
        let waiting = order.filter(|task| plan.graph.parents(*task).next().is_some());
        let finally = (0..plan.tasks.len()).filter(|task| plan.tasks[*task].finally);
        let may_run = |task: &usize| {
            let name = &plan.tasks[*task].name;
            !plan.reuse.may_reuse(name) && plan.reuse.disabled(name).is_none()
        };
        for task in waiting.chain(finally).filter(may_run) {
            let Some(draft) = self.builder().preview(task) else {
                continue;
            };
            let identity = draft.request.identity.clone();
            if ahead::request(&self.context, draft).await {
                self.identities.insert(identity.name.clone(), identity);
            }
        }
    }

    /// Gives up what was wished for a task that will not start.
    pub(crate) fn forget_ahead(&self, task: &str) {
        let task_run = name::task_run(&self.plan.identity.name, task, 0, 1);
        self.context.prestart.forget(&task_run);
    }

    pub(crate) fn start_task(&mut self, start: &Start, task: &Arc<ResolvedTask>) {
        let drafts = self.builder().task_runs(start, task);
        let (group, halted) = Group::new(drafts.len(), None);
        self.groups.insert(start.task, group);
        for (index, (mut draft, halted)) in drafts.into_iter().zip(halted).enumerate() {
            if let Some(identity) = self.identities.remove(&draft.request.identity.name) {
                draft.request.identity = identity;
            }
            self.start_unit(start, index, draft, halted);
        }
    }

    fn start_unit(
        &mut self,
        start: &Start,
        index: usize,
        draft: TaskRunDraft,
        halted: HaltReceiver,
    ) {
        let plan = Arc::clone(&self.plan);
        let planned = &plan.tasks[start.task];
        let inputs = self.inputs(planned, &draft);
        let task = start.task;
        let reuse = &plan.reuse;
        match reuse.reusable(&planned.name, &draft.combination, &inputs) {
            Some(Ok(success)) => return self.reuse(task, index, &draft, success),
            Some(Err(change)) => {
                let message = format!("task {} runs again; {}", planned.name, change.reason());
                self.emitter.event(RunEvent::Notice { message });
            }
            None => {}
        }
        let TaskRunDraft {
            request,
            storage,
            display_name,
            combination,
        } = draft;
        self.emitter.event(RunEvent::TaskRunCreated {
            task: planned.name.clone(),
            task_run: request.identity.name.clone(),
            object: request.object(),
            display_name,
            when: start.when.clone(),
            combination,
            inputs: json!(inputs),
        });
        let context = Arc::clone(&self.context);
        let run = self.plan.identity.name.clone();
        self.drafts.spawn(async move {
            let end = task_run(context, run, Arc::new(request), storage, halted).await;
            DraftEnd { task, index, end }
        });
    }

    /// Lets an earlier success stand for a TaskRun.
    fn reuse(&mut self, task: usize, index: usize, draft: &TaskRunDraft, success: &Success) {
        self.emitter.event(RunEvent::TaskReused {
            task: self.plan.tasks[task].name.clone(),
            task_run: draft.request.identity.name.clone(),
            reused_from: success.executed_by.clone(),
            object: success.object.clone(),
            combination: draft.combination.clone(),
            // Not those of now, which may have changed.
            inputs: json!(success.inputs),
        });
        let end = Ok(reused_end(success));
        self.drafts
            .spawn(async move { DraftEnd { task, index, end } });
    }

    fn inputs(&self, planned: &PlannedTask, draft: &TaskRunDraft) -> TaskInputs {
        let digest = |reference: &str| self.context.images.known_digest(reference);
        unit_inputs(
            &self.plan,
            planned,
            draft,
            self.scheduler.scope(),
            &self.context.options.library,
            &digest,
            &self.context.run_claims,
        )
    }

    pub(crate) fn start_child(&mut self, start: &Start) {
        let (request, storage) = self.builder().child(start);
        let name = self.plan.tasks[start.task].name.clone();
        self.emitter.event(RunEvent::ChildRunCreated {
            task: name.clone(),
            child: request.identity.name.clone(),
            display_name: start.display_name.clone(),
            when: start.when.clone(),
        });
        let parent = Some((self.plan.identity.name.clone(), name));
        let (stop, stopped) = watch::channel(Stop::Go);
        let (group, halted) = Group::new(1, Some(stop));
        self.groups.insert(start.task, group);
        let task = start.task;
        let started = self.context.children.fetch_add(1, Ordering::Relaxed);
        let planned = if started < MAX_CHILD_RUNS {
            plan::plan(&request, &self.context.options.library)
        } else {
            let pipeline = &self.plan.pipeline_name;
            Err(too_many_child_runs(
                &request.identity,
                pipeline,
                started + 1,
            ))
        };
        match planned {
            Err(error) => {
                let condition = Condition::from(error);
                reject_child(&self.context, &request, &condition, parent.as_ref());
                self.drafts.spawn(async move {
                    DraftEnd {
                        task,
                        index: 0,
                        end: Ok(child_end(condition, None)),
                    }
                });
            }
            Ok(plan) => {
                let child = pipeline_run(Arc::clone(&self.context), plan, storage, parent, stopped);
                self.drafts.spawn(async move {
                    let halt = || halted.first().and_then(|halt| halt.borrow().clone());
                    let end = child
                        .await
                        .map(|end| child_end(end.condition, halt().as_ref()));
                    DraftEnd {
                        task,
                        index: 0,
                        end,
                    }
                });
            }
        }
    }
}
