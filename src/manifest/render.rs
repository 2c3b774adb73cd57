//! Diagnostics for people and for programs.
//!
//! Everything that came from a file is shown without control characters and cut to a screenful:
//! neither a terminal nor a log can be harmed by what it says.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::catalog::{Catalog, Location};
use super::node::Span;
use super::source::Source;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};

/// How many diagnostics are shown in full.
const MAX_SHOWN: usize = 100;
/// How many characters of a line are shown.
const MAX_LINE: usize = 160;
/// How many characters of a long line are shown before the place meant.
const LEAD: usize = 60;
/// How many characters of a message, hint or path are shown.
const MAX_TEXT: usize = 1000;

/// For people: the message, the line with a mark under it, the field and what to do. Ends with a
/// newline unless there is nothing to say.
pub fn text(diagnostics: &Diagnostics, catalog: &Catalog, color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = String::new();
    for diagnostic in diagnostics.0.iter().take(MAX_SHOWN) {
        text.push_str(&one(&renderer, diagnostic, catalog));
        text.push_str("\n\n");
    }
    if let Some(more) = diagnostics.0.len().checked_sub(MAX_SHOWN + 1) {
        text.push_str(&format!("… and {} more\n", more + 1));
    } else if !text.is_empty() {
        text.pop();
    }
    text
}

/// For programs: a list of objects with `severity`, `message`, `file`, `line`, `column`, `field`
/// and `hint`; what does not apply is null.
pub fn json(diagnostics: &Diagnostics, catalog: &Catalog) -> Value {
    diagnostics
        .0
        .iter()
        .map(|diagnostic| {
            let location = locate(diagnostic, catalog);
            let field = diagnostic.path.to_string();
            json!({
                "severity": severity(diagnostic.severity),
                "message": diagnostic.message,
                "file": location.map(|location| location.source.name()),
                "line": location.map(|location| location.position.line),
                "column": location.map(|location| location.position.column),
                "field": Some(field).filter(|field| !field.is_empty()),
                "hint": diagnostic.hint,
            })
        })
        .collect()
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Notice => "notice",
    }
}

fn locate<'a>(diagnostic: &Diagnostic, catalog: &'a Catalog) -> Option<Location<'a>> {
    catalog.locate(diagnostic.document?, &diagnostic.path)
}

fn one(renderer: &Renderer, diagnostic: &Diagnostic, catalog: &Catalog) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Notice => Level::INFO.with_name("notice"),
    };
    let title = level.primary_title(clean(&diagnostic.message));
    let mut group = Group::with_title(title);
    if let Some(location) = locate(diagnostic, catalog) {
        group = point(group, &location);
    }
    let field = diagnostic.path.to_string();
    if !field.is_empty() && !diagnostic.message.contains(&field) {
        group = group.element(Level::NOTE.with_name("field").message(clean(&field)));
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.message(clean(hint)));
    }
    renderer.render(&[group])
}

fn point<'a>(group: Group<'a>, location: &Location<'a>) -> Group<'a> {
    let origin = Origin::path(clean(location.source.name()))
        .line(location.position.line)
        .char_column(location.position.column);
    let (line, mark) = excerpt(location.source, location.position.line, location.span);
    if line.is_empty() {
        return group.element(origin);
    }
    group.element(origin).element(
        Snippet::source(line)
            .line_start(location.position.line)
            .annotation(AnnotationKind::Primary.span(mark)),
    )
}

/// The line, cut around the span and made harmless, and the span in it.
fn excerpt(source: &Source, line: usize, span: Span) -> (String, Range<usize>) {
    let whole = source.line_span(line);
    let start = span.start.clamp(whole.start, whole.end) - whole.start;
    let end = span.end.clamp(whole.start + start, whole.end) - whole.start;
    let text = source.slice(whole);
    let before = text.get(..start).unwrap_or_default();
    let skipped = match before.chars().count() {
        count if text.chars().count() > MAX_LINE => count.saturating_sub(LEAD),
        _ => 0,
    };
    let mut shown = String::from(if skipped > 0 { "…" } else { "" });
    let mut mark = shown.len()..shown.len();
    for (offset, c) in text.char_indices().skip(skipped).take(MAX_LINE) {
        if offset < start {
            mark.start += harmless(c).len_utf8();
        }
        if offset < end {
            mark.end += harmless(c).len_utf8();
        }
        shown.push(harmless(c));
    }
    if text.chars().count() > skipped + MAX_LINE {
        shown.push('…');
    }
    mark.end = mark.end.max(mark.start);
    (shown, mark)
}

/// Text on one line that a terminal shows as it is.
fn clean(text: &str) -> String {
    let mut cleaned: String = text.chars().take(MAX_TEXT).map(harmless).collect();
    if text.chars().nth(MAX_TEXT).is_some() {
        cleaned.push('…');
    }
    cleaned
}

/// A control character, or one that changes the direction of text, has no business on a terminal.
const fn harmless(c: char) -> char {
    match c {
        '\t' | '\n' => ' ',
        '\u{0}'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{feff}' => char::REPLACEMENT_CHARACTER,
        _ => c,
    }
}
