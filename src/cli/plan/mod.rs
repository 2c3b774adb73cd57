//! From the documents of a run to what can be executed.

pub(super) mod admission;
pub(super) mod blame;
pub(super) mod job;
pub(super) mod lacking;
pub(super) mod outline;
pub(super) mod place;
pub(super) mod pod_settings;
pub(super) mod ready;
