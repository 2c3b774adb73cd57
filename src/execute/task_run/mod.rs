//! One TaskRun: its attempts, its steps in order, its sidecars, its results.

pub(super) mod attempt;
pub(super) mod breakpoints;
pub(super) mod probe;
pub(super) mod results;
pub(super) mod retries;
pub(super) mod sidecar;
pub(super) mod sidecars;
pub(super) mod step;
pub(super) mod step_end;
