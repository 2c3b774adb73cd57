//! The paths inside one run's directory.

use std::path::{Path, PathBuf};

use crate::event::log_path;

/// A run's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir(PathBuf);

impl RunDir {
    /// The run at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The run's id: the name of its directory.
    pub fn id(&self) -> String {
        let name = self.0.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The header.
    pub fn header(&self) -> PathBuf {
        self.0.join("run.json")
    }

    /// The resolved run.
    pub fn resolved(&self) -> PathBuf {
        self.0.join("resolved.json")
    }

    /// What workspaces began as copies of.
    pub fn contents(&self) -> PathBuf {
        self.0.join("contents.json")
    }

    /// The events.
    pub fn events(&self) -> PathBuf {
        self.0.join("events.jsonl")
    }

    /// The objects with their status.
    pub fn status(&self) -> PathBuf {
        self.0.join("status.yaml")
    }

    /// The copies of the inputs.
    pub fn manifests(&self) -> PathBuf {
        self.0.join("manifests")
    }

    /// The logs.
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// The log of a container.
    pub fn log(&self, task_run: &str, container: &str, sidecar: bool, attempt: usize) -> PathBuf {
        self.logs()
            .join(log_path(task_run, container, sidecar, attempt))
    }

    /// A result of a TaskRun or of a pipeline.
    pub fn result(&self, object: &str, result: &str) -> PathBuf {
        let results = self.0.join("results").join(file_name(object));
        results.join(file_name(result))
    }

    /// Says which run took this one's volume.
    pub(super) fn taken_by(&self) -> PathBuf {
        self.0.join("taken-by")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }
}

/// `name` as the name of a file: letters, digits, `.`, `_` and `-` alone, not hidden, and short
/// enough for a suffix.
pub(super) fn file_name(name: &str) -> String {
    let mut safe: String = name
        .chars()
        .take(200)
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => c,
            _ => '_',
        })
        .collect();
    if safe.is_empty() || safe.starts_with('.') {
        safe.insert(0, '_');
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn any_name_is_a_file_name() {
        for (name, expected) in [
            ("ci-1.2", "ci-1.2"),
            ("../../x", "_.._.._x"),
            ("..", "_.."),
            ("", "_"),
            ("a b\u{1b}[2J", "a_b__2J"),
        ] {
            assert_eq!(file_name(name), expected);
        }
        assert_eq!(file_name(&"ü".repeat(300)).len(), 200);
    }
}
