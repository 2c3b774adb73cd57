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
        store(context)?
            .find(&self.run)
            .map_err(|error| store_error(&error))
    }
}

/// The store for reading; it need not exist.
pub(crate) fn store(context: &Context) -> Result<RunStore, CliError> {
    Ok(RunStore::open_existing(context.settings.state_dir()?))
}

/// What is known of a run.
pub(crate) fn record(run: &RunReader) -> Result<Record, CliError> {
    run.record().map_err(|error| store_error(&error))
}
