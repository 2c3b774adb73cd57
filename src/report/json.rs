//! `--events`: one JSON object per line, for programs.

use std::io::{self, Write};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::plain::{Lines, Output};
use crate::event::{Event, Message, Stream};

/// The version of the stream, `v` in every line. It rises when a reader of the one before would
/// misread a line; new fields and new events do not raise it.
///
/// * 1: the first.
pub const STREAM_VERSION: u32 = 1;

/// Writes every event, and every line of output as an event `log`.
///
/// Output is text in `line`; a line that is not UTF-8 is in `base64` instead, with nothing lost.
#[derive(Debug)]
pub struct Json<W> {
    out: W,
    lines: Lines,
}

#[derive(Serialize)]
struct EventLine<'a> {
    v: u32,
    #[serde(flatten)]
    event: &'a Event,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogLine<'a> {
    v: u32,
    event: &'static str,
    run: &'a str,
    task: &'a str,
    task_run: &'a str,
    container: &'a str,
    sidecar: bool,
    stream: Stream,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl<W: Write> Json<W> {
    /// A sink that writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            lines: Lines::default(),
        }
    }

    /// Writes a message.
    pub fn message(&mut self, message: &Message) -> io::Result<()> {
        let mut text = Vec::new();
        let mut result = Ok(());
        match message {
            Message::Log(chunk) => {
                let output = (Arc::clone(&chunk.source), chunk.stream);
                self.lines.push(chunk, |line| {
                    let written = log_line(&mut text, &output, line);
                    if result.is_ok() {
                        result = written;
                    }
                });
            }
            Message::Event(event) => {
                for (output, line) in self.lines.end(event) {
                    log_line(&mut text, &output, &line)?;
                }
                let v = STREAM_VERSION;
                result = json_line(&mut text, &EventLine { v, event });
            }
        }
        result?;
        self.write(&text)
    }

    /// Writes what is left when no message follows.
    pub fn finish(&mut self) -> io::Result<()> {
        let mut text = Vec::new();
        for (output, line) in self.lines.end_all() {
            log_line(&mut text, &output, &line)?;
        }
        self.write(&text)
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.out.write_all(text)?;
        self.out.flush()
    }
}

fn log_line(text: &mut Vec<u8>, output: &Output, line: &[u8]) -> io::Result<()> {
    let (source, stream) = output;
    let utf8 = std::str::from_utf8(line).ok();
    json_line(
        text,
        &LogLine {
            v: STREAM_VERSION,
            event: "log",
            run: &source.run,
            task: &source.task,
            task_run: &source.task_run,
            container: &source.container,
            sidecar: source.sidecar,
            stream: *stream,
            line: utf8,
            base64: utf8.is_none().then(|| STANDARD.encode(line)),
        },
    )
}

fn json_line(text: &mut Vec<u8>, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *text, line)?;
    text.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::Json;
    use crate::report::sample::{failing_run, log};

    #[test]
    fn every_line_is_an_object_with_its_version() {
        let mut json = Json::new(Vec::new());
        for message in failing_run() {
            json.message(&message).unwrap();
        }
        let text = String::from_utf8(json.out).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(lines.iter().all(|line| line["v"] == 1));
        let logs: Vec<&Value> = lines.iter().filter(|line| line["event"] == "log").collect();
        assert_eq!(
            logs[0].to_string(),
            r#"{"v":1,"event":"log","run":"ci","task":"build","taskRun":"ci-build","container":"cc","sidecar":false,"stream":"stdout","line":"first"}"#
        );
        assert_eq!(logs[5]["base64"], "Ynl0ZXMg//4=");
        assert!(logs[5].get("line").is_none());
    }

    #[test]
    fn a_line_without_end_comes_before_the_end_of_its_container() {
        let mut json = Json::new(Vec::new());
        for message in failing_run().iter().take(8) {
            json.message(message).unwrap();
        }
        json.message(&log("build", "ci-build", "cc", "rest"))
            .unwrap();
        json.finish().unwrap();
        let text = String::from_utf8(json.out).unwrap();
        let tail: Vec<&str> = text.lines().rev().take(3).collect();
        assert!(tail[2].contains(r#""line":"sec""#), "{text}");
        assert!(tail[1].contains(r#""event":"stepFinished""#), "{text}");
        assert!(tail[0].contains(r#""line":"rest""#), "{text}");
    }
}
