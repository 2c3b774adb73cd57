//! What a PipelineRun starts: the TaskRuns and child runs of its tasks, and containers ahead of
//! them.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::watch;

use super::drafts::{Maker, Unit};
use super::foresee::unit_inputs;
use super::group::{Group, UnitEnd, child_end, reused_end};
use super::runner::{Runner, pipeline_run};
use super::stop::Stop;
use crate::event::EventKind;
use crate::execute::options::HaltReceiver;
use crate::execute::prestart::ahead;
use crate::execute::rejection::reject_child;
use crate::execute::schedule::scheduler::Start;
use crate::execute::task_run::retries::task_run;
use crate::name;
use crate::plan::{Inputs, PlannedTask, build};
use crate::resolve::ResolvedTask;
use crate::sandbox::Engine;

impl<E: Engine> Runner<E> {
    fn maker(&self) -> Maker<'_> {
        Maker {
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
            !plan.carried.may_reuse(name) && plan.carried.disabled(name).is_none()
        };
        for task in waiting.chain(finally).filter(may_run) {
            let Some(unit) = self.maker().preview(task) else {
                continue;
            };
            let identity = unit.request.identity.clone();
            if ahead::wish(&self.context, unit).await {
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
        let units = self.maker().task_runs(start, task);
        let (group, halted) = Group::new(units.len(), None);
        self.groups.insert(start.task, group);
        for (index, (mut unit, halted)) in units.into_iter().zip(halted).enumerate() {
            if let Some(identity) = self.identities.remove(&unit.request.identity.name) {
                unit.request.identity = identity;
            }
            self.start_unit(start, index, unit, halted);
        }
    }

    fn start_unit(&mut self, start: &Start, index: usize, unit: Unit, halted: HaltReceiver) {
        let planned = &self.plan.tasks[start.task];
        let inputs = self.inputs(planned, &unit);
        let task = start.task;
        match self
            .plan
            .carried
            .reusable(&planned.name, &unit.combination, &inputs)
        {
            Some(Ok(success)) => {
                self.emitter.event(EventKind::TaskReused {
                    task: planned.name.clone(),
                    task_run: unit.request.identity.name.clone(),
                    reused_from: success.executed_by.clone(),
                    object: success.object.clone(),
                    combination: unit.combination.clone(),
                    // Not those of now, which may have changed.
                    inputs: json!(success.inputs),
                });
                let end = reused_end(success);
                self.units.spawn(async move {
                    UnitEnd {
                        task,
                        index,
                        end: Ok(end),
                    }
                });
                return;
            }
            Some(Err(change)) => {
                let message = format!("task {} runs again; changed: {change}", planned.name);
                self.emitter.event(EventKind::Notice { message });
            }
            None => {}
        }
        let Unit {
            request,
            storage,
            display_name,
            combination,
        } = unit;
        self.emitter.event(EventKind::TaskRunCreated {
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
        self.units.spawn(async move {
            let end = task_run(context, run, Arc::new(request), storage, halted).await;
            UnitEnd { task, index, end }
        });
    }

    fn inputs(&self, planned: &PlannedTask, unit: &Unit) -> Inputs {
        let digest = |reference: &str| self.context.images.known_digest(reference);
        unit_inputs(
            planned,
            unit,
            self.scheduler.scope(),
            &self.context.options.library,
            &digest,
            &self.context.run_claims,
        )
    }

    pub(crate) fn start_child(&mut self, start: &Start) {
        let (request, storage) = self.maker().child(start);
        let name = self.plan.tasks[start.task].name.clone();
        self.emitter.event(EventKind::ChildRunCreated {
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
        match build(&request, &self.context.options.library) {
            Err(condition) => {
                reject_child(&self.context, &request, &condition, parent.as_ref());
                self.units.spawn(async move {
                    UnitEnd {
                        task,
                        index: 0,
                        end: Ok(child_end(condition, None)),
                    }
                });
            }
            Ok(plan) => {
                let child = pipeline_run(Arc::clone(&self.context), plan, storage, parent, stopped);
                self.units.spawn(async move {
                    let halt = || halted.first().and_then(|halt| halt.borrow().clone());
                    let end = child
                        .await
                        .map(|end| child_end(end.condition, halt().as_ref()));
                    UnitEnd {
                        task,
                        index: 0,
                        end,
                    }
                });
            }
        }
    }
}
