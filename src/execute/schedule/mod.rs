//! Which task starts next, which is skipped, and what the run amounts to: pure, without clock and without async.

pub(super) mod decide;
pub(super) mod results;
pub(super) mod scheduler;
pub(super) mod start;
pub(super) mod verdict;
