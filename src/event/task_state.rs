//! What became of a task, in one word.

use std::fmt;

use crate::status::{Condition, ConditionStatus, Reason, SkipReason};

/// What became of a task of a pipeline, or of one TaskRun. Ordered: of the combinations of a
/// matrix the greatest speaks for the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskState {
    /// Nothing happened to it yet.
    NotStarted,
    /// It will not run.
    Skipped(SkipReason),
    /// It succeeded in an earlier run, which stands for it.
    Reused,
    /// It succeeded.
    Succeeded,
    /// It failed, and `onError: continue` forgave it.
    FailureIgnored,
    /// It was cancelled.
    Cancelled,
    /// Its own timeout passed.
    TimedOut,
    /// It failed.
    Failed,
    /// It runs, or waits for its next attempt.
    Running,
}

impl TaskState {
    /// Reads the condition of a TaskRun or of a child PipelineRun.
    pub fn of(condition: Option<&Condition>) -> Self {
        let Some(condition) = condition else {
            return Self::NotStarted;
        };
        match condition.status {
            ConditionStatus::True => Self::Succeeded,
            ConditionStatus::Unknown => match Reason::parse(&condition.reason) {
                Some(Reason::TaskRunPending | Reason::PipelineRunPending) => Self::NotStarted,
                _ => Self::Running,
            },
            ConditionStatus::False => match Reason::parse(&condition.reason) {
                Some(Reason::FailureIgnored) => Self::FailureIgnored,
                Some(Reason::TaskRunCancelled | Reason::Cancelled) => Self::Cancelled,
                Some(Reason::TaskRunTimeout | Reason::PipelineRunTimeout) => Self::TimedOut,
                _ => Self::Failed,
            },
        }
    }

    /// True for a success, also of an earlier run.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Succeeded | Self::Reused)
    }

    /// True for what makes a run end without success.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::Cancelled)
    }

    /// What speaks for two combinations of a matrix.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        if self.rank() >= other.rank() {
            self
        } else {
            other
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::NotStarted => 0,
            Self::Skipped(_) => 1,
            Self::Reused => 2,
            Self::Succeeded => 3,
            Self::FailureIgnored => 4,
            Self::Cancelled => 5,
            Self::TimedOut => 6,
            Self::Failed => 7,
            Self::Running => 8,
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotStarted => "not started",
            Self::Skipped(SkipReason::Disabled) => "disabled",
            Self::Skipped(_) => "skipped",
            Self::Reused => "reused",
            Self::Succeeded => "succeeded",
            Self::FailureIgnored => "failed, ignored",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed out",
            Self::Failed => "failed",
            Self::Running => "running",
        })
    }
}
