//! What `docs/design.md` says of the code exists: every file, folder and function it names.

use std::collections::BTreeSet;

use regex::Regex;

use crate::sources::{read, root};

const DESIGN: &str = "docs/design.md";

/// The functions that `text` names as `path/to/file.rs::function`, relative to `src`.
fn functions(text: &str) -> BTreeSet<(String, String)> {
    let name = Regex::new(r"([a-z_][a-z_/]*\.rs)::(\w+)").expect("a valid pattern");
    name.captures_iter(text)
        .map(|found| (found[1].to_owned(), found[2].to_owned()))
        .collect()
}

/// The rooms in the drawing of the house: the words that end in a slash. A line that begins with a
/// layer, as `L4` or `L-`, names a module first; all that follows until the next such line are its rooms.
fn rooms(text: &str) -> BTreeSet<String> {
    let drawing = text
        .split("<!-- house -->")
        .nth(1)
        .and_then(|rest| rest.split("```").nth(1))
        .expect("the drawing of the house");
    let mut module = String::new();
    let mut found = BTreeSet::new();
    for line in drawing.lines() {
        let mut words = line.split_whitespace().peekable();
        let is_layer = words.next_if(|word| {
            let level = word.strip_prefix('L');
            level.is_some_and(|level| {
                level == "-" || level.bytes().all(|byte| byte.is_ascii_digit())
            })
        });
        if is_layer.is_some() {
            module.clear();
        }
        for word in words {
            let Some(room) = word.trim_end_matches(',').strip_suffix('/') else {
                continue;
            };
            if module.is_empty() {
                room.clone_into(&mut module);
                found.insert(room.to_owned());
            } else {
                found.insert(format!("{module}/{room}"));
            }
        }
    }
    found
}

#[test]
fn every_function_on_the_path_of_a_run_exists() {
    let functions = functions(&read(DESIGN).text);
    assert!(functions.len() > 15, "the path of a run is missing");
    for (file, function) in functions {
        let path = format!("src/{file}");
        let text = read(&path).text;
        let defined = Regex::new(&format!(r"\bfn {function}\b")).expect("a valid pattern");
        assert!(
            defined.is_match(&text),
            "{DESIGN}: {path} has no function {function}"
        );
    }
}

#[test]
fn the_house_has_the_rooms_that_are_drawn_and_no_others() {
    let drawn = rooms(&read(DESIGN).text);
    let mut built = BTreeSet::new();
    for module in std::fs::read_dir(root().join("src")).unwrap().flatten() {
        let path = module.path();
        if !path.is_dir() {
            continue;
        }
        let name = module.file_name().to_string_lossy().into_owned();
        built.insert(name.clone());
        for room in std::fs::read_dir(&path).unwrap().flatten() {
            let inner = room.file_name().to_string_lossy().into_owned();
            if room.path().is_dir() && inner != "tests" {
                built.insert(format!("{name}/{inner}"));
            }
        }
    }
    assert_eq!(drawn, built);
}

#[test]
fn the_reader_of_the_drawing_tells_rooms_from_words() {
    let text = "<!-- house -->\n```text\nL2  plan/  reuse/, the\n    fingerprint/ of a task\n```\n";
    let expected = ["plan", "plan/fingerprint", "plan/reuse"].map(str::to_owned);
    assert_eq!(rooms(text), BTreeSet::from(expected));
}
