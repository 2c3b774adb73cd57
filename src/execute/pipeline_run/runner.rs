//! One PipelineRun: the loop that asks the scheduler, does what it says and tells it what ended.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::drafts::Storage;
use super::group::{DraftEnd, Group, summary};
use super::stop::Stop;
use crate::event::{RunEvent, RunKind};
use crate::execute::credentials::notices;
use crate::execute::emitter::Emitter;
use crate::execute::options::RunContext;
use crate::execute::schedule::cancelled_message;
use crate::execute::schedule::{Action, Scheduler};
use crate::execute::task_run::retries::TaskRunEnd;
use crate::plan::{Body, Identity, Plan, Requested};
use crate::sandbox::{Engine, SandboxError};
use crate::status::{Condition, Reason, RunResult};

/// How a PipelineRun ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PipelineEnd {
    /// Its condition.
    pub(crate) condition: Condition,
}

type EndFuture = Pin<Box<dyn Future<Output = Result<PipelineEnd, SandboxError>> + Send>>;

/// Runs a plan to its end. `parent` is the run and task this one is a child of.
pub(crate) fn pipeline_run<E: Engine>(
    context: Arc<RunContext<E>>,
    plan: Plan,
    storage: Storage,
    parent: Option<(String, String)>,
    stop: watch::Receiver<Stop>,
) -> EndFuture {
    Box::pin(async move {
        let plan = Arc::new(plan);
        let runner = Runner {
            emitter: context.emitter.of(&plan.identity.name),
            scheduler: Scheduler::new(Arc::clone(&plan)),
            groups: HashMap::new(),
            drafts: JoinSet::new(),
            identities: BTreeMap::new(),
            started: Instant::now(),
            finally_started: None,
            progress: String::new(),
            context,
            plan,
            storage,
            stop,
        };
        runner.run(parent).await
    })
}

/// What announces a run.
pub(crate) fn started(plan: &Plan, parent: Option<(String, String)>, started: bool) -> RunEvent {
    RunEvent::Started {
        kind: RunKind::PipelineRun,
        object: plan.object.clone(),
        pipeline_spec: Some(plan.pipeline_spec.clone()),
        tasks: plan.tasks.iter().map(|task| task.name.clone()).collect(),
        parent,
        started,
    }
}

pub(crate) struct Runner<E: Engine> {
    pub(crate) context: Arc<RunContext<E>>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) storage: Storage,
    pub(crate) scheduler: Scheduler,
    pub(crate) emitter: Emitter,
    pub(crate) groups: HashMap<usize, Group>,
    pub(crate) drafts: JoinSet<DraftEnd>,
    /// Identities given to TaskRuns before their turn, by name.
    pub(crate) identities: BTreeMap<String, Identity>,
    pub(crate) started: Instant,
    pub(crate) finally_started: Option<Instant>,
    pub(crate) progress: String,
    pub(crate) stop: watch::Receiver<Stop>,
}

impl<E: Engine> Runner<E> {
    async fn run(mut self, parent: Option<(String, String)>) -> Result<PipelineEnd, SandboxError> {
        self.emitter.event(started(&self.plan, parent, true));
        let accounts = self.plan.tasks.iter();
        let accounts = accounts.map(|task| task.overrides.service_account.as_str());
        for message in notices(accounts, &self.context.options.library) {
            self.emitter.event(RunEvent::Notice { message });
        }
        if self.plan.requested == Some(Requested::Cancelled) {
            return Ok(self.finish(self.cancelled()));
        }
        // It may have been asked to stop before it began.
        self.stop.mark_unchanged();
        if self.asked_to_stop() {
            return Ok(self.finish(self.cancelled()));
        }
        let aborted = self.until_done().await?;
        let condition = match aborted {
            Some(condition) => condition,
            None => self.scheduler.verdict(),
        };
        Ok(self.finish(condition))
    }

    /// The loop. The condition is that of a run that ends before it is done.
    async fn until_done(&mut self) -> Result<Option<Condition>, SandboxError> {
        let mut ahead = false;
        loop {
            for action in self.scheduler.advance() {
                if let Some(condition) = self.apply(action) {
                    self.halt_all(true, &Self::permanent());
                    self.drain().await;
                    return Ok(Some(condition));
                }
            }
            if self.scheduler.is_done() {
                return Ok(None);
            }
            self.report_progress();
            if !ahead {
                // After the first tasks have been started: nothing of theirs waits for this.
                ahead = true;
                self.plan_ahead().await;
            }
            let next = self.next_deadline();
            tokio::select! {
                biased;
                Some(ended) = self.drafts.join_next() => {
                    let draft = ended.map_err(|error| {
                        SandboxError::Engine(format!("the executor failed: {error}"))
                    })?;
                    self.ended(draft)?;
                }
                Ok(()) = self.stop.changed() => {
                    if self.asked_to_stop() {
                        self.drain().await;
                        return Ok(Some(self.cancelled()));
                    }
                }
                () = at(next) => self.time_is_up(),
            }
        }
    }

    fn cancelled(&self) -> Condition {
        Condition::failed(
            Reason::Cancelled,
            cancelled_message(&self.plan.identity.name),
        )
    }

    fn finish(&self, condition: Condition) -> PipelineEnd {
        let hard = condition.reason == Reason::Cancelled && !self.scheduler.is_done();
        let (results, invalid) = if hard {
            (Vec::new(), Vec::new())
        } else {
            self.scheduler.results()
        };
        let condition = if invalid.is_empty() {
            condition
        } else {
            Condition::failed(
                Reason::CouldntGetPipelineResult,
                format!(
                    "Failed to get PipelineResult from TaskRun Results for PipelineRun {}: invalid pipelineresults [{}], the referenced results don't exist",
                    self.plan.identity.name,
                    invalid.join(", ")
                ),
            )
        };
        let results = results
            .into_iter()
            .map(|(name, value)| RunResult {
                name,
                result_type: None,
                value,
            })
            .collect();
        for task in &self.plan.tasks {
            self.forget_ahead(&task.name);
        }
        self.emitter.event(RunEvent::Finished {
            condition: condition.clone(),
            results,
        });
        PipelineEnd { condition }
    }

    fn apply(&mut self, action: Action) -> Option<Condition> {
        match action {
            Action::Abort(condition) => return Some(condition),
            Action::FinallyStarts => {
                self.finally_started = Some(Instant::now());
                if self.plan.tasks.iter().any(|task| task.finally) {
                    self.emitter.event(RunEvent::FinallyStarted {});
                }
            }
            Action::Skip { task, reason, when } => {
                let name = self.plan.tasks[task].name.clone();
                self.forget_ahead(&name);
                self.emitter.event(RunEvent::TaskSkipped {
                    task: name,
                    reason,
                    when,
                });
            }
            Action::Start(start) => match self.plan.tasks[start.task].body.clone() {
                Body::Task(task) => self.start_task(&start, &task),
                Body::Pipeline => self.start_child(&start),
                Body::Absent(_) => {}
            },
        }
        None
    }

    fn ended(&mut self, draft: DraftEnd) -> Result<(), SandboxError> {
        let end = draft.end?;
        let Some(group) = self.groups.get_mut(&draft.task) else {
            return Ok(());
        };
        group.ends[draft.index] = Some(end);
        let ends: Option<Vec<TaskRunEnd>> = group.ends.iter().cloned().collect();
        if let Some(ends) = ends {
            self.groups.remove(&draft.task);
            self.scheduler.finish(draft.task, summary(ends));
        }
        Ok(())
    }

    /// Waits for what runs to end, whatever it ends with.
    async fn drain(&mut self) {
        while let Some(ended) = self.drafts.join_next().await {
            if let Ok(draft) = ended {
                // The condition of the run is settled: an engine that fails now changes nothing.
                let _settled = self.ended(draft);
            }
        }
    }

    fn report_progress(&mut self) {
        let finally = self.plan.tasks.iter().any(|task| task.finally);
        let tally = self.scheduler.tally();
        let reason = match self.scheduler.requested() {
            _ if self.scheduler.tasks_timed_out() && finally => {
                Reason::PipelineRunTimeoutRunningFinally
            }
            Some(Requested::CancelledRunFinally) => Reason::CancelledRunningFinally,
            Some(Requested::StoppedRunFinally) => Reason::StoppedRunningFinally,
            Some(Requested::Cancelled | Requested::Pending) | None => {
                if tally.cancelled > 0 || (tally.failed > 0 && !finally) {
                    Reason::PipelineRunStopping
                } else {
                    Reason::Running
                }
            }
        };
        let condition = tally.progress(reason);
        let text = format!("{reason} {}", condition.message);
        if text != self.progress {
            self.progress = text;
            self.emitter.event(RunEvent::Progress { condition });
        }
    }
}

/// Ends at this instant, never without one.
async fn at(instant: Option<Instant>) {
    match instant {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
