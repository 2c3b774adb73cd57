//! Running part of a pipeline: which tasks are disabled, which are reused and which run (TEP-0077).
//!
//! The decision is a pure function of the plan, of what is known of the source run and of what was
//! asked for. Whether a success is really reused is settled when its task is about to start, by
//! comparing its inputs ([`ReusePlan::reusable`]): a parent that runs again may yield other results.

mod check;
mod decide;
mod earlier_run;
mod error;
mod foresee;
#[cfg(test)]
mod oracle;
mod reach;
mod reuse_plan;
mod selection;

pub use check::result_type;
pub use decide::decide;
pub use earlier_run::{EarlierRun, SourceState, SourceTask, Success};
pub use error::{PartialError, PartialErrors};
pub use foresee::{Foreseen, apply_foreseen};
pub use reach::{downstream, upstream};
pub use reuse_plan::{Decision, ReusePlan, TaskDecision};
pub use selection::{Disable, Given, Reuse, Selection};
