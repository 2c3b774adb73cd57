//! The engine as the command line needs it: found, named, and tidied up.

use std::collections::BTreeMap;

use super::error::CliError;
use crate::sandbox::Engine;

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

    /// Removes the containers that dead processes left behind. Volumes stay: their runs can be
    /// resumed. Returns the names of what was removed.
    fn sweep(
        &self,
        engine: Self::Engine,
    ) -> impl Future<Output = Result<Vec<String>, CliError>> + Send + 'static;

    /// Removes what other versions of tkn-local left in the engine for all their runs.
    fn remove_old_versions(
        &self,
        engine: &Self::Engine,
    ) -> impl Future<Output = Result<(), CliError>> + Send;

    /// The ids of the runs whose volume is still there and not in use.
    fn run_volumes(
        &self,
        engine: &Self::Engine,
    ) -> impl Future<Output = Result<Vec<String>, CliError>> + Send;

    /// Whether the volume of a run is there, in use or not.
    fn has_run_volume(
        &self,
        engine: &Self::Engine,
        run: &str,
    ) -> impl Future<Output = Result<bool, CliError>> + Send;

    /// Removes the volume of a run; that there is none is fine.
    fn remove_run_volume(
        &self,
        engine: &Self::Engine,
        run: &str,
    ) -> impl Future<Output = Result<(), CliError>> + Send;
}
