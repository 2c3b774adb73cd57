//! The last lines of every container that may still fail.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::event::{Event, EventKind, LogChunk, LogSource, Message, Stream, TaskRunEvent};
use crate::terminal::{clean, plain};

/// How many lines are kept per container.
pub const TAIL_LINES: usize = 20;
/// How many bytes of each line.
const LINE_BYTES: usize = 500;

/// Keeps the last [`TAIL_LINES`] lines of every container, both outputs together, and forgets them
/// when its step succeeds: memory is bounded by what runs and what failed.
#[derive(Debug, Default)]
pub struct Tails {
    tails: HashMap<Arc<LogSource>, Tail>,
}

#[derive(Debug, Default)]
struct Tail {
    lines: VecDeque<Vec<u8>>,
    /// The line without end of each output.
    open: [Vec<u8>; 2],
    missed: bool,
}

impl Tails {
    /// Takes a message in.
    pub fn message(&mut self, message: &Message) {
        match message {
            Message::Log(chunk) => self.log(chunk),
            Message::Event(event) => self.event(event),
        }
    }

    /// The last lines of a container, fit for a terminal, and whether there were more before.
    pub fn get(&self, source: &LogSource) -> (Vec<String>, bool) {
        let Some(tail) = self.tails.get(source) else {
            return (Vec::new(), false);
        };
        let open = tail.open.iter().filter(|line| !line.is_empty());
        let all: Vec<&Vec<u8>> = tail.lines.iter().chain(open).collect();
        let skip = all.len().saturating_sub(TAIL_LINES);
        let lines = all[skip..].iter().map(|line| quote(line)).collect();
        (lines, tail.missed || skip > 0)
    }

    fn event(&mut self, event: &Event) {
        let EventKind::TaskRun { task_run, event } = &event.kind else {
            return;
        };
        match event {
            TaskRunEvent::StepFinished { step, .. } => {
                let failed = step
                    .terminated
                    .as_ref()
                    .is_some_and(|end| end.exit_code != 0);
                self.tails.retain(|key, _| {
                    failed || key.sidecar || key.task_run != *task_run || key.container != step.name
                });
            }
            TaskRunEvent::Started { .. } => {
                self.tails.retain(|key, _| key.task_run != *task_run);
            }
            TaskRunEvent::Finished { condition, .. } => {
                let failed = !condition.is_true();
                let by_sidecar = condition.reason.starts_with("Sidecar");
                self.tails.retain(|key, _| {
                    key.task_run != *task_run || (failed && key.sidecar == by_sidecar)
                });
            }
            _ => {}
        }
    }

    fn log(&mut self, chunk: &LogChunk) {
        self.tails
            .entry(Arc::clone(&chunk.source))
            .or_default()
            .push(chunk.stream, &chunk.data);
    }
}

impl Tail {
    fn push(&mut self, stream: Stream, data: &[u8]) {
        let open = match stream {
            Stream::Stdout => 0,
            Stream::Stderr => 1,
        };
        let recent = last_lines(data);
        if recent.len() < data.len() {
            // What came before is pushed out by this piece alone.
            self.lines.clear();
            self.open[open].clear();
            self.missed = true;
        }
        for piece in recent.split_inclusive(|byte| *byte == b'\n') {
            let line = piece.strip_suffix(b"\n");
            let room = LINE_BYTES.saturating_sub(self.open[open].len());
            let bytes = line.unwrap_or(piece);
            self.open[open].extend_from_slice(&bytes[..bytes.len().min(room)]);
            if line.is_some() {
                let line = std::mem::take(&mut self.open[open]);
                self.add(line);
            }
        }
    }

    fn add(&mut self, line: Vec<u8>) {
        if self.lines.len() == TAIL_LINES {
            self.lines.pop_front();
            self.missed = true;
        }
        self.lines.push_back(line);
    }
}

/// The end of `data` that can matter: searched from behind, so that a flood costs little.
fn last_lines(data: &[u8]) -> &[u8] {
    let mut start = data.len();
    for _ in 0..=TAIL_LINES {
        match data[..start].iter().rposition(|byte| *byte == b'\n') {
            Some(at) => start = at,
            None => return data,
        }
    }
    &data[start + 1..]
}

/// A line of output as text that may stand in a line of ours: without colours, without controls.
pub(crate) fn quote(line: &[u8]) -> String {
    clean(&plain(line).replace('\t', "    ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{LINE_BYTES, TAIL_LINES, Tails};
    use crate::event::{LogChunk, Message, Stream};
    use crate::report::sample::chunk;

    fn log(stream: Stream, text: &str) -> Message {
        let chunk = chunk("t", "ci-t", "s", text);
        Message::Log(LogChunk { stream, ..chunk })
    }

    fn tail(messages: &[Message]) -> (Vec<String>, bool) {
        let mut tails = Tails::default();
        for message in messages {
            tails.message(message);
        }
        tails.get(&chunk("t", "ci-t", "s", "").source)
    }

    #[test]
    fn the_last_lines_stay_however_they_come() {
        let numbers: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
        let text = numbers.join("\n") + "\n";
        let expected = numbers[980..].to_vec();
        assert_eq!(
            tail(&[log(Stream::Stdout, &text)]),
            (expected.clone(), true)
        );
        let pieces: Vec<Message> = text
            .as_bytes()
            .chunks(7)
            .map(|piece| log(Stream::Stdout, std::str::from_utf8(piece).unwrap()))
            .collect();
        assert_eq!(tail(&pieces), (expected, true));
    }

    #[test]
    fn both_outputs_are_one_and_a_line_without_end_counts() {
        let messages = [
            log(Stream::Stdout, "one\ntw"),
            log(Stream::Stderr, "err\n"),
            log(Stream::Stdout, "o\nlast"),
        ];
        let lines = ["one", "err", "two", "last"].map(str::to_owned).to_vec();
        assert_eq!(tail(&messages), (lines, false));
    }

    #[test]
    fn memory_is_bounded_and_text_is_harmless() {
        let flood = "x".repeat(10_000);
        let mut messages = vec![log(Stream::Stdout, "\u{1b}[31mred\u{1b}[0m\u{1b}[2J\n")];
        messages.extend((0..100).map(|_| log(Stream::Stdout, &flood)));
        let (lines, more) = tail(&messages);
        assert_eq!(
            (lines[0].as_str(), lines[1].len(), more),
            ("red", LINE_BYTES, false)
        );
        assert!(lines.len() <= TAIL_LINES);
    }
}
