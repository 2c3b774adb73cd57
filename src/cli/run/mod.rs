//! From a planned run to its end: the sinks, the signals, the record and the outcome.
//!
//! A `Ready` run and a connected engine come in, an `Outcome` goes out. The executor's messages go to
//! the recorder first, then to the terminal, then to `--events`. Whether a run may start, and what
//! its tasks are, has been decided before.

pub(super) mod beginning;
pub(super) mod carrying;
pub(super) mod directories;
pub(super) mod execute_error;
pub(super) mod execution;
pub(super) mod next_steps;
pub(super) mod retention;
pub(super) mod secret_values;
pub(super) mod sinks;
