//! Lines: logs on one writer, changes of state on another.

use std::collections::HashMap;
use std::io::{self, Write};

use super::lines::{Lines, Output};
use super::state_line::state_lines;
use crate::event::{Event, LogChunk, LogSource, Message, Record};
use crate::report::style::{Style, clean};
use crate::terminal::last_version;

/// How [`Plain`] writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlainOptions {
    /// Whether log lines begin with `[task : step]`.
    pub prefix: bool,
    /// Writes no changes of state, and of notices none.
    pub quiet: bool,
    /// Logs go to a terminal: of a line that overwrites itself only the last version is written.
    pub to_terminal: bool,
    /// How the writer of logs looks.
    pub out: Style,
    /// How the writer of changes looks.
    pub err: Style,
}

impl Default for PlainOptions {
    fn default() -> Self {
        Self {
            prefix: true,
            quiet: false,
            to_terminal: false,
            out: Style::PLAIN,
            err: Style::PLAIN,
        }
    }
}

/// Writes `[task : step] line` to `out` and one line per change of state to `err`.
///
/// Every byte of a container's output is written, in order per container and stream, whatever the
/// bytes are; only a last line without an end gets one. Each message is one write per writer.
#[derive(Debug)]
pub struct Plain<O, E> {
    out: O,
    err: E,
    options: PlainOptions,
    record: Record,
    lines: Lines,
    prefixes: HashMap<(String, String), (String, usize)>,
}

impl<O: Write, E: Write> Plain<O, E> {
    /// A sink that writes logs to `out` and everything else to `err`.
    pub fn new(out: O, err: E, options: PlainOptions) -> Self {
        Self {
            out,
            err,
            options,
            record: Record::default(),
            lines: Lines::default(),
            prefixes: HashMap::new(),
        }
    }

    /// The run so far.
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// The two writers.
    pub const fn writers(&mut self) -> (&mut O, &mut E) {
        (&mut self.out, &mut self.err)
    }

    /// Shows a message.
    pub fn message(&mut self, message: &Message) -> io::Result<()> {
        match message {
            Message::Event(event) => self.event(event),
            Message::Log(chunk) => self.log(chunk),
        }
    }

    /// Writes what is left when no message follows.
    pub fn finish(&mut self) -> io::Result<()> {
        let rest = self.lines.end_all();
        self.last_lines(rest)?;
        self.err.flush()
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        let rest = self.lines.end(event);
        let before = self.record.run(&event.run).and_then(|run| run.condition());
        let before = before.map(|condition| condition.reason.clone());
        // Known before anything is written: the summary must not miss what a writer refused.
        self.record.apply(event);
        self.last_lines(rest)?;
        if self.options.quiet {
            return Ok(());
        }
        let lines = state_lines(event, &self.record, before.as_deref(), self.options.err);
        if lines.is_empty() {
            return Ok(());
        }
        let text = lines.join("\n") + "\n";
        self.err.write_all(text.as_bytes())?;
        self.err.flush()
    }

    fn log(&mut self, chunk: &LogChunk) -> io::Result<()> {
        let prefix = self.prefix(&chunk.source);
        let mut text = Vec::with_capacity(chunk.data.len() + chunk.data.len() / 4);
        let to_terminal = self.options.to_terminal;
        self.lines.push(chunk, |line| {
            write_line(&mut text, &prefix, line, to_terminal);
        });
        self.write_out(&text)
    }

    fn last_lines(&mut self, rest: Vec<(Output, Vec<u8>)>) -> io::Result<()> {
        let mut text = Vec::new();
        for ((source, _), line) in rest {
            let prefix = self.prefix(&source);
            write_line(&mut text, &prefix, &line, self.options.to_terminal);
        }
        self.write_out(&text)
    }

    fn write_out(&mut self, text: &[u8]) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.out.write_all(text)?;
        self.out.flush()
    }

    fn prefix(&mut self, source: &LogSource) -> Vec<u8> {
        if !self.options.prefix {
            return Vec::new();
        }
        let container = if source.sidecar {
            format!("sidecar-{}", source.container)
        } else {
            source.container.clone()
        };
        let key = (source.run.clone(), source.task_run.clone());
        let next = self.prefixes.len();
        let record = &self.record;
        let (label, index) = self.prefixes.entry(key).or_insert_with(|| {
            let label = record.label(&source.run, &source.task, &source.task_run);
            (label.unwrap_or_default(), next)
        });
        let text = match label.as_str() {
            "" => format!("[{}]", clean(&container)),
            label => format!("[{} : {}]", clean(label), clean(&container)),
        };
        let mut prefix = self.options.out.label(*index, &text).into_bytes();
        prefix.push(b' ');
        prefix
    }
}

fn write_line(text: &mut Vec<u8>, prefix: &[u8], line: &[u8], to_terminal: bool) {
    text.extend_from_slice(prefix);
    text.extend_from_slice(if to_terminal {
        last_version(line)
    } else {
        line
    });
    text.push(b'\n');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Plain, PlainOptions};
    use crate::event::Message;
    use crate::report::Style;
    use crate::report::sample::{self, created, failing_run, log, started};

    fn show(messages: &[Message], options: PlainOptions) -> (String, String) {
        let mut plain = Plain::new(Vec::new(), Vec::new(), options);
        for message in messages {
            plain.message(message).unwrap();
        }
        plain.finish().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&plain.out), text(&plain.err))
    }

    #[test]
    fn logs_have_labels_and_changes_have_lines() {
        let (out, err) = show(&failing_run(), PlainOptions::default());
        assert_eq!(
            out,
            "\
[build : cc] first
[build : cc] sec
[build : cc] again
[test-0 : unit] on linux
[test-1 : sidecar-db] ready
[test-1 : unit] bytes \u{fffd}\u{fffd}
[test-1 : unit] sh: nope: not found
"
        );
        assert_eq!(
            err,
            r#"> PipelineRun ci started
note: affinity is ignored
= tidy reused from old/old-tidy
> build started
~ build retry 1: "step-cc" exited with code 1: Error
+ build succeeded (1.1s)
> test-0 started
> test-1 started
+ test-0 succeeded (0.4s)
x test-1 failed (3m08s): "step-unit" exited with code 127: Error
! a task failed: no other tasks will be scheduled
- ship skipped: When Expressions evaluated to false: "dev" in ["main"]
"#
        );
    }

    #[test]
    fn names_from_documents_cannot_steer_the_terminal() {
        let evil = "a\u{1b}]0;x\u{7}\nb";
        let (out, err) = show(
            &[
                started(0, &[evil]),
                created(0, evil, "ci-a", &json!([])),
                log(evil, "ci-a", evil, "line\n"),
                sample::begun(0, "ci-a", 0, &[evil]),
            ],
            PlainOptions::default(),
        );
        for text in [&out, &err] {
            let controls: Vec<char> = text.chars().filter(|c| c.is_control()).collect();
            assert!(controls.iter().all(|c| *c == '\n'), "{text:?}");
        }
        assert_eq!(out.lines().count(), 1);
    }

    #[test]
    fn a_task_run_of_its_own_shows_its_steps_alone() {
        let start = json!({"event": "runStarted", "kind": "TaskRun", "tasks": ["ci"],
            "object": {}, "parent": null, "pipelineSpec": null, "started": true});
        let messages = [
            sample::event(0, &start),
            created(0, "ci", "ci", &json!([])),
            sample::begun(1, "ci", 0, &["build"]),
            log("ci", "ci", "build", "one\n"),
        ];
        let (out, err) = show(&messages, PlainOptions::default());
        assert_eq!(out, "[build] one\n");
        assert_eq!(err, "> TaskRun ci started\n");
    }

    #[test]
    fn children_breakpoints_and_forgiven_steps_are_reported() {
        let in_child = |mut kind: serde_json::Value| {
            kind["run"] = json!("ci-sub");
            sample::event(10, &kind)
        };
        let done = sample::condition("True", "Succeeded", "yes");
        let messages = [
            started(0, &["sub"]),
            in_child(
                json!({"event": "runStarted", "kind": "PipelineRun", "object": {},
                "pipelineSpec": null, "tasks": ["x"], "parent": ["ci", "sub"], "started": true}),
            ),
            in_child(
                json!({"event": "taskRunCreated", "task": "x", "taskRun": "ci-sub-x",
                "object": {}, "displayName": "", "when": [], "combination": [], "inputs": {}}),
            ),
            in_child(
                json!({"event": "stepPaused", "taskRun": "ci-sub-x", "step": "a",
                "message": "look\nand go on"}),
            ),
            in_child(
                json!({"event": "stepFinished", "taskRun": "ci-sub-x", "index": 0, "step": {
                "name": "a", "container": "step-a", "terminationReason": "Continued",
                "terminated": {"exitCode": 3, "reason": "Completed"}}}),
            ),
            in_child(
                json!({"event": "taskRunFinished", "taskRun": "ci-sub-x", "results": [],
                "artifacts": null,
                "condition": sample::condition("False", "FailureIgnored", "no")}),
            ),
            in_child(json!({"event": "runFinished", "condition": done, "results": []})),
        ];
        assert_eq!(
            show(&messages, PlainOptions::default()).1,
            "\
> PipelineRun ci started
> sub started
# sub/x waits at step a
  look
  and go on
! sub/x step a exited with code 3; onError is continue
! sub/x failed, ignored (0.0s): no
+ sub succeeded (0.0s)
"
        );
    }

    #[test]
    fn without_prefix_the_bytes_are_the_containers_own() {
        let bytes = b"\x1b[2J\r\xff\0\n\n";
        let mut plain = Plain::new(
            Vec::new(),
            Vec::new(),
            PlainOptions {
                prefix: false,
                quiet: true,
                ..PlainOptions::default()
            },
        );
        plain.message(&started(0, &["a"])).unwrap();
        plain.message(&log("a", "ci-a", "s", bytes)).unwrap();
        assert_eq!((plain.out.as_slice(), plain.err.len()), (&bytes[..], 0));
    }

    #[test]
    fn labels_have_a_colour_when_asked() {
        let options = PlainOptions {
            out: Style {
                color: true,
                unicode: true,
            },
            ..PlainOptions::default()
        };
        let messages = [
            started(0, &["a"]),
            created(0, "a", "ci-a", &json!([])),
            log("a", "ci-a", "s", "x\n"),
        ];
        assert_eq!(show(&messages, options).0, "\u{1b}[36m[a : s]\u{1b}[0m x\n");
    }
}
