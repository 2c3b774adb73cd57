//! What becomes of every task of a run that is resumed or run in part.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::style::{Style, clean};
use super::summary::value_text;
use super::table::{Cell, write_table};
use crate::event::TaskState;
use crate::plan::reuse::{Decision, TaskDecision};
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
    let decisions = plan.reuse.decisions.iter();
    let rows: Vec<Vec<Cell>> = decisions
        .map(|decision| row(plan, decision, style))
        .collect();
    write_table(out, "  ", &rows)
}

fn row(plan: &Plan, decision: &TaskDecision, style: Style) -> Vec<Cell> {
    let (word, state) = match decision.decision {
        Decision::Disabled(_) => ("disabled", TaskState::Skipped(SkipReason::Disabled)),
        Decision::Run => ("run", TaskState::Running),
        Decision::Reuse => ("reuse", TaskState::Reused),
    };
    let values: Vec<String> = plan
        .reuse
        .values(&decision.task)
        .iter()
        .map(|(name, value)| format!("{}={}", clean(name), short(value)))
        .collect();
    vec![
        Cell::painted(word, |text| style.state(state, text)),
        Cell::new(clean(&decision.task)),
        Cell::new(clean(&decision.reason)),
        Cell::new(values.join(" ")),
    ]
}

/// How many characters of a value are shown.
const VALUE_CHARS: usize = 40;

fn short(value: &ParamValue) -> String {
    let text = value_text(value);
    match text.char_indices().nth(VALUE_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The same for programs.
pub fn decisions_json(plan: &Plan, source: Option<&str>) -> Value {
    let runs = |task: &PlannedTask| TaskDecision {
        task: task.name.clone(),
        decision: Decision::Run,
        reason: String::new(),
    };
    let decisions: Vec<TaskDecision> = match plan.reuse.decisions.as_slice() {
        [] => plan.tasks.iter().map(runs).collect(),
        decisions => decisions.to_vec(),
    };
    let tasks: Vec<Value> = decisions
        .iter()
        .map(|decision| {
            json!({
                "task": decision.task,
                "decision": match decision.decision {
                    Decision::Disabled(_) => "disabled",
                    Decision::Run => "run",
                    Decision::Reuse => "reuse",
                },
                "reason": decision.reason,
                "results": plan.reuse.values(&decision.task),
            })
        })
        .collect();
    json!({
        "run": plan.identity.name,
        "resumedFrom": source,
        "tasks": tasks,
    })
}
