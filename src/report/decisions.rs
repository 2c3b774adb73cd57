//! What becomes of every task of a run that is resumed or run in part.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::style::{Style, clean};
use super::summary::text::value_text;
use super::table::{Cell, write_table};
use crate::event::TaskState;
use crate::plan::reuse::{Fate, TaskFate};
use crate::plan::{Plan, PlannedTask};
use crate::spec::param::ParamValue;
use crate::status::SkipReason;

/// Writes one line per task: the decision, the task, the reason and the values that are reused.
pub fn write_decisions(
    out: &mut impl Write,
    plan: &Plan,
    source: Option<&str>,
    style: Style,
) -> io::Result<()> {
    let name = clean(&plan.identity.name);
    let title = match source {
        Some(source) => format!("PipelineRun {name} resumes {}", clean(source)),
        None => format!("PipelineRun {name}"),
    };
    writeln!(out, "{}", style.bold(&title))?;
    let fates = plan.carried.fates.iter();
    let rows: Vec<Vec<Cell>> = fates.map(|fate| row(plan, fate, style)).collect();
    write_table(out, "  ", &rows)
}

fn row(plan: &Plan, fate: &TaskFate, style: Style) -> Vec<Cell> {
    let (word, state) = match fate.fate {
        Fate::Disabled(_) => ("disabled", TaskState::Skipped(SkipReason::Disabled)),
        Fate::Run => ("run", TaskState::Running),
        Fate::Reuse => ("reuse", TaskState::Reused),
    };
    let values: Vec<String> = plan
        .carried
        .values(&fate.task)
        .iter()
        .map(|(name, value)| format!("{}={}", clean(name), short(value)))
        .collect();
    vec![
        Cell::painted(word, |text| style.state(state, text)),
        Cell::new(clean(&fate.task)),
        Cell::new(clean(&fate.reason)),
        Cell::new(values.join(" ")),
    ]
}

/// How many characters of a value are shown.
const VALUE_CHARS: usize = 40;

fn short(value: &ParamValue) -> String {
    let text = value_text(value).replace('\n', "\\n");
    match text.char_indices().nth(VALUE_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The same for programs.
pub fn decisions_json(plan: &Plan, source: Option<&str>) -> Value {
    let runs = |task: &PlannedTask| TaskFate {
        task: task.name.clone(),
        fate: Fate::Run,
        reason: String::new(),
    };
    let fates: Vec<TaskFate> = match plan.carried.fates.as_slice() {
        [] => plan.tasks.iter().map(runs).collect(),
        fates => fates.to_vec(),
    };
    let tasks: Vec<Value> = fates
        .iter()
        .map(|fate| {
            json!({
                "task": fate.task,
                "decision": match fate.fate {
                    Fate::Disabled(_) => "disabled",
                    Fate::Run => "run",
                    Fate::Reuse => "reuse",
                },
                "reason": fate.reason,
                "results": plan.carried.values(&fate.task),
            })
        })
        .collect();
    json!({
        "run": plan.identity.name,
        "resumedFrom": source,
        "tasks": tasks,
    })
}
