//! One run at length.

use std::io::{self, Write};

use super::plain::{label, reason_text};
use super::style::{Style, ago, between, clean, duration};
use super::summary::{exit_meaning, task_rows, value_text, write_results};
use super::table::{Cell, write_table};
use crate::event::{Record, RunKind, RunRecord, TaskState};
use crate::spec::param::ParamValue;
use crate::status::{SkipReason, StepState, Timestamp};

/// What `describe` knows beyond the record.
#[derive(Debug, Clone, Copy)]
pub struct Described<'a> {
    /// The run's id.
    pub id: &'a str,
    /// The id of the run it resumes.
    pub resumed_from: Option<&'a str>,
    /// The instant it is seen from.
    pub now: Timestamp,
    /// How it looks.
    pub style: Style,
}

/// Writes everything about a run that a person may ask for.
pub fn write_description(
    out: &mut impl Write,
    record: &Record,
    described: Described<'_>,
) -> io::Result<()> {
    let style = described.style;
    let Some(root) = record.root() else {
        writeln!(out, "Run {} never started.", clean(described.id))?;
        return Ok(());
    };
    write_head(out, root, described)?;
    write_params(out, root, style)?;
    write_results(out, &root.status.results, style)?;
    if root.kind == RunKind::PipelineRun {
        let now = (!root.is_finished()).then_some(described.now);
        section(out, "Tasks", &task_rows(record, now, style), style)?;
    }
    section(out, "Steps", &step_rows(record, described), style)?;
    section(out, "Reused", &reused_rows(record), style)?;
    section(out, "Disabled", &disabled_rows(root), style)?;
    let notices: Vec<Vec<Cell>> = record
        .notices()
        .iter()
        .map(|notice| vec![Cell::new(clean(&notice.message))])
        .collect();
    section(out, "Notices", &notices, style)
}

fn write_head(out: &mut impl Write, root: &RunRecord, described: Described<'_>) -> io::Result<()> {
    let style = described.style;
    let (kind, definition) = match root.kind {
        RunKind::PipelineRun => ("PipelineRun", "Pipeline"),
        RunKind::TaskRun => ("TaskRun", "Task"),
    };
    let mut rows = Vec::new();
    let mut add = |name: &str, value: Cell| {
        let name = Cell::painted(name, |name| style.bold(name));
        rows.push(vec![name, value]);
    };
    add("Run", Cell::new(clean(described.id)));
    add(kind, Cell::new(clean(&root.name)));
    let embedded = root.definition().unwrap_or("(embedded)");
    add(definition, Cell::new(clean(embedded)));
    if let Some(source) = described.resumed_from {
        add("Resumed from", Cell::new(clean(source)));
    }
    if let Some(condition) = root.condition() {
        let state = TaskState::of(Some(condition));
        let reason = clean(&condition.reason);
        add(
            "Status",
            Cell::painted(&reason, |text| style.state(state, text)),
        );
        if !condition.message.is_empty() {
            add("Message", Cell::new(reason_text(condition)));
        }
    }
    if let Some(at) = root.status.start_time {
        add(
            "Started",
            Cell::new(format!("{at:.0} ({})", ago(at, described.now))),
        );
    }
    let end = root.status.completion_time.unwrap_or(described.now);
    if let Some(span) = between(root.status.start_time, Some(end)) {
        add("Duration", Cell::new(duration(span)));
    }
    write_table(out, "", &rows)?;
    writeln!(out)
}

fn write_params(out: &mut impl Write, root: &RunRecord, style: Style) -> io::Result<()> {
    let params = root.object.pointer("/spec/params");
    let params = params.and_then(|params| params.as_array());
    let rows: Vec<Vec<Cell>> = params
        .into_iter()
        .flatten()
        .map(|param| {
            let name = param["name"].as_str().unwrap_or_default();
            let value = ParamValue::from_json(&param["value"]);
            vec![Cell::new(clean(name)), Cell::new(value_text(&value))]
        })
        .collect();
    section(out, "Params", &rows, style)
}

fn step_rows(record: &Record, described: Described<'_>) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for run in record.task_runs() {
        if run.reused_from.is_some() {
            continue;
        }
        let name = label(record, &run.run, &run.name);
        for step in &run.status.steps {
            let title = format!("{name} : {}", clean(&step.name));
            rows.push(step_row(&title, step, described));
        }
    }
    rows
}

fn step_row(title: &str, step: &StepState, described: Described<'_>) -> Vec<Cell> {
    let style = described.style;
    let (state, text, span) = if let Some(end) = &step.terminated {
        let state = match (end.exit_code, step.termination_reason.as_str()) {
            (_, "Skipped") => TaskState::NotStarted,
            (0, _) => TaskState::Succeeded,
            (_, "Continued") => TaskState::FailureIgnored,
            _ => TaskState::Failed,
        };
        let meaning = exit_meaning(end.exit_code, &end.reason);
        let text = match (state, meaning) {
            (TaskState::NotStarted, _) => "skipped".to_owned(),
            _ if end.never_started() => format!("did not start ({})", clean(&end.reason)),
            (_, Some(meaning)) => format!("exit status {} ({meaning})", end.exit_code),
            (_, None) => format!("exit status {}", end.exit_code),
        };
        (state, text, between(end.started_at, end.finished_at))
    } else if let Some(running) = &step.running {
        let span = between(Some(running.started_at), Some(described.now));
        (TaskState::Running, "running".to_owned(), span)
    } else {
        (TaskState::NotStarted, "waiting".to_owned(), None)
    };
    vec![
        Cell::new(title),
        Cell::painted(&text, |text| style.state(state, text)),
        Cell::new(span.map(duration).unwrap_or_default()),
        Cell::painted(&clean(&step.image_id), |text| style.dim(text)),
    ]
}

fn reused_rows(record: &Record) -> Vec<Vec<Cell>> {
    record
        .task_runs()
        .into_iter()
        .filter_map(|run| {
            let from = run.reused_from.as_ref()?;
            let name = label(record, &run.run, &run.name);
            Some(vec![Cell::new(name), Cell::new(clean(from))])
        })
        .collect()
}

fn disabled_rows(root: &RunRecord) -> Vec<Vec<Cell>> {
    root.tasks
        .iter()
        .filter(|task| root.skip_reason(task) == Some(SkipReason::Disabled))
        .map(|task| vec![Cell::new(clean(task))])
        .collect()
}

fn section(out: &mut impl Write, title: &str, rows: &[Vec<Cell>], style: Style) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", style.bold(title))?;
    write_table(out, "  ", rows)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::{Described, write_description};
    use crate::event::{Message, Record};
    use crate::report::Style;
    use crate::report::sample::failing_run;

    fn show(messages: &[Message]) -> String {
        let mut record = Record::default();
        for message in messages {
            if let Message::Event(event) = message {
                record.apply(event);
            }
        }
        let described = Described {
            id: "ci-x7k2p",
            resumed_from: Some("old"),
            now: "2026-01-01T00:10:00Z".parse().unwrap(),
            style: Style::PLAIN,
        };
        let mut out = Vec::new();
        write_description(&mut out, &record, described).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_run_is_reported_at_length() {
        assert_eq!(
            show(&failing_run()),
            r#"Run           ci-x7k2p
PipelineRun   ci
Pipeline      release
Resumed from  old
Status        Failed
Message       Tasks Completed: 3 (Failed: 1, Cancelled 0), Skipped: 1
Started       2026-01-01T00:00:00Z (10 minutes ago)
Duration      3m10s

Params
  tag  v1

Results
  image  reg/app@sha256:1
  list   ["a","b"]

Tasks
  +  build   succeeded    1.1s   after 1 failed attempt
  +  test-0  succeeded    0.4s   os=linux
  x  test-1  failed       3m08s  os=mac
  -  ship    skipped             When Expressions evaluated to false: "dev" in ["main"]
  =  tidy    reused              from old/old-tidy
  -  late    not started

Steps
  build : cc     exit status 0                        0.5s
  test-0 : unit  exit status 0                        0.5s
  test-1 : unit  exit status 127 (program not found)  0.5s

Reused
  tidy  old/old-tidy

Notices
  affinity is ignored

"#
        );
    }

    #[test]
    fn a_run_that_goes_on_counts_until_now() {
        let text = show(&failing_run()[..7]);
        assert!(text.contains("Duration      10m00s\n"), "{text}");
        assert!(text.contains("build : cc  running  9m59s\n"), "{text}");
    }

    #[test]
    fn a_run_without_events_says_so() {
        assert_eq!(show(&[]), "Run ci-x7k2p never started.\n");
    }
}
