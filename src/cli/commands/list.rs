//! `tkn-local list`.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::context::{Context, unwritable};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::output::{Format, name_line};
use crate::cli::runs::earlier::store;
use crate::cli::runs::store_error::store_error;
use crate::event::{Record, RunKind};
use crate::report::{ListRow, write_list};
use crate::state::{Listing, RunReader};
use crate::status::Timestamp;

/// List runs, newest first
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Show only the newest N runs; 0 shows all
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

/// Lists.
pub(crate) fn list(args: &ListArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let ListArgs { limit, output } = *args;
    let Listing { mut runs, broken } = store(context)?
        .list()
        .map_err(|error| store_error(&error))?;
    for broken in broken {
        context.tell(&format!("warning: {}: {}", broken.id, broken.error))?;
    }
    if let Some(limit) = limit.filter(|limit| *limit > 0) {
        runs.truncate(limit);
    }
    if output == Some(Format::Name) {
        let names = runs.iter().map(|run| {
            let kind = match run.header().kind {
                RunKind::PipelineRun => "PipelineRun",
                RunKind::TaskRun => "TaskRun",
            };
            name_line(kind, run.id())
        });
        context.write_out(&names.collect::<String>())?;
        return Ok(ExitStatus::Success);
    }
    if runs.is_empty() && output.is_none() {
        context.tell("there are no runs yet")?;
        return Ok(ExitStatus::Success);
    }
    let runs = readable(runs, context)?;
    if let Some(format) = output {
        let rows = runs.iter().map(|(run, record)| value(run, record));
        let text = format.plain(&Value::Array(rows.collect()))?;
        context.write_out(&text)?;
        return Ok(ExitStatus::Success);
    }
    let rows: Vec<ListRow> = runs.iter().map(|(run, record)| row(run, record)).collect();
    let style = context.settings.out;
    write_list(&mut context.out, &rows, Timestamp::now(), style)
        .map_err(|error| unwritable("output", &error))?;
    Ok(ExitStatus::Success)
}

/// The runs with their records. A damaged one is reported, and the others are still listed.
fn readable(
    runs: Vec<RunReader>,
    context: &mut Context,
) -> Result<Vec<(RunReader, Record)>, CliError> {
    let mut found = Vec::new();
    for run in runs {
        match run.record() {
            Ok(record) => found.push((run, record)),
            Err(error) => context.tell(&format!("warning: {}: {error}", run.id()))?,
        }
    }
    Ok(found)
}

fn row(run: &RunReader, record: &Record) -> ListRow {
    let header = run.header();
    let resumed_from = header.resumed_from.as_deref();
    ListRow::new(run.id(), resumed_from, header.created_at, record)
}

fn value(run: &RunReader, record: &Record) -> Value {
    let header = run.header();
    json!({
        "id": run.id(),
        "name": header.name,
        "kind": header.kind,
        "definition": header.definition,
        "createdAt": header.created_at,
        "running": run.is_running(),
        "resumedFrom": header.resumed_from,
        "condition": record.root_condition(),
        "directory": run.dir().path(),
    })
}
