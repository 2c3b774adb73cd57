//! Copying trees from one volume into another.

use std::collections::HashMap;
use std::fs::{self, File, FileTimes, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, lchown, symlink};
use std::path::{Path, PathBuf};

use super::beneath::Place;
use super::protocol::{RUN_ROOT, SOURCE_ROOT};

/// So many bytes are copied at a time.
const PIECE: u64 = 64 << 20;
/// The least that is left out when it is zero.
const SPARSE_PIECE: usize = 64 << 10;
/// What the kernel counts the blocks of a file in.
const BLOCK: u64 = 512;

/// Copies what is at a relative path of the source volume to the same path of the run's volume.
/// Owners, modes, times and links are kept. It appears there all at once: an interrupted copy
/// leaves nothing of it. Nothing at the source is nothing to copy. `copied` is told of every piece.
pub(crate) fn clone_path(path: &str, copied: &mut dyn FnMut(u64)) -> io::Result<()> {
    copy_tree(
        &Path::new(SOURCE_ROOT).join(path),
        &Path::new(RUN_ROOT).join(path),
        copied,
    )
}

fn copy_tree(from: &Path, to: &Path, copied: &mut dyn FnMut(u64)) -> io::Result<()> {
    let meta = match fs::symlink_metadata(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        meta => meta?,
    };
    let place = Place::make(to)?;
    let to = place.path();
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".cloning");
    let unfinished = to.with_file_name(name);
    let mut tree = Copier {
        names: HashMap::new(),
        copied,
    };
    tree.copy(from, &meta, &unfinished)?;
    fs::rename(unfinished, to)
}

struct Copier<'a> {
    /// Where files with several names have been copied to, by device and inode.
    names: HashMap<(u64, u64), PathBuf>,
    copied: &'a mut dyn FnMut(u64),
}

impl Copier<'_> {
    fn copy(&mut self, from: &Path, meta: &Metadata, to: &Path) -> io::Result<()> {
        if meta.is_symlink() {
            symlink(fs::read_link(from)?, to)?;
            return lchown(to, Some(meta.uid()), Some(meta.gid()));
        }
        if meta.is_dir() {
            fs::create_dir(to)?;
            for entry in fs::read_dir(from)? {
                let entry = entry?;
                self.copy(
                    &entry.path(),
                    &entry.metadata()?,
                    &to.join(entry.file_name()),
                )?;
            }
        } else if meta.is_file() {
            if meta.nlink() > 1 {
                if let Some(first) = self.names.get(&(meta.dev(), meta.ino())) {
                    return fs::hard_link(first, to);
                }
                self.names.insert((meta.dev(), meta.ino()), to.to_owned());
            }
            // Fewer blocks than its length needs: some of it is not there, and is to stay so.
            if meta.blocks() * BLOCK < meta.len() {
                self.sparse_content(from, to)?;
            } else {
                self.content(from, to)?;
            }
        } else {
            // Sockets, pipes and devices mean nothing without the process behind them.
            return Ok(());
        }
        lchown(to, Some(meta.uid()), Some(meta.gid()))?;
        fs::set_permissions(to, meta.permissions())?;
        let times = FileTimes::new()
            .set_accessed(meta.accessed()?)
            .set_modified(meta.modified()?);
        File::open(to)?.set_times(times)
    }

    /// Leaves out what is zero, so that it takes no more place than before.
    fn sparse_content(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let (mut source, target) = (File::open(from)?, File::create_new(to)?);
        let mut piece = vec![0; SPARSE_PIECE];
        let mut length = 0;
        loop {
            let read = match source.read(&mut piece)? {
                0 => return target.set_len(length),
                read => &piece[..read],
            };
            let bytes = read.len() as u64;
            if read.iter().any(|byte| *byte != 0) {
                target.write_all_at(read, length)?;
            }
            length += bytes;
            (self.copied)(bytes);
        }
    }

    /// In pieces, so that it can be said how far it is; the kernel moves the bytes where it can.
    fn content(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let (source, mut target) = (File::open(from)?, File::create_new(to)?);
        loop {
            match io::copy(&mut (&source).take(PIECE), &mut target)? {
                0 => return Ok(()),
                bytes => (self.copied)(bytes),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, SystemTime};

    #[test]
    fn a_copy_keeps_modes_times_and_links() {
        let root = std::env::temp_dir().join(format!("tkn-local-clone-{}", std::process::id()));
        let (from, to) = (root.join("from"), root.join("deep/to"));
        fs::create_dir_all(from.join("empty")).unwrap();
        fs::write(from.join("file"), "content").unwrap();
        fs::set_permissions(from.join("file"), Permissions::from_mode(0o4751)).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let times = FileTimes::new().set_modified(time);
        File::open(from.join("file"))
            .unwrap()
            .set_times(times)
            .unwrap();
        fs::hard_link(from.join("file"), from.join("twin")).unwrap();
        symlink("../nowhere", from.join("link")).unwrap();
        File::open(&from).unwrap().set_times(times).unwrap();

        let mut copied = 0;
        copy_tree(&from, &to, &mut |bytes| copied += bytes).unwrap();
        assert_eq!(copied, 7, "the twin is a link");

        let file = fs::metadata(to.join("file")).unwrap();
        assert_eq!(fs::read_to_string(to.join("twin")).unwrap(), "content");
        assert_eq!(file.permissions().mode() & 0o7777, 0o4751);
        assert_eq!(file.modified().unwrap(), time);
        assert_eq!(file.ino(), fs::metadata(to.join("twin")).unwrap().ino());
        assert_eq!(
            fs::read_link(to.join("link")).unwrap(),
            Path::new("../nowhere")
        );
        assert!(to.join("empty").is_dir());
        assert_eq!(fs::metadata(&to).unwrap().modified().unwrap(), time);
        assert!(!root.join("deep/to.cloning").exists());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn holes_of_a_file_stay_holes() {
        let root = std::env::temp_dir().join(format!("tkn-local-holes-{}", std::process::id()));
        let (from, to) = (root.join("from"), root.join("to"));
        let (length, middle) = (64 << 20, 32 << 20);
        fs::create_dir_all(&from).unwrap();
        let file = File::create_new(from.join("file")).unwrap();
        file.write_all_at(b"middle", middle).unwrap();
        file.set_len(length).unwrap();
        copy_tree(&from, &to, &mut |_| ()).unwrap();

        let copy = File::open(to.join("file")).unwrap();
        let meta = copy.metadata().unwrap();
        assert_eq!(meta.len(), length);
        assert!(meta.blocks() * BLOCK < length / 8, "{}", meta.blocks());
        let mut text = [0; 8];
        copy.read_exact_at(&mut text, middle - 1).unwrap();
        assert_eq!(&text, b"\0middle\0");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn nothing_is_nothing_to_copy() {
        assert!(
            copy_tree(
                Path::new("/no/such/thing"),
                Path::new("/no/such/copy"),
                &mut |_| ()
            )
            .is_ok()
        );
    }
}
