//! Running part of a pipeline: which tasks are disabled, which are reused and which run (TEP-0077).
//!
//! The decision is a pure function of the plan, of what is known of the source run and of what was
//! asked for. Whether a success is really reused is settled when its task is about to start, by
//! comparing its inputs ([`Carried::reusable`]): a parent that runs again may yield other results.

mod carried;
mod check;
mod decide;
mod fault;
#[cfg(test)]
mod oracle;
mod reach;
mod selection;
mod source;

pub use carried::{Carried, Fate, Foreseen, TaskFate};
pub use check::result_type;
pub use decide::decide;
pub use fault::{Faults, PartialFault};
pub use reach::{downstream, upstream};
pub use selection::{Disable, Given, Reuse, Selection};
pub use source::{Source, SourceState, SourceTask, Success};
