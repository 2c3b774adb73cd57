//! What Tekton's `pkg/pod` builds: the containers, mounts, volumes, environment and security of one attempt.

pub(super) mod builder;
pub(super) mod env;
pub(super) mod layout;
pub(super) mod mounts;
pub(super) mod quantity;
pub(super) mod security;
pub(super) mod settings;
pub(super) mod volumes;
