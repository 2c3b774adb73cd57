//! Earlier runs: found, opened, described.

pub(super) mod earlier;
pub(super) mod sandbox_id;
pub(super) mod source_run;
pub(super) mod store_error;
