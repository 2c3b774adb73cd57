//! How a PipelineRun is stopped: by request, by its clocks, by an error of its own.

use std::time::Duration;

use tokio::time::Instant;

use super::runner::Runner;
use super::stop::Stop;
use crate::execute::options::Halt;
use crate::execute::schedule::Ending;
use crate::plan::Requested;
use crate::sandbox::Engine;
use crate::status::Reason;

/// Why running tasks are ended.
pub(crate) struct Halting {
    text: &'static str,
    ending: Ending,
    /// Spares those that run already.
    queued_only: bool,
}

impl<E: Engine> Runner<E> {
    /// True when the run ends at once.
    pub(crate) fn asked_to_stop(&mut self) -> bool {
        let stop = *self.stop.borrow();
        match stop {
            Stop::Go => false,
            Stop::FinishRunning => {
                self.scheduler.stop(Requested::StoppedRunFinally);
                if !self.scheduler.finally_started() {
                    self.halt_all(false, &Self::told_to_stop());
                }
                false
            }
            Stop::CancelRunFinally => {
                self.scheduler.stop(Requested::CancelledRunFinally);
                if !self.scheduler.finally_started() {
                    self.halt_all(false, &Self::told_to_cancel());
                }
                false
            }
            Stop::Cancel => {
                self.halt_all(true, &Self::told_to_cancel());
                true
            }
        }
    }

    const fn told_to_stop() -> Halting {
        Halting {
            text: "TaskRun cancelled as the PipelineRun it belongs to was stopped before it began.",
            ending: Ending::Cancelled,
            queued_only: true,
        }
    }

    const fn told_to_cancel() -> Halting {
        Halting {
            text: "TaskRun cancelled as the PipelineRun it belongs to has been cancelled.",
            ending: Ending::Cancelled,
            queued_only: false,
        }
    }

    pub(crate) const fn permanent() -> Halting {
        Halting {
            text: "TaskRun cancelled as the PipelineRun it belongs to has failed.",
            ending: Ending::Cancelled,
            queued_only: false,
        }
    }

    /// Ends what runs or is queued: DAG tasks, finally tasks too when `everything`.
    pub(crate) fn halt_all(&self, everything: bool, why: &Halting) {
        for (task, group) in &self.groups {
            if !everything && self.plan.tasks[*task].finally != self.scheduler.finally_started() {
                continue;
            }
            // A child run has begun.
            if why.queued_only && group.child.is_some() {
                continue;
            }
            let task_name = &self.plan.tasks[*task].name;
            let count = group.halts.len();
            for (index, halt) in group.halts.iter().enumerate() {
                let name = crate::name::task_run(&self.plan.identity.name, task_name, index, count);
                halt.send_replace(Some(Halt {
                    reason: Reason::TaskRunCancelled,
                    message: format!("TaskRun \"{name}\" was cancelled. {}", why.text),
                    ending: why.ending,
                    queued_only: why.queued_only,
                }));
            }
            if let Some(child) = &group.child {
                child.send_replace(Stop::Cancel);
            }
        }
    }

    fn deadlines(&self) -> [Option<Instant>; 3] {
        let after = |start: Option<Instant>, limit: Option<Duration>| Some(start? + limit?);
        let limits = &self.plan.timeouts;
        let in_tasks = (!self.scheduler.finally_started()).then_some(self.started);
        [
            after(Some(self.started), limits.pipeline),
            after(in_tasks, limits.tasks),
            after(self.finally_started, limits.finally),
        ]
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let told = [
            self.scheduler.pipeline_timed_out(),
            self.scheduler.tasks_timed_out(),
            self.scheduler.finally_timed_out(),
        ];
        self.deadlines()
            .into_iter()
            .zip(told)
            .filter(|(_, told)| !told)
            .filter_map(|(at, _)| at)
            .min()
    }

    pub(crate) fn time_is_up(&mut self) {
        let now = Instant::now();
        let [pipeline, tasks, finally] = self
            .deadlines()
            .map(|deadline| deadline.is_some_and(|at| at <= now));
        let why = Halting {
            text: "TaskRun cancelled as the PipelineRun it belongs to has timed out.",
            ending: Ending::TimedOut,
            queued_only: false,
        };
        if pipeline && !self.scheduler.pipeline_timed_out() {
            self.scheduler.time_out_pipeline();
            self.halt_all(true, &why);
        } else if tasks && !self.scheduler.tasks_timed_out() {
            self.scheduler.time_out_tasks();
            self.halt_all(false, &why);
        } else if finally && !self.scheduler.finally_timed_out() {
            self.scheduler.time_out_finally();
            self.halt_all(false, &why);
        }
    }
}
