//! What happens in a run, for people and for programs.
//!
//! [`Message`](crate::event::Message)s of a run, or the [`Record`](crate::event::Record) of an
//! earlier one, come in; bytes go to the writers a sink was given. `plain` writes lines, `live`
//! draws rows below them, `summary` writes the end; a new format for programs is a file beside
//! [`Json`]. Text from documents and containers is made harmless before it becomes part of a line.
//! Nothing here executes anything, reads the environment or asks a terminal.

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
pub use self::live::{AskSize, Device, Live, TerminalSize};
pub use self::log_files::{LogQuery, write_logs};
pub use self::plain::{Plain, PlainOptions};
pub use self::reporter::{Reporter, Terminal};
pub use self::style::{Mark, Style, ago, between, bytes, clean, duration, plural};
pub use self::summary::{Outro, TAIL_LINES, Tails, write_summary};
