//! One line of text per change of state.

use super::style::{Mark, Style, between, clean, duration, mark_of};
use crate::event::{Event, EventKind, Record, RunKind, RunRecord, TaskState};
use crate::spec::when::WhenExpression;
use crate::status::{Condition, SkipReason};

/// The lines `event` is worth; `record` has it already, `before` is the reason its run had before.
pub(super) fn state_lines(
    event: &Event,
    record: &Record,
    before: Option<&str>,
    style: Style,
) -> Vec<String> {
    let line = |mark, text: String| vec![format!("{} {text}", style.mark(mark))];
    let run = record.run(&event.run);
    let path = run.map(|run| record.path_of(run)).unwrap_or_default();
    match &event.kind {
        EventKind::RunStarted { kind, parent, .. } => match parent {
            Some(_) => line(Mark::Started, format!("{} started", child(&path))),
            None => line(Mark::Started, format!("{} started", own_name(*kind, event))),
        },
        EventKind::Notice { message } => notice(message, style),
        EventKind::RunProgress { condition } => progress(condition, before, style),
        EventKind::TaskSkipped { task, reason, when } => {
            let why = skip_text(*reason, when);
            line(Mark::Skipped, format!("{} {why}", clean(&(path + task))))
        }
        EventKind::TaskReused {
            task, reused_from, ..
        } => {
            let (task, from) = (path + task, clean(reused_from));
            line(Mark::Reused, format!("{} reused from {from}", clean(&task)))
        }
        EventKind::TaskRunStarted {
            task_run, attempt, ..
        } if *attempt == 0 => {
            let label = label(record, &event.run, task_run);
            line(Mark::Started, format!("{label} started"))
        }
        EventKind::StepPaused {
            task_run,
            step,
            message,
        } => {
            let label = label(record, &event.run, task_run);
            let mut lines = line(
                Mark::Paused,
                format!("{label} waits at step {}", clean(step)),
            );
            lines.extend(message.lines().map(|line| format!("  {}", clean(line))));
            lines
        }
        EventKind::StepFinished { task_run, step, .. } => {
            let code = step.terminated.as_ref().map_or(0, |end| end.exit_code);
            if step.termination_reason != "Continued" || code == 0 {
                return Vec::new();
            }
            let label = label(record, &event.run, task_run);
            let step = clean(&step.name);
            line(
                Mark::Ignored,
                format!("{label} step {step} exited with code {code}; onError is continue"),
            )
        }
        EventKind::TaskRunRetried {
            task_run,
            condition,
            ..
        } => {
            let attempts = record
                .task_run(&event.run, task_run)
                .map_or(1, |run| run.status.retries_status.len());
            let label = label(record, &event.run, task_run);
            let why = reason_text(condition);
            line(Mark::Retried, format!("{label} retry {attempts}: {why}"))
        }
        EventKind::TaskRunFinished {
            task_run,
            condition,
            ..
        } => {
            let label = label(record, &event.run, task_run);
            let status = record.task_run(&event.run, task_run).map(|run| &run.status);
            let span = between(status.and_then(|status| status.start_time), Some(event.at));
            let span = span.map(|span| format!(" ({})", duration(span)));
            finished(&label, condition, &span.unwrap_or_default(), style)
        }
        EventKind::RunFinished { condition, .. } => match run {
            Some(RunRecord {
                parent: Some(_),
                status,
                ..
            }) => {
                let span = between(status.start_time, Some(event.at)).unwrap_or_default();
                let span = format!(" ({})", duration(span));
                finished(&child(&path), condition, &span, style)
            }
            Some(_) | None => Vec::new(),
        },
        EventKind::TaskRunStarted { .. }
        | EventKind::FinallyStarted {}
        | EventKind::TaskRunCreated { .. }
        | EventKind::SidecarStarted { .. }
        | EventKind::SidecarFinished { .. }
        | EventKind::StepStarted { .. }
        | EventKind::ChildRunCreated { .. } => Vec::new(),
    }
}

/// What a TaskRun is called in lines about it.
pub(super) fn label(record: &Record, run: &str, task_run: &str) -> String {
    let label = record
        .task_run(run, task_run)
        .and_then(|known| record.label(run, &known.task, task_run));
    clean(label.as_deref().unwrap_or(task_run)).into_owned()
}

/// Why a task does not run, with the conditions that decided it.
pub(super) fn skip_text(reason: SkipReason, when: &[WhenExpression]) -> String {
    match reason {
        SkipReason::Disabled => "disabled".to_owned(),
        SkipReason::When if !when.is_empty() => {
            let guards: Vec<String> = when.iter().map(guard).collect();
            let why = reason.as_str();
            format!("skipped: {why}: {}", clean(&guards.join(" and ")))
        }
        _ => format!("skipped: {}", reason.as_str()),
    }
}

fn guard(when: &WhenExpression) -> String {
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

/// A run that goes on but will not succeed any more, told once.
fn progress(condition: &Condition, before: Option<&str>, style: Style) -> Vec<String> {
    let text = match condition.reason.as_str() {
        "PipelineRunStopping" => "a task failed: no further task starts",
        "CancelledRunningFinally" => "cancelled: running the finally tasks",
        "StoppedRunningFinally" => "stopped: running the finally tasks",
        "PipelineRunTimeoutRunningFinally" => "out of time: running the finally tasks",
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
pub(super) fn reason_text(condition: &Condition) -> String {
    let text = match condition.message.trim() {
        "" => &condition.reason,
        message => message,
    };
    clean(text).into_owned()
}
