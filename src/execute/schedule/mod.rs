//! Which task starts next, which is skipped, and what the run amounts to.
//!
//! In come the plan, the end of each task ([`Finished`]), requests to stop and clocks that have run
//! out; out come [`Action`]s, and at the end the condition of the run. The room is pure: no clock, no
//! `async`, no engine, no events. Whoever needs one of those belongs into `pipeline_run`, which asks
//! the [`Scheduler`] and does what it says.

mod decide;
mod model;
mod results;
mod scheduler;
mod start;
mod verdict;

pub(super) use model::{Action, Ending, Finished, Start};
pub(super) use scheduler::Scheduler;
pub(super) use verdict::{Tally, cancelled_message};
