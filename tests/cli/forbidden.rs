//! What must stand in no file: unfinished code, silenced lints, ignored tests, places of one machine.

use crate::sources::{files_below, has_extension, read, root, rust_files};

/// The longest a source file may be, without its tests.
const LONGEST: usize = 500;

/// Text that may not stand in Rust code, and why. Written in parts: this file is read too.
const IN_CODE: &[(&str, &str)] = &[
    (concat!("todo", "!("), "unfinished"),
    (concat!("unimplemented", "!("), "unfinished"),
    (concat!("dbg", "!("), "left over from debugging"),
    (
        concat!("#[", "allow("),
        "use #[expect(…, reason = …)]: it tells when it is no longer needed",
    ),
    (
        concat!("#![", "allow("),
        "use #![expect(…, reason = …)]: it tells when it is no longer needed",
    ),
    (concat!("FIX", "ME"), "unfinished"),
    (concat!("TO", "DO"), "unfinished"),
];

/// Where one of `words` stands: `path:line: word (why)`.
fn hits(path: &str, text: &str, words: &[(&str, &str)]) -> Vec<String> {
    text.lines()
        .enumerate()
        .flat_map(|(index, line)| {
            words
                .iter()
                .filter(move |(word, _)| line.contains(word))
                .map(move |(word, why)| format!("{path}:{}: {word} ({why})", index + 1))
        })
        .collect()
}

/// The lines of a source file before its tests.
fn production_lines(text: &str) -> usize {
    text.lines()
        .take_while(|line| line.trim_end() != "#[cfg(test)]")
        .count()
}

/// True when `line` holds a path that begins with `folder`: not one that merely contains it.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let begins = line[..at].chars().next_back().is_none_or(|before| {
            !before.is_ascii_alphanumeric() && !matches!(before, '/' | '.' | '_' | '-' | '}' | ')')
        });
        let ends = line[at + folder.len()..]
            .chars()
            .next()
            .is_none_or(|after| !after.is_ascii_alphanumeric() && !matches!(after, '_' | '-'));
        begins && ends
    })
}

/// Every text that a clone holds, but the lock file.
fn texts() -> Vec<String> {
    let folders = [
        ".ci",
        "completions",
        "docs",
        "examples",
        "fuzz",
        "src",
        "tests",
    ];
    let mut paths: Vec<_> = folders
        .into_iter()
        .filter(|folder| root().join(folder).is_dir())
        .flat_map(files_below)
        .collect();
    for name in [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Cargo.toml",
        "build.rs",
        "install.sh",
    ] {
        paths.push(name.to_owned());
    }
    paths
}

#[test]
fn no_rust_file_holds_unfinished_or_silenced_code() {
    let faults: Vec<_> = ["src", "tests"]
        .into_iter()
        .flat_map(rust_files)
        .flat_map(|file| hits(&file.path, &file.text, IN_CODE))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_source_file_is_too_long() {
    let faults: Vec<_> = rust_files("src")
        .iter()
        .map(|file| (&file.path, production_lines(&file.text)))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(path, lines)| format!("{path} has {lines} lines before its tests: split it"))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_file_names_a_place_of_the_machine_it_was_written_on() {
    let checkout = root().to_string_lossy();
    let home = concat!("/", "root/.cargo");
    let workplace = concat!("/", "work", "/");
    let mut faults = Vec::new();
    for path in texts() {
        let text =
            String::from_utf8_lossy(&std::fs::read(root().join(&path)).unwrap()).into_owned();
        for (index, line) in text.lines().enumerate() {
            let named = names_folder(line, &checkout)
                || names_folder(line, home)
                || names_folder(line, workplace.trim_end_matches('/')) && line.contains(workplace);
            if named {
                faults.push(format!("{path}:{}: {line}", index + 1));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_script_can_be_executed() {
    use std::os::unix::fs::PermissionsExt as _;

    let scripts = texts()
        .into_iter()
        .filter(|path| has_extension(path, "sh") || path == ".ci/run");
    for path in scripts {
        let mode = std::fs::metadata(root().join(&path))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o111, 0o111, "{path} is not executable");
        assert!(
            read(&path).text.starts_with("#!/"),
            "{path} does not say what runs it"
        );
    }
}

#[test]
fn the_readers_of_this_file_find_what_they_look_for() {
    let unfinished = concat!("fn f() { to", "do!() }\nfn g() {}\n");
    let found = hits("src/a.rs", unfinished, IN_CODE);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("src/a.rs:1: "), "{found:?}");

    assert_eq!(production_lines("a\nb\n#[cfg(test)]\nmod tests {\n}\n"), 2);
    assert_eq!(production_lines("a\nb\n"), 2);

    for line in ["cd /here/x", "/here/x", "see `/here/x`.", "A=/here/x/y"] {
        assert!(names_folder(line, "/here/x"), "{line}");
    }
    for line in ["/not/here/x", "a/here/x", "/here/xy", "${a}/here/x"] {
        assert!(!names_folder(line, "/here/x"), "{line}");
    }
}
