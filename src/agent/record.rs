//! The files Tekton's entrypoint leaves in `/tekton/run/<i>`: other steps and users' scripts read
//! them.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::PathBuf;

use super::protocol::How;
use super::regular;

/// The directory of one step, or of none: a sidecar leaves nothing.
pub(crate) struct Record {
    directory: Option<PathBuf>,
}

impl Record {
    /// Makes `status/results` and `status/artifacts`, as the step's user.
    pub(crate) fn open(directory: Option<&str>) -> io::Result<Self> {
        let record = Self {
            directory: directory.map(PathBuf::from),
        };
        if let Some(directory) = &record.directory {
            for name in ["results", "artifacts"] {
                fs::create_dir_all(directory.join("status").join(name))?;
            }
        }
        Ok(record)
    }

    /// A file through which a breakpoint is left from outside.
    pub(crate) fn file(&self, name: &str) -> Option<PathBuf> {
        self.directory
            .as_ref()
            .map(|directory| directory.join(name))
    }

    /// Records how the program ended: the matrix of Tekton's `entrypointer.go`. `onError` forgives
    /// only a program that ran and failed by itself.
    pub(crate) fn write(&self, how: &How, on_error_continue: bool) -> io::Result<()> {
        let (post_file, exit_code) = outcome(how, on_error_continue);
        if let Some(directory) = &self.directory {
            if let Some(exit_code) = exit_code {
                let file = directory.join("status").join("exitCode");
                regular::write(&file, exit_code.as_bytes())?;
            }
            let post_file = directory.join(post_file);
            regular::open(&post_file, OpenOptions::new().append(true).create(true))?;
        }
        Ok(())
    }
}

/// The name of the post file and the content of `exitCode`.
fn outcome(how: &How, on_error_continue: bool) -> (&'static str, Option<String>) {
    match how {
        How::Code { code: 0 } => ("out", Some("0".to_owned())),
        How::Code { code } if on_error_continue => ("out", Some(code.to_string())),
        // What Go's `ExitStatus` says of a process that a signal ended.
        How::Signal { .. } if on_error_continue => ("out", Some("-1".to_owned())),
        How::Cancelled {} => ("out.err", Some("killed".to_owned())),
        How::Code { .. } | How::Signal { .. } | How::NotStarted { .. } | How::TimedOut {} => {
            ("out.err", None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_matrix() {
        let code = |code| How::Code { code };
        let rows = [
            (code(0), false, "out", Some("0")),
            (code(0), true, "out", Some("0")),
            (code(3), false, "out.err", None),
            (code(3), true, "out", Some("3")),
            (How::Signal { signal: 15 }, false, "out.err", None),
            (How::Signal { signal: 15 }, true, "out", Some("-1")),
            (
                How::NotStarted {
                    reason: String::new(),
                },
                true,
                "out.err",
                None,
            ),
            (How::TimedOut {}, true, "out.err", None),
            (How::Cancelled {}, false, "out.err", Some("killed")),
            (How::Cancelled {}, true, "out.err", Some("killed")),
        ];
        for (how, forgiven, post_file, exit_code) in rows {
            let expected = (post_file, exit_code.map(str::to_owned));
            assert_eq!(
                outcome(&how, forgiven),
                expected,
                "{how:?}, onError continue: {forgiven}"
            );
        }
    }
}
