//! Making directories and files in the volumes of a sandbox.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::clone::clone_path;
use super::protocol::{FileOperation, FileRequest, Frame, Kind};
use super::supervise::Relay;

/// What Kubernetes adds to the mode of files for `fsGroup`, and to that of directories.
const GROUP_FILE: u32 = 0o660;
const GROUP_DIRECTORY: u32 = 0o2770;

/// The thread that does what the command asks of the volumes, one thing after another.
pub(crate) struct Worker {
    relay: Relay,
}

impl Worker {
    pub(crate) fn new(relay: Relay) -> Self {
        Self { relay }
    }

    /// Works until the orders end.
    pub(crate) fn run(&self, orders: &Receiver<Frame>) {
        let mut failed = HashMap::new();
        for frame in orders {
            let channel = frame.channel;
            let failure = failed.remove(&channel);
            let (last, failure) = match frame.kind {
                Kind::Clone => (
                    true,
                    frame
                        .message()
                        .map_err(|e| e.to_string())
                        .and_then(|paths| self.clone_paths(paths, channel))
                        .err(),
                ),
                _ => request(&frame, failure),
            };
            if last {
                self.relay.send(Kind::Done, channel, &failure);
            } else if let Some(failure) = failure {
                failed.insert(channel, failure);
            }
        }
    }

    /// Copies paths of the source volume, saying now and then, and at the end, how much that was.
    fn clone_paths(&self, paths: Vec<String>, channel: u32) -> Result<(), String> {
        let mut said = Instant::now();
        let mut all = 0;
        let mut copied = |bytes: u64| {
            all += bytes;
            if said.elapsed() >= PROGRESS {
                said = Instant::now();
                self.relay.send(Kind::Copied, channel, &all);
            }
        };
        for path in paths {
            clone_path(&path, &mut copied)
                .map_err(|error| format!("cannot copy {path}: {error}"))?;
        }
        self.relay.send(Kind::Copied, channel, &all);
        Ok(())
    }
}

/// How often it is said how far a copy is.
const PROGRESS: Duration = Duration::from_millis(200);

/// Does one part of a request, unless an earlier part failed. Returns whether it was the last.
fn request(frame: &Frame, failure: Option<String>) -> (bool, Option<String>) {
    match frame.message() {
        Err(error) => (true, Some(error.to_string())),
        Ok(FileRequest { last, operation }) => {
            let failure =
                failure.or_else(|| operation.and_then(|operation| perform(&operation).err()));
            (last, failure)
        }
    }
}

fn perform(operation: &FileOperation) -> Result<(), String> {
    let (result, verb, path) = match operation {
        FileOperation::Directory { path, mode, owner } => (
            directory(Path::new(path), *mode, *owner),
            "make the directory",
            path,
        ),
        FileOperation::File {
            path,
            mode,
            owner,
            content,
        } => (
            file(Path::new(path), *mode, *owner, &content.0),
            "write",
            path,
        ),
        FileOperation::Symlink { path, target } => (link(Path::new(path), target), "link", path),
        FileOperation::Remove { path } => (remove(Path::new(path)), "remove", path),
        FileOperation::GroupOwned { path, gid } => (
            give_to_group(Path::new(path), *gid),
            "change the group of",
            path,
        ),
        FileOperation::Mode { path, mode } => (
            fs::set_permissions(path, Permissions::from_mode(*mode)),
            "change the mode of",
            path,
        ),
    };
    result.map_err(|error| format!("cannot {verb} {path}: {error}"))
}

fn directory(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    make_parents(path)?;
    match fs::create_dir(path) {
        Ok(()) => own(path, mode, owner),
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

fn file(path: &Path, mode: u32, owner: Option<(u32, u32)>, content: &[u8]) -> io::Result<()> {
    make_parents(path)?;
    if path.is_symlink() {
        fs::remove_file(path)?;
    }
    let mut file: File = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)?;
    file.write_all(content)?;
    own(path, mode, owner)
}

/// Owner first: changing it takes set-id bits away.
fn own(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    if let Some((user, group)) = owner {
        chown(path, Some(user), Some(group))?;
    }
    fs::set_permissions(path, Permissions::from_mode(mode))
}

fn link(path: &Path, target: &str) -> io::Result<()> {
    make_parents(path)?;
    if fs::read_link(path).is_ok_and(|there| there == Path::new(target)) {
        return Ok(());
    }
    remove(path)?;
    symlink(target, path)
}

fn remove(path: &Path) -> io::Result<()> {
    let result = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(())
        }
        result => result,
    }
}

fn give_to_group(path: &Path, gid: u32) -> io::Result<()> {
    let meta = fs::symlink_metadata(path)?;
    lchown(path, None, Some(gid))?;
    if meta.is_symlink() {
        return Ok(());
    }
    let more = if meta.is_dir() {
        GROUP_DIRECTORY
    } else {
        GROUP_FILE
    };
    fs::set_permissions(
        path,
        Permissions::from_mode(meta.permissions().mode() | more),
    )?;
    if meta.is_dir() {
        for entry in fs::read_dir(path)? {
            give_to_group(&entry?.path(), gid)?;
        }
    }
    Ok(())
}

pub(super) fn make_parents(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}
