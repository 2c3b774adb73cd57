//! Executions without an ending, with what to do about them.

use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::runs::store_error::store_error;
use crate::execute::ExecuteError;
use crate::sandbox::SandboxError;
use crate::state::{Recorder, StateError};

/// The error to print, with what to do about it.
pub(crate) fn execute_error(error: &ExecuteError, recorder: Option<&Recorder>) -> CliError {
    let failure = match error {
        ExecuteError::Engine(error @ (SandboxError::Engine(_) | SandboxError::LostWaiting)) => {
            CliError::from_source(ExitStatus::Engine, error)
        }
        // The engine works; what it was asked for cannot be.
        ExecuteError::Engine(error) => CliError::from_source(ExitStatus::RunFailed, error),
        ExecuteError::Sink(source) => {
            let of_store = source
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<StateError>());
            match of_store {
                Some(of_store) => {
                    let inner = store_error(of_store);
                    CliError {
                        message: format!("the run was cancelled: {}", inner.message),
                        ..inner
                    }
                }
                None => CliError::new(ExitStatus::Internal, "the run was cancelled")
                    .cause(source.to_string()),
            }
        }
        ExecuteError::Killed => CliError::new(ExitStatus::Terminated, "killed"),
    };
    match recorder {
        Some(recorder) => failure.hint(format!(
            "the record of the run is in {}",
            recorder.dir().path().display()
        )),
        None => failure,
    }
}
