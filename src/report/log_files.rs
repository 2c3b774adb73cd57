//! The logs of an earlier run, from its files.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::path::Path;

use super::plain::label;
use super::style::{Style, clean};
use crate::event::{Record, RunKind, TaskRunRecord, log_path};
use crate::terminal::last_version;

/// How much of a file is read, and written, at once.
const BUFFER: usize = 64 << 10;
/// A longer line is written in pieces.
const LONGEST: u64 = 1 << 20;

/// Which logs to write, and how.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct LogQuery<'a> {
    /// Of this task only: by its name or its label.
    pub task: Option<&'a str>,
    /// Of this step only.
    pub step: Option<&'a str>,
    /// Of attempts that failed and were repeated as well.
    pub all_attempts: bool,
    /// Of sidecars as well.
    pub sidecars: bool,
    /// Whether lines begin with `[task : step]`. Without it the bytes are the container's own.
    pub prefix: bool,
    /// They go to a terminal: of a line that overwrites itself only the last version is written.
    pub to_terminal: bool,
    /// How it looks.
    pub style: Style,
}

/// Writes the logs of `record` in the order of the pipeline. `open` opens a file by its path below
/// the directory of logs. Returns how many there were.
pub fn write_logs<R: Read>(
    out: &mut impl Write,
    record: &Record,
    query: LogQuery<'_>,
    mut open: impl FnMut(&Path) -> io::Result<R>,
) -> io::Result<usize> {
    let mut count = 0;
    for (index, run) in record.task_runs().into_iter().enumerate() {
        let name = label(record, &run.run, &run.name);
        if query
            .task
            .is_some_and(|task| task != run.task && task != name)
        {
            continue;
        }
        let lone = record
            .root()
            .is_some_and(|run| run.kind == RunKind::TaskRun);
        for (container, sidecar, attempt) in containers(run, query) {
            let path = log_path(&run.name, container, sidecar, attempt);
            let file = match open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let kind = if sidecar { "sidecar-" } else { "" };
            let container = clean(container);
            let prefix = match (query.prefix, lone) {
                (false, _) => String::new(),
                (true, true) => format!("[{kind}{container}]"),
                (true, false) => format!("[{name} : {kind}{container}]"),
            };
            let mut prefix = query.style.label(index, &prefix);
            if query.prefix {
                prefix.push(' ');
            }
            copy(out, file, &prefix, query)?;
            count += 1;
        }
    }
    out.flush()?;
    Ok(count)
}

/// Name, whether it is a sidecar, and attempt of each container asked for.
fn containers<'a>(run: &'a TaskRunRecord, query: LogQuery<'_>) -> Vec<(&'a str, bool, usize)> {
    let first = if query.all_attempts { 0 } else { run.attempt };
    let wanted = |name: &str| query.step.is_none_or(|step| step == name);
    let mut containers = Vec::new();
    for attempt in first..=run.attempt {
        let status = run.status.retries_status.get(attempt);
        let status = status.unwrap_or(&run.status);
        let steps = status.steps.iter().map(|step| (step.name.as_str(), false));
        let sidecars = status.sidecars.iter();
        let sidecars = sidecars.map(|sidecar| (sidecar.name.as_str(), true));
        containers.extend(
            steps
                .chain(sidecars.filter(|_| query.sidecars))
                .filter(|(name, _)| wanted(name))
                .map(|(name, sidecar)| (name, sidecar, attempt)),
        );
    }
    containers
}

/// Copies a file, with `prefix` before each line.
fn copy(
    out: &mut impl Write,
    mut file: impl Read,
    prefix: &str,
    query: LogQuery<'_>,
) -> io::Result<()> {
    if !query.prefix && !query.to_terminal {
        return io::copy(&mut file, out).map(drop);
    }
    let mut file = BufReader::with_capacity(BUFFER, file);
    let mut line = Vec::new();
    let mut text = Vec::new();
    let mut at_start = true;
    while (&mut file).take(LONGEST).read_until(b'\n', &mut line)? > 0 {
        if at_start {
            text.extend_from_slice(prefix.as_bytes());
        }
        at_start = line.ends_with(b"\n");
        if query.to_terminal {
            let end = line.len() - usize::from(at_start);
            text.extend_from_slice(last_version(&line[..end]));
            text.extend_from_slice(&line[end..]);
        } else {
            text.extend_from_slice(&line);
        }
        line.clear();
        if text.len() >= BUFFER {
            out.write_all(&text)?;
            text.clear();
        }
    }
    if !at_start {
        text.push(b'\n');
    }
    out.write_all(&text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io;

    use super::{LogQuery, write_logs};
    use crate::event::{Message, Record};
    use crate::report::Style;
    use crate::report::sample::failing_run;

    const ALL: LogQuery<'_> = LogQuery {
        task: None,
        step: None,
        all_attempts: true,
        sidecars: true,
        prefix: true,
        to_terminal: false,
        style: Style::PLAIN,
    };

    fn show(query: LogQuery<'_>) -> (String, usize) {
        let mut record = Record::default();
        for message in failing_run() {
            if let Message::Event(event) = message {
                record.apply(&event);
            }
        }
        let files = BTreeMap::from([
            ("ci-build/cc.log", "first\nsec"),
            ("ci-build/cc.retry1.log", "again\n"),
            ("ci-test-0/unit.log", ""),
            ("ci-test-1/unit.log", "\n\u{1b}[31mx\r\n"),
        ]);
        let mut out = Vec::new();
        let count = write_logs(&mut out, &record, query, |path| {
            let file = files.get(path.to_str().unwrap());
            file.map(|text| text.as_bytes())
                .ok_or_else(|| io::ErrorKind::NotFound.into())
        });
        (String::from_utf8(out).unwrap(), count.unwrap())
    }

    #[test]
    fn logs_come_in_the_order_of_the_pipeline() {
        assert_eq!(
            show(ALL),
            (
                "[build : cc] first\n[build : cc] sec\n[build : cc] again\n[test-1 : unit] \n[test-1 : unit] \u{1b}[31mx\r\n"
                    .to_owned(),
                4
            )
        );
    }

    #[test]
    fn a_query_narrows_them() {
        let last = LogQuery {
            task: Some("build"),
            all_attempts: false,
            ..ALL
        };
        assert_eq!(show(last), ("[build : cc] again\n".to_owned(), 1));
        for (task, step, count) in [
            ("test", None, 2),
            ("test-1", None, 1),
            ("test", Some("unit"), 2),
            ("test", Some("cc"), 0),
            ("none", None, 0),
        ] {
            let query = LogQuery {
                task: Some(task),
                step,
                ..ALL
            };
            assert_eq!(show(query).1, count, "{task} {step:?}");
        }
    }

    #[test]
    fn without_prefix_the_bytes_are_the_files() {
        let raw = LogQuery {
            prefix: false,
            ..ALL
        };
        assert_eq!(show(raw).0, "first\nsecagain\n\n\u{1b}[31mx\r\n");
    }
}
