//! Every number of Tekton's two checklists has a test, or a reason why it cannot have one:
//! `tests/checklist.md` has a row for each, and the tests it names exist.

use std::collections::BTreeSet;

use crate::sources::{read, rust_files};

const LISTS: [(&str, usize); 2] = [("pipeline", 145), ("task", 180)];
const TABLE: &str = "tests/checklist.md";

/// A row of the table: `| pipeline | 52 | tests, or why there are none |`.
#[derive(Debug, PartialEq)]
struct Row {
    list: String,
    number: usize,
    tests: Vec<String>,
    cell: String,
}

fn rows(text: &str) -> Vec<Row> {
    text.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<Row> {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let ["", list, number, cell, ""] = cells.as_slice() else {
        return None;
    };
    let is_test = |word: &&str| {
        word.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    // A reason is prose; a list of tests is nothing but names.
    let names: Vec<&str> = cell
        .split(", ")
        .map(|name| name.trim_matches('`'))
        .collect();
    let tests = if names.iter().all(is_test) {
        names
    } else {
        Vec::new()
    };
    Some(Row {
        list: (*list).to_owned(),
        number: number.parse().ok()?,
        tests: tests.into_iter().map(str::to_owned).collect(),
        cell: (*cell).to_owned(),
    })
}

/// The names of tests in a text: functions below an attribute that makes them one, and rows of the
/// tables that become functions.
fn tests_of(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut is_test = false;
    let has_cases = text.contains("\ncases! {");
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test") || line.starts_with("#[tokio::test") {
            is_test = true;
            continue;
        }
        let name = line
            .strip_prefix("fn ")
            .or_else(|| line.strip_prefix("async fn "));
        if let Some(name) = name {
            if is_test {
                found.extend(name.split('(').next().map(str::to_owned));
            }
            is_test = false;
        } else if let Some(row) = line.strip_suffix(',').filter(|_| has_cases) {
            let is_name = row
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            if is_name {
                found.insert(row.to_owned());
            }
        }
    }
    found
}

#[test]
fn every_number_has_a_row() {
    let rows = rows(&read(TABLE).text);
    let there: Vec<(&str, usize)> = rows
        .iter()
        .map(|row| (row.list.as_str(), row.number))
        .collect();
    let wanted: Vec<(&str, usize)> = LISTS
        .iter()
        .flat_map(|(list, length)| (1..=*length).map(|number| (*list, number)))
        .collect();
    assert_eq!(
        there, wanted,
        "{TABLE} has one row for each number, in order"
    );
    for row in rows.iter().filter(|row| row.tests.is_empty()) {
        assert!(row.cell.contains(' '), "{TABLE}: why has {row:?} no test?");
    }
}

#[test]
fn every_test_of_the_table_exists() {
    let tests: BTreeSet<String> = ["src", "tests"]
        .into_iter()
        .flat_map(rust_files)
        .flat_map(|file| tests_of(&file.text))
        .collect();
    let rows = rows(&read(TABLE).text);
    let missing: Vec<&String> = rows
        .iter()
        .flat_map(|row| &row.tests)
        .filter(|test| !tests.contains(*test))
        .collect();
    assert!(missing.is_empty(), "{TABLE} names {missing:?}");
}

#[test]
fn rows_and_tests_are_read_as_described() {
    let found = rows(
        "| list | number | tests |\n| --- | --- | --- |\n| task | 3 | `a_b`, `c` |\n| task | 4 | for a reason |\n",
    );
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].tests, ["a_b", "c"]);
    assert_eq!(found[1].tests, [""; 0]);
    let tests = tests_of(
        "#[test]\nfn one() {\nfn helper() {\n#[tokio::test(start_paused = true)]\nasync fn two() {\n    no_row,\n",
    );
    let names: Vec<&str> = tests.iter().map(String::as_str).collect();
    assert_eq!(names, ["one", "two"]);
    let rows = tests_of("\ncases! {\n    row_of_a_table,\n}");
    assert!(rows.contains("row_of_a_table"));
}
