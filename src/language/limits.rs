//! Limits that more than one stage enforces.

/// The most combinations one matrix may have (`default-max-matrix-combinations-count`).
pub const MAX_MATRIX_COMBINATIONS: usize = 256;

/// The longest CEL expression that is compiled, in bytes: its tree is built and walked recursively.
pub const MAX_CEL_BYTES: usize = 2048;

/// How many child runs one run may start, those of its children included.
pub const MAX_CHILD_RUNS: usize = 1000;
