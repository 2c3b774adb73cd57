//! Text to nodes by Kubernetes' rules.
//!
//! Each document stands alone: a syntax error costs the document it is in, and reading goes on at
//! the next `---`. Aliases are copies, so what they copy is counted (a few lines can otherwise
//! stand for gigabytes). Merge keys never override what the map says itself.

use granit_parser::{ErrorKind, Event, Parser, ScanError};

use super::compose::Composer;
use super::node::{Node, Span};

/// How many values all documents of a text may have, those of aliases included.
const MAX_VALUES: usize = 2_000_000;
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
    parse_up_to(text, MAX_VALUES)
}

fn parse_up_to(text: &str, most: usize) -> Vec<Parsed> {
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut composer = Composer::new(text, most);
    while composer.documents().len() < MAX_DOCUMENTS && !composer.is_full() {
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
    let message = if composer.is_full() {
        "more values in one file than are read".to_owned()
    } else {
        format!("more than {MAX_DOCUMENTS} documents in one file")
    };
    composer.abandon(Problem {
        message,
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
        ErrorKind::MappingValueNotAllowed => Some("quote text that contains a colon and a space"),
        ErrorKind::UnexpectedCharacter { .. } => {
            Some("quote text that begins with one of @ ` % & * ! |")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Problem, parse, parse_up_to};
    use crate::manifest::json::to_value;
    use crate::manifest::node::Node;

    fn json(yaml: &str) -> String {
        to_value(&root(yaml)).to_string()
    }

    fn root(yaml: &str) -> Node {
        let mut documents = parse(yaml);
        assert_eq!(documents.len(), 1, "{documents:?}");
        documents.remove(0).unwrap()
    }

    fn problem(yaml: &str) -> Problem {
        let documents = parse(yaml);
        let mut problems = documents.into_iter().find_map(Result::err).unwrap();
        problems.remove(0)
    }

    #[test]
    fn keys_are_kubernetes_keys() {
        assert_eq!(
            json("{y: 1, on: 2, 010: 3, 1.50: 4, 'no': 5}"),
            r#"{"true":2,"8":3,"1.5":4,"no":5}"#
        );
        assert_eq!(problem("~: 1").message, "a key must not be null");
        assert_eq!(
            problem("image: {{ image }}").message,
            "a key must be text, not a map"
        );
    }

    #[test]
    fn quotes_blocks_and_tags_make_text() {
        assert_eq!(
            json("['yes', \"010\", !!str 5, ! 6, !mine 7]"),
            r#"["yes","010","5","6","7"]"#
        );
        assert_eq!(json("|\n  yes\n"), r#""yes\n""#);
        assert_eq!(json("!!int '5'"), "5");
        assert_eq!(json("!!binary aGk="), r#""hi""#);
        assert_eq!(problem("!!int x").message, "cannot decode `x` as a !!int");
        assert_eq!(
            problem("!!binary '%'").message,
            "!!binary is not text in base64"
        );
    }

    #[test]
    fn infinity_is_not_json() {
        for yaml in ["a: .inf", "a: -.INF", "a: .nan"] {
            assert!(
                problem(yaml).message.ends_with("represented in JSON"),
                "{yaml}"
            );
        }
        assert_eq!(json("'.inf'"), r#"".inf""#);
    }

    #[test]
    fn merges_give_way_to_what_is_there() {
        let yaml = "base: &b {a: 1, b: 2}\nmore: &m {b: 3, c: 4}\none: {<<: *b, a: 9}\n\
                    two: {a: 9, <<: [*b, *m]}\n";
        let value = to_value(&root(yaml));
        assert_eq!(value["one"], serde_json::json!({"a": 9, "b": 2}));
        assert_eq!(value["two"], serde_json::json!({"a": 9, "b": 2, "c": 4}));
        assert_eq!(
            problem("<<: 1").message,
            "`<<` merges a map or a list of maps"
        );
        assert_eq!(json("{'<<': 1}"), r#"{"<<":1}"#);
    }

    #[test]
    fn aliases_copy_and_anchors_end_with_their_document() {
        assert_eq!(json("[&a {b: c}, *a]"), r#"[{"b":"c"},{"b":"c"}]"#);
        assert_eq!(
            problem("a: &x 1\n---\nb: *x\n").message,
            "unknown anchor 'x' referenced"
        );
        assert!(problem("a: &x [*x]").message.contains("contains itself"));
    }

    #[test]
    fn a_billion_laughs_are_an_error() {
        let mut yaml = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
        yaml.extend((1..9).map(|level| {
            let items = vec![format!("*a{}", level - 1); 9].join(", ");
            format!("a{level}: &a{level} [{items}]\n")
        }));
        assert_eq!(
            problem(&yaml).message,
            "aliases repeat too much of the document"
        );
    }

    #[test]
    fn depth_is_limited() {
        for yaml in [
            "[".repeat(20_000),
            "{a: ".repeat(20_000),
            "- ".repeat(20_000),
            format!("{}{}", "[".repeat(220), "]".repeat(220)),
        ] {
            assert!(parse(&yaml).iter().all(Result::is_err));
        }
        let fine = format!("{}1{}", "[".repeat(150), "]".repeat(150));
        assert!(parse(&fine)[0].is_ok());
        // Deep by aliases only.
        let mut yaml = String::from("a0: &a0 [1]\n");
        let nested = |level| format!("a{level}: &a{level} [*a{}]\n", level - 1);
        yaml.extend((1..300).map(nested));
        assert!(problem(&yaml).message.contains("levels deep"));
    }

    #[test]
    fn documents_stand_alone() {
        let documents = parse("# nothing\n---\na: 1\n---\n---\nb: [1\n---\nc: 3\n...\n---\n~\n");
        let shapes: Vec<_> = documents.iter().map(Result::is_ok).collect();
        assert_eq!(shapes, [true, false, true]);
        assert!(parse("").is_empty());
        assert!(parse("\n# only a comment\n").is_empty());
    }

    #[test]
    fn json_is_yaml() {
        assert_eq!(
            json("{\n\t\"a\": [1, \"\\u00e9\", null],\n\t\"b\": \"\\ud83d\\ude00\"\n}\n"),
            r#"{"a":[1,"é",null],"b":"😀"}"#
        );
    }

    #[test]
    fn tabs_do_not_indent() {
        let problem = problem("a:\n\tb: 1\n");
        assert_eq!(problem.hint, Some("indent with spaces, not tabs"));
        assert_eq!(problem.span.start, 4);
    }

    #[test]
    fn everything_knows_its_place() {
        let yaml = "ä: 1\nspec:\n  tasks: [a, {b: c}]\n  x: |\n    text\n  z: 1\n";
        let root = root(yaml);
        let slice = |node: &Node| yaml[node.span.start..node.span.end].to_owned();
        let spec = root.get("spec").unwrap();
        let tasks = spec.get("tasks").unwrap();
        assert_eq!(slice(tasks), "[a, {b: c}]");
        assert_eq!(slice(&tasks.items().unwrap()[1]), "{b: c}");
        assert_eq!(slice(spec.get("x").unwrap()).trim(), "text");
        let entry = spec.entry("z").unwrap();
        assert_eq!(&yaml[entry.key_span.start..entry.key_span.end], "z");
        assert!(slice(spec).ends_with("z: 1"));
    }

    #[test]
    fn endless_values_end_in_a_problem() {
        let list = format!("[{}]\n---\n", "a,".repeat(700));
        assert!(parse_up_to(&list, 2000).iter().all(Result::is_ok));
        let mut documents = parse_up_to(&list.repeat(3), 2000);
        let problems = documents.pop().and_then(Result::err).unwrap();
        assert_eq!(problems[0].message, "more values in one file than are read");
        let laughs = format!("- &a [{}]\n{}---\n", "x,".repeat(10), "- *a\n".repeat(100));
        let documents = parse_up_to(&laughs.repeat(100), 5000);
        assert!(documents.len() < 6, "{}", documents.len());
        assert!(documents.last().is_some_and(Result::is_err));
    }
}
