//! Prints what is wrong with the files.

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::manifest::{Catalog, render};
use crate::report::{clean, plural};

/// Prints diagnostics on standard error: errors and warnings with their line, notices on one line
/// each; only errors with `--quiet`.
pub(crate) fn print(
    context: &mut Context,
    diagnostics: &Diagnostics,
    catalog: &Catalog,
) -> Result<(), CliError> {
    let (notices, others): (Vec<_>, Vec<_>) = diagnostics
        .0
        .iter()
        .cloned()
        .partition(|diagnostic| diagnostic.severity == Severity::Notice);
    for notice in notices {
        context.tell(&line(&notice, catalog))?;
    }
    let quiet = context.settings.quiet;
    let shown = others
        .into_iter()
        .filter(|diagnostic| !quiet || diagnostic.severity == Severity::Error);
    print_in_full(context, &Diagnostics(shown.collect()), catalog)
}

/// Prints diagnostics on standard error, each with its line.
pub(crate) fn print_in_full(
    context: &mut Context,
    diagnostics: &Diagnostics,
    catalog: &Catalog,
) -> Result<(), CliError> {
    let text = render::text(diagnostics, catalog, context.settings.err.color);
    context.write_err(&text)
}

fn line(diagnostic: &Diagnostic, catalog: &Catalog) -> String {
    let place = diagnostic
        .document
        .and_then(|document| catalog.locate(document, &diagnostic.path))
        .map(|location| format!("{}:{}: ", location.source.name(), location.position.line));
    let place = place.unwrap_or_default();
    format!("notice: {}{}", clean(&place), clean(&diagnostic.message))
}

/// How many errors there are, in words; `None` without one.
pub(crate) fn count(diagnostics: &Diagnostics) -> Option<String> {
    let errors = diagnostics
        .0
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .count();
    (errors > 0).then(|| problems_found(errors as u64))
}

/// `2 problems found`.
pub(crate) fn problems_found(count: u64) -> String {
    format!("{} found", plural(count, "problem"))
}
