//! Why a task did not run.

use serde::{Deserialize, Serialize};

/// Why a task was skipped, in Tekton's words (`pkg/apis/pipeline/v1/pipelinerun_types.go`,
/// `SkippingReason`), and `Disabled` of TEP-0077.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SkipReason {
    /// Its `when` expressions are false.
    When,
    /// A parent was skipped, and not by its `when` expressions.
    ParentSkipped,
    /// The run is stopping after a failure.
    Stopping,
    /// `CancelledRunFinally`.
    GracefullyCancelled,
    /// `StoppedRunFinally`.
    GracefullyStopped,
    /// A result it needs does not exist.
    MissingResults,
    /// The pipeline's time is up.
    PipelineTimedOut,
    /// The time of the tasks is up.
    TasksTimedOut,
    /// The time of the finally tasks is up.
    FinallyTimedOut,
    /// Its matrix has an empty array.
    EmptyMatrix,
    /// `disableTasks`.
    Disabled,
}

impl SkipReason {
    /// The text in `skippedTasks`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::When => "When Expressions evaluated to false",
            Self::ParentSkipped => "Parent Tasks were skipped",
            Self::Stopping => "PipelineRun was stopping",
            Self::GracefullyCancelled => "PipelineRun was gracefully cancelled",
            Self::GracefullyStopped => "PipelineRun was gracefully stopped",
            Self::MissingResults => "Results were missing",
            Self::PipelineTimedOut => "PipelineRun timeout has been reached",
            Self::TasksTimedOut => "PipelineRun Tasks timeout has been reached",
            Self::FinallyTimedOut => "PipelineRun Finally timeout has been reached",
            Self::EmptyMatrix => "Matrix Parameters have an empty array",
            Self::Disabled => "Disabled",
        }
    }

    /// True when the clock was the cause.
    pub const fn is_timeout(self) -> bool {
        matches!(
            self,
            Self::PipelineTimedOut | Self::TasksTimedOut | Self::FinallyTimedOut
        )
    }
}
