//! Lines for people: logs on one writer, changes of state on another.

pub(super) mod lines;
pub(super) mod printer;
pub(super) mod state_line;
pub(super) mod tame;
