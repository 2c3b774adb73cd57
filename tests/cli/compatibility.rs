//! The table of fields in the documentation, and the summary in the README, are those of the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tkn_local::validate::compatibility_table;

use crate::sources::read;

const DOCUMENT: &str = "docs/compatibility.md";
const README: &str = "README.md";
/// What stands around the summary.
const SUMMARY: (&str, &str) = ("<!-- fields -->\n", "<!-- end of fields -->\n");
const BEGINNING: &str = "## Fields and what they do";

/// To bring a document up to date, copy the file that this names over it.
fn check(document: &str, wanted: &str) {
    if read(document).text != wanted {
        let name = document.replace('/', "-");
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&file, wanted).expect("the target's folder is writable");
        panic!(
            "{document} is not what the code says: cp {} {document}",
            file.display()
        );
    }
}

#[test]
fn the_table_of_the_document_is_that_of_the_code() {
    let document = read(DOCUMENT).text;
    let (by_hand, _) = document
        .split_once(BEGINNING)
        .unwrap_or((document.as_str(), ""));
    check(DOCUMENT, &format!("{by_hand}{}", compatibility_table()));
}

/// A row of the table.
#[derive(Debug, PartialEq)]
struct Row<'a> {
    object: &'a str,
    field: &'a str,
    support: &'a str,
}

fn rows(table: &str) -> Vec<Row<'_>> {
    let mut object = "";
    let mut found = Vec::new();
    for line in table.lines() {
        if let Some(heading) = line.strip_prefix("### ") {
            object = heading;
        }
        let mut cells = line.split(" | ");
        let field = cells.next().and_then(|cell| cell.strip_prefix("| "));
        let field = field.and_then(|cell| cell.trim_start_matches('[').strip_prefix('`'));
        if let (Some(field), Some(support)) = (field, cells.next()) {
            found.push(Row {
                object,
                field: field.split('`').next().unwrap_or_default(),
                support,
            });
        }
    }
    found
}

/// The fields of a kind, each once, with its object where the name means something else in another.
/// What is in an object of which every field is of the kind is told by the field that holds it.
fn named(rows: &[Row<'_>], support: &str) -> String {
    let differs = |field: &str| {
        rows.iter()
            .any(|row| row.field == field && row.support != support)
    };
    let whole = |object: &str| {
        rows.iter()
            .filter(|row| row.object == object)
            .all(|row| row.support == support)
    };
    let of_kind = rows
        .iter()
        .filter(|row| row.support == support && !whole(row.object));
    let mut seen = BTreeSet::new();
    let names: Vec<String> = of_kind
        .map(|row| {
            let of = if differs(row.field) {
                format!(" of `{}`", row.object)
            } else {
                String::new()
            };
            format!("`{}`{of}", row.field)
        })
        .filter(|name| seen.insert(name.clone()))
        .collect();
    names.join(", ")
}

fn summary(rows: &[Row<'_>]) -> String {
    let count = |support: &str| rows.iter().filter(|row| row.support == support).count();
    format!(
        "Of {} fields of Tekton's API and of the Kubernetes types in it, {} mean the same as on a cluster, {} are emulated,\n\
         {} have no effect and {} are rejected before anything starts. [{DOCUMENT}]({DOCUMENT}) lists each with its reason.\n\n\
         * Emulated: {}.\n\
         * Rejected: {}.\n",
        rows.len(),
        count("yes"),
        count("emulated"),
        count("no effect"),
        count("refused"),
        named(rows, "emulated"),
        named(rows, "refused"),
    )
}

#[test]
fn the_summary_of_the_readme_is_that_of_the_code() {
    let table = compatibility_table();
    let readme = read(README).text;
    let (before, rest) = readme.split_once(SUMMARY.0).expect("the summary begins");
    let (_, after) = rest.split_once(SUMMARY.1).expect("the summary ends");
    let summary = summary(&rows(&table));
    let wanted = [before, SUMMARY.0, &summary, SUMMARY.1, after].concat();
    check(README, &wanted);
}

/// Fields that the README calls honoured by name are.
#[test]
fn what_the_readme_calls_honoured_is() {
    let table = compatibility_table();
    let rows = rows(&table);
    let readme = read(README).text;
    let (_, rest) = readme.split_once("\nSupported: ").expect("it names some");
    let paragraph = rest.split("\n\n").next().unwrap_or_default();
    let names: Vec<&str> = paragraph.split('`').skip(1).step_by(2).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names.iter().filter(|name| !name.starts_with('$')) {
        let own: Vec<_> = rows.iter().filter(|row| row.field == *name).collect();
        assert!(!own.is_empty(), "{name} is no field");
        let has_effect = |support: &str| matches!(support, "yes" | "emulated");
        assert!(
            own.iter().any(|row| has_effect(row.support)),
            "{name} is not honoured: {own:?}"
        );
    }
}
