//! The engine as the command line needs it: found and named.

use std::collections::BTreeMap;

use super::error::CliError;
use super::exit::ExitStatus;
use super::reaper::Reaper;
use crate::sandbox::{Engine, SandboxError};

/// Where to look for an engine.
#[derive(Debug, Clone, Default)]
pub struct EngineRequest {
    /// `--engine-host`: this one and no other.
    pub host: Option<String>,
    /// The variables that lead to an engine, by name.
    pub variables: BTreeMap<String, String>,
}

/// An engine that answers.
#[derive(Debug, Clone)]
pub struct Connected<E> {
    /// The engine.
    pub engine: E,
    /// What it is and where, for people.
    pub name: String,
    /// How many processors it has.
    pub cores: usize,
}

/// Finds an engine. The real one is `docker`'s; tests bring their own.
pub trait Connect {
    /// What it finds.
    type Engine: Engine;

    /// Connects. An engine that does not answer is an error that names every place that was tried.
    fn connect(
        &self,
        request: EngineRequest,
    ) -> impl Future<Output = Result<Connected<Self::Engine>, CliError>> + Send;

    /// Starts a process that removes what this one leaves in the engine, however it ends. `None`
    /// where there is no such process: then the next start removes it.
    fn reaper(&self, _request: &EngineRequest) -> Option<Reaper> {
        None
    }
}

/// An error of the engine.
pub(super) fn engine_error(error: &SandboxError) -> CliError {
    CliError::from_source(ExitStatus::Engine, error)
}
