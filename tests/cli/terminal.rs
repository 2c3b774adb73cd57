//! What reaches a real terminal: the binary runs on a pseudo-terminal.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::harness::Scene;
use crate::sources::rust_files;

/// What the binary writes to a terminal, both streams together, and its status.
fn on_a_terminal(mut command: Command) -> (Vec<u8>, Option<i32>) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&master).expect("a terminal");
    unlockpt(&master).expect("a terminal");
    let name = ptsname(&master, Vec::new()).expect("a terminal");
    let path = std::ffi::OsStr::from_bytes(name.as_bytes());
    let slave = || {
        let slave = File::options()
            .read(true)
            .write(true)
            .open(path)
            .expect("a terminal");
        Stdio::from(slave)
    };
    command.stdin(slave()).stdout(slave()).stderr(slave());
    let mut child = command.spawn().expect("a terminal");
    // The terminal ends when nobody has its other side any more.
    drop(command);
    let mut shown = Vec::new();
    let mut master = File::from(master);
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = master.read(&mut buffer) {
        shown.extend_from_slice(&buffer[..length]);
    }
    (shown, child.wait().expect("an exit status").code())
}

/// What of `shown` is neither text, a line end of the terminal, nor a colour.
fn controls(shown: &[u8]) -> Vec<String> {
    let text = String::from_utf8(shown.to_vec()).expect("only UTF-8 is shown");
    let mut found = Vec::new();
    let mut rest = text.replace("\r\n", "\n");
    while let Some(at) = rest.find(|c: char| {
        (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}')
    }) {
        let tail = rest.split_off(at);
        let end = tail.strip_prefix("\u{1b}[").and_then(|tail| {
            let end = tail.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            tail[end..].starts_with('m').then_some(end + 3)
        });
        if let Some(end) = end {
            tail[end..].clone_into(&mut rest);
        } else {
            found.push(
                tail.chars()
                    .take(12)
                    .collect::<String>()
                    .escape_debug()
                    .to_string(),
            );
            let first = tail.chars().next().map_or(1, char::len_utf8);
            tail[first..].clone_into(&mut rest);
        }
    }
    found
}

#[track_caller]
fn assert_harmless(shown: &[u8]) {
    let found = controls(shown);
    let text = String::from_utf8_lossy(shown);
    assert!(found.is_empty(), "{found:?} in\n{text:?}");
}

const HOSTILE_NAME: &str = "\
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {generateName: \"x\\e]52;c;ZXZpbA==\\a\\b\\b\\u009b2J\\r-\"}
spec:
  pipelineSpec:
    tasks:
    - name: a
      taskSpec: {steps: [{name: s, image: busybox, script: 'true'}]}
";

#[test]
fn text_of_documents_and_arguments_cannot_steer_a_terminal() {
    let scene = Scene::new();
    scene.write("run.yaml", HOSTILE_NAME);
    scene.write(
        "bad.yaml",
        "kind: \"\u{9b}2J\\e[8m\u{202e}\"\n\"\\e]0;t\\a\": [\n",
    );
    let file = "no\u{1b}]0;t\u{7}such\u{8}\u{9b}2J.yaml";
    for args in [
        vec!["run", "--dry-run", "-o", "name", "run.yaml"],
        vec!["run", "--dry-run", "-o", "yaml", "run.yaml"],
        vec!["run", "--dry-run", "-o", "json", "run.yaml"],
        vec!["graph", "run.yaml"],
        vec!["graph", "-o", "dot", "run.yaml"],
        vec!["validate", "run.yaml"],
        vec!["validate", "bad.yaml"],
        vec!["validate", file],
        vec!["describe", file],
        vec!["run", file, "--such\u{1b}[2Jflag"],
        vec!["-v", "run", "--dry-run", "run.yaml", "-p", file],
        vec!["run", "--dry-run", "run.yaml", "-w", file],
    ] {
        let (shown, _) = on_a_terminal(scene.tkn_local(args.clone()).command());
        assert!(!shown.is_empty(), "{args:?} says nothing");
        assert_harmless(&shown);
    }
}

const HOSTILE_OUTPUT: &str = r"
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: hostile}
spec:
  taskSpec:
    results: [{name: evil}]
    steps:
    - name: s
      image: busybox
      script: |
        #!/bin/sh
        printf 'fake \033[\010\010\010m\010\010summary\n'
        printf '\033[8mhidden\033[2J\n'
        printf '\033]52;c;ZXZpbA==\a\033]0;title\033\\titled\n'
        printf '\033P+q544e\033\\dcs \302\2332Jc1 \2332Jraw\n'
        printf '\033[31mred\n'
        printf '10%%\r50%%\r100%%\n'
        printf 'cut \033]0;'
        sleep 0.2
        printf 'no end\nafter\n'
        printf '\033]0;x\a' > $(results.evil.path)
        exit 3
";

#[test]
fn output_of_steps_cannot_steer_a_terminal_and_files_keep_its_bytes() {
    let scene = Scene::new();
    scene.write("run.yaml", HOSTILE_OUTPUT);
    let run = scene.tkn_local(["run", "--no-progress", "run.yaml"]);
    let (shown, status) = on_a_terminal(run.command());
    let text = String::from_utf8_lossy(&shown).replace("\r\n", "\n");
    assert_eq!(status, Some(1), "{text}");
    assert_harmless(&shown);
    for line in [
        "[s] fake \u{1b}[0msummary",
        "[s] hidden",
        "[s] titled",
        "[s] dcs c1 \u{fffd}2Jraw",
        "[s] \u{1b}[31mred\u{1b}[0m",
        "[s] 100%",
        "[s] cut ",
        "[s] after",
    ] {
        assert!(
            text.lines().any(|shown| shown == line),
            "no {line:?} in\n{text}"
        );
    }
    for args in [
        vec!["logs", "latest"],
        vec!["logs", "latest", "--no-prefix"],
        vec!["describe", "latest"],
        vec!["describe", "latest", "-o", "yaml"],
        vec!["list"],
    ] {
        let (shown, status) = on_a_terminal(scene.tkn_local(args.clone()).command());
        assert_eq!(status, Some(0), "{args:?}");
        assert_harmless(&shown);
    }
    let raw = scene.tkn_local(["logs", "latest", "--no-prefix"]).run();
    assert!(raw.stdout.contains("\u{1b}]52;c;ZXZpbA==\u{7}"), "{raw}");
    assert!(raw.stdout.contains("10%\r50%\r100%\n"), "{raw}");
}

/// What writes past the streams of `cli::stream`, and the files that may.
const ON_THE_TERMINAL: &[(&str, &[&str])] = &[
    (
        concat!("io::", "stdout()"),
        &["src/cli/entry.rs", "src/cli/settings.rs"],
    ),
    (
        concat!("io::", "stderr()"),
        &["src/cli/entry.rs", "src/cli/settings.rs"],
    ),
    (concat!("print", "ln!("), &[]),
    (concat!("eprint", "ln!("), &[]),
    (concat!("dev", "/tty"), &[]),
    // The frames of the live view, whose rows are cleaned.
    (
        concat!(".ste", "er("),
        &["src/report/live/glass.rs", "src/report/live/view.rs"],
    ),
    (concat!("anst", "ream::"), &[]),
];

#[test]
fn nothing_writes_past_the_filter() {
    let mut faults = Vec::new();
    for file in rust_files("src") {
        // The agent has no terminal: its streams are frames.
        if file.path.starts_with("src/agent/") {
            continue;
        }
        let code = file.text.split("#[cfg(test)]").next().unwrap_or_default();
        for (word, allowed) in ON_THE_TERMINAL {
            if code.contains(word) && !allowed.contains(&file.path.as_str()) {
                faults.push(format!("{}: {word}", file.path));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
