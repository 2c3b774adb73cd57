//! What may start, what is skipped, and what it all amounts to: without clock and without async.
//!
//! The scheduler is told what ended ([`Scheduler::finish`]) and what was asked for
//! ([`Scheduler::stop`], the timeouts), and answers with [`Action`]s. A decision is final: the
//! first reason a task is skipped for stays (Tekton computes it anew and may change it).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::model::{Action, Decision, Ending, Finished, State};
use super::verdict::Tally;
use crate::execute::artifacts::artifact_texts;
use crate::plan::{Plan, Requested};
use crate::spec::param::ParamValue;
use crate::spec::when::WhenExpression;
use crate::status::{Condition, SkipReason};
use crate::substitution::Scope;

/// The state of a run.
#[derive(Debug, Clone)]
pub(crate) struct Scheduler {
    pub(crate) plan: Arc<Plan>,
    pub(crate) states: Vec<State>,
    pub(crate) scope: Scope,
    pub(crate) requested: Option<Requested>,
    pub(crate) finally_started: bool,
    pub(crate) timed_out: TimedOut,
}

/// Whose time is up.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TimedOut {
    pub(crate) pipeline: bool,
    pub(crate) tasks: bool,
    pub(crate) finally: bool,
}

impl Scheduler {
    /// Nothing has happened yet.
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        let mut scope = plan.scope.clone();
        for task in &plan.tasks {
            let side = if task.finally { "finally" } else { "tasks" };
            for (name, value) in plan.reuse.disabled(&task.name).into_iter().flatten() {
                scope.set_result(side, &task.name, name, value);
            }
        }
        Self {
            states: vec![State::Waiting; plan.tasks.len()],
            scope,
            requested: plan.requested,
            finally_started: false,
            timed_out: TimedOut::default(),
            plan,
        }
    }

    /// Params, context and the results there are.
    pub(crate) const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The run is asked to stop; a stronger request replaces a weaker one.
    pub(crate) fn stop(&mut self, requested: Requested) {
        self.requested = Some(requested);
    }

    /// What the run was asked to do.
    pub(crate) const fn requested(&self) -> Option<Requested> {
        self.requested
    }

    /// The time of the tasks is up. Ignored when they are all done.
    pub(crate) fn time_out_tasks(&mut self) {
        self.timed_out.tasks |= !self.finally_started;
    }

    /// The time of the finally tasks is up.
    pub(crate) const fn time_out_finally(&mut self) {
        self.timed_out.finally = true;
    }

    /// The time of the run is up.
    pub(crate) const fn time_out_pipeline(&mut self) {
        self.timed_out.pipeline = true;
    }

    /// True when the time of the run is up.
    pub(crate) const fn pipeline_timed_out(&self) -> bool {
        self.timed_out.pipeline
    }

    /// True when the time of the tasks was up before they were done.
    pub(crate) const fn tasks_timed_out(&self) -> bool {
        self.timed_out.tasks
    }

    /// True when the time of the finally tasks is up.
    pub(crate) const fn finally_timed_out(&self) -> bool {
        self.timed_out.finally
    }

    /// True when finally tasks have been decided.
    pub(crate) const fn finally_started(&self) -> bool {
        self.finally_started
    }

    /// True when nothing runs and nothing will.
    pub(crate) fn is_done(&self) -> bool {
        self.finally_started
            && self
                .states
                .iter()
                .all(|state| !matches!(state, State::Waiting | State::Running))
    }

    /// Records the end of a task.
    pub(crate) fn finish(&mut self, task: usize, finished: Finished) {
        let planned = &self.plan.tasks[task];
        let name = planned.name.clone();
        let side = if planned.finally { "finally" } else { "tasks" };
        if planned.source.matrix.is_some() {
            self.set_aggregates(side, &name, &finished.results);
        } else if let Some(results) = finished.results.first() {
            for (result, value) in results {
                self.scope.set_result(side, &name, result, value);
            }
            self.set_artifacts(&name, &finished);
        }
        self.states[task] = State::Done(finished);
    }

    /// What a task left as artifacts, by side and name; a side alone is its first
    /// (`pkg/reconciler/pipelinerun/resources/apply.go`, `PropagateArtifacts`).
    fn set_artifacts(&mut self, task: &str, finished: &Finished) {
        let artifacts = finished.artifacts.as_ref();
        if let Some(artifacts) = artifacts.filter(|_| finished.ending == Ending::Succeeded) {
            for side in ["inputs", "outputs"] {
                let key = format!("tasks.{task}.{side}");
                let texts = artifact_texts(artifacts, side);
                if let Some((_, first)) = texts.first() {
                    self.scope.set(&key, first);
                }
                for (name, text) in texts {
                    self.scope.set(format!("{key}.{name}"), text);
                }
            }
        }
    }

    /// The results of a matrix are arrays of what its TaskRuns emitted, in order of combination.
    fn set_aggregates(&mut self, side: &str, task: &str, results: &[BTreeMap<String, ParamValue>]) {
        let mut aggregates: BTreeMap<&String, Vec<String>> = BTreeMap::new();
        for (result, value) in results.iter().flatten() {
            let text = value.as_str().unwrap_or_default().to_owned();
            aggregates.entry(result).or_default().push(text);
        }
        for (result, values) in aggregates {
            self.scope.set(
                format!("{side}.{task}.matrix.{result}.length"),
                values.len().to_string(),
            );
            self.scope
                .set_result(side, task, result, &ParamValue::Array(values));
        }
        self.scope.set(
            format!("{side}.{task}.matrix.length"),
            results.len().to_string(),
        );
    }

    /// Everything that follows from what is known, in the order of the pipeline.
    pub(crate) fn advance(&mut self) -> Vec<Action> {
        match self.advanced() {
            Ok(actions) => actions,
            Err(condition) => vec![Action::Abort(condition)],
        }
    }

    fn advanced(&mut self) -> Result<Vec<Action>, Condition> {
        let mut actions = Vec::new();
        loop {
            let mut ready = Vec::new();
            let mut changed = false;
            for task in self.waiting(false) {
                match self.decide(task)? {
                    Decision::Waits => {}
                    Decision::Invalid => changed = true,
                    Decision::Decided(action) => {
                        actions.push(action);
                        changed = true;
                    }
                    Decision::MayStart(when) => ready.push((task, when)),
                }
            }
            // What was found out may keep others from starting: nothing starts beside a task
            // that refers to a result that does not exist.
            if changed {
                continue;
            }
            if ready.is_empty() {
                break;
            }
            for (task, when) in ready {
                actions.push(self.start(task, when)?);
            }
        }
        if self.dag_done() && !self.finally_started {
            self.finally_started = true;
            actions.push(Action::FinallyStarts);
            for task in self.waiting(true) {
                actions.push(self.decide_finally(task)?);
            }
        }
        Ok(actions)
    }

    fn waiting(&self, finally: bool) -> Vec<usize> {
        (0..self.states.len())
            .filter(|task| self.states[*task] == State::Waiting)
            .filter(|task| self.plan.tasks[*task].finally == finally)
            .collect()
    }

    fn dag_done(&self) -> bool {
        self.states
            .iter()
            .zip(&self.plan.tasks)
            .all(|(state, task)| task.finally || !matches!(state, State::Waiting | State::Running))
    }

    /// A failure that no one forgives stops the run: nothing more starts.
    pub(crate) fn is_stopping(&self) -> bool {
        self.states
            .iter()
            .zip(&self.plan.tasks)
            .any(|(state, task)| {
                !task.finally
                    && match state {
                        State::Invalid(_) => true,
                        State::Done(finished) => {
                            finished.ending != Ending::Succeeded && !task.continue_on_error
                        }
                        State::Waiting | State::Skipped(_) | State::Running => false,
                    }
            })
    }

    pub(crate) fn skip(
        &mut self,
        task: usize,
        reason: SkipReason,
        when: Vec<WhenExpression>,
    ) -> Action {
        self.states[task] = State::Skipped(reason);
        Action::Skip { task, reason, when }
    }

    /// How many tasks ended how.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for (state, task) in self.states.iter().zip(&self.plan.tasks) {
            match state {
                State::Done(done) => match done.ending {
                    Ending::Succeeded => tally.succeeded += 1,
                    Ending::Failed if task.continue_on_error => tally.ignored += 1,
                    Ending::Failed | Ending::TimedOut => tally.failed += 1,
                    Ending::Cancelled => tally.cancelled += 1,
                },
                State::Skipped(reason) => {
                    tally.skipped += 1;
                    tally.skipped_by_timeout |= reason.is_timeout();
                }
                State::Invalid(text) => tally.invalid.push((task.name.clone(), text.clone())),
                State::Waiting | State::Running => tally.incomplete += 1,
            }
        }
        tally.invalid.sort();
        tally
    }

    /// The condition of the run that is done.
    pub(crate) fn verdict(&self) -> Condition {
        self.tally().verdict(&super::verdict::Circumstances {
            run: &self.plan.identity.name,
            timeouts: &self.plan.timeouts,
            pipeline_timed_out: self.timed_out.pipeline,
            tasks_timed_out: self.timed_out.tasks,
            requested: self.requested,
        })
    }
}
