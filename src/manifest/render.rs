//! Diagnostics for people and for programs.
//!
//! Everything that came from a file is shown without control characters and cut to a screenful:
//! neither a terminal nor a log can be harmed by what it says.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::catalog::{Catalog, Location};
use super::node::Span;
use super::secret_text::may_be_secret;
use super::source::SourceFile;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::terminal::is_hostile;

/// How many diagnostics are shown in full.
const MAX_SHOWN: usize = 100;
/// How long a line may be to be shown, in bytes. It is cut to the terminal's width in any case.
const MAX_LINE: usize = 4000;
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
        let _ = writeln!(text, "… and {} more", more + 1);
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
    let path = clean(location.source.name());
    let at = location.position;
    let Some((line, mark)) = excerpt(location.source, at.line, location.span) else {
        return group.element(Origin::path(path).line(at.line).char_column(at.column));
    };
    group.element(
        Snippet::source(line)
            .path(path)
            .line_start(at.line)
            .annotation(AnnotationKind::Primary.span(mark)),
    )
}

/// The line, made harmless, and the span in it. `None` when there is nothing to see, or when it may
/// hold a value of a Secret.
fn excerpt(source: &SourceFile, line: usize, span: Span) -> Option<(String, Range<usize>)> {
    let whole = source.line_span(line);
    let text = source.slice(whole);
    let is_secret = may_be_secret(source.text(), whole.start);
    if text.is_empty() || text.len() > MAX_LINE || is_secret {
        return None;
    }
    let mut shown = String::with_capacity(text.len());
    let mut mark = 0..0;
    for (offset, c) in text.char_indices() {
        let c = harmless(c);
        if whole.start + offset < span.start {
            mark.start += c.len_utf8();
        }
        if whole.start + offset < span.end.max(span.start) {
            mark.end += c.len_utf8();
        }
        shown.push(c);
    }
    Some((shown, mark))
}

/// Text on one line that a terminal shows as it is.
fn clean(text: &str) -> String {
    let mut cleaned: String = text.chars().take(MAX_TEXT).map(harmless).collect();
    if text.chars().nth(MAX_TEXT).is_some() {
        cleaned.push('…');
    }
    cleaned
}

/// One character for one, so that the mark stays under what it means.
const fn harmless(c: char) -> char {
    match c {
        '\t' | '\n' => ' ',
        hostile if is_hostile(hostile) => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{json, text};
    use crate::diagnostic::{Diagnostic, Diagnostics};
    use crate::manifest::{Catalog, ManifestInput, ReadOptions, load};

    fn read(bytes: impl Into<Vec<u8>>) -> (Catalog, Diagnostics) {
        let input = ManifestInput::Text {
            name: "task.yaml".to_owned(),
            bytes: bytes.into(),
        };
        load(&[input], ReadOptions::default())
    }

    fn rendered(bytes: impl Into<Vec<u8>>) -> String {
        let (catalog, diagnostics) = read(bytes);
        text(&diagnostics, &catalog, false)
    }

    const FAULTY: &str =
        "apiVersion: tekton.dev/v1\nkind: Task\nspec:\n  steps:\n  - image: [1]\n    scrip: x\n";

    #[test]
    fn people_see_the_line_and_the_way_out() {
        let expected = "\
error: invalid type: list, expected a string
 --> task.yaml:5:12
  |
5 |   - image: [1]
  |            ^^^
  |
  = field: spec.steps[0].image

error: unknown field \"spec.steps[0].scrip\"
 --> task.yaml:6:5
  |
6 |     scrip: x
  |     ^^^^^
  |
  = help: did you mean \"script\"?
";
        assert_eq!(rendered(FAULTY), expected);
    }

    #[test]
    fn no_line_of_a_secret_is_quoted() {
        for text in [
            "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: hunter2, b: [hunter2]}\n",
            "apiVersion: v1\nkind: Secret\nstringData:\n  a: \"hunter2\n",
            "stringData: [hunter2\nkind: Secret\n",
        ] {
            let shown = rendered(text);
            assert!(shown.contains("error: "), "{shown}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn what_v1beta1_refuses_is_underlined_too() {
        let shown = rendered(
            "apiVersion: tekton.dev/v1beta1\nkind: PipelineRun\nspec:\n  timeout: 1h\n  timeouts: {}\n",
        );
        assert!(
            shown.contains("4 |   timeout: 1h\n  |   ^^^^^^^\n"),
            "{shown}"
        );
    }

    #[test]
    fn programs_get_every_part() {
        let (catalog, mut diagnostics) = read(FAULTY);
        diagnostics.0.truncate(1);
        diagnostics.push(Diagnostic::notice("all over").hint("h"));
        assert_eq!(
            json(&diagnostics, &catalog),
            serde_json::json!([
                {
                    "severity": "error",
                    "message": "invalid type: list, expected a string",
                    "file": "task.yaml",
                    "line": 5,
                    "column": 12,
                    "field": "spec.steps[0].image",
                    "hint": null,
                },
                {
                    "severity": "notice",
                    "message": "all over",
                    "file": null,
                    "line": null,
                    "column": null,
                    "field": null,
                    "hint": "h",
                },
            ])
        );
    }

    #[test]
    fn without_color_there_are_no_escapes_and_with_it_there_are() {
        let (catalog, diagnostics) = read(FAULTY);
        assert!(!text(&diagnostics, &catalog, false).contains('\u{1b}'));
        assert!(text(&diagnostics, &catalog, true).contains('\u{1b}'));
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let key = "\"\\e[31m\\u009b\\u202e\"";
        let hostile = format!("{FAULTY}    {key}: x\u{202e}\n");
        let shown = rendered(hostile);
        assert!(shown.contains("unknown field"), "{shown}");
        let raw = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!shown.contains(raw), "{shown:?}");
        assert!(!rendered("a: \u{7}\u{1b}[2J\u{9b}31m\n").contains(raw));
    }

    #[test]
    fn long_lines_and_many_faults_stay_readable() {
        let long = format!("{FAULTY}    nope: {}\n", "x".repeat(3000));
        assert!(rendered(long).lines().all(|line| line.len() < 300));
        let huge = format!("{{apiVersion: {}}}", "x".repeat(2_000_000));
        assert!(rendered(huge).len() < 10_000);
        let mut many = String::from(FAULTY);
        many.extend((0..5000).map(|index| format!("    nope{index}: 1\n")));
        let shown = rendered(many);
        assert!(shown.ends_with("… and 4902 more\n"), "{shown}");
        assert!(shown.len() < 100_000);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let (catalog, diagnostics) = read(bytes);
            text(&diagnostics, &catalog, true);
            json(&diagnostics, &catalog);
        }

        #[test]
        fn anything_like_yaml_is_read_without_panic(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "a", ": ", "- ", "\n", "  ", "\t", "[", "]", "{", "}", ",", "&x ", "*x", "|\n",
                    ">-\n", "---\n", "...\n", "'", "\"", "#", "!!int ", "!!binary ", "<<", "? ",
                    "0x", "1e9", "~", "%", "é", "\u{1b}", "apiVersion: tekton.dev/v1beta1\n",
                    "kind: PipelineRun\n", "kind: Task\n", "spec:\n", "  steps:\n", "  timeout: 1",
                    "  taskRunSpecs:\n", "resources", "podTemplate",
                ]),
                0..60,
            )
        ) {
            let (catalog, diagnostics) = read(parts.concat());
            text(&diagnostics, &catalog, false);
            json(&diagnostics, &catalog);
        }
    }
}
