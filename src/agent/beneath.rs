//! Paths in the volumes, opened one name after another and without following links: steps can
//! write there, and a link of theirs must lead nowhere.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use super::sys::{self, O_DIRECTORY, O_NOFOLLOW, O_PATH};

/// The mode of directories that are made on the way, less the umask.
const MODE: u32 = 0o777;

/// A name in a directory that is held open.
pub(crate) struct Place {
    directory: OwnedFd,
    name: OsString,
}

impl Place {
    /// The place of an absolute path. Fails if a directory on the way is missing or is a link.
    pub(crate) fn find(path: &Path) -> io::Result<Self> {
        Self::of(path, false)
    }

    /// The same, making the directories on the way.
    pub(crate) fn make(path: &Path) -> io::Result<Self> {
        Self::of(path, true)
    }

    fn of(path: &Path, make: bool) -> io::Result<Self> {
        let mut names = names(path)?;
        let name = names.pop().ok_or(io::ErrorKind::InvalidInput)?;
        let root = open_root()?;
        Ok(Self {
            directory: walk(root, &names, make)?,
            name: name.to_owned(),
        })
    }

    /// A path that leads there whatever happens to the names above it. Its last name may be a link.
    pub(crate) fn path(&self) -> PathBuf {
        through(self.directory.as_fd()).join(&self.name)
    }

    /// Opens what is there: a directory or a file, to be used by [`through`] or as a directory.
    pub(crate) fn open(&self) -> io::Result<OwnedFd> {
        let opened = sys::open_at(
            Some(self.directory.as_fd()),
            &self.name,
            O_PATH | O_NOFOLLOW,
        )?;
        if fs::metadata(through(opened.as_fd()))?.is_symlink() {
            return Err(link_error(&self.name));
        }
        Ok(opened)
    }
}

/// Opens a directory with an absolute path, following no link.
pub(crate) fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    walk(open_root()?, &names(path)?, false)
}

/// Opens a directory below another one, making what is missing, following no link.
pub(crate) fn make_directory(below: OwnedFd, path: &Path) -> io::Result<OwnedFd> {
    walk(below, &names(path)?, true)
}

/// The path of an open descriptor in this process.
pub(crate) fn through(fd: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

fn open_root() -> io::Result<OwnedFd> {
    sys::open_at(None, OsStr::new("/"), O_PATH | O_DIRECTORY)
}

fn names(path: &Path) -> io::Result<Vec<&OsStr>> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(io::ErrorKind::InvalidInput.into());
            }
        }
    }
    Ok(names)
}

fn walk(from: OwnedFd, names: &[&OsStr], make: bool) -> io::Result<OwnedFd> {
    let mut directory = from;
    for name in names {
        directory = step_into(&directory, name, make)?;
    }
    Ok(directory)
}

fn step_into(directory: &OwnedFd, name: &OsStr, make: bool) -> io::Result<OwnedFd> {
    let at = Some(directory.as_fd());
    let open = || sys::open_at(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    match open() {
        Err(error) if make && error.kind() == io::ErrorKind::NotFound => {
            match sys::make_directory_at(directory.as_fd(), name, MODE) {
                // Somebody else was faster.
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            open()
        }
        opened => opened,
    }
    .map_err(|error| describe(directory, name, error))
}

/// Says which name is the link. The kernel calls it no directory.
fn describe(directory: &OwnedFd, name: &OsStr, error: io::Error) -> io::Error {
    let is_link = error.kind() == io::ErrorKind::NotADirectory
        && sys::open_at(Some(directory.as_fd()), name, O_PATH | O_NOFOLLOW)
            .and_then(|found| fs::metadata(through(found.as_fd())))
            .is_ok_and(|found| found.is_symlink());
    if is_link { link_error(name) } else { error }
}

fn link_error(name: &OsStr) -> io::Error {
    io::Error::other(format!(
        "\"{}\" on this path is a symbolic link, which is not followed",
        name.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("tkn-local-{name}-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        fs::canonicalize(root).unwrap()
    }

    #[test]
    fn missing_directories_are_made() {
        let root = scratch("beneath-make");
        let place = Place::make(&root.join("a/b/file")).unwrap();
        fs::write(place.path(), "content").unwrap();
        assert_eq!(
            fs::read_to_string(root.join("a/b/file")).unwrap(),
            "content"
        );
        assert!(open_directory(&root.join("a/b")).is_ok());
        let missing = open_directory(&root.join("a/c")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn no_link_is_followed_wherever_it_is_on_the_path() {
        let root = scratch("beneath-link");
        fs::create_dir(root.join("real")).unwrap();
        symlink(root.join("real"), root.join("link")).unwrap();
        symlink("real", root.join("near")).unwrap();
        for path in ["link/x", "near/x", "link/x/y"] {
            let error = Place::make(&root.join(path)).err().unwrap();
            assert!(error.to_string().contains("symbolic link"), "{error}");
        }
        assert!(open_directory(&root.join("link")).is_err());
        assert!(Place::find(&root.join("link")).unwrap().open().is_err());
        assert_eq!(fs::read_dir(root.join("real")).unwrap().count(), 0);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_place_stays_when_its_path_is_exchanged() {
        let root = scratch("beneath-race");
        fs::create_dir_all(root.join("inside")).unwrap();
        fs::create_dir_all(root.join("outside")).unwrap();
        let place = Place::make(&root.join("inside/file")).unwrap();
        fs::rename(root.join("inside"), root.join("moved")).unwrap();
        symlink(root.join("outside"), root.join("inside")).unwrap();
        fs::write(place.path(), "").unwrap();
        assert!(root.join("moved/file").exists());
        assert!(!root.join("outside/file").exists());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_path_cannot_climb() {
        assert!(Place::make(Path::new("/tmp/../etc/x")).is_err());
        assert!(Place::make(Path::new("/")).is_err());
    }
}
