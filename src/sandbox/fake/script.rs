//! What a fake step can do: one command a line.
//!
//! | line | effect |
//! | --- | --- |
//! | `echo TEXT`, `warn TEXT` | a line on standard output, on standard error |
//! | `args`, `env NAME` | its arguments joined with `\|`, a variable, as a line |
//! | `sleep SECONDS` | time passes; ends early when it is told to end |
//! | `exit N`, `signal N` | ends so |
//! | `oom` | ends with 137, killed by the kernel for lack of memory |
//! | `lost TEXT` | its container is gone |
//! | `ignore-term` | only SIGKILL ends it |
//! | `fail-before N` | exit status 1 in the attempts before attempt N |
//! | `result NAME TEXT`, `step-result NAME TEXT` | writes a result; `\n` in TEXT is a newline |
//! | `write PATH TEXT`, `append PATH TEXT` | writes a file; exit status 1 where it cannot |
//! | `cat PATH` | the file as output; exit status 1 without it |
//! | `ready-after SECONDS` | probes fail until then |
//! | `declare NAME` and comments | nothing |
//!
//! Anything else ends with status 127.

use std::time::Duration;

/// A line of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    Say(String),
    Warn(String),
    Args,
    Env(String),
    Sleep(Duration),
    Exit(i32),
    Signal(i32),
    OutOfMemory,
    Lost(String),
    IgnoreTerm,
    FailBefore(usize),
    Result(String, String),
    StepResult(String, String),
    Write(String, String),
    Append(String, String),
    Cat(String),
    ReadyAfter(Duration),
    Unknown(String),
}

/// The lines of a script that do something.
pub(crate) fn parse(text: &str) -> Vec<Line> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("set "))
        .filter(|line| !line.starts_with("declare "))
        .map(line)
        .collect()
}

fn line(text: &str) -> Line {
    let (command, rest) = text.split_once(' ').unwrap_or((text, ""));
    let two = || {
        let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
        (first.to_owned(), second.replace("\\n", "\n"))
    };
    let number = || rest.trim().parse().unwrap_or(0);
    match command {
        "echo" => Line::Say(rest.to_owned()),
        "warn" => Line::Warn(rest.to_owned()),
        "args" => Line::Args,
        "env" => Line::Env(rest.to_owned()),
        "sleep" => Line::Sleep(seconds(rest)),
        "exit" => Line::Exit(number()),
        "signal" => Line::Signal(number()),
        "oom" => Line::OutOfMemory,
        "lost" => Line::Lost(rest.to_owned()),
        "ignore-term" => Line::IgnoreTerm,
        "fail-before" => Line::FailBefore(rest.trim().parse().unwrap_or(0)),
        "result" => {
            let (name, value) = two();
            Line::Result(name, value)
        }
        "step-result" => {
            let (name, value) = two();
            Line::StepResult(name, value)
        }
        "write" => {
            let (path, value) = two();
            Line::Write(path, value)
        }
        "append" => {
            let (path, value) = two();
            Line::Append(path, value)
        }
        "cat" => Line::Cat(rest.trim().to_owned()),
        "ready-after" => Line::ReadyAfter(seconds(rest)),
        _ => Line::Unknown(text.to_owned()),
    }
}

fn seconds(text: &str) -> Duration {
    let seconds = text.trim().parse().unwrap_or(0.0);
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Line, parse};

    #[test]
    fn a_script_is_its_lines_without_shebang_and_comments() {
        let lines = parse("#!/bin/sh\nset -e\n# why\nsleep 0.5\nresult r a b\\n\nexit 3\nmake\n");
        assert_eq!(
            lines,
            [
                Line::Sleep(Duration::from_millis(500)),
                Line::Result("r".into(), "a b\n".into()),
                Line::Exit(3),
                Line::Unknown("make".into()),
            ]
        );
    }
}
