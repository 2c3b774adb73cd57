//! One PipelineRun: the loop that asks the scheduler, does what it says and tells it what ended.
//!
//! In come a plan and what may stop it; out come events and the condition of the run. The rules of
//! which task runs are in `schedule`, those of one TaskRun in `task_run`: here are time, concurrency
//! and the making of TaskRuns and child runs. Engines and containers are not touched directly.

pub(super) mod drafts;
pub(super) mod foresee;
mod group;
mod halt;
pub(super) mod runner;
mod start;
pub(super) mod stop;
