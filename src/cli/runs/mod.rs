//! Earlier runs: found by their id, opened, and read as the source of a resume.
//!
//! The `RUN` argument comes in; a reader of the state directory goes out, or an error with what to
//! do about it. Nothing here changes a record.

pub(super) mod earlier;
pub(super) mod sandbox_id;
pub(super) mod source_run;
pub(super) mod store_error;
