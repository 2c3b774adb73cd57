//! Where things are in the volume of a run, and in its containers.

use crate::language::paths::clean_absolute;
use crate::sandbox::Mount;

/// The directory of one attempt of a TaskRun in the volume of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttemptDir(String);

impl AttemptDir {
    /// The directory of an attempt.
    pub(crate) fn new(task_run: &str, attempt: usize) -> Self {
        Self(format!("taskruns/{}/{attempt}", file_name(task_run)))
    }

    /// A path below it.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}/{path}", self.0)
    }
}

/// The directory of a workspace that belongs to the run.
pub fn workspace_dir(workspace: &str) -> String {
    format!("workspaces/{}", file_name(workspace))
}

/// A name that is safe as the name of a file: what is not is written as `%XX`.
pub(crate) fn file_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (position, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_')
            || (byte == b'.' && position > 0);
        if plain {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&crate::name::hex(&[byte]));
        }
    }
    out
}

/// A working directory that the engine can make as root before the start: one that no volume
/// shows.
pub(crate) fn fixed_directory(working_dir: &str, mounts: &[Mount]) -> Option<String> {
    let path = clean_absolute(working_dir);
    let fixed = working_dir.starts_with('/') && !working_dir.contains("$(");
    let below = |target: &str| {
        path == target || path.starts_with(&format!("{}/", target.trim_end_matches('/')))
    };
    (fixed && !mounts.iter().any(|mount| below(&mount.target))).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn names_cannot_leave_their_directory() {
        assert_eq!(file_name("a.b-c_1"), "a.b-c_1");
        assert_eq!(file_name("../x y"), "%2e.%2fx%20y");
    }
}
