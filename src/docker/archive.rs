//! Directories of this machine as a tar stream.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bytes::Bytes;
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;

/// Bytes of one piece of the stream.
const PIECE: usize = 256 << 10;

/// A writer whose pieces are received by someone else.
struct PieceWriter {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl Write for PieceWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(data);
        if self.buffer.len() >= PIECE {
            self.flush()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.buffer));
        let sent = self.pieces.blocking_send(Ok(piece));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Sends the content of a directory as a tar archive. Owned by root, because users mean nothing
/// on another machine; modes, times, links and empty directories are kept. Returns the bytes of
/// the files. Blocks.
pub(super) fn send(from: &Path, pieces: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<u64> {
    let writer = PieceWriter {
        pieces: pieces.clone(),
        buffer: Vec::new(),
    };
    let result = write(from, writer);
    if let Err(error) = &result {
        // So that the engine does not take half an archive for a whole one. If it has gone, that
        // is told elsewhere.
        let broken = io::Error::new(error.kind(), error.to_string());
        pieces.blocking_send(Err(broken)).unwrap_or_default();
    }
    result
}

fn write(from: &Path, writer: impl Write) -> io::Result<u64> {
    let mut archive = Builder::new(writer);
    let bytes = add_content(&mut archive, from, Path::new(""))?;
    archive.into_inner()?.flush()?;
    Ok(bytes)
}

fn add_content(archive: &mut Builder<impl Write>, from: &Path, to: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(from).map_err(|error| name(error, from))? {
        let entry = entry.map_err(|error| name(error, from))?;
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        bytes += add(archive, &path, &to).map_err(|error| name(error, &path))?;
    }
    Ok(bytes)
}

fn add(archive: &mut Builder<impl Write>, path: &Path, to: &Path) -> io::Result<u64> {
    let meta = fs::symlink_metadata(path)?;
    if meta.is_dir() {
        archive.append_data(&mut header(&meta, EntryType::Directory), to, io::empty())?;
        return add_content(archive, path, to);
    }
    if meta.is_symlink() {
        let target = fs::read_link(path)?;
        archive.append_link(&mut header(&meta, EntryType::Symlink), to, target)?;
        return Ok(0);
    }
    if !meta.is_file() {
        // Sockets, pipes and devices mean nothing without the process behind them.
        return Ok(0);
    }
    let mut header = header(&meta, EntryType::Regular);
    header.set_size(meta.len());
    // A file that grows or shrinks meanwhile must not shift what follows it.
    let content = File::open(path)?.chain(io::repeat(0)).take(meta.len());
    archive.append_data(&mut header, to, content)?;
    Ok(meta.len())
}

fn header(meta: &Metadata, kind: EntryType) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(meta.mode() & 0o7777);
    header.set_mtime(u64::try_from(meta.mtime()).unwrap_or_default());
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header
}

/// Says which file it is about, once.
fn name(error: io::Error, path: &Path) -> io::Error {
    let text = error.to_string();
    if error.kind() == io::ErrorKind::BrokenPipe || error.get_ref().is_some() {
        return error;
    }
    io::Error::new(error.kind(), format!("{}: {text}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn an_archive_has_modes_links_and_empty_directories() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("a/empty")).unwrap();
        fs::write(root.join("a/run.sh"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(root.join("a/run.sh"), fs::Permissions::from_mode(0o750)).unwrap();
        symlink("run.sh", root.join("a/link")).unwrap();
        let long = "x".repeat(200);
        fs::write(root.join(&long), "long").unwrap();

        let mut bytes = Vec::new();
        assert_eq!(write(root, &mut bytes).unwrap(), 14);

        let mut entries = BTreeMap::new();
        for entry in tar::Archive::new(bytes.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            let link = entry
                .link_name()
                .unwrap()
                .map(|link| link.display().to_string());
            let path = entry.path().unwrap().display().to_string();
            entries.insert(path, (header.mode().unwrap(), content, link));
        }
        assert_eq!(entries["a/run.sh"], (0o750, "#!/bin/sh\n".to_owned(), None));
        assert_eq!(entries["a/link"].2.as_deref(), Some("run.sh"));
        assert_eq!(entries[&long].1, "long");
        assert!(
            entries.keys().any(|path| path.starts_with("a/empty")),
            "{entries:?}"
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = write(Path::new("/no/such/directory"), Vec::new()).unwrap_err();
        assert!(error.to_string().contains("/no/such/directory"), "{error}");
    }
}
