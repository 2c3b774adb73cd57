//! The child of a run: see [`crate::cli::reaper`].

use tokio::runtime::Runtime;

use crate::cli::context::Context;
use crate::cli::engine::{Connect, EngineRequest};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::reaper;

/// Waits for the end of the process that started it, and removes what that left.
pub(crate) fn reap<C: Connect>(context: &Context, connector: &C) -> Result<ExitStatus, CliError> {
    if !reaper::outlive_parent() {
        return Ok(ExitStatus::Success);
    }
    let request = EngineRequest {
        host: context.settings.engine_host.clone(),
        variables: context.settings.environment.engine.clone(),
    };
    let runtime = Runtime::new().map_err(|error| {
        CliError::new(ExitStatus::Internal, "cannot start").cause(error.to_string())
    })?;
    runtime.block_on(reaper::look(connector, &request));
    Ok(ExitStatus::Success)
}
