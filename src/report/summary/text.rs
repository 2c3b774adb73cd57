//! The end of a run: what became of every task, the results, and last of all what failed and how
//! to continue.

use std::io::{self, Write};
use std::path::Path;

use super::exit_meaning::exit_meaning;
use super::tails::Tails;
use super::task_rows::task_rows;
use crate::event::{LogSource, Record, RunKind, TaskRunRecord, TaskState, log_path};
use crate::report::plain::{label, pull_failure, reason_text};
use crate::report::style::{Style, between, clean, duration, mark_of};
use crate::report::table::{Cell, write_table};
use crate::spec::param::ParamValue;
use crate::status::{RunResult, SidecarState, StepState, Terminated, Timestamp};

/// What the summary says beyond the record.
#[derive(Debug, Clone, Copy)]
pub struct Outro<'a> {
    /// The directory of logs; `None` when none are kept.
    pub logs: Option<&'a Path>,
    /// Commands to continue with, and what each does: shown when the run did not succeed.
    pub next: &'a [(String, String)],
    /// What else there is to say of the run.
    pub notes: &'a [String],
    /// How it looks.
    pub style: Style,
}

/// Writes the summary of a run that has ended.
pub fn write_summary(
    out: &mut impl Write,
    record: &Record,
    tails: &Tails,
    outro: Outro<'_>,
) -> io::Result<()> {
    let Some(root) = record.root() else {
        return Ok(());
    };
    writeln!(out)?;
    if root.kind == RunKind::PipelineRun {
        write_table(out, "", &task_rows(record, None, outro.style))?;
        writeln!(out)?;
    }
    write_results(out, &root.status.results, outro.style)?;
    for group in failures(record) {
        match group.as_slice() {
            [failure] => write_failure(out, record, failure, tails, outro)?,
            group => write_pull_failure(out, record, group, outro.style)?,
        }
    }
    let state = TaskState::of(root.condition());
    write_verdict(out, record, state, outro.style)?;
    for note in outro.notes {
        writeln!(out, "  {}", clean(note))?;
    }
    if !state.is_success() {
        for (command, purpose) in outro.next {
            writeln!(out, "  {purpose}: {}", outro.style.bold(command))?;
        }
    }
    out.flush()
}

/// The failures to show. TaskRuns that could not pull the same image are one failure.
fn failures(record: &Record) -> Vec<Vec<&TaskRunRecord>> {
    let mut runs = record.task_runs();
    runs.retain(|run| run.state().is_failure());
    // Those that were cancelled for another's sake are not the cause.
    if runs.iter().any(|run| run.state() != TaskState::Cancelled) {
        runs.retain(|run| run.state() != TaskState::Cancelled);
    }
    let cause = |run: &TaskRunRecord| run.condition().and_then(pull_failure).map(str::to_owned);
    let mut groups: Vec<Vec<&TaskRunRecord>> = Vec::new();
    for run in runs {
        let same = |group: &&mut Vec<&TaskRunRecord>| {
            cause(run).is_some()
                && group
                    .first()
                    .is_some_and(|first| cause(first) == cause(run))
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    groups
}

fn write_pull_failure(
    out: &mut impl Write,
    record: &Record,
    runs: &[&TaskRunRecord],
    style: Style,
) -> io::Result<()> {
    let names = runs.iter().map(|run| label(record, &run.run, &run.name));
    let names = style.bold(&names.collect::<Vec<_>>().join(", "));
    let mark = style.mark(mark_of(TaskState::Failed));
    let condition = runs.first().and_then(|run| run.condition());
    let why = condition.and_then(pull_failure).unwrap_or_default();
    writeln!(out, "{mark} {names}: {}", clean(why))?;
    writeln!(out)
}

fn write_verdict(
    out: &mut impl Write,
    record: &Record,
    state: TaskState,
    style: Style,
) -> io::Result<()> {
    let Some((root, condition)) = record.root().zip(record.root_condition()) else {
        return Ok(());
    };
    let kind = match root.kind {
        RunKind::PipelineRun => "PipelineRun",
        RunKind::TaskRun => "TaskRun",
    };
    let span = between(root.status.start_time, root.status.completion_time);
    let span = span.map(|span| format!(" ({})", duration(span)));
    let mark = style.mark(mark_of(state));
    let name = clean(&root.name);
    let reason = style.state(state, &clean(&condition.reason));
    let span = span.unwrap_or_default();
    writeln!(out, "{mark} {kind} {name}: {reason}{span}")?;
    writeln!(out, "  {}", reason_text(condition))
}

/// The results of a run, one per line.
pub(crate) fn write_results(
    out: &mut impl Write,
    results: &[RunResult],
    style: Style,
) -> io::Result<()> {
    if results.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", style.bold("Results"))?;
    let rows: Vec<Vec<Cell>> = results
        .iter()
        .map(|result| {
            let name = Cell::new(clean(&result.name));
            vec![name, Cell::new(value_text(&result.value))]
        })
        .collect();
    write_table(out, "  ", &rows)?;
    writeln!(out)
}

/// How many characters of a value are shown.
const VALUE_CHARS: usize = 1000;

/// A value on one line, cut when it is very long: text as it is, anything else as JSON.
pub(crate) fn value_text(value: &ParamValue) -> String {
    let text = value.to_string();
    match text.char_indices().nth(VALUE_CHARS) {
        Some((end, _)) => format!("{}... ({} bytes)", clean(&text[..end]), text.len()),
        None => clean(&text).into_owned(),
    }
}

fn write_failure(
    out: &mut impl Write,
    record: &Record,
    run: &TaskRunRecord,
    tails: &Tails,
    outro: Outro<'_>,
) -> io::Result<()> {
    let style = outro.style;
    let mark = style.mark(mark_of(run.state()));
    let name = style.bold(&label(record, &run.run, &run.name));
    let condition = run.condition();
    let why = condition.map(reason_text).unwrap_or_default();
    let Some(culprit) = culprit(run) else {
        writeln!(out, "{mark} {name}: {why}")?;
        return writeln!(out);
    };
    let (kind, container, what) = match culprit {
        Culprit::Step(step) => ("step", &step.name, step_text(step)),
        Culprit::Sidecar(sidecar, end) => ("sidecar", &sidecar.name, exit_text(end)),
    };
    writeln!(out, "{mark} {name}, {kind} {}: {what}", clean(container))?;
    if condition.is_some_and(|condition| condition.reason != "StepFailed") {
        writeln!(out, "  {why}")?;
    }
    let sidecar = kind == "sidecar";
    if run.state() != TaskState::Cancelled {
        let (lines, more) = tails.get(&LogSource {
            run: run.run.clone(),
            task: run.task.clone(),
            task_run: run.name.clone(),
            container: container.clone(),
            sidecar,
        });
        if more {
            writeln!(out, "    {}", style.dim(style.ellipsis()))?;
        }
        for line in &lines {
            writeln!(out, "    {line}")?;
        }
    }
    if let Some(logs) = outro.logs {
        let path = logs.join(log_path(&run.name, container, sidecar, run.attempt));
        writeln!(out, "  log: {}", clean(&path.to_string_lossy()))?;
    }
    writeln!(out)
}

/// What a TaskRun failed by.
enum Culprit<'a> {
    Step(&'a StepState),
    Sidecar(&'a SidecarState, &'a Terminated),
}

/// The container to show: a sidecar when the condition says so, else the first step that failed
/// after it had started.
fn culprit(run: &TaskRunRecord) -> Option<Culprit<'_>> {
    if run
        .condition()
        .is_some_and(|condition| condition.reason.starts_with("Sidecar"))
    {
        return run.status.sidecars.iter().find_map(|sidecar| {
            let end = sidecar.terminated.as_ref();
            let end = end.filter(|end| end.exit_code != 0)?;
            Some(Culprit::Sidecar(sidecar, end))
        });
    }
    let step = run.failed_step()?;
    let end = step.terminated.as_ref()?;
    let never_ran = end.reason.starts_with("TaskRun") && end.started_at.is_none();
    (!never_ran).then_some(Culprit::Step(step))
}

fn step_text(step: &StepState) -> String {
    let Some(end) = &step.terminated else {
        return String::new();
    };
    if end.reason.starts_with("TaskRun") || step.termination_reason == "TimeoutExceeded" {
        let why = match step.termination_reason.as_str() {
            "" => &end.reason,
            reason => reason,
        };
        return format!("ended ({})", clean(why));
    }
    if end.never_started() {
        return format!("did not start ({})", clean(&end.reason));
    }
    exit_text(end)
}

fn exit_text(end: &Terminated) -> String {
    let meaning = exit_meaning(end.exit_code, &end.reason);
    let meaning = meaning.map(|meaning| format!(" ({meaning})"));
    format!(
        "exit status {}{}{}",
        end.exit_code,
        meaning.unwrap_or_default(),
        span_text(end.started_at, end.finished_at)
    )
}

fn span_text(from: Option<Timestamp>, to: Option<Timestamp>) -> String {
    let span = between(from, to);
    span.map(|span| format!(" after {}", duration(span)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::{Outro, value_text, write_summary};
    use crate::event::{Message, Record};
    use crate::report::sample::{self, condition, failing_run};
    use crate::report::{Style, Tails};
    use crate::spec::param::ParamValue;

    fn show(messages: &[Message]) -> String {
        let (mut record, mut tails) = (Record::default(), Tails::default());
        for message in messages {
            tails.message(message);
            if let Message::Event(event) = message {
                record.apply(event);
            }
        }
        let next = [("tkn-local resume ci".to_owned(), "continue".to_owned())];
        let outro = Outro {
            logs: Some(Path::new("/state/runs/ci/logs")),
            next: &next,
            notes: &[],
            style: Style::PLAIN,
        };
        let mut out = Vec::new();
        write_summary(&mut out, &record, &tails, outro).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_failure_is_reported_last_with_the_way_on() {
        assert_eq!(
            show(&failing_run()),
            r#"
+  build   succeeded    1.1s   after 1 failed attempt
+  test-0  succeeded    0.4s   os=linux
x  test-1  failed       3m08s  os=mac
-  ship    skipped             When Expressions evaluated to false: "dev" in ["main"]
=  tidy    reused              from old/old-tidy
-  late    not started

Results
  image  reg/app@sha256:1
  list   ["a","b"]

x test-1, step unit: exit status 127 (program not found) after 0.5s
    bytes ��
    sh: nope: not found
  log: /state/runs/ci/logs/ci-test-1/unit.log

x PipelineRun ci: Failed (3m10s)
  Tasks Completed: 3 (Failed: 1, Cancelled 0), Skipped: 1
  continue: tkn-local resume ci
"#
        );
    }

    #[test]
    fn a_sidecar_that_failed_shows_its_own_lines() {
        let mut messages = failing_run();
        messages.truncate(6);
        messages.push(sample::log("build", "ci-build", "cc", "unrelated\n"));
        messages.push(sample::log("build", "ci-build", "sidecar-db", "no space\n"));
        let end = json!({"exitCode": 139, "reason": "Error"});
        messages.push(sample::event(
            9,
            &json!({"event": "sidecarFinished", "taskRun": "ci-build", "sidecar":
                {"name": "db", "container": "sidecar-db", "terminated": end}}),
        ));
        let text = "\"sidecar-db\" exited with code 139: Error";
        let failed = condition("False", "SidecarFailed", text);
        messages.push(sample::finished(10, "ci-build", &failed));
        assert!(
            show(&messages).contains(
                r#"
x build, sidecar db: exit status 139 (killed by SIGSEGV)
  "sidecar-db" exited with code 139: Error
    no space
  log: /state/runs/ci/logs/ci-build/db.sidecar.log

"#
            ),
            "{}",
            show(&messages)
        );
    }

    #[test]
    fn a_step_that_ran_out_of_time_says_so() {
        let mut messages = failing_run();
        messages.truncate(7);
        messages.push(sample::event(
            9,
            &json!({"event": "stepFinished", "taskRun": "ci-build", "index": 0, "step": {
                "name": "cc", "container": "step-cc", "terminationReason": "TaskRunTimeout",
                "terminated": {"exitCode": 1, "reason": "TaskRunTimeout",
                    "startedAt": "2026-01-01T00:00:00Z"}}}),
        ));
        let text = "TaskRun \"ci-build\" failed to finish within \"1s\"";
        let failed = condition("False", "TaskRunTimeout", text);
        messages.push(sample::finished(10, "ci-build", &failed));
        assert!(
            show(&messages).contains(
                r#"
x build, step cc: ended (TaskRunTimeout)
  TaskRun "ci-build" failed to finish within "1s"
    first
    sec
"#
            ),
            "{}",
            show(&messages)
        );
    }

    #[test]
    fn a_value_without_end_is_cut() {
        let value = ParamValue::String("é".repeat(5000));
        let text = value_text(&value);
        assert_eq!(text.chars().count(), 1000 + "... (10000 bytes)".len());
    }

    #[test]
    fn a_cancelled_run_names_no_culprit_but_what_was_stopped() {
        let mut messages = failing_run();
        messages.truncate(7);
        let cancelled = condition(
            "False",
            "TaskRunCancelled",
            "TaskRun \"ci-build\" was cancelled. ",
        );
        messages.push(sample::finished(30, "ci-build", &cancelled));
        let message = "PipelineRun \"ci\" was cancelled";
        messages.push(sample::run_finished(
            31,
            &condition("False", "Cancelled", message),
            &json!([]),
        ));
        assert_eq!(
            show(&messages),
            r#"
x  build  cancelled    2.8s
-  test   not started
-  ship   not started
=  tidy   reused             from old/old-tidy
-  late   not started

x build: TaskRun "ci-build" was cancelled.

x PipelineRun ci: Cancelled (3.1s)
  PipelineRun "ci" was cancelled
  continue: tkn-local resume ci
"#
        );
    }
}
