//! File operations, from the sandbox's terms to the wire's.

use super::protocol::{Blob, FileOperation};
use super::supervisor::VolumePaths;
use crate::sandbox::{FileOp, SandboxError};

/// The operation with its path as the supervisor sees it.
pub(super) fn operation(
    op: FileOp,
    volumes: &impl VolumePaths,
) -> Result<FileOperation, SandboxError> {
    Ok(match op {
        FileOp::Directory { path, mode, owner } => FileOperation::Directory {
            path: volumes.path(&path)?,
            mode,
            owner,
        },
        FileOp::File {
            path,
            mode,
            owner,
            content,
        } => FileOperation::File {
            path: volumes.path(&path)?,
            mode,
            owner,
            content: Blob(content.to_vec()),
        },
        FileOp::Symlink { path, target } => FileOperation::Symlink {
            path: volumes.path(&path)?,
            target,
        },
        FileOp::Remove { path } => FileOperation::Remove {
            path: volumes.path(&path)?,
        },
        FileOp::GroupOwned { path, gid } => FileOperation::GroupOwned {
            path: volumes.path(&path)?,
            gid,
        },
    })
}
