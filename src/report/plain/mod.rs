//! Lines for people: logs on one writer, one line per change of state on another.
//!
//! Messages come in, whole lines go out. The live view writes the same lines, so what a line says
//! is decided here and nowhere else. Nothing here moves a cursor or knows the width of a terminal.

mod lines;
mod printer;
mod state_line;

pub(super) use self::lines::{Lines, Output};
pub use self::printer::{Plain, PlainOptions};
pub(super) use self::state_line::{label, pull_failure, reason_text, skip_text};
