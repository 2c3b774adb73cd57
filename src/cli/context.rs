//! What a command works with.

use std::io::{self, Write as _};

use super::error::CliError;
use super::exit::ExitStatus;
use super::settings::Settings;
use super::stream::OutStream;

/// Settings and standard streams.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) settings: Settings,
    /// The command line, the program included.
    pub(super) argv: Vec<String>,
    pub(super) out: OutStream,
    pub(super) err: OutStream,
}

impl Context {
    /// Writes to standard output.
    pub(super) fn write_out(&mut self, text: &str) -> Result<(), CliError> {
        write(&mut self.out, text, "output")
    }

    /// Writes to standard error.
    pub(super) fn write_err(&mut self, text: &str) -> Result<(), CliError> {
        write(&mut self.err, text, "error")
    }

    /// Writes a line to standard error, except with `--quiet`.
    pub(super) fn tell(&mut self, line: &str) -> Result<(), CliError> {
        if self.settings.quiet {
            return Ok(());
        }
        self.write_err(&format!("{line}\n"))
    }
}

fn write(stream: &mut OutStream, text: &str, name: &str) -> Result<(), CliError> {
    stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush())
        .map_err(|error| unwritable(name, &error))
}

/// A standard stream that cannot be written.
pub(super) fn unwritable(name: &str, error: &io::Error) -> CliError {
    CliError::new(
        ExitStatus::Internal,
        format!("cannot write to standard {name}"),
    )
    .cause(error.to_string())
}
