//! Reads the sources and fails when files of one top-level module import each other in a circle.
//!
//! An import counts for the file that defines the name: what a `mod.rs` re-exports leads on to the
//! file behind it, and the re-export itself is no import. Code under `#[cfg(test)]` is left out.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{SourceFile, rust_files};
use crate::tokens::{Token, tokens, without_tests};

/// Files that may import each other because their types are recursive, each group with its reason.
const RECURSIVE: &[(&[&str], &str)] = &[
    (
        &["src/validate/pipeline.rs", "src/validate/pipeline_task.rs"],
        "a task of a pipeline can be a pipeline",
    ),
    (
        &[
            "src/validate/kubernetes/probes.rs",
            "src/validate/kubernetes/shapes.rs",
            "src/validate/kubernetes/volumes.rs",
        ],
        "a shape is a table whose rows are checked by functions, which read other shapes",
    ),
    (
        &["src/manifest/compose.rs", "src/manifest/yaml.rs"],
        "an alias stands for a node, which can hold aliases",
    ),
    (
        &["src/manifest/decode.rs", "src/manifest/leaf.rs"],
        "a leaf can be an object in text, which is decoded again",
    ),
];

/// Circles that are not untied yet. A file leaves this list when it is touched; none enters it.
const TIED: &[&[&str]] = &[
    &["src/agent/breakpoint.rs", "src/agent/step.rs"],
    &["src/docker/agent_image.rs", "src/docker/body.rs"],
    &[
        "src/docker/engine.rs",
        "src/docker/image.rs",
        "src/docker/open.rs",
        "src/docker/reap.rs",
        "src/docker/sandbox.rs",
    ],
    &[
        "src/plan/permissions/granted.rs",
        "src/plan/permissions/restricted.rs",
    ],
    &[
        "src/sandbox/fake/container.rs",
        "src/sandbox/fake/engine.rs",
    ],
    &[
        "src/sandbox/link/container.rs",
        "src/sandbox/link/files.rs",
        "src/sandbox/link/supervisor.rs",
    ],
    &["src/validate/pipeline_run.rs", "src/validate/task_run.rs"],
];

type Path = Vec<String>;

/// The module that a file is: `src/plan/mod.rs` is `["plan"]`.
fn module_of(path: &str) -> Path {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut names: Path = path.split('/').map(str::to_owned).collect();
    if names.len() > 1 && names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

/// The paths that a file names, and whether `pub use` names them.
#[derive(Default)]
struct Paths {
    imports: Vec<Path>,
    /// What a `pub use` gives on: the name here, and the path behind it.
    exports: Vec<(String, Path)>,
}

/// Reads the paths of one file, each from the root of the crate.
struct Reader<'a> {
    module: &'a Path,
    tokens: &'a [Token],
    at: usize,
}

impl Reader<'_> {
    fn text(&self, ahead: usize) -> &str {
        self.tokens
            .get(self.at + ahead)
            .map_or("", |token| token.text.as_str())
    }

    fn read(mut self) -> Paths {
        let mut paths = Paths::default();
        while self.at < self.tokens.len() {
            if self.text(0) == "use" {
                let is_export = self.is_public();
                self.at += 1;
                let mut tree = Vec::new();
                self.tree(&mut Vec::new(), &mut tree);
                for (name, path) in tree {
                    let Some(path) = self.absolute(&path) else {
                        continue;
                    };
                    if is_export {
                        paths.exports.push((name, path));
                    } else {
                        paths.imports.push(path);
                    }
                }
            } else if self.begins_a_path() {
                let path = self.plain_path();
                paths.imports.extend(self.absolute(&path));
            } else {
                self.at += 1;
            }
        }
        paths
    }

    /// `pub` or `pub(…)` before the word at hand.
    fn is_public(&self) -> bool {
        let before = |back: usize| {
            let at = self.at.checked_sub(back)?;
            self.tokens.get(at).map(|token| token.text.as_str())
        };
        before(1) == Some("pub") || before(1) == Some(")") && before(4) == Some("pub")
    }

    fn begins_a_path(&self) -> bool {
        let starts = self.at == 0 || self.tokens[self.at - 1].text != "::";
        starts && matches!(self.text(0), "crate" | "super" | "self") && self.text(1) == "::"
    }

    fn plain_path(&mut self) -> Path {
        let mut path = vec![self.text(0).to_owned()];
        self.at += 1;
        while self.text(0) == "::" && is_word(self.text(1)) {
            path.push(self.text(1).to_owned());
            self.at += 2;
        }
        path
    }

    /// One `a::{b, c as d}`, as the names it brings and their paths.
    fn tree(&mut self, prefix: &mut Path, found: &mut Vec<(String, Path)>) {
        let depth = prefix.len();
        loop {
            match self.text(0) {
                "{" => {
                    self.at += 1;
                    while !matches!(self.text(0), "}" | "") {
                        self.tree(prefix, found);
                        if self.text(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    break;
                }
                "::" => self.at += 1,
                word if is_word(word) || word == "*" => {
                    prefix.push(word.to_owned());
                    self.at += 1;
                    if self.text(0) != "::" {
                        let name = if self.text(0) == "as" {
                            self.at += 2;
                            self.tokens[self.at - 1].text.clone()
                        } else {
                            prefix.last().cloned().unwrap_or_default()
                        };
                        found.push((name, prefix.clone()));
                        break;
                    }
                }
                _ => break,
            }
        }
        prefix.truncate(depth);
    }

    /// The path from the root of the crate; `None` for other crates and for the root itself.
    fn absolute(&self, path: &[String]) -> Option<Path> {
        let mut base = self.module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                base.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|word| word == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            // In a `mod.rs` a plain name is a child; elsewhere it is another crate.
            _ => {}
        }
        base.extend(rest.iter().cloned());
        Some(base)
    }
}

fn is_word(text: &str) -> bool {
    text.chars()
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_')
}

/// The files of the crate and what they import.
struct House {
    /// The file of each module.
    files: BTreeMap<Path, String>,
    paths: BTreeMap<Path, Paths>,
}

impl House {
    fn new(sources: &[SourceFile]) -> Self {
        let mut house = Self {
            files: BTreeMap::new(),
            paths: BTreeMap::new(),
        };
        for file in sources {
            let module = module_of(&file.path);
            let tokens = without_tests(&tokens(&file.text));
            let reader = Reader {
                module: &module,
                tokens: &tokens,
                at: 0,
            };
            house.paths.insert(module.clone(), reader.read());
            house.files.insert(module, file.path.clone());
        }
        house
    }

    /// The module that defines what a path names.
    fn definition(&self, path: &[String], depth: usize) -> Option<Path> {
        let length = (1..=path.len())
            .rev()
            .find(|length| self.files.contains_key(&path[..*length]))?;
        let (module, rest) = path.split_at(length);
        let behind = rest.first().and_then(|name| {
            let exports = &self.paths[module].exports;
            exports.iter().find(|(given, _)| given == name)
        });
        match behind {
            Some((_, target)) if depth < 8 => {
                let target: Path = target.iter().chain(&rest[1..]).cloned().collect();
                self.definition(&target, depth + 1)
            }
            _ => Some(module.to_vec()),
        }
    }

    /// Which files of the same top-level module each file imports.
    fn edges(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut edges = BTreeMap::new();
        for (module, paths) in &self.paths {
            let targets: BTreeSet<&str> = paths
                .imports
                .iter()
                .filter_map(|path| self.definition(path, 0))
                .filter(|target| target[0] == module[0] && target != module)
                .map(|target| self.files[&target].as_str())
                .collect();
            edges.insert(self.files[module].as_str(), targets);
        }
        edges
    }
}

/// Every group of files that reach each other.
fn circles(edges: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<Vec<String>> {
    let reach = |from: &str| {
        let mut seen = BTreeSet::new();
        let mut todo: Vec<&str> = edges[from].iter().copied().collect();
        while let Some(file) = todo.pop() {
            if seen.insert(file) {
                todo.extend(edges.get(file).into_iter().flatten());
            }
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        edges.keys().map(|file| (*file, reach(file))).collect();
    let mut groups: BTreeSet<Vec<String>> = BTreeSet::new();
    for (file, others) in &reached {
        if others.contains(file) {
            let group = others.iter().filter(|other| reached[*other].contains(file));
            groups.insert(group.map(|file| (*file).to_owned()).collect());
        }
    }
    groups.into_iter().collect()
}

/// Where a group's imports are, for the message.
fn told(group: &[String], edges: &BTreeMap<&str, BTreeSet<&str>>) -> String {
    let arrows = group.iter().flat_map(|file| {
        let inside = edges[file.as_str()].iter();
        let inside = inside.filter(|target| group.iter().any(|file| file == *target));
        inside.map(move |target| format!("  {file} -> {target}"))
    });
    let arrows: Vec<_> = arrows.collect();
    format!("a circle of imports:\n{}", arrows.join("\n"))
}

#[test]
fn no_files_of_one_module_import_each_other_in_a_circle() {
    let house = House::new(&rust_files("src"));
    let edges = house.edges();
    let found: Vec<String> = circles(&edges)
        .iter()
        .filter(|group| {
            let excused = |files: &&[&str]| group.iter().all(|file| files.contains(&file.as_str()));
            !RECURSIVE.iter().any(|(files, _)| excused(files)) && !TIED.iter().any(excused)
        })
        .map(|group| told(group, &edges))
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The tests of the tester: sources that never existed.
mod synthetic {
    use super::{House, circles};
    use crate::sources::SourceFile;

    fn found(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| SourceFile {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        circles(&House::new(&files).edges())
    }

    #[test]
    fn two_files_that_import_each_other_are_a_circle() {
        let circle = found(&[
            ("src/a/mod.rs", "mod b; mod c;"),
            ("src/a/b.rs", "use super::c::{C, D as E};"),
            ("src/a/c.rs", "fn f() -> crate::a::b::B { loop {} }"),
        ]);
        assert_eq!(circle, [["src/a/b.rs", "src/a/c.rs"]]);
    }

    #[test]
    fn a_re_export_leads_to_the_file_behind_it() {
        let files = [
            (
                "src/a/mod.rs",
                "mod b; mod c;\npub use b::B;\npub(crate) use self::c::C;",
            ),
            ("src/a/b.rs", "use super::C;"),
            ("src/a/c.rs", "use crate::a::B;"),
        ];
        assert_eq!(found(&files), [["src/a/b.rs", "src/a/c.rs"]]);
        let one_way = [files[0], files[1], ("src/a/c.rs", "struct C;")];
        assert_eq!(found(&one_way), Vec::<Vec<String>>::new());
    }

    #[test]
    fn tests_and_other_modules_do_not_count() {
        let none = found(&[
            ("src/a/mod.rs", "mod b; mod c; pub use b::B;"),
            (
                "src/a/b.rs",
                "#[cfg(test)]\nmod tests { use crate::a::c::C; }",
            ),
            ("src/a/c.rs", "use super::b::B; use crate::d::D;"),
            ("src/d.rs", "use crate::a::B;"),
        ]);
        assert_eq!(none, Vec::<Vec<String>>::new());
    }
}
