//! The commands, one file for each.

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
