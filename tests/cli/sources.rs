//! The files of this project, for the tests that read them.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the package.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of this project as text.
pub(crate) struct SourceFile {
    /// Its path from the root, with `/` between the parts.
    pub(crate) path: String,
    /// What it holds.
    pub(crate) text: String,
}

/// Reads one file of the project by its path from the root.
pub(crate) fn read(path: &str) -> SourceFile {
    let text = fs::read_to_string(root().join(path))
        .unwrap_or_else(|error| panic!("{path} cannot be read: {error}"));
    SourceFile {
        path: path.to_owned(),
        text,
    }
}

/// Every Rust file below a folder of the project, sorted by path.
pub(crate) fn rust_files(folder: &str) -> Vec<SourceFile> {
    files_below(folder)
        .iter()
        .filter(|path| has_extension(path, "rs"))
        .map(|path| read(path))
        .collect()
}

/// The path from the root of every file below a folder of the project, sorted.
pub(crate) fn files_below(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(from_root(&path));
            }
        }
    }
    found.sort();
    found
}

/// Whether the name of a file ends in `.` and this.
pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|it| it == extension)
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{} cannot be listed: {error}", folder.display()))
        .map(|entry| entry.expect("a folder can be listed to its end").path())
        .collect()
}

fn from_root(path: &Path) -> String {
    path.strip_prefix(root())
        .expect("the file lies in the project")
        .to_string_lossy()
        .replace('\\', "/")
}
