//! Containers that start before their turn.

pub(super) mod ahead;
pub(super) mod pool;
pub(super) mod upcoming;
