//! Showing what is wrong with the files.

use super::context::Context;
use super::error::CliError;
use crate::diagnostic::{Diagnostics, Severity};
use crate::manifest::{Catalog, render};
use crate::report::plural;

/// Prints diagnostics on standard error, errors only when it is to be quiet.
pub(super) fn print(
    context: &mut Context,
    diagnostics: &Diagnostics,
    catalog: &Catalog,
) -> Result<(), CliError> {
    let shown = Diagnostics(
        diagnostics
            .0
            .iter()
            .filter(|diagnostic| !context.settings.quiet || diagnostic.severity == Severity::Error)
            .cloned()
            .collect(),
    );
    let text = render::text(&shown, catalog, context.settings.err.color);
    context.write_err(&text)
}

/// How many faults there are, in words; `None` without one.
pub(super) fn count(diagnostics: &Diagnostics) -> Option<String> {
    let errors = diagnostics
        .0
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .count();
    (errors > 0).then(|| plural(errors as u64, "fault"))
}
