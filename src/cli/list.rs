//! `tkn-local list`.

use clap::Args;
use serde_json::{Value, json};

use super::context::{Context, unwritable};
use super::earlier::{record, store};
use super::error::CliError;
use super::exit::ExitStatus;
use super::output::Format;
use super::store_error::store_error;
use crate::report::{ListRow, write_list};
use crate::state::{Listing, RunReader};
use crate::status::Timestamp;

/// List earlier runs, the newest first
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// The newest so many
    #[arg(short = 'n', long, value_name = "N")]
    limit: Option<usize>,
    /// json or yaml: a list for programs; name: the ids alone
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

/// Lists.
pub(super) fn list(args: &ListArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let ListArgs { limit, output } = *args;
    let Listing { mut runs, broken } = store(context)?
        .list()
        .map_err(|error| store_error(&error))?;
    for broken in broken {
        context.tell(&format!("warning: {}: {}", broken.id, broken.error))?;
    }
    runs.truncate(limit.unwrap_or(usize::MAX));
    if let Some(format) = output {
        let text = for_programs(&runs, format)?;
        context.write_out(&text)?;
        return Ok(ExitStatus::Success);
    }
    if runs.is_empty() {
        context.tell("there are no runs yet")?;
        return Ok(ExitStatus::Success);
    }
    let rows = runs.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let style = context.settings.out;
    write_list(&mut context.out, &rows, Timestamp::now(), style)
        .map_err(|error| unwritable("output", &error))?;
    Ok(ExitStatus::Success)
}

fn row(run: &RunReader) -> Result<ListRow, CliError> {
    let header = run.header();
    let resumed_from = header.resumed_from.as_deref();
    let record = record(run)?;
    Ok(ListRow::new(
        run.id(),
        resumed_from,
        header.created_at,
        &record,
    ))
}

fn for_programs(runs: &[RunReader], format: Format) -> Result<String, CliError> {
    if format == Format::Name {
        return Ok(runs.iter().flat_map(|run| [run.id(), "\n"]).collect());
    }
    let rows = runs
        .iter()
        .map(|run| {
            let header = run.header();
            let record = record(run)?;
            let condition = record.root_condition();
            Ok(json!({
                "id": run.id(),
                "name": header.name,
                "kind": header.kind,
                "definition": header.definition,
                "createdAt": header.created_at,
                "running": run.is_running(),
                "resumedFrom": header.resumed_from,
                "condition": condition,
                "directory": run.dir().path(),
            }))
        })
        .collect::<Result<Vec<Value>, CliError>>()?;
    format.plain(&Value::Array(rows))
}
