//! Text to nodes by Kubernetes' rules.
//!
//! Each document stands alone: a syntax error costs the document it is in, and reading goes on at
//! the next `---`. Aliases are copies, so what they copy is counted (a few lines can otherwise
//! stand for gigabytes). Merge keys never override what the map says itself.

use granit_parser::{ErrorKind, Event, Parser, ScanError};

use super::compose::Composer;
use super::node::{Node, Span};

/// How many documents one text may hold.
const MAX_DOCUMENTS: usize = 10_000;

/// Something that is not YAML as Kubernetes reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What to do about it.
    pub hint: Option<&'static str>,
}

/// One document: its root, or all that is wrong with it.
pub type Parsed = Result<Node, Vec<Problem>>;

/// Reads all documents of a text; those without content are left out.
pub fn parse(text: &str) -> Vec<Parsed> {
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut composer = Composer::new(text);
    while composer.documents().len() < MAX_DOCUMENTS {
        match parser.next_event() {
            None | Some(Ok((Event::StreamEnd, _))) => return composer.finish(),
            Some(Ok((event, span))) => composer.event(event, &span),
            Some(Err(error)) => {
                composer.abandon(syntax_problem(text, &error));
                if !matches!(parser.proceed_next_document(), Ok(true)) {
                    return composer.finish();
                }
            }
        }
    }
    composer.abandon(Problem {
        message: format!("more than {MAX_DOCUMENTS} documents in one file"),
        span: Span::default(),
        hint: None,
    });
    composer.finish()
}

fn syntax_problem(text: &str, error: &ScanError) -> Problem {
    let start = error.marker().byte_offset().unwrap_or_default();
    let start = start.min(text.len());
    let rest = text.get(start..).unwrap_or_default();
    let end = rest
        .chars()
        .next()
        .filter(|c| *c != '\n')
        .map_or(start, |c| start + c.len_utf8());
    Problem {
        message: format!("not valid YAML: {}", error.info()),
        span: Span { start, end },
        hint: syntax_hint(error.kind()),
    }
}

const fn syntax_hint(kind: &ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation => {
            Some("indent with spaces, not tabs")
        }
        ErrorKind::UnexpectedCharacter { .. } => {
            Some("quote text that begins with one of @ ` % & * ! |")
        }
        _ => None,
    }
}
