//! The files a run begins with, and what is said of them at its end.

use super::carrying::taken;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::plan::ready::Resumed;
use crate::cli::runs::source_run::taker;
use crate::cli::runs::store_error::store_error;
use crate::event::{Record, TaskState};
use crate::execute::{Ended, Files};
use crate::report::{bytes, duration};
use crate::state::{RunReader, StateError};
use crate::status::SkipReason;

/// What is there before the start. A volume that is taken is so from here on.
pub(crate) fn begin_with(
    resumed: Option<&Resumed>,
    id: &str,
    context: &Context,
) -> Result<Files, CliError> {
    let Some(Resumed { reader, carrying }) = resumed else {
        return Ok(Files::Fresh);
    };
    if carrying.takes() {
        take(reader, id, context)?;
    }
    Ok(carrying.files())
}

/// A run that took the files and did not begin has not taken them.
fn take(reader: &RunReader, id: &str, context: &Context) -> Result<(), CliError> {
    let store = |error: StateError| store_error(&error);
    if reader.set_taken_by(id).map_err(store)? {
        return Ok(());
    }
    if let Some(taker) = taker(reader, context)? {
        return Err(taken(reader.id(), &taker));
    }
    reader.clear_taken_by().map_err(store)?;
    if reader.set_taken_by(id).map_err(store)? {
        return Ok(());
    }
    Err(taken(reader.id(), "that began at the same time"))
}

/// A run that did not begin leaves what it would have taken.
pub(crate) fn give_back(resumed: &Resumed) -> Result<(), CliError> {
    if resumed.carrying.takes() {
        let cleared = resumed.reader.clear_taken_by();
        cleared.map_err(|error| store_error(&error))?;
    }
    Ok(())
}

/// What the summary says of a run that was resumed or run in part.
pub(crate) fn notes(
    ended: Option<&Ended>,
    resumed: Option<&Resumed>,
    record: &Record,
) -> Vec<String> {
    let mut notes = Vec::new();
    let copied = ended.and_then(|ended| ended.copied);
    if let (Some(copied), Some(resumed)) = (copied, resumed) {
        notes.push(format!(
            "copied {} of workspaces from {} in {}",
            bytes(copied.bytes),
            resumed.reader.id(),
            duration(copied.took)
        ));
    }
    let tasks = record.tasks();
    let count = |wanted: TaskState| tasks.iter().filter(|(_, state)| *state == wanted).count();
    let (reused, disabled) = (
        count(TaskState::Reused),
        count(TaskState::Skipped(SkipReason::Disabled)),
    );
    let settled = |name: &str| {
        let state = tasks.iter().find(|(task, _)| *task == name);
        state.is_some_and(|(_, state)| {
            matches!(
                state,
                TaskState::Reused | TaskState::Skipped(SkipReason::Disabled)
            )
        })
    };
    let pipeline = record
        .root()
        .and_then(|root| root.status.pipeline_spec.as_ref());
    let names = pipeline
        .and_then(|spec| spec.get("tasks")?.as_array())
        .into_iter()
        .flatten();
    let mut names = names.filter_map(|task| task.get("name")?.as_str());
    if ended.is_some() && reused + disabled > 0 && names.all(settled) {
        notes.push(format!(
            "no task had to run: {reused} reused, {disabled} disabled"
        ));
    }
    notes
}
