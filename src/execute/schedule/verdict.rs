//! From how the tasks ended to the condition of the run
//! (`pkg/reconciler/pipelinerun/resources/pipelinerunstate.go`, `GetPipelineConditionStatus`).

use std::time::Duration;

use crate::language::Timeouts;
use crate::plan::Requested;
use crate::spec::duration::GoDuration;
use crate::status::{Condition, ConditionStatus, Reason};

/// The longest list of invalid references in a message, in bytes.
const MAX_INVALID: usize = 1024;

/// How many tasks ended how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Succeeded.
    pub(crate) succeeded: usize,
    /// Failed, or cancelled because time was up.
    pub(crate) failed: usize,
    /// Failed with `onError: continue`.
    pub(crate) ignored: usize,
    /// Cancelled.
    pub(crate) cancelled: usize,
    /// Skipped.
    pub(crate) skipped: usize,
    /// Some were skipped because time was up.
    pub(crate) skipped_by_timeout: bool,
    /// Running or waiting.
    pub(crate) incomplete: usize,
    /// Those that refer to a result that does not exist, with the text that says so.
    pub(crate) invalid: Vec<(String, String)>,
}

/// What else decides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    /// The name of the run.
    pub(crate) run: &'a str,
    /// Its limits.
    pub(crate) timeouts: &'a Timeouts,
    /// Its time is up.
    pub(crate) pipeline_timed_out: bool,
    /// The time of its tasks was up before they were done.
    pub(crate) tasks_timed_out: bool,
    /// What it was asked to do.
    pub(crate) requested: Option<Requested>,
}

fn printed(limit: Option<Duration>) -> String {
    GoDuration::from(limit.unwrap_or_default()).to_string()
}

impl Tally {
    fn failed_part(&self) -> String {
        let all = self.failed + self.ignored;
        if self.ignored > 0 {
            format!("Failed: {all} (Ignored: {})", self.ignored)
        } else {
            format!("Failed: {all}")
        }
    }

    fn completed(&self) -> usize {
        self.succeeded + self.failed + self.ignored + self.cancelled
    }

    /// `Tasks Completed: 2 (Failed: 0, Cancelled 0), Skipped: 1`.
    pub(crate) fn message(&self) -> String {
        format!(
            "Tasks Completed: {} ({}, Cancelled {}), Skipped: {}",
            self.completed(),
            self.failed_part(),
            self.cancelled,
            self.skipped
        )
    }

    /// The condition of a run that has not ended.
    pub(crate) fn progress(&self, reason: Reason) -> Condition {
        let message = format!(
            "Tasks Completed: {} (Failed: {}, Cancelled {}), Incomplete: {}, Skipped: {}",
            self.completed(),
            self.failed,
            self.cancelled,
            self.incomplete,
            self.skipped
        );
        Condition::new(ConditionStatus::Unknown, reason, message)
    }

    /// The condition of a run that is done.
    pub(crate) fn verdict(&self, around: &Circumstances<'_>) -> Condition {
        let run = around.run;
        let failed = |reason: Reason, message: String| Condition::failed(reason, message);
        if around.pipeline_timed_out {
            let limit = printed(around.timeouts.pipeline);
            return failed(
                Reason::PipelineRunTimeout,
                format!("PipelineRun \"{run}\" failed to finish within \"{limit}\""),
            );
        }
        if around.tasks_timed_out {
            let limit = printed(around.timeouts.tasks);
            return failed(
                Reason::PipelineRunTimeout,
                format!(
                    "PipelineRun \"{run}\" failed due to tasks failed to finish within \"{limit}\""
                ),
            );
        }
        if !self.invalid.is_empty() {
            return failed(Reason::PipelineValidationFailed, self.invalid_message());
        }
        if self.failed > 0 || self.skipped_by_timeout {
            return failed(Reason::Failed, self.message());
        }
        if matches!(
            around.requested,
            Some(Requested::CancelledRunFinally | Requested::StoppedRunFinally)
        ) {
            return failed(Reason::Cancelled, cancelled_message(run));
        }
        if self.cancelled > 0 {
            return failed(Reason::Cancelled, self.message());
        }
        let reason = if self.skipped > 0 {
            Reason::Completed
        } else {
            Reason::Succeeded
        };
        Condition::succeeded(reason, self.message())
    }

    fn invalid_message(&self) -> String {
        let mut list = self
            .invalid
            .iter()
            .map(|(_, text)| text.as_str())
            .collect::<Vec<_>>()
            .join("; ");
        if list.len() > MAX_INVALID {
            let end = (0..=MAX_INVALID)
                .rev()
                .find(|end| list.is_char_boundary(*end))
                .unwrap_or(0);
            list.truncate(end);
            list.push_str("...");
        }
        format!(
            "{}, Failed Validation: {} ({list})",
            self.message(),
            self.invalid.len()
        )
    }
}

/// The message of a run that was cancelled.
pub(crate) fn cancelled_message(run: &str) -> String {
    format!("PipelineRun \"{run}\" was cancelled")
}
