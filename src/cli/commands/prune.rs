//! `tkn-local prune`.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use tokio::runtime::Runtime;

use crate::cli::context::Context;
use crate::cli::engine::{Connect, EngineRequest, engine_error};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::runs::sandbox_id::state_dir_label;
use crate::cli::runs::source_run::volume;
use crate::cli::runs::store_error::store_error;
use crate::report::plural;
use crate::sandbox::{Engine, VolumeInfo, VolumeOwner};
use crate::spec::GoDuration;
use crate::state::{PruneRule, RunStore};
use crate::status::Timestamp;

/// Remove old runs, and what killed processes left in the engine
///
/// Removes no run unless `--runs` or `--older-than` is given; with both, only runs that both select.
/// A run is removed with its volume.
#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// Remove all runs but the newest N
    #[arg(long, value_name = "N")]
    runs: Option<usize>,
    /// Remove only runs older than this, such as 90m, 12h, 7d or 2w
    #[arg(long, value_name = "AGE")]
    older_than: Option<String>,
    /// Also remove volumes of this state directory that belong to none of its runs
    #[arg(long)]
    volumes: bool,
    /// With --volumes: the volumes of other state directories too
    #[arg(long, requires = "volumes")]
    all: bool,
    /// Print what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

/// Which volumes of no run are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stray {
    Kept,
    OfThisStateDirectory,
    All,
}

/// Prunes.
pub(crate) fn prune<C: Connect>(
    args: PruneArgs,
    context: &mut Context,
    connector: &C,
) -> Result<ExitStatus, CliError> {
    let PruneArgs {
        runs,
        older_than,
        volumes,
        all,
        dry_run,
    } = args;
    let stray = match (volumes, all) {
        (false, _) => Stray::Kept,
        (true, false) => Stray::OfThisStateDirectory,
        (true, true) => Stray::All,
    };
    let rule = rule(runs, older_than.as_deref(), Timestamp::now())?;
    let store =
        RunStore::open(context.settings.state_dir()?).map_err(|error| store_error(&error))?;
    let runtime = Runtime::new().map_err(|error| {
        CliError::new(ExitStatus::Internal, "cannot start the async runtime")
            .cause(error.to_string())
    })?;
    runtime.block_on(async {
        let request = EngineRequest {
            host: context.settings.engine_host.clone(),
            variables: context.settings.environment.engine.clone(),
        };
        let engine = connector.connect(request).await?.engine;
        let containers = containers(&engine, dry_run).await?;
        let before = owned(&store, context)?;
        let runs = remove_runs(&store, rule, dry_run)?;
        let own = state_dir_label(context.settings.state_dir()?);
        let mut volumes = engine.volumes().await.map_err(|e| engine_error(&e))?;
        volumes.retain(|volume| is_removed(volume, &before, &runs, (stray, &own)));
        list(context, &runs, &containers, &volumes)?;
        if !dry_run {
            engine
                .remove_old_versions()
                .await
                .map_err(|e| engine_error(&e))?;
            for volume in &volumes {
                let removed = engine.remove_volume(&volume.owner).await;
                removed.map_err(|e| engine_error(&e))?;
            }
        }
        let counts = [
            (runs.len(), "run"),
            (containers.len(), "container"),
            (volumes.len(), "volume"),
        ];
        context.tell(&summary(&counts, dry_run))
    })?;
    Ok(ExitStatus::Success)
}

/// Whether a volume is removed with these runs. `owned` are the volumes of all runs there were,
/// `own` is the label of the state directory.
fn is_removed(
    volume: &VolumeInfo,
    owned: &BTreeMap<String, String>,
    removed_runs: &[String],
    (stray, own): (Stray, &str),
) -> bool {
    let VolumeOwner::Run(of) = &volume.owner else {
        return false;
    };
    if volume.in_use {
        return false;
    }
    match owned.iter().find(|(_, volume)| *volume == of) {
        Some((run, _)) => removed_runs.contains(run),
        None => match stray {
            Stray::Kept => false,
            Stray::OfThisStateDirectory => volume.state_dir == own,
            Stray::All => true,
        },
    }
}

/// The containers of dead processes, removed unless it is a dry run.
async fn containers(engine: &impl Engine, dry_run: bool) -> Result<Vec<String>, CliError> {
    let found = if dry_run {
        engine.leftovers().await
    } else {
        engine.sweep().await
    };
    found.map_err(|error| engine_error(&error))
}

/// The ids of the runs that are not kept, removed unless it is a dry run.
fn remove_runs(
    store: &RunStore,
    rule: Option<PruneRule>,
    dry_run: bool,
) -> Result<Vec<String>, CliError> {
    let Some(rule) = rule else {
        return Ok(Vec::new());
    };
    if !dry_run {
        return store.prune(rule).map_err(|error| store_error(&error));
    }
    let runs = store.prunable(rule).map_err(|error| store_error(&error))?;
    Ok(runs.iter().map(|run| run.id().to_owned()).collect())
}

/// Prints a line for each thing.
fn list(
    context: &mut Context,
    runs: &[String],
    containers: &[String],
    volumes: &[VolumeInfo],
) -> Result<(), CliError> {
    let runs = runs.iter().map(|run| format!("run {run}\n"));
    let containers = containers.iter().map(|name| format!("container {name}\n"));
    let volumes = volumes.iter().filter_map(|volume| match &volume.owner {
        VolumeOwner::Run(run) => Some(format!(
            "volume {} of run {run} in {}\n",
            volume.name, volume.state_dir
        )),
        VolumeOwner::Claim(_) => None,
    });
    let text: String = runs.chain(containers).chain(volumes).collect();
    context.write_out(&text)
}

fn summary(counts: &[(usize, &str)], dry_run: bool) -> String {
    let verb = if dry_run { "would remove" } else { "removed" };
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts
        .map(|(count, what)| plural(*count as u64, what))
        .collect();
    match counts.as_slice() {
        [] => format!("{verb} nothing"),
        [one] => format!("{verb} {one}"),
        [others @ .., last] => format!("{verb} {} and {last}", others.join(", ")),
    }
}

/// The volumes that belong to runs, by the id of the run: a volume that was taken belongs to the
/// run that took it.
fn owned(store: &RunStore, context: &Context) -> Result<BTreeMap<String, String>, CliError> {
    let runs = store.list().map_err(|error| store_error(&error))?.runs;
    let mut owned = BTreeMap::new();
    for run in &runs {
        let taken = run.taken_by().map_err(|error| store_error(&error))?;
        if taken.is_none() {
            owned.insert(run.id().to_owned(), volume(run, context)?);
        }
    }
    Ok(owned)
}

/// Which runs stay; `None` when all do.
fn rule(
    runs: Option<usize>,
    older_than: Option<&str>,
    now: Timestamp,
) -> Result<Option<PruneRule>, CliError> {
    let keep_since = older_than.map(|text| since(text, now)).transpose()?;
    if runs.is_none() && keep_since.is_none() {
        return Ok(None);
    }
    Ok(Some(PruneRule {
        keep: runs.unwrap_or_default(),
        keep_since,
    }))
}

fn since(text: &str, now: Timestamp) -> Result<Timestamp, CliError> {
    age(text)
        .and_then(|age| now.checked_sub(age).ok())
        .ok_or_else(|| {
            CliError::usage(format!(
                "invalid value for `--older-than`: `{text}` is not an age"
            ))
            .hint("an age looks like 90m, 12h, 7d or 2w")
        })
}

/// Days and weeks, which Go's durations do not have, followed by such a duration.
fn age(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut age = Duration::ZERO;
    for (unit, hours) in [('w', 7 * 24), ('d', 24)] {
        if let Some((count, after)) = rest.split_once(unit) {
            let hours = count.parse::<u64>().ok()?.checked_mul(hours)?;
            age = age.checked_add(Duration::from_secs(hours.checked_mul(3600)?))?;
            rest = after;
        }
    }
    if rest.is_empty() && !text.is_empty() {
        return Some(age);
    }
    age.checked_add(GoDuration::parse(rest)?.limit()?)
}

#[cfg(test)]
mod tests {
    use super::rule;
    use crate::status::Timestamp;

    #[test]
    fn without_options_every_run_stays() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let short = |runs, older| {
            rule(runs, older, now)
                .map(|rule| rule.map(|rule| (rule.keep, rule.keep_since.map(|at| at.to_string()))))
                .map_err(|error| error.message)
        };
        assert_eq!(short(None, None), Ok(None));
        assert_eq!(short(Some(3), None), Ok(Some((3, None))));
        assert_eq!(
            short(None, Some("2h")),
            Ok(Some((0, Some("2026-01-01T10:00:00Z".to_owned()))))
        );
        assert_eq!(
            short(None, Some("1d12h")),
            Ok(Some((0, Some("2025-12-31T00:00:00Z".to_owned()))))
        );
        assert_eq!(
            short(None, Some("2w1d")),
            Ok(Some((0, Some("2025-12-17T12:00:00Z".to_owned()))))
        );
        for wrong in ["old", "", "d", "-1d", "1d1w", "1.5d", "99999999999999999w"] {
            assert!(short(None, Some(wrong)).is_err(), "{wrong}");
        }
    }
}
