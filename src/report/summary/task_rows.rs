//! The rows of a run's tasks, for the summary and for `describe`.

use crate::event::{Record, RunRecord, TaskRunRecord, TaskState};
use crate::report::plain::skip_text;
use crate::report::style::{Style, between, clean, duration, mark_of, plural};
use crate::report::table::Cell;
use crate::status::Timestamp;

/// One row per task, per combination of a matrix, and per task of a child pipeline: symbol, name,
/// state, duration, remark. `now` ends what still runs.
pub(crate) fn task_rows(record: &Record, now: Option<Timestamp>, style: Style) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    if let Some(root) = record.root() {
        run_rows(record, root, now, style, &mut rows, 0);
    }
    rows
}

fn run_rows(
    record: &Record,
    run: &RunRecord,
    now: Option<Timestamp>,
    style: Style,
    rows: &mut Vec<Vec<Cell>>,
    depth: usize,
) {
    let path = record.path_of(run);
    for task in &run.tasks {
        let name = format!("{path}{task}");
        if let Some(reason) = run.skip_reason(task) {
            let skipped = run.status.skipped_tasks.iter();
            let when = skipped.into_iter().find(|skipped| skipped.name == *task);
            let when = when.map_or(&[][..], |skipped| &skipped.when_expressions);
            let state = TaskState::Skipped(reason);
            let text = skip_text(reason, when);
            let why = text.strip_prefix("skipped: ").unwrap_or_default();
            rows.push(row(&name, state, "", why, style));
            continue;
        }
        if let Some(child) = record.child_of(&run.name, task) {
            let state = TaskState::of(child.condition());
            let end = child.status.completion_time.or(now);
            let span = between(child.status.start_time, end).map(duration);
            rows.push(row(&name, state, &span.unwrap_or_default(), "", style));
            if depth < record.runs_len() {
                run_rows(record, child, now, style, rows, depth + 1);
            }
            continue;
        }
        let task_runs = run.task_runs_of(task);
        if task_runs.is_empty() {
            rows.push(row(&name, TaskState::NotStarted, "", "", style));
        }
        for task_run in task_runs {
            let label = record.label(&run.name, task, &task_run.name);
            rows.push(task_run_row(
                &label.unwrap_or(name.clone()),
                task_run,
                now,
                style,
            ));
        }
    }
}

fn task_run_row(
    label: &str,
    run: &TaskRunRecord,
    now: Option<Timestamp>,
    style: Style,
) -> Vec<Cell> {
    let state = run.state();
    if let Some(from) = &run.reused_from {
        return row(label, state, "", &format!("from {from}"), style);
    }
    let end = run.status.completion_time.or(now);
    let span = between(run.status.start_time, end).map(duration);
    let mut remarks = Vec::new();
    let retries = run.status.retries_status.len();
    if retries > 0 {
        let noun = plural(retries as u64, "failed attempt");
        remarks.push(format!("after {noun}"));
    }
    if !run.combination.is_empty() {
        let params: Vec<String> = run
            .combination
            .iter()
            .map(|param| format!("{}={}", param.name, param.value.as_str().unwrap_or("[…]")))
            .collect();
        remarks.push(params.join(" "));
    }
    let remark = remarks.join(", ");
    row(label, state, &span.unwrap_or_default(), &remark, style)
}

fn row(name: &str, state: TaskState, span: &str, remark: &str, style: Style) -> Vec<Cell> {
    vec![
        Cell::painted("x", |_| style.mark(mark_of(state))),
        Cell::new(clean(name)),
        Cell::painted(&state.to_string(), |text| style.state(state, text)),
        Cell::new(span),
        Cell::painted(&clean(remark), |text| {
            if text.is_empty() {
                String::new()
            } else {
                style.dim(text)
            }
        }),
    ]
}
