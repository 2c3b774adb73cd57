//! Writing credentials where Git and Docker look for them.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::protocol::Blob;
use super::regular;

/// What was copied to `$HOME`, which may be in a volume that outlives the run.
static COPIES: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// `pipeline.CredsDir`.
const DIRECTORY: &str = "/tekton/creds";

/// Writes them to `/tekton/creds`, then to `$HOME`. Returns what went wrong: as in Tekton's
/// entrypoint nothing of it stops the step.
pub(crate) fn write_credentials(credentials: &[(String, Blob)], home: Option<&str>) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, content) in credentials {
        if let Err(error) = write(Path::new(DIRECTORY), path, &content.0, 0o755) {
            complaints.push(format!("Error initializing credentials: {error}"));
            continue;
        }
        let Some(home) = home.filter(|home| !home.is_empty()) else {
            continue;
        };
        let copy = Path::new(home).join(path);
        if let Err(error) = write(Path::new(home), path, &content.0, 0o700) {
            complaints.push(format!(
                "warning: unsuccessful cred copy: {path:?} from {DIRECTORY:?} to {home:?}: {error}"
            ));
        }
        let mut copies = COPIES.lock().unwrap_or_else(PoisonError::into_inner);
        copies.push(copy);
    }
    complaints
}

/// Removes the copies in `$HOME`. The next step writes its own, as in Tekton.
pub(crate) fn remove_copies() {
    let mut copies = COPIES.lock().unwrap_or_else(PoisonError::into_inner);
    for copy in copies.drain(..) {
        // The step may have removed it.
        fs::remove_file(copy).unwrap_or_default();
    }
}

fn write(root: &Path, path: &str, content: &[u8], directory_mode: u32) -> io::Result<()> {
    let file = root.join(path);
    if let Some(parent) = file.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(directory_mode)
            .create(parent)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = regular::open(&file, &mut options)?;
    file.write_all(content)?;
    file.set_permissions(Permissions::from_mode(0o600))
}
