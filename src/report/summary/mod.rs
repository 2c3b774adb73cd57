//! The end of a run as text: what became of each task, the results, what failed and how to continue.
//!
//! A finished [`Record`](crate::event::Record) and the last lines of its containers come in; text
//! goes out. `describe` shows the same rows. Nothing here watches a run: that is the work of the
//! other rooms.

mod exit_meaning;
mod tails;
mod task_rows;
mod text;

pub(super) use self::exit_meaning::exit_meaning;
pub(super) use self::tails::quote;
pub use self::tails::{TAIL_LINES, Tails};
pub(super) use self::task_rows::task_rows;
pub use self::text::{Outro, write_summary};
pub(super) use self::text::{value_text, write_results};
