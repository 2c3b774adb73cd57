//! A field that the table calls honoured or emulated is used by what runs things.
//!
//! Checked by names: the field of the Rust struct must be read somewhere outside the modules that
//! only describe, read, check or fill in documents. A name that several objects share is taken for
//! all of them.

use std::collections::BTreeSet;

use crate::sources::{SourceFile, read, rust_files};
use crate::tokens::{tokens, without_tests};

/// Where a field is handled without anything coming of it.
const WITHOUT_EFFECT: &[&str] = &[
    "src/agent/",
    "src/sandbox/fake/",
    "src/execute/tests/",
    "src/manifest/",
    "src/spec/",
    "src/substitution/",
    "src/validate/",
];

/// Fields that are used in another way: a file, and a text in it.
const OTHERWISE: &[(&str, &str, &str)] = &[
    // Found by its path, so that the refusal stands at its line.
    ("managed_by", "src/validate/support.rs", "\"managedBy\""),
    // Read by a method, as it may be left out.
    ("param_type", "src/spec/param.rs", "fn kind(&self)"),
    // It makes edges, which the rules ask for as well as the plan.
    ("run_after", "src/substitution/edges.rs", "task.run_after"),
    // On a cluster, too, it is checked and nothing else.
    ("property_type", "src/validate/params.rs", ".property_type"),
];

/// A field as the macro `api_object` declares it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Declared {
    object: String,
    ident: String,
    yaml: String,
}

/// The fields that are said to have an effect.
fn with_effect(text: &str) -> Vec<Declared> {
    let mut object = "";
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some((_, go)) = line
            .strip_suffix("\" {")
            .and_then(|l| l.split_once(" = \""))
        {
            object = go;
        }
        let Some((field, rest)) = line.split_once(" = \"") else {
            continue;
        };
        let (Some((ident, _)), Some((yaml, support))) =
            (field.split_once(": "), rest.split_once("\", "))
        else {
            continue;
        };
        if support.starts_with("Honoured") || support.starts_with("Emulated") {
            found.push(Declared {
                object: object.to_owned(),
                ident: ident.to_owned(),
                yaml: yaml.to_owned(),
            });
        }
    }
    found
}

/// The names that a file reads as fields: behind a dot and without arguments, or in a pattern.
fn read_fields(file: &SourceFile) -> BTreeSet<String> {
    let tokens = without_tests(&tokens(&file.text));
    let text = |index: usize| tokens.get(index).map_or("", |token| token.text.as_str());
    (1..tokens.len())
        .filter(|&at| match text(at - 1) {
            "." => text(at + 1) != "(",
            "{" | "," => matches!(text(at + 1), "," | "}"),
            _ => false,
        })
        .map(|at| text(at).to_owned())
        .filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect()
}

#[test]
fn what_is_called_honoured_is_used() {
    let used: BTreeSet<String> = rust_files("src")
        .iter()
        .filter(|file| {
            !WITHOUT_EFFECT
                .iter()
                .any(|path| file.path.starts_with(path))
        })
        .flat_map(read_fields)
        .collect();
    for (ident, path, text) in OTHERWISE {
        assert!(!used.contains(*ident), "{ident} needs no exception");
        assert!(read(path).text.contains(text), "{path} holds no {text}");
    }
    let declared: Vec<Declared> = rust_files("src/spec")
        .iter()
        .flat_map(|file| with_effect(&file.text))
        .collect();
    assert!(declared.len() > 300, "only {} fields", declared.len());
    let unused: Vec<String> = declared
        .iter()
        .filter(|field| !used.contains(&field.ident))
        .filter(|field| !OTHERWISE.iter().any(|(ident, ..)| *ident == field.ident))
        .map(|field| format!("{}.{} ({})", field.object, field.yaml, field.ident))
        .collect();
    assert!(
        unused.is_empty(),
        "honour it, or say in its table entry what becomes of it: {unused:#?}"
    );
}

#[test]
fn declarations_and_uses_are_read_as_described() {
    let text = "
    /// A thing.
    Thing = \"GoThing\" {
        one_two: Option<String> = \"oneTwo\", Honoured;
        three: String = \"three\", NoEffect(\"no = \\\"use\\\"\");
        four: i64 = \"four\", Emulated(\"so\");
    }";
    let found: Vec<_> = with_effect(text)
        .into_iter()
        .map(|field| (field.object, field.ident, field.yaml))
        .collect();
    let field = |ident: &str, yaml: &str| ("GoThing".to_owned(), ident.to_owned(), yaml.to_owned());
    assert_eq!(found, [field("one_two", "oneTwo"), field("four", "four")]);
    let file = SourceFile {
        path: "src/x.rs".to_owned(),
        text: "fn f(a: A) { a.read; a.called(); let A { taken, .. } = a; g(passed) } // a.said"
            .to_owned(),
    };
    let found = read_fields(&file);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["read", "taken"]);
}
