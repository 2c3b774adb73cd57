//! One attempt of a TaskRun under way: what it is made of, and when it is to stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::results::Collected;
use crate::event::TaskRunEvent;
use crate::execute::options::{Halt, HaltReceiver, RunContext};
use crate::execute::pod::builder::Layout;
use crate::execute::schedule::Ending;
use crate::plan::{BoundTask, TaskRunRequest};
use crate::sandbox::{Credential, Engine};
use crate::spec::duration::GoDuration;
use crate::status::{Condition, Reason, RunResult, StepState};
use crate::substitution::Scope;

/// Steps of a TaskRun whose containers are started ahead of the one that runs. More than one, so
/// that short steps are not bound by one start at a time; few, so that a long TaskRun leaves others
/// their share of what may wait.
const STEPS_AHEAD: usize = 2;

/// How a step ended, seen from its TaskRun.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum StepEnd {
    /// The next one may run.
    Passed,
    /// The TaskRun fails.
    Failed(Condition),
    /// The TaskRun is to stop.
    Halted(Halt),
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AttemptEnd {
    /// The condition of the TaskRun.
    pub condition: Condition,
    /// Its results.
    pub results: Vec<RunResult>,
    /// Its artifacts.
    pub artifacts: Option<serde_json::Value>,
    /// Why it was stopped from outside.
    pub halt: Option<Halt>,
    /// Another attempt would fail again: the input is invalid.
    pub permanent: bool,
}

impl AttemptEnd {
    pub(crate) fn permanent(condition: Condition) -> Self {
        Self {
            condition,
            results: Vec::new(),
            artifacts: None,
            halt: None,
            permanent: true,
        }
    }
}

/// What steps that have ended made known to later ones.
pub(crate) type Known = Arc<Scope>;

/// One attempt under way.
pub(crate) struct Attempt<E: Engine> {
    pub(crate) context: Arc<RunContext<E>>,
    /// The run its messages belong to.
    pub(crate) run: String,
    pub(crate) request: Arc<TaskRunRequest>,
    pub(crate) bound: BoundTask,
    pub(crate) layout: Layout,
    pub(crate) known: Known,
    pub(crate) collected: Collected,
    pub(crate) credentials: Vec<Credential>,
    /// Why the entrypoint of every step ends before it waits.
    pub(crate) credential_fault: Option<String>,
    /// The random end of the names of its scripts.
    pub(crate) suffix: String,
    pub(crate) states: Vec<StepState>,
    pub(crate) halt: HaltReceiver,
    pub(crate) deadline: Option<(Instant, Duration)>,
}

impl<E: Engine> Attempt<E> {
    /// States what happened to this TaskRun.
    pub(crate) fn emit(&self, event: TaskRunEvent) {
        let emitter = self.context.emitter.of(&self.run);
        emitter.task_run_event(&self.request.identity.name, event);
    }

    pub(crate) fn state(&self, index: usize) -> StepState {
        self.states[index].clone()
    }

    pub(crate) fn finish_step(&mut self, index: usize, state: StepState) {
        self.states[index] = state.clone();
        self.emit(TaskRunEvent::StepFinished { index, step: state });
    }

    /// Starts the containers of the next steps while this one runs.
    pub(crate) fn prestart_next(&self, index: usize) {
        for next in self.layout.steps.iter().skip(index + 1).take(STEPS_AHEAD) {
            self.context.prestart.want(Vec::new(), next.spec.clone());
        }
    }

    /// Why the attempt is to stop, when it is.
    pub(crate) fn halt(&self) -> Option<Halt> {
        let told = self.halt.borrow().clone();
        if let Some(halt) = told.filter(Halt::ends_running) {
            return Some(halt);
        }
        let (_, limit) = self
            .deadline
            .filter(|(deadline, _)| *deadline <= Instant::now())?;
        let name = &self.request.identity.name;
        Some(Halt {
            reason: Reason::TaskRunTimeout,
            message: format!(
                "TaskRun \"{name}\" failed to finish within \"{}\"",
                GoDuration::from(limit)
            ),
            ending: Ending::Failed,
            queued_only: false,
        })
    }

    /// Ends when the attempt is to stop, and says why.
    pub(crate) async fn halted(&self) -> Halt {
        let mut halt = self.halt.clone();
        loop {
            if let Some(halt) = self.halt() {
                return halt;
            }
            let told = async {
                if halt.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            let late = async {
                match self.deadline {
                    Some((deadline, _)) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = told => {}
                () = late => {}
            }
        }
    }
}
