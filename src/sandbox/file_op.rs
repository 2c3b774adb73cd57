//! What the supervisor does in a volume.

use bytes::Bytes;

use super::VolumePath;

/// Who owns a file that is made. `None` leaves it to root.
pub type FileOwner = Option<(u32, u32)>;

/// Something to do in a volume, by the supervisor as root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileOp {
    /// Makes a directory and those above it. An existing one keeps its content, mode and owner.
    Directory {
        /// Where.
        path: VolumePath,
        /// Its mode, whatever the umask.
        mode: u32,
        /// Its owner.
        owner: FileOwner,
    },
    /// Writes a file and the directories above it.
    File {
        /// Where.
        path: VolumePath,
        /// Its mode.
        mode: u32,
        /// Its owner.
        owner: FileOwner,
        /// Its content.
        content: Bytes,
    },
    /// Makes a symbolic link.
    Symlink {
        /// Where.
        path: VolumePath,
        /// To what, as text.
        target: String,
    },
    /// Removes a file or tree; nothing there is fine.
    Remove {
        /// What.
        path: VolumePath,
    },
    /// Makes a directory tree a group's: `fsGroup`.
    GroupOwned {
        /// What.
        path: VolumePath,
        /// The group.
        gid: u32,
    },
}
