//! Containers that start before their turn.
//!
//! In come the TaskRuns that are likely to run ([`upcoming`]) and the containers they will need
//! ([`ahead`]); out come started containers that wait to be released ([`pool`]). Nothing here decides
//! whether a task runs, and no program of a step is released: a container that is not needed is
//! discarded unused.

pub(super) mod ahead;
pub(super) mod pool;
pub(super) mod upcoming;
