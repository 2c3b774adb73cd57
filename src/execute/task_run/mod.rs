//! One TaskRun: its attempts, its steps in order, its sidecars, its results.
//!
//! In come a TaskRun to run and what may stop it; out come its events, the output of its containers
//! and how it ended. The pod is laid out by `pod`, containers come from `prestart`, the sandbox does
//! the rest. What a TaskRun means for its pipeline is not known here.

pub(super) mod attempt;
mod breakpoints;
pub(super) mod prepare;
mod probe;
mod program;
mod results;
pub(super) mod retries;
mod run_attempt;
mod sidecar;
mod sidecars;
mod step;
mod step_end;
