//! The live view of a terminal.

pub(super) mod view;
