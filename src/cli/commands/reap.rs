//! The child of a run: see [`crate::cli::reaper`].

use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep};

use crate::cli::context::Context;
use crate::cli::engine::{Connect, EngineRequest};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::reaper;
use crate::sandbox::Engine as _;

/// How long it looks after the end of its parent: a request that was under way may still be done.
const WATCH: Duration = Duration::from_secs(10);
/// How long it waits for an engine that does not answer.
const PATIENCE: Duration = Duration::from_secs(300);
/// The pause between two looks.
const INTERVAL: Duration = Duration::from_millis(500);

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
    runtime.block_on(look(connector, &request));
    Ok(ExitStatus::Success)
}

/// Removes what dead processes have left, until the last of it must have appeared.
async fn look<C: Connect>(connector: &C, request: &EngineRequest) {
    let begin = Instant::now();
    let engine = loop {
        if let Ok(connected) = connector.connect(request.clone()).await {
            break connected.engine;
        }
        if begin.elapsed() > PATIENCE {
            return;
        }
        sleep(INTERVAL).await;
    };
    let since = Instant::now();
    while since.elapsed() < WATCH {
        let swept = engine.sweep().await;
        tracing::debug!(?swept, "looked for what the parent left");
        sleep(INTERVAL).await;
    }
}
