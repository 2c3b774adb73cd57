//! What happens, for people and for machines.
//!
//! Sinks take [`Message`](crate::event::Message)s and write to the writers they were given; none
//! of them knows a terminal. Text that comes from documents, such as names, is made harmless
//! before it is part of a line of ours.

mod decisions;
mod describe;
mod exit_meaning;
mod json;
mod lines;
mod list;
mod live;
mod log_files;
mod plain;
mod reporter;
#[cfg(test)]
mod sample;
mod state_line;
mod style;
mod summary;
mod table;
mod tails;
mod tame;
mod task_rows;

pub use self::decisions::{decisions_json, write_decisions};
pub use self::describe::{Described, write_description};
pub use self::json::{Json, STREAM_VERSION};
pub use self::list::{ListRow, write_list};
pub use self::live::Live;
pub use self::log_files::{LogQuery, write_logs};
pub use self::plain::{Plain, PlainOptions};
pub use self::reporter::{Reporter, Terminal};
pub use self::style::{Mark, Style, ago, between, bytes, clean, duration, plural};
pub use self::summary::{Outro, write_summary};
pub use self::tails::{TAIL_LINES, Tails};
