//! What a run's container and volume are called in the engine.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::name::hex;
use crate::state::default_state_dir;

/// Where the kernel tells the name of the machine; other systems than Linux are all called the same.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// What a state directory is called in the engine, which may serve several machines: the machine
/// and the absolute path.
pub(crate) fn state_dir_label(state_dir: &Path) -> String {
    let host = std::fs::read_to_string(HOST_NAME).unwrap_or_default();
    format!("{}:{}", host.trim(), absolute(state_dir).display())
}

/// The id a run has in the engine. Run ids are unique within a state directory; an engine may
/// serve several, so a run of another than the default one carries a mark of its directory.
pub(crate) fn sandbox_id(state_dir: &Path, run_id: &str) -> String {
    let state_dir = absolute(state_dir);
    if default_state_dir().is_some_and(|default| default == state_dir) {
        return run_id.to_owned();
    }
    let mark = hex(&Sha256::digest(state_dir.as_os_str().as_encoded_bytes())[..3]);
    // No run is called so: Kubernetes allows no underscore in names.
    format!("{run_id}_{mark}")
}

fn absolute(state_dir: &Path) -> PathBuf {
    let absolute = std::path::absolute(state_dir).unwrap_or_else(|_| state_dir.to_owned());
    absolute.components().collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::sandbox_id;

    #[test]
    fn runs_of_two_state_directories_do_not_meet() {
        let one = sandbox_id(Path::new("/tmp/one"), "run");
        assert!(one.starts_with("run_") && one.len() == 10, "{one}");
        assert_ne!(one, sandbox_id(Path::new("/tmp/two"), "run"));
        assert_eq!(one, sandbox_id(Path::new("/tmp/one/"), "run"));
    }
}
