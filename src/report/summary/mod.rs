//! The end of a run as text.

pub(super) mod exit_meaning;
pub(super) mod tails;
pub(super) mod task_rows;
pub(super) mod text;
