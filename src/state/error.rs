//! What can go wrong with stored runs.

use std::io;
use std::path::{Path, PathBuf};

/// A fault of the store, or of a run in it.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// No space is left.
    #[error("no space left for {path}")]
    DiskFull {
        /// What was written.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The place may not be written to.
    #[error("cannot write {path}")]
    NotWritable {
        /// What was written.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// Anything else the system refused.
    #[error("cannot {action} {path}")]
    Io {
        /// `read`, `write`, `remove`, …
        action: &'static str,
        /// What.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// A file does not say what it should.
    #[error("{path}{} is damaged", line.map(|line| format!(":{line}")).unwrap_or_default())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: Option<usize>,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The run was written by a newer version.
    #[error(
        "run {run} has the state format {format}; this version reads up to {supported}. It was written by {written_by}"
    )]
    NewerFormat {
        /// The run.
        run: String,
        /// Its format.
        format: u32,
        /// The newest this version knows.
        supported: u32,
        /// Program and version.
        written_by: String,
    },
    /// There is no such run.
    #[error("no run \"{wanted}\"")]
    NotFound {
        /// What was asked for.
        wanted: String,
        /// The closest id.
        did_you_mean: Option<String>,
    },
    /// There is no run at all.
    #[error("there are no runs yet")]
    NoRuns,
    /// Several runs begin with this.
    #[error("\"{wanted}\" matches several runs: {}", candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// The ids that begin with it.
        candidates: Vec<String>,
    },
    /// The state directory belongs to another user, who could change what is run.
    #[error("the state directory {path} belongs to another user (uid {owner}, you are {user})")]
    OtherOwner {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who asks.
        user: u32,
    },
    /// The run belongs to a process that lives.
    #[error("run {run} is still running (process {pid})")]
    Running {
        /// The run.
        run: String,
        /// Its owner.
        pid: u32,
    },
}

impl StateError {
    /// Sorts a failure of the system by what a person can do about it.
    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path, source }
            }
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Self::NotWritable { path, source }
            }
            _ => Self::Io {
                action: "write",
                path,
                source,
            },
        }
    }

    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        Self::Io {
            action: "read",
            path: path.to_owned(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io;
    use std::path::Path;

    use super::StateError;

    #[test]
    fn faults_are_reported_apart_by_what_to_do() {
        for (kind, expected) in [
            (io::ErrorKind::StorageFull, "no space left for x"),
            (io::ErrorKind::QuotaExceeded, "no space left for x"),
            (io::ErrorKind::ReadOnlyFilesystem, "cannot write x"),
            (io::ErrorKind::PermissionDenied, "cannot write x"),
            (io::ErrorKind::NotFound, "cannot write x"),
        ] {
            let error = StateError::write(Path::new("x"), kind.into());
            assert_eq!(error.to_string(), expected);
            assert!(error.source().is_some());
        }
    }
}
