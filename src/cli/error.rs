//! The error of a command: what failed, why, and what to do.

use std::error::Error;
use std::fmt::Write as _;

use super::exit::ExitStatus;
use crate::report::{Style, clean};

/// A failure of a command: what, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliError {
    /// The exit status it leads to.
    pub status: ExitStatus,
    /// What failed.
    pub message: String,
    /// Why, the nearest cause first.
    pub causes: Vec<String>,
    /// What to do about it.
    pub hints: Vec<String>,
}

impl CliError {
    /// A failure with its exit status.
    pub fn new(status: ExitStatus, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// An error in the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Usage, message)
    }

    /// An error in the files or inputs.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Invalid, message)
    }

    /// A failure with the chain of its sources.
    pub fn from_source(status: ExitStatus, error: &dyn Error) -> Self {
        let mut failure = Self::new(status, error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            failure.causes.push(cause.to_string());
            source = cause.source();
        }
        failure
    }

    /// Says that nothing was started, for an error in the files or inputs before any run.
    #[must_use]
    pub fn before_the_start(mut self) -> Self {
        if self.status != ExitStatus::Invalid || self.message.ends_with(" started") {
            return self;
        }
        self.message.push_str("; nothing was started");
        self
    }

    /// Adds a cause behind those there are.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds something to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The lines that are printed, with their line ends.
    pub fn text(&self, style: Style) -> String {
        let mut text = format!("{} {}\n", style.bold("error:"), clean(&self.message));
        for cause in &self.causes {
            let _ = writeln!(text, "  caused by: {}", clean(cause));
        }
        for hint in &self.hints {
            let _ = writeln!(text, "{} {}", style.bold("hint:"), clean(hint));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{CliError, ExitStatus};
    use crate::report::Style;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn an_error_prints_what_why_and_what_to_do() {
        let source = Outer(std::io::Error::other("in\u{1b}[31mner"));
        let error = CliError::from_source(ExitStatus::Internal, &source).hint("fix it");
        assert_eq!(
            error.text(Style::PLAIN),
            "error: outer\n  caused by: in\\u{1b}[31mner\nhint: fix it\n"
        );
    }
}
