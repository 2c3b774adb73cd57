//! The arguments and functions that commands on earlier runs share.

use clap::Args;
use clap_complete::ArgValueCompleter;

use super::store_error::store_error;
use crate::cli::args::complete::run_ids;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::event::Record;
use crate::state::{RunReader, RunStore};

/// A run.
#[derive(Debug, Args)]
pub(crate) struct RunId {
    /// The id of a run, the beginning of one, or latest
    #[arg(value_name = "RUN", add = ArgValueCompleter::new(run_ids))]
    pub(crate) run: String,
}

impl RunId {
    /// Finds it.
    pub(crate) fn find(&self, context: &Context) -> Result<RunReader, CliError> {
        find(&store(context)?, &self.run)
    }
}

/// Finds a run by its id, the beginning of one, or `latest`. `list -o name` prints a kind before
/// the id: that is accepted too.
pub(crate) fn find(store: &RunStore, wanted: &str) -> Result<RunReader, CliError> {
    let id = ["pipelinerun.tekton.dev/", "taskrun.tekton.dev/"]
        .into_iter()
        .find_map(|kind| wanted.strip_prefix(kind));
    store
        .find(id.unwrap_or(wanted))
        .map_err(|error| store_error(&error))
}

/// The store for reading; it need not exist.
pub(crate) fn store(context: &Context) -> Result<RunStore, CliError> {
    Ok(RunStore::open_existing(context.settings.state_dir()?))
}

/// What is known of a run.
pub(crate) fn record(run: &RunReader) -> Result<Record, CliError> {
    run.record().map_err(|error| store_error(&error))
}
