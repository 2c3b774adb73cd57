//! The commands, one file for each: its arguments, its help and the function that runs it.
//!
//! A new command is a file here and a line in [`command`]. A command gets its arguments and a
//! `Context` and returns an exit status or an error. What two commands share belongs in another
//! room.

pub(super) mod cancel;
pub(super) mod command;
pub(super) mod completion;
pub(super) mod describe;
pub(super) mod graph;
pub(super) mod list;
pub(super) mod logs;
pub(super) mod prune;
pub(super) mod reap;
pub(super) mod resume;
pub(super) mod run;
pub(super) mod unknown;
pub(super) mod validate;
