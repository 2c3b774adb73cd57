//! From arguments to documents: files read, checked and selected.

pub(super) mod diagnose;
pub(super) mod files;
pub(super) mod prepare;
pub(super) mod reach;
pub(super) mod select;
pub(super) mod supply;
