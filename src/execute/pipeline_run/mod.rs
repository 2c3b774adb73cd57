//! One PipelineRun: the loop that asks the scheduler, does what it says and tells it what ended.

pub(super) mod drafts;
pub(super) mod foresee;
pub(super) mod group;
pub(super) mod runner;
pub(super) mod start;
pub(super) mod stop;
