//! Every number of Tekton's two checklists has a test that bears it in its name, or a line in
//! `tests/checklist.md` that says why it cannot have one.
//!
//! A name bears numbers behind the word `pipeline` or `task`: `pipeline_52_…`,
//! `task_61_62_pipeline_53_…`, `pipeline_3_to_6_…`.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{read, rust_files};

const LISTS: [(&str, usize); 2] = [("pipeline", 145), ("task", 180)];
const EXCUSED: &str = "tests/checklist.md";

type Numbers = BTreeMap<&'static str, BTreeSet<usize>>;

/// Adds the numbers a name bears.
fn bear(name: &str, numbers: &mut Numbers) {
    let mut list = None;
    let mut previous = None;
    let mut is_range = false;
    for word in name.split('_') {
        let number = word.parse::<usize>().ok();
        match (list, number) {
            (Some(list), Some(number)) => {
                let from = previous.filter(|_| is_range).unwrap_or(number);
                numbers.entry(list).or_default().extend(from..=number);
                previous = Some(number);
                is_range = false;
            }
            _ if word == "to" && previous.is_some() => is_range = true,
            _ => {
                list = LISTS
                    .iter()
                    .map(|(name, _)| *name)
                    .find(|name| *name == word);
                previous = None;
                is_range = false;
            }
        }
    }
}

/// The names of tests in a text: functions and rows of the tables that become functions.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        let name = line
            .strip_prefix("fn ")
            .or_else(|| line.strip_prefix("async fn "));
        let name = name.map_or_else(|| line.strip_suffix(','), |name| name.split('(').next());
        name.filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
    })
}

fn tested() -> Numbers {
    let mut numbers = Numbers::new();
    for file in ["src", "tests"].into_iter().flat_map(rust_files) {
        names(&file.text).for_each(|name| bear(name, &mut numbers));
    }
    numbers
}

/// Rows of the form `| pipeline | 142 | why |`.
fn excused() -> Numbers {
    let mut numbers = Numbers::new();
    for row in read(EXCUSED).text.lines() {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let ["", list, number, why, ""] = cells.as_slice() else {
            continue;
        };
        let known = LISTS
            .iter()
            .map(|(name, _)| *name)
            .find(|name| name == list);
        if let (Some(list), Ok(number)) = (known, number.parse()) {
            assert!(
                why.contains(' '),
                "{EXCUSED}: why has {list} {number} no test?"
            );
            numbers.entry(list).or_default().insert(number);
        }
    }
    numbers
}

#[test]
fn every_number_has_a_test_or_a_reason() {
    let (tested, excused) = (tested(), excused());
    for (list, length) in LISTS {
        let all: BTreeSet<usize> = (1..=length).collect();
        let missing: Vec<&usize> = all
            .difference(&tested[list])
            .filter(|number| !excused.get(list).is_some_and(|set| set.contains(number)))
            .collect();
        assert!(
            missing.is_empty(),
            "{list}: no test and no reason for {missing:?}"
        );
        let beyond: Vec<&usize> = tested[list].difference(&all).collect();
        assert!(beyond.is_empty(), "{list}: there is no number {beyond:?}");
        let needless: Vec<&usize> = excused
            .get(list)
            .into_iter()
            .flat_map(|set| set.intersection(&tested[list]))
            .collect();
        assert!(
            needless.is_empty(),
            "{EXCUSED}: {list} {needless:?} has a test"
        );
    }
}

#[test]
fn names_bear_numbers_and_ranges() {
    let mut numbers = Numbers::new();
    bear("pipeline_3_to_6_task_8_durations_of_2_kinds", &mut numbers);
    assert_eq!(numbers["pipeline"], BTreeSet::from([3, 4, 5, 6]));
    assert_eq!(numbers["task"], BTreeSet::from([8]));
}
