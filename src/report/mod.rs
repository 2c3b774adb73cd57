//! What happens, for people and for machines.
//!
//! Sinks take [`Message`](crate::event::Message)s and write to the writers they were given; none
//! of them knows a terminal. Text that comes from documents, such as names, is made harmless
//! before it is part of a line of ours.

mod decisions;
mod describe;
mod json;
mod list;
mod live;
mod log_files;
mod plain;
mod reporter;
#[cfg(test)]
mod sample;
mod style;
mod summary;
mod table;

pub use self::decisions::{decisions_json, write_decisions};
pub use self::describe::{Described, write_description};
pub use self::json::{Json, STREAM_VERSION};
pub use self::list::{ListRow, write_list};
pub use self::live::view::Live;
pub use self::log_files::{LogQuery, write_logs};
pub use self::plain::printer::{Plain, PlainOptions};
pub use self::reporter::{Reporter, Terminal};
pub use self::style::{Mark, Style, ago, between, bytes, clean, duration, plural};
pub use self::summary::tails::{TAIL_LINES, Tails};
pub use self::summary::text::{Outro, write_summary};
