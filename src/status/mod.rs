//! Status in Tekton's shape and Tekton's words: what a PipelineRun, a TaskRun and a step look like on
//! a cluster while they run and when they are done.
//!
//! Plain data that every layer may read and that is written to the record of a run as it is. Nothing
//! here decides anything: conditions are made by `plan` and `execute`, and collected by `event`.

mod condition;
mod reason;
mod runs;
mod skip;

pub use condition::{Condition, ConditionStatus, Timestamp};
pub use reason::Reason;
pub use runs::{
    ChildReference, PipelineRunStatus, RunResult, Running, SidecarState, SkippedTask, StepState,
    TaskRunStatus, Terminated, Waiting,
};
pub use skip::SkipReason;
