//! Making directories and files in the volumes of a sandbox.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown, fchown, symlink};
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::beneath::{Place, through};
use super::clone::clone_path;
use super::protocol::{FileOperation, FileRequest, Frame, Kind, shortened};
use super::relay::Relay;
use super::sys::{self, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_PATH};

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
                let failure = failure.map(|text| shortened(&text).to_owned());
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
        FileOperation::Mode { path, mode } => {
            (set_mode(Path::new(path), *mode), "change the mode of", path)
        }
    };
    result.map_err(|error| format!("cannot {verb} {path}: {error}"))
}

fn directory(path: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    let place = Place::make(path)?;
    match fs::create_dir(place.path()) {
        Ok(()) => own(&open_directory(&place)?, mode, owner),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let there = fs::metadata(through(place.open()?.as_fd()))?;
            if there.is_dir() { Ok(()) } else { Err(error) }
        }
        Err(error) => Err(error),
    }
}

fn open_directory(place: &Place) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(O_DIRECTORY | O_NOFOLLOW)
        .open(place.path())
}

fn file(path: &Path, mode: u32, owner: Option<(u32, u32)>, content: &[u8]) -> io::Result<()> {
    let place = Place::make(path)?;
    let there = fs::symlink_metadata(place.path());
    if there.is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        fs::remove_file(place.path())?;
    }
    let mut file: File = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .custom_flags(O_NOFOLLOW | O_NONBLOCK)
        .open(place.path())?;
    file.write_all(content)?;
    own(&file, mode, owner)
}

/// Owner first: changing it takes set-id bits away.
fn own(file: &File, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    if let Some((user, group)) = owner {
        fchown(file, Some(user), Some(group))?;
    }
    file.set_permissions(Permissions::from_mode(mode))
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    let place = Place::find(path)?;
    fs::set_permissions(through(place.open()?.as_fd()), Permissions::from_mode(mode))
}

fn link(path: &Path, target: &str) -> io::Result<()> {
    let place = Place::make(path)?;
    if fs::read_link(place.path()).is_ok_and(|there| there == Path::new(target)) {
        return Ok(());
    }
    remove_at(&place)?;
    symlink(target, place.path())
}

fn remove(path: &Path) -> io::Result<()> {
    nothing_is_fine(Place::find(path).and_then(|place| remove_at(&place)))
}

fn remove_at(place: &Place) -> io::Result<()> {
    let path = place.path();
    nothing_is_fine(match fs::symlink_metadata(&path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(&path),
        Ok(_) => fs::remove_file(&path),
        Err(error) => Err(error),
    })
}

fn nothing_is_fine(result: io::Result<()>) -> io::Result<()> {
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
    give_tree_to_group(Place::find(path)?.open()?.as_fd(), gid)
}

/// Works on what was opened: a name may be exchanged for a link between two looks at it.
fn give_tree_to_group(opened: BorrowedFd<'_>, gid: u32) -> io::Result<()> {
    let path = through(opened);
    let meta = fs::metadata(&path)?;
    chown(&path, None, Some(gid))?;
    if meta.is_symlink() {
        return Ok(());
    }
    let more = if meta.is_dir() {
        GROUP_DIRECTORY
    } else {
        GROUP_FILE
    };
    fs::set_permissions(
        &path,
        Permissions::from_mode(meta.permissions().mode() | more),
    )?;
    if meta.is_dir() {
        for entry in fs::read_dir(&path)? {
            let name = entry?.file_name();
            let child = sys::open_at(Some(opened), &name, O_PATH | O_NOFOLLOW)?;
            give_tree_to_group(child.as_fd(), gid)?;
        }
    }
    Ok(())
}
