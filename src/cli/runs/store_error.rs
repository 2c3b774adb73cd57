//! Errors of the store, with what to do about them.

use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::state::StateError;

const LIST: &str = "`tkn-local list` shows all runs";

/// The error to print, with what to do about it.
pub(crate) fn store_error(error: &StateError) -> CliError {
    let of_input = |failure: CliError| CliError {
        status: ExitStatus::Invalid,
        ..failure
    };
    let failure = CliError::from_source(ExitStatus::Internal, error);
    match error {
        StateError::DiskFull { .. } => {
            failure.hint("free some space, or keep runs elsewhere with `--state-dir`")
        }
        StateError::NotWritable { .. } => {
            failure.hint("make the directory writable, or keep runs elsewhere with `--state-dir`")
        }
        StateError::NotFound {
            did_you_mean: Some(near),
            ..
        } => of_input(failure.hint(format!("did you mean \"{near}\"?")).hint(LIST)),
        StateError::NotFound { .. } | StateError::Ambiguous { .. } => of_input(failure.hint(LIST)),
        StateError::NoRuns => of_input(failure.hint("start one with `tkn-local run FILE`")),
        StateError::Running { run, .. } => {
            of_input(failure.hint(format!("cancel it first: `tkn-local cancel {run}`")))
        }
        StateError::OtherOwner { path, .. } => of_input(failure.hint(format!(
            "keep your runs elsewhere with --state-dir, or, when it is yours, give it back to \
             yourself: `sudo chown -R \"$(id -u)\" {}`",
            path.display()
        ))),
        StateError::NewerFormat { .. } => of_input(failure.hint("use that version to read it")),
        StateError::Io { .. } => failure.hint("keep runs elsewhere with `--state-dir`"),
        StateError::Damaged { path, .. } => match path.parent() {
            Some(dir) => failure.hint(format!("to delete the run, remove {}", dir.display())),
            None => failure,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::store_error;
    use crate::cli::exit::ExitStatus;
    use crate::state::StateError;

    #[test]
    fn a_wrong_name_is_the_users_and_a_full_disk_the_machines() {
        let full = StateError::DiskFull {
            path: "/s".into(),
            source: std::io::ErrorKind::StorageFull.into(),
        };
        let error = store_error(&full);
        assert_eq!(error.status, ExitStatus::Internal);
        assert_eq!(error.causes.len(), 1);
        assert!(error.hints[0].contains("--state-dir"));
        let missing = StateError::NotFound {
            wanted: "x".to_owned(),
            did_you_mean: None,
        };
        assert_eq!(store_error(&missing).status, ExitStatus::Invalid);
    }
}
