//! Where the sockets of one sandbox are: several may share a volume.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::protocol::{RUN_ROOT, SOCKETS};

static SANDBOX: OnceLock<String> = OnceLock::new();

/// Says, once and first of all, of which sandbox this process is.
pub(crate) fn of_sandbox(name: &str) {
    // Set once: a process has one role.
    SANDBOX.set(name.to_owned()).unwrap_or_default();
}

/// The directory that no other sandbox uses.
pub(crate) fn directory() -> PathBuf {
    let sandbox = SANDBOX.get().map_or("", String::as_str);
    Path::new(RUN_ROOT).join(SOCKETS).join(sandbox)
}
