//! The content of a directory that a workspace starts as a copy of.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What is below a directory: kind, mode and content of everything, by path.
///
/// Times and owners are left out: they change without anything a task reads having changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileTree(BTreeMap<String, String>);

/// How the entry of a directory starts.
const DIRECTORY: &str = "directory ";

impl FileTree {
    /// Reads a directory. Links are not followed. The error names the path that cannot be read.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.add(root, "")?;
        Ok(tree)
    }

    fn add(&mut self, dir: &Path, prefix: &str) -> io::Result<()> {
        let located = |path: &Path, error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        };
        for entry in fs::read_dir(dir).map_err(|error| located(dir, error))? {
            let entry = entry.map_err(|error| located(dir, error))?;
            let path = entry.path();
            let name = entry.file_name();
            let name = format!("{prefix}{}", name.as_encoded_bytes().escape_ascii());
            let described = describe(&path).map_err(|error| located(&path, error))?;
            let is_directory = described.starts_with(DIRECTORY);
            self.0.insert(name.clone(), described);
            if is_directory {
                self.add(&path, &format!("{name}/"))?;
            }
        }
        Ok(())
    }

    /// The digest of all of it, `sha256:` and hexadecimal digits.
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for (path, entry) in &self.0 {
            digest.update(path);
            digest.update([0]);
            digest.update(entry);
            digest.update([0]);
        }
        format!("sha256:{}", crate::name::hex(&digest.finalize()))
    }

    /// How many files were added, removed or changed between this and `other`; directories count
    /// when nothing else differs.
    pub fn changed_files(&self, other: &Self) -> usize {
        let paths: Vec<(&str, bool)> = self
            .0
            .iter()
            .filter(|(path, entry)| other.0.get(*path) != Some(entry))
            .chain(
                other
                    .0
                    .iter()
                    .filter(|(path, _)| !self.0.contains_key(*path)),
            )
            .map(|(path, entry)| (path.as_str(), entry.starts_with(DIRECTORY)))
            .collect();
        match paths
            .iter()
            .filter(|(_, is_directory)| !is_directory)
            .count()
        {
            0 => paths.len(),
            files => files,
        }
    }
}

fn describe(path: &Path) -> io::Result<String> {
    let metadata = path.symlink_metadata()?;
    let mode = metadata.permissions().mode() & 0o7777;
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Ok(format!("{DIRECTORY}{mode:o}"));
    }
    if kind.is_symlink() {
        let target = fs::read_link(path)?;
        let target = target.as_os_str().as_encoded_bytes();
        return Ok(format!("link {}", target.escape_ascii()));
    }
    if !kind.is_file() {
        return Ok("special".to_owned());
    }
    let mut digest = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            length => digest.update(&buffer[..length]),
        }
    }
    Ok(format!("{mode:o} {}", crate::name::hex(&digest.finalize())))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;

    use super::FileTree;

    fn sample(dir: &Path) {
        fs::create_dir_all(dir.join("src/empty")).unwrap();
        fs::write(dir.join("src/a"), "GOOD").unwrap();
        fs::write(dir.join("b"), "b").unwrap();
        symlink("src/a", dir.join("link")).unwrap();
    }

    #[test]
    fn every_difference_a_task_can_see_counts() {
        type Edit = fn(&Path);
        let edits: [(&str, usize, Edit); 8] = [
            ("nothing", 0, |_| {}),
            ("same content", 0, |dir| {
                fs::write(dir.join("b"), "b").unwrap();
            }),
            ("content", 1, |dir| {
                fs::write(dir.join("src/a"), "BAD!").unwrap();
            }),
            ("a new file", 1, |dir| fs::write(dir.join("c"), "").unwrap()),
            ("a removed file", 1, |dir| {
                fs::remove_file(dir.join("b")).unwrap();
            }),
            ("a directory alone", 1, |dir| {
                fs::remove_dir(dir.join("src/empty")).unwrap();
            }),
            ("mode", 1, |dir| {
                fs::set_permissions(dir.join("b"), fs::Permissions::from_mode(0o755)).unwrap();
            }),
            ("a link and a file", 2, |dir| {
                fs::remove_file(dir.join("link")).unwrap();
                symlink("b", dir.join("link")).unwrap();
                fs::create_dir(dir.join("new")).unwrap();
                fs::write(dir.join("new/file"), "").unwrap();
            }),
        ];
        for (what, files, edit) in edits {
            let dir = tempfile::tempdir().unwrap();
            sample(dir.path());
            let before = FileTree::read(dir.path()).unwrap();
            edit(dir.path());
            let after = FileTree::read(dir.path()).unwrap();
            assert_eq!(before.changed_files(&after), files, "{what}");
            assert_eq!(after.changed_files(&before), files, "{what}");
            assert_eq!(before.digest() == after.digest(), files == 0, "{what}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = FileTree::read(&dir.path().join("none")).unwrap_err();
        assert!(error.to_string().contains("/none: "), "{error}");
    }
}
