//! One line of text per change of state.

use crate::event::{
    Event, EventKind, Record, RunEvent, RunKind, TaskRunEvent, TaskRunRecord, TaskState,
};
use crate::report::style::{Mark, Style, between, clean, duration, mark_of};
use crate::spec::when::WhenExpression;
use crate::status::{Condition, SkipReason, TaskRunStatus, Timestamp};

/// The lines `event` is worth; `record` has it already, `before` is the reason its run had before.
pub(crate) fn state_lines(
    event: &Event,
    record: &Record,
    before: Option<&str>,
    style: Style,
) -> Vec<String> {
    match &event.kind {
        EventKind::Run(change) => run_lines(event, change, record, before, style),
        EventKind::TaskRun {
            task_run,
            event: change,
        } => {
            let run = record.run(&event.run);
            if run.is_some_and(|run| run.kind == RunKind::TaskRun) && is_of_task_run(change) {
                // The run and its one TaskRun are the same: said once.
                return Vec::new();
            }
            let label = label(record, &event.run, task_run);
            let known = record.task_run(&event.run, task_run);
            if let Some(line) = known.and_then(|run| same_image_line(record, run, &label, style)) {
                return vec![line];
            }
            task_run_lines(
                event.at,
                change,
                &label,
                known.map(|run| &run.status),
                style,
            )
        }
    }
}

/// The line of a TaskRun that cannot pull an image which an earlier one could not pull: the reason
/// has been shown.
fn same_image_line(
    record: &Record,
    run: &TaskRunRecord,
    name: &str,
    style: Style,
) -> Option<String> {
    let cause = pull_failure(run.condition()?)?;
    let failed = record.task_runs();
    let first = failed
        .into_iter()
        .find(|other| other.condition().and_then(pull_failure) == Some(cause))?;
    if first.run == run.run && first.name == run.name {
        return None;
    }
    let mark = style.mark(mark_of(run.state()));
    let first = label(record, &first.run, &first.name);
    Some(format!(
        "{mark} {name} failed: it needs the same image as {first}"
    ))
}

/// The part of the message of a failed pull that is the same for every TaskRun that needs the
/// image.
pub(crate) fn pull_failure(condition: &Condition) -> Option<&str> {
    let at = condition.message.find("failed to pull the image")?;
    (condition.reason == "TaskRunImagePullFailed").then(|| &condition.message[at..])
}

fn run_lines(
    event: &Event,
    change: &RunEvent,
    record: &Record,
    before: Option<&str>,
    style: Style,
) -> Vec<String> {
    let line = |mark, text: String| vec![format!("{} {text}", style.mark(mark))];
    let run = record.run(&event.run);
    let path = run.map(|run| record.path_of(run)).unwrap_or_default();
    match change {
        RunEvent::Started {
            kind,
            parent,
            started,
            ..
        } => {
            let name = match parent {
                Some(_) => child(&path),
                None => own_name(*kind, event),
            };
            let what = if *started { "started" } else { "is pending" };
            line(Mark::Started, format!("{name} {what}"))
        }
        RunEvent::Notice { message } => notice(message, style),
        RunEvent::Progress { condition } => progress(condition, before, style),
        RunEvent::TaskSkipped { task, reason, when } => {
            let why = skip_text(*reason, when);
            line(Mark::Skipped, format!("{} {why}", clean(&(path + task))))
        }
        RunEvent::TaskReused {
            task, reused_from, ..
        } => {
            let (task, from) = (path + task, clean(reused_from));
            line(Mark::Reused, format!("{} reused from {from}", clean(&task)))
        }
        RunEvent::Finished { condition, .. } => match run {
            // The end of the run itself is the summary's.
            Some(run) if run.parent.is_some() => {
                let span = span_text(run.status.start_time, event.at);
                finished(&child(&path), condition, &span, style)
            }
            _ => Vec::new(),
        },
        RunEvent::FinallyStarted {}
        | RunEvent::TaskRunCreated { .. }
        | RunEvent::ChildRunCreated { .. } => Vec::new(),
    }
}

fn task_run_lines(
    at: Timestamp,
    event: &TaskRunEvent,
    label: &str,
    status: Option<&TaskRunStatus>,
    style: Style,
) -> Vec<String> {
    let line = |mark, text: String| vec![format!("{} {text}", style.mark(mark))];
    match event {
        TaskRunEvent::Started { attempt: 0, .. } => line(Mark::Started, format!("{label} started")),
        TaskRunEvent::StepPaused { step, message } => {
            let text = format!("{label} waits at step {}", clean(step));
            let mut lines = line(Mark::Paused, text);
            lines.extend(message.lines().map(|line| format!("  {}", clean(line))));
            lines
        }
        TaskRunEvent::StepFinished { step, .. } => {
            let code = step.terminated.as_ref().map_or(0, |end| end.exit_code);
            if step.termination_reason != "Continued" || code == 0 {
                return Vec::new();
            }
            let step = clean(&step.name);
            line(
                Mark::Ignored,
                format!("{label} step {step} exited with code {code}; onError is continue"),
            )
        }
        TaskRunEvent::Retried { condition, .. } => {
            let retry = status.map_or(1, |status| status.retries_status.len());
            let why = reason_text(condition);
            line(Mark::Retried, format!("{label} retry {retry}: {why}"))
        }
        TaskRunEvent::Finished { condition, .. } => {
            let start = status.and_then(|status| status.start_time);
            finished(label, condition, &span_text(start, at), style)
        }
        TaskRunEvent::Started { .. }
        | TaskRunEvent::SidecarStarted { .. }
        | TaskRunEvent::SidecarFinished { .. }
        | TaskRunEvent::StepStarted { .. } => Vec::new(),
    }
}

fn span_text(from: Option<Timestamp>, to: Timestamp) -> String {
    let span = between(from, Some(to));
    span.map(|span| format!(" ({})", duration(span)))
        .unwrap_or_default()
}

/// What tells of a whole TaskRun and not of a part of it.
const fn is_of_task_run(event: &TaskRunEvent) -> bool {
    matches!(
        event,
        TaskRunEvent::Started { .. } | TaskRunEvent::Finished { .. }
    )
}

/// What a TaskRun is called in lines about it.
pub(crate) fn label(record: &Record, run: &str, task_run: &str) -> String {
    let label = record
        .task_run(run, task_run)
        .and_then(|known| record.label(run, &known.task, task_run));
    clean(label.as_deref().unwrap_or(task_run)).into_owned()
}

/// Why a task does not run, with the conditions that decided it.
pub(crate) fn skip_text(reason: SkipReason, when: &[WhenExpression]) -> String {
    match reason {
        SkipReason::Disabled => "disabled".to_owned(),
        SkipReason::When if !when.is_empty() => {
            let conditions: Vec<String> = when.iter().map(when_text).collect();
            let why = reason.as_str();
            format!("skipped: {why}: {}", clean(&conditions.join(" and ")))
        }
        _ => format!("skipped: {}", reason.as_str()),
    }
}

fn when_text(when: &WhenExpression) -> String {
    if !when.cel.is_empty() {
        return when.cel.clone();
    }
    format!("{:?} {} {:?}", when.input, when.operator, when.values)
}

fn own_name(kind: RunKind, event: &Event) -> String {
    let kind = match kind {
        RunKind::PipelineRun => "PipelineRun",
        RunKind::TaskRun => "TaskRun",
    };
    format!("{kind} {}", clean(&event.run))
}

fn child(path: &str) -> String {
    clean(path.trim_end_matches('/')).into_owned()
}

fn notice(message: &str, style: Style) -> Vec<String> {
    message
        .lines()
        .enumerate()
        .map(|(index, text)| match index {
            0 => format!("{} {}", style.yellow("note:"), clean(text)),
            _ => format!("      {}", clean(text)),
        })
        .collect()
}

/// A run that is still running but can no longer succeed, reported once.
fn progress(condition: &Condition, before: Option<&str>, style: Style) -> Vec<String> {
    let text = match condition.reason.as_str() {
        "PipelineRunStopping" => "a task failed: no other tasks will be scheduled",
        "CancelledRunningFinally" => "cancelled: running the finally tasks",
        "StoppedRunningFinally" => "stopped: running the finally tasks",
        "PipelineRunTimeoutRunningFinally" => "timed out: running the finally tasks",
        _ => return Vec::new(),
    };
    if before == Some(condition.reason.as_str()) {
        return Vec::new();
    }
    vec![format!("{} {text}", style.mark(Mark::Ignored))]
}

fn finished(label: &str, condition: &Condition, span: &str, style: Style) -> Vec<String> {
    let state = TaskState::of(Some(condition));
    let mark = style.mark(mark_of(state));
    if state == TaskState::Succeeded {
        return vec![format!("{mark} {label} succeeded{span}")];
    }
    let why = reason_text(condition);
    vec![format!("{mark} {label} {state}{span}: {why}")]
}

/// The message of a condition, or its reason when it has none.
pub(crate) fn reason_text(condition: &Condition) -> String {
    let text = match condition.message.trim() {
        "" => &condition.reason,
        message => message,
    };
    clean(text).into_owned()
}
