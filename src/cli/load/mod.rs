//! From file arguments to checked documents and the runs among them.
//!
//! Paths come in; a `Prepared` catalog with its diagnostics goes out (`prepare`), the runs to make are
//! selected from it (`select`), and what they may not do is found (`reach`). Nothing here plans or
//! starts a run.

pub(super) mod diagnose;
pub(super) mod files;
pub(super) mod prepare;
pub(super) mod reach;
pub(super) mod select;
pub(super) mod supply;
