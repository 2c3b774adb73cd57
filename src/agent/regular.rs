//! Opening files where a program may have left something else: a named pipe would hold the agent
//! until somebody is at its other end, perhaps for ever.

use std::fs::{File, FileType, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use super::protocol::MAX_FILE;
use super::sys::O_NONBLOCK;

/// What opening a pipe for writing fails with when nobody reads it.
const ENXIO: i32 = 6;
/// The longest file with a decision in it that is read.
const LONGEST_NOTE: usize = 64;

/// Opens a file and nothing else.
pub(crate) fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    open_if(path, options, FileType::is_file)
}

/// Opens a file for a copy of an output. `/dev/null` and its like will do as well.
pub(crate) fn open_copy(path: &Path) -> io::Result<File> {
    open_if(
        path,
        OpenOptions::new().append(true).create(true),
        |found| found.is_file() || found.is_char_device(),
    )
}

fn open_if(
    path: &Path,
    options: &mut OpenOptions,
    is_right: impl Fn(&FileType) -> bool,
) -> io::Result<File> {
    let wrong = || io::Error::other("it is not a regular file");
    let opened = options.custom_flags(O_NONBLOCK).open(path);
    let file = match opened {
        Err(error) if error.raw_os_error() == Some(ENXIO) => return Err(wrong()),
        opened => opened?,
    };
    if is_right(&file.metadata()?.file_type()) {
        Ok(file)
    } else {
        Err(wrong())
    }
}

/// Reads a file; `None` when there is none. Fails for more than 16 MiB.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    read_up_to(path, MAX_FILE, "the file is larger than 16 MiB")
}

/// Reads a short text; `None` when there is none that can be read.
pub(crate) fn read_note(path: &Path) -> Option<String> {
    let content = read_up_to(path, LONGEST_NOTE, "too long").ok()??;
    String::from_utf8(content).ok()
}

fn read_up_to(path: &Path, most: usize, too_long: &str) -> io::Result<Option<Vec<u8>>> {
    let file = match open(path, OpenOptions::new().read(true)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut content = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut content)?;
    if content.len() > most {
        return Err(io::Error::other(too_long.to_owned()));
    }
    Ok(Some(content))
}

/// Writes a file, whose old content is lost.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = open(path, options.write(true).create(true).truncate(true))?;
    file.write_all(content)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_pipe_holds_nobody_up() {
        let root = std::env::temp_dir().join(format!("tkn-local-regular-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        let pipe = root.join("pipe");
        assert!(
            Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        let results = [
            read(&pipe).map(drop),
            write(&pipe, b"x"),
            open_copy(&pipe).map(drop),
        ];
        for result in results {
            assert_eq!(result.unwrap_err().to_string(), "it is not a regular file");
        }
        assert_eq!(read_note(&pipe), None);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn files_and_devices_that_take_everything_are_fine() {
        let path = std::env::temp_dir().join(format!("tkn-local-note-{}", std::process::id()));
        assert_eq!(read(&path).unwrap(), None);
        write(&path, b"1\n").unwrap();
        assert_eq!(read_note(&path).as_deref(), Some("1\n"));
        assert!(open_copy(Path::new("/dev/null")).is_ok());
        assert!(read(Path::new("/dev/zero")).is_err());
        fs::remove_file(path).unwrap();
    }
}
