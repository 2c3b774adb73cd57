//! Completions that ask the state directory.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use clap_complete::CompletionCandidate;

use crate::cli::settings::{Environment, GlobalArgs, Settings};
use crate::state::RunStore;
use crate::terminal::is_hostile;

/// The ids of runs that begin with `current`. Where there is no store there are none.
pub(crate) fn run_ids(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(store) = store() else {
        return Vec::new();
    };
    let ids = store.ids().unwrap_or_default().into_iter();
    candidates(ids.chain(["latest".to_owned()]), current)
}

/// The tasks that ran in the run which the command line names, if they begin with `current`.
pub(crate) fn tasks_of_logs(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(store) = store() else {
        return Vec::new();
    };
    let words: Vec<OsString> = std::env::args_os().collect();
    let after = words.iter().skip_while(|word| *word != "logs").skip(1);
    let run = after
        .map(|word| word.to_string_lossy())
        .filter(|word| !word.is_empty() && !word.starts_with('-'))
        .find_map(|word| store.find(&word).ok());
    let Some(record) = run.and_then(|run| run.record().ok()) else {
        return Vec::new();
    };
    let tasks = record.task_runs().into_iter();
    let tasks: BTreeSet<String> = tasks.map(|run| run.task.clone()).collect();
    candidates(tasks, current)
}

fn store() -> Option<RunStore> {
    let settings = Settings::resolve(GlobalArgs::default(), Environment::of_process());
    let dir = settings.state_dir().ok()?;
    Some(RunStore::open_existing(dir))
}

fn candidates(
    words: impl IntoIterator<Item = String>,
    current: &OsStr,
) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let words = words.into_iter();
    words
        .filter(|word| word.starts_with(&*current))
        // The shell shows them past our streams.
        .filter(|word| !word.chars().any(is_hostile))
        .map(CompletionCandidate::new)
        .collect()
}
