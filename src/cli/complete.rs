//! Completions that ask the state directory.

use std::ffi::OsStr;

use clap_complete::CompletionCandidate;

use super::settings::{Environment, GlobalArgs, Settings};
use crate::state::RunStore;

/// The ids of runs that begin with `current`. Where there is no store there are none.
pub(super) fn run_ids(current: &OsStr) -> Vec<CompletionCandidate> {
    let settings = Settings::resolve(GlobalArgs::default(), Environment::of_process());
    let Ok(dir) = settings.state_dir() else {
        return Vec::new();
    };
    let current = current.to_string_lossy();
    RunStore::open_existing(dir)
        .ids()
        .unwrap_or_default()
        .into_iter()
        .chain(["latest".to_owned()])
        .filter(|id| id.starts_with(&*current))
        .map(CompletionCandidate::new)
        .collect()
}
