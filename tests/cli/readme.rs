//! The README and the documents are held against the program.
//!
//! A ```` ```console ```` block below `<!-- run -->` is run line by line: a line that begins with `$ ` is a
//! command of tkn-local that must exit with 0, or with the status that `<!-- run: STATUS -->`
//! names; the other lines must be printed in this order, `…` standing for any text.

use std::collections::BTreeSet;

use crate::harness::Scene;
use crate::sources::{files_below, has_extension, read, root, rust_files};

/// A fenced block of Markdown.
#[derive(Debug, PartialEq)]
struct Block {
    /// The word behind the fence.
    language: String,
    /// The status it must exit with, when it is to be run.
    run: Option<i32>,
    lines: Vec<String>,
}

/// The fenced blocks of a text, each with the mark that stands above it.
fn blocks(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut mark = None;
    let mut inside = false;
    for line in text.lines() {
        if let Some(language) = line.strip_prefix("```") {
            if !inside {
                found.push(Block {
                    language: language.to_owned(),
                    run: mark.take(),
                    lines: Vec::new(),
                });
            }
            inside = !inside;
        } else if inside {
            let block = found.last_mut().expect("a fence opened it");
            block.lines.push(line.to_owned());
        } else if !line.is_empty() {
            mark = status_of_mark(line);
        }
    }
    found
}

fn status_of_mark(line: &str) -> Option<i32> {
    let inside = line.strip_prefix("<!-- run")?.strip_suffix("-->")?.trim();
    match inside.strip_prefix(':') {
        None => inside.is_empty().then_some(0),
        Some(status) => status.trim().parse().ok(),
    }
}

/// Whether `line` is what `pattern` says, `…` standing for any text.
fn matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The commands of a block with the lines each must print.
fn commands(block: &Block) -> Vec<(&str, Vec<&str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in &block.lines {
        if let Some(command) = line.strip_prefix("$ ") {
            found.push((command, Vec::new()));
        } else if let Some((_, printed)) = found.last_mut() {
            printed.push(line);
        }
    }
    found
}

/// Runs one command of a block and looks for its lines among all that it printed.
fn check(command: &str, status: i32, expected: &[&str]) {
    let args = command
        .strip_prefix("tkn-local ")
        .unwrap_or_else(|| panic!("only tkn-local is run here, not: {command}"));
    let output = Scene::in_project()
        .tkn_local(args.split_whitespace())
        .run()
        .exits(status);
    let mut printed = output.stdout.lines().chain(output.stderr.lines());
    for line in expected.iter().filter(|line| !line.is_empty()) {
        assert!(
            printed.any(|printed| matches(line, printed)),
            "not printed, or not in this order: {line}\n{output}"
        );
    }
}

/// Every Markdown file that a reader is sent to.
fn documents() -> Vec<String> {
    files_below("docs")
        .into_iter()
        .chain(["README.md".to_owned(), "CONTRIBUTING.md".to_owned()])
        .filter(|path| has_extension(path, "md"))
        .collect()
}

/// The words of a text that look like a long flag.
fn flags(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(|word| word.starts_with("--") && word.len() > 3)
        .filter(|word| word[2..].starts_with(|c: char| c.is_ascii_lowercase()))
        .map(str::to_owned)
        .collect()
}

/// Text between `[` … `](` and `)`: the places a document links to.
fn links(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(')')?.0))
        .collect()
}

#[test]
fn every_block_that_is_marked_does_what_it_shows() {
    for path in documents() {
        for block in blocks(&read(&path).text) {
            let Some(status) = block.run else { continue };
            assert_eq!(block.language, "console", "{path}: what is run is console");
            for (command, expected) in commands(&block) {
                check(command, status, &expected);
            }
        }
    }
}

#[test]
fn every_flag_of_the_readme_exists() {
    let help: String = ["run", "resume", "validate", "graph", "list", "prune"]
        .into_iter()
        .map(|command| {
            let output = Scene::new().tkn_local([command, "--help"]).run().exits(0);
            output.stdout
        })
        .collect();
    let known: BTreeSet<_> = [help, read("install.sh").text]
        .iter()
        .flat_map(|text| flags(text))
        .collect();
    let readme = read("README.md").text;
    let tables: Vec<_> = readme
        .lines()
        .filter(|line| line.starts_with('|') || line.starts_with("./install.sh"))
        .collect();
    let unknown: Vec<_> = flags(&tables.join("\n"))
        .difference(&known)
        .cloned()
        .collect();
    assert!(unknown.is_empty(), "the README names {unknown:?}");
}

#[test]
fn every_link_leads_somewhere() {
    for path in documents() {
        let folder = root().join(&path);
        let folder = folder.parent().expect("a file lies in a folder");
        let text = read(&path).text;
        for link in links(&text).iter().filter(|link| !link.contains("://")) {
            let file = link.split('#').next().unwrap_or_default();
            assert!(
                folder.join(file).exists(),
                "{path} links to {link}, which is not there"
            );
        }
    }
}

#[test]
fn every_document_has_one_title() {
    for path in documents() {
        let text = read(&path).text;
        let outside = text.split("```").step_by(2);
        let titles = outside
            .flat_map(str::lines)
            .filter(|line| line.starts_with("# "));
        assert_eq!(titles.count(), 1, "{path}");
    }
}

#[test]
fn the_readme_lists_every_example() {
    let readme = read("README.md").text;
    for path in files_below("examples") {
        assert!(
            !has_extension(&path, "yaml") || readme.contains(&format!("({path})")),
            "README.md does not link to {path}"
        );
    }
}

/// The kinds of events and their fields as the source declares them, `name: field, field`.
fn declared_events() -> BTreeSet<String> {
    let source = rust_files("src")
        .into_iter()
        .find(|file| file.text.contains("pub enum RunEvent {"))
        .expect("a file declares the events");
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for (declaration, own) in [
        ("pub enum RunEvent {", &[][..]),
        ("pub enum TaskRunEvent {", &["taskRun"]),
    ] {
        let body = source.text.split(declaration).nth(1);
        for line in body.unwrap_or_default().lines() {
            if line == "}" {
                break;
            }
            if let Some(field) = line.strip_prefix("        ").and_then(field_name) {
                let (_, fields) = found.last_mut().expect("a field belongs to a variant");
                fields.push(camel_case(field));
            } else if let Some((_, name)) = line.split_once("#[serde(rename = \"") {
                let name = name.trim_end_matches("\")]").to_owned();
                found.push((name, own.iter().map(ToString::to_string).collect()));
            }
        }
    }
    found
        .into_iter()
        .map(|(name, fields)| format!("{name}: {}", fields.join(", ")))
        .collect()
}

fn field_name(line: &str) -> Option<&str> {
    let (name, _) = line.split_once(": ")?;
    name.chars()
        .all(|c| c.is_ascii_lowercase() || c == '_')
        .then_some(name)
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(1);
        name + &initial.to_uppercase() + rest
    })
}

#[test]
fn the_document_on_events_lists_every_event_with_its_fields() {
    let text = read("docs/events.md").text;
    let documented: BTreeSet<_> = text
        .lines()
        .filter_map(|line| {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let [_, names, fields, _, _] = cells.as_slice() else {
                return None;
            };
            (names.starts_with('`') && *names != "`event`")
                .then(|| (*names, fields.replace('`', "")))
        })
        .flat_map(|(names, fields)| {
            names
                .split(", ")
                .map(|name| format!("{}: {fields}", name.trim_matches('`')))
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(documented, declared_events());
}

#[test]
fn blocks_marks_and_patterns_are_read_as_described() {
    let text = "<!-- run: 4 -->\n\n```console\n$ tkn-local a b\nx … z\n```\n<!-- run -->\ntext\n```sh\ny\n```\n";
    let found = blocks(text);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].run, found[1].run), (Some(4), None));
    assert_eq!(found[1].language, "sh");
    assert_eq!(commands(&found[0]), [("tkn-local a b", vec!["x … z"])]);

    for (pattern, line) in [
        ("a … c", "a b c"),
        ("a", "a"),
        ("…", ""),
        ("[…] …s", "[1] 2s"),
    ] {
        assert!(matches(pattern, line), "{pattern} | {line}");
    }
    for (pattern, line) in [
        ("a … c", "a b d"),
        ("a", "ab"),
        ("b…", "ab"),
        ("…b…a", "ab"),
    ] {
        assert!(!matches(pattern, line), "{pattern} | {line}");
    }

    let found = flags("| `--dry-run`, `-p` | a -- b `--x` --Big `--engine-host=H` |");
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        ["--dry-run", "--engine-host"]
    );
    assert_eq!(links("[a](b.md) and [c](d.md#e)"), ["b.md", "d.md#e"]);
}
