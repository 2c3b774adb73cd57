//! What Tekton's `pkg/pod` builds: the containers, mounts, volumes, environment and security of one
//! attempt of a TaskRun.
//!
//! In come a bound TaskRun, the given ConfigMaps and Secrets, and the images that were looked up; out
//! comes a [`builder::Layout`]: files to write and containers to start, as data. Nothing is started,
//! awaited or emitted here, and no engine is known; what cannot be built is a condition of the TaskRun
//! ([`failure`]).

pub(super) mod admit;
pub(super) mod builder;
pub(super) mod env;
pub(super) mod failure;
pub(super) mod layout;
mod mounts;
mod quantity;
pub(super) mod security;
pub(super) mod settings;
mod task_volumes;
mod volumes;
