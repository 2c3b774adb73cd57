//! Which successful runs keep the files of their workspaces, so that a part of them can be run
//! again.

use std::collections::BTreeMap;

use crate::cli::context::Context;
use crate::cli::engine::engine_error;
use crate::cli::error::CliError;
use crate::cli::runs::earlier::record;
use crate::cli::runs::source_run::volume;
use crate::cli::runs::store_error::store_error;
use crate::plan::{Job, Plan};
use crate::sandbox::{Engine, VolumeOwner};
use crate::state::{RunReader, RunStore};

/// True when a run has files that one that resumes it would begin with.
pub(crate) fn has_files(job: &Job) -> bool {
    let is_own = |plan: &Plan| {
        plan.bindings
            .iter()
            .any(|binding| binding.empty_dir.is_some() || binding.volume_claim_template.is_some())
    };
    match job {
        Job::Pipeline(plan) => is_own(plan),
        Job::Task(_) => false,
    }
}

/// Removes the volumes of successful runs of the pipeline that `newest` ran, but for the newest
/// `keep` of them. Runs that did not succeed, and those of `--keep`, keep theirs.
pub(crate) async fn remove_older_files(
    store: &RunStore,
    newest: &str,
    keep: usize,
    engine: &impl Engine,
    context: &Context,
) -> Result<(), CliError> {
    let volumes = engine.volumes().await.map_err(|e| engine_error(&e))?;
    let is_there = |run: &str| volumes.iter().any(|v| v.is_of_run(run) && !v.in_use);
    let runs = store.list().map_err(|error| store_error(&error))?.runs;
    let Some(pipeline) = runs.iter().find(|run| run.id() == newest).map(pipeline) else {
        return Ok(());
    };
    let mut kept = BTreeMap::new();
    for run in runs.iter().filter(|run| self::pipeline(run) == pipeline) {
        let name = volume(run, context)?;
        if (is_there(&name) || run.id() == newest) && is_counted(run)? {
            // A volume that was taken over has the name of the run it was made for.
            kept.entry(name).or_insert(run.header().created_at);
        }
    }
    let mut kept: Vec<_> = kept.into_iter().collect();
    kept.sort_by_key(|(_, made)| std::cmp::Reverse(*made));
    for (name, _) in kept.into_iter().skip(keep) {
        let removed = engine.remove_volume(&VolumeOwner::Run(name)).await;
        removed.map_err(|e| engine_error(&e))?;
    }
    Ok(())
}

/// What makes two runs runs of one pipeline: its name, or the run's where it is written in place,
/// and the file.
fn pipeline(run: &RunReader) -> (Option<String>, Option<String>) {
    let header = run.header();
    let origin = header
        .settings
        .get("origin")
        .and_then(|origin| origin.as_str());
    let name = header.definition.as_deref().or(origin);
    let file = header.inputs.first().map(|input| match &input.path {
        Some(path) => path.to_string_lossy().into_owned(),
        None => input.given.clone(),
    });
    (name.map(str::to_owned), file)
}

/// True for a success whose files are its own and were not asked to be kept.
fn is_counted(run: &RunReader) -> Result<bool, CliError> {
    let asked = run
        .header()
        .settings
        .get("keep")
        .and_then(serde_json::Value::as_bool);
    if asked == Some(true)
        || run
            .taken_by()
            .map_err(|error| store_error(&error))?
            .is_some()
    {
        return Ok(false);
    }
    Ok(record(run)?
        .root_condition()
        .is_some_and(crate::status::Condition::is_true))
}
