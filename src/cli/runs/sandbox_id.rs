//! What a run's container and volume are called in the engine.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::name::hex;
use crate::state::default_state_dir;

/// The id a run has in the engine. Run ids are unique within a state directory; an engine may
/// serve several, so a run of another than the default one carries a mark of its directory.
pub(crate) fn sandbox_id(state_dir: &Path, run_id: &str) -> String {
    let absolute = std::path::absolute(state_dir).unwrap_or_else(|_| state_dir.to_owned());
    let state_dir: PathBuf = absolute.components().collect();
    if default_state_dir().is_some_and(|default| default == state_dir) {
        return run_id.to_owned();
    }
    let mark = hex(&Sha256::digest(state_dir.as_os_str().as_encoded_bytes())[..3]);
    format!("{run_id}-{mark}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::sandbox_id;

    #[test]
    fn runs_of_two_state_directories_do_not_meet() {
        let one = sandbox_id(Path::new("/tmp/one"), "run");
        assert!(one.starts_with("run-") && one.len() == 10, "{one}");
        assert_ne!(one, sandbox_id(Path::new("/tmp/two"), "run"));
        assert_eq!(one, sandbox_id(Path::new("/tmp/one/"), "run"));
    }
}
