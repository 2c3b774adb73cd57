//! Reads the sources and fails on an import that points up or sideways.
//!
//! [`LAYERS`] is the architecture of `docs/design.md`: a module may use itself and what stands in a
//! line above its own; within a line that is [`Order::Written`] also what stands before it there.
//! Code under `#[cfg(test)]` is left out: a test may use what it likes.

use std::iter::Peekable;

use crate::sources::{SourceFile, read, rust_files};
use crate::tokens::{Token, tokens, without_tests};

/// Whether modules of one layer may use each other.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    /// None uses another.
    Free,
    /// Each may use those written before it.
    Written,
}

/// The modules of the library, lowest layer first.
const LAYERS: &[(Order, &[&str])] = &[
    // `status` and `diagnostic` speak of what `spec` and `name` define.
    (
        Order::Written,
        &[
            "spec",
            "name",
            "process",
            "status",
            "diagnostic",
            "terminal",
        ],
    ),
    (Order::Free, &["manifest", "substitution"]),
    (Order::Free, &["language"]),
    (Order::Written, &["resolve", "validate", "plan"]),
    // The sandbox speaks of the streams of `event`.
    (Order::Written, &["event", "sandbox", "mask"]),
    (Order::Free, &["execute"]),
    (Order::Free, &["docker", "state", "report"]),
    (Order::Free, &["cli"]),
];

/// The program inside the containers: it uses itself only, and its wire format is used by one module.
const AGENT: &str = "agent";
const USER_OF_AGENT: &str = "sandbox";

/// Crates that one module alone may name.
const OWNED_CRATES: &[(&str, &str)] = &[
    ("bollard", "docker"),
    ("tar", "docker"),
    ("clap", "cli"),
    ("clap_complete", "cli"),
    ("granit_parser", "manifest"),
];

/// Where a module stands: its layer, and its place there.
fn place(module: &str) -> Option<(usize, usize)> {
    LAYERS.iter().enumerate().find_map(|(layer, (_, modules))| {
        let place = modules.iter().position(|name| *name == module)?;
        Some((layer, place))
    })
}

/// Why `user` may not use `target`, if so. The empty name is the root of the crate.
fn fault(user: &str, target: &str) -> Option<String> {
    if user == target || (user == USER_OF_AGENT && target == AGENT) {
        return None;
    }
    if user == AGENT || target == AGENT {
        return Some(format!(
            "{AGENT} stands alone; only {USER_OF_AGENT} uses it"
        ));
    }
    let Some(to) = place(target) else {
        return Some(format!("{target} is not in the table of layers"));
    };
    if user == "main" {
        return (target != "cli").then(|| "main uses cli and nothing else".to_owned());
    }
    let Some(from) = place(user) else {
        return Some(format!("{user} is not in the table of layers"));
    };
    let order = LAYERS[from.0].0;
    let allowed = to.0 < from.0 || (to.0 == from.0 && order == Order::Written && to.1 < from.1);
    (!allowed).then(|| {
        let direction = if to.0 > from.0 { "up" } else { "sideways" };
        format!("points {direction}: {target} is not below {user}")
    })
}

/// The module a file is, as the names on the way to it: `src/plan/mod.rs` is `["plan"]`.
fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut names: Vec<_> = path.split('/').map(str::to_owned).collect();
    if names.len() > 1 && names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

/// A module of the crate that a file names, and the line.
#[derive(Debug, PartialEq)]
struct Use {
    module: String,
    line: usize,
}

/// The top-level modules that `file` names by `crate::`, by the crate's name or by `super::`.
fn uses(file: &SourceFile) -> Vec<Use> {
    let module = module_of(&file.path);
    let tokens = without_tests(&tokens(&file.text));
    let mut inline = InlineModules::default();
    let mut found = Vec::new();
    let mut rest = tokens.iter().peekable();
    let mut before = "";
    while let Some(token) = rest.next() {
        inline.see(before, token, rest.peek().map(|token| token.text.as_str()));
        let is_path = rest.peek().is_some_and(|token| token.text == "::");
        let starts = before != "::";
        before = &token.text;
        if !is_path || !starts {
            continue;
        }
        let left = match token.text.as_str() {
            "crate" | "tkn_local" => 0,
            "super" => {
                let depth = module.len() + inline.open.len();
                let ups = count_supers(&mut rest);
                depth.saturating_sub(ups)
            }
            _ => continue,
        };
        if left == 0 {
            rest.next();
            found.extend(heads(&mut rest));
        }
    }
    found
}

/// How many `super` follow each other, the first of them just read; leaves the last `::` unread.
fn count_supers<'t>(rest: &mut Peekable<impl Iterator<Item = &'t Token> + Clone>) -> usize {
    let mut count = 1;
    loop {
        let mut ahead = rest.clone();
        ahead.next();
        if ahead.next().is_none_or(|token| token.text != "super") {
            return count;
        }
        rest.next();
        rest.next();
        count += 1;
    }
}

/// The first names of what follows `crate::`: one name, or those of a group in braces.
fn heads<'t>(rest: &mut Peekable<impl Iterator<Item = &'t Token>>) -> Vec<Use> {
    let as_use = |token: &Token| Use {
        module: token.text.clone(),
        line: token.line,
    };
    let Some(first) = rest.next() else {
        return Vec::new();
    };
    if first.text != "{" {
        return vec![as_use(first)];
    }
    let mut found = Vec::new();
    let mut depth = 1;
    let mut is_head = true;
    while depth > 0 {
        let Some(token) = rest.next() else { break };
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => is_head = true,
            _ if is_head => {
                found.push(as_use(token));
                is_head = false;
            }
            _ => {}
        }
    }
    found
}

/// The `mod name { … }` that are open: each is one `super` deeper.
#[derive(Default)]
struct InlineModules {
    depth: usize,
    open: Vec<usize>,
    named: bool,
}

impl InlineModules {
    fn see(&mut self, before: &str, token: &Token, after: Option<&str>) {
        match token.text.as_str() {
            "{" => {
                self.depth += 1;
                if std::mem::take(&mut self.named) {
                    self.open.push(self.depth);
                }
            }
            "}" => {
                if self.open.last() == Some(&self.depth) {
                    self.open.pop();
                }
                self.depth = self.depth.saturating_sub(1);
            }
            _ => self.named |= before == "mod" && after == Some("{"),
        }
    }
}

/// Names of crates that `file` begins a path with.
fn crates(file: &SourceFile) -> Vec<Use> {
    let tokens = without_tests(&tokens(&file.text));
    tokens
        .windows(2)
        .enumerate()
        .filter(|(at, pair)| {
            let starts = *at == 0 || tokens[at - 1].text != "::";
            starts && (pair[1].text == "::" || (*at > 0 && tokens[at - 1].text == "use"))
        })
        .map(|(_, pair)| Use {
            module: pair[0].text.clone(),
            line: pair[0].line,
        })
        .collect()
}

/// What is wrong with the imports of one file: `path:line: why`.
fn faults(file: &SourceFile) -> Vec<String> {
    let user = module_of(&file.path).swap_remove(0);
    let imports = uses(file).into_iter().filter_map(|used| {
        let why = fault(&user, &used.module)?;
        Some(format!("{}:{}: {why}", file.path, used.line))
    });
    let owned = crates(file).into_iter().filter_map(|used| {
        let (name, owner) = OWNED_CRATES.iter().find(|(name, _)| *name == used.module)?;
        (user != *owner).then(|| {
            let line = used.line;
            format!(
                "{}:{line}: only {owner} may use the crate {name}",
                file.path
            )
        })
    });
    imports.chain(owned).collect()
}

#[test]
fn every_import_points_down() {
    let faults: Vec<_> = rust_files("src")
        .iter()
        .filter(|file| file.path != "src/lib.rs")
        .flat_map(faults)
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn lib_declares_modules_of_the_table_and_holds_no_code() {
    let lib = read("src/lib.rs");
    let tokens = without_tests(&tokens(&lib.text));
    let words: Vec<_> = tokens.iter().map(|token| token.text.as_str()).collect();
    for word in ["fn", "struct", "enum", "impl", "trait", "use"] {
        assert!(!words.contains(&word), "src/lib.rs holds a {word}");
    }
    for pair in words.windows(2).filter(|pair| pair[0] == "mod") {
        let name = pair[1];
        assert!(
            name == AGENT || place(name).is_some(),
            "src/lib.rs: {name} is not in the table of layers"
        );
    }
}

/// The tests of the tester: sources that never existed.
mod synthetic {
    use super::{SourceFile, Use, faults, module_of, uses};

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    fn used(path: &str, text: &str) -> Vec<(String, usize)> {
        uses(&file(path, text))
            .into_iter()
            .map(|Use { module, line }| (module, line))
            .collect()
    }

    #[test]
    fn what_points_down_is_accepted() {
        for (path, text) in [
            ("src/plan/graph.rs", "use crate::resolve::PipelineRun;"),
            ("src/validate/mod.rs", "use crate::{resolve, spec::task};"),
            ("src/status.rs", "use crate::spec::param::ParamValue;"),
            (
                "src/docker/engine.rs",
                "use crate::sandbox::Sandbox;\nuse bollard::Docker;",
            ),
            (
                "src/sandbox/link/supervisor.rs",
                "use crate::agent::protocol::Frame;",
            ),
            ("src/docker/volume.rs", "use super::engine::Engine;"),
            (
                "src/cli/run.rs",
                "use crate::{docker, report, state};\nuse clap::Args;",
            ),
            ("src/main.rs", "fn main() { tkn_local::cli::main(); }"),
            (
                "src/agent/step.rs",
                "use super::protocol; use crate::agent::wire;",
            ),
        ] {
            assert_eq!(faults(&file(path, text)), Vec::<String>::new(), "{path}");
        }
    }

    #[test]
    fn what_points_up_or_sideways_is_reported_with_its_line() {
        for (path, text, expected) in [
            (
                "src/spec/mod.rs",
                "\nuse crate::status::Condition;",
                "src/spec/mod.rs:2: points sideways: status is not below spec",
            ),
            (
                "src/manifest/mod.rs",
                "use crate::substitution::apply;",
                "src/manifest/mod.rs:1: points sideways: substitution is not below manifest",
            ),
            (
                "src/resolve/mod.rs",
                "use crate::{\n  spec::task,\n  plan::{Graph, Node},\n};",
                "src/resolve/mod.rs:3: points sideways: plan is not below resolve",
            ),
            (
                "src/event.rs",
                "fn f() -> crate::execute::Outcome { loop {} }",
                "src/event.rs:1: points up: execute is not below event",
            ),
            (
                "src/execute/dispatcher.rs",
                "use super::super::docker::Engine;",
                "src/execute/dispatcher.rs:1: points up: docker is not below execute",
            ),
            (
                "src/event.rs",
                "use super::cli::Settings;",
                "src/event.rs:1: points up: cli is not below event",
            ),
            (
                "src/state/mod.rs",
                "use crate::report::style;",
                "src/state/mod.rs:1: points sideways: report is not below state",
            ),
            (
                "src/report/live.rs",
                "use crate::agent::protocol;",
                "src/report/live.rs:1: agent stands alone; only sandbox uses it",
            ),
            (
                "src/agent/step.rs",
                "use crate::name::uid;",
                "src/agent/step.rs:1: agent stands alone; only sandbox uses it",
            ),
            (
                "src/main.rs",
                "fn main() { tkn_local::docker::start(); }",
                "src/main.rs:1: main uses cli and nothing else",
            ),
            (
                "src/plan/mod.rs",
                "use crate::util::join;",
                "src/plan/mod.rs:1: util is not in the table of layers",
            ),
            (
                "src/report/mod.rs",
                "use clap::ValueEnum;",
                "src/report/mod.rs:1: only cli may use the crate clap",
            ),
        ] {
            assert_eq!(faults(&file(path, text)), [expected], "{text}");
        }
    }

    #[test]
    fn text_and_tests_are_no_imports() {
        let text = r##"
            //! See `crate::cli::main`.
            /* crate::cli /* crate::cli */ crate::cli */
            const A: &str = "crate::cli::\"main";
            const B: &str = r#"crate::cli::"main"#;
            const C: (char, u8, char) = ('"', b'\'', '\u{1f600}');
            fn f<'a>(x: &'a str) -> &'a str { x }
            #[cfg(test)]
            mod tests { use crate::cli::main; fn f() { if true { } } }
            #[cfg(test)]
            use crate::cli::Fake;
            use crate::spec::task;
        "##;
        assert_eq!(used("src/name.rs", text), [("spec".to_owned(), 12)]);
    }

    #[test]
    fn inline_modules_are_one_super_deeper() {
        let text = "mod inner { use super::Here; }\nuse super::docker;";
        assert_eq!(used("src/event.rs", text), [("docker".to_owned(), 2)]);
    }

    #[test]
    fn the_module_of_a_file() {
        assert_eq!(module_of("src/plan/mod.rs"), ["plan"]);
        assert_eq!(module_of("src/plan/graph.rs"), ["plan", "graph"]);
        assert_eq!(module_of("src/event.rs"), ["event"]);
    }
}
