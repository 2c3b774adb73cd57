//! How far a PipelineRun is to stop.

/// How far a run is to stop; a later one is stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// Not at all.
    Go,
    /// `StoppedRunFinally`: what runs may end, then finally.
    FinishRunning,
    /// `CancelledRunFinally`: what runs is cancelled, then finally.
    CancelRunFinally,
    /// `Cancelled`: at once.
    Cancel,
}
