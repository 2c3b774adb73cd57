//! Running jobs with the sinks of the command line.

pub(super) mod beginning;
pub(super) mod carrying;
pub(super) mod directories;
pub(super) mod execute_error;
pub(super) mod execution;
pub(super) mod next_steps;
pub(super) mod retention;
pub(super) mod secret_values;
pub(super) mod sinks;
