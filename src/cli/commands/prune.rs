//! `tkn-local prune`.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use tokio::runtime::Runtime;

use crate::cli::context::Context;
use crate::cli::engine::{Connect, EngineRequest};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::runs::source_run::volume;
use crate::cli::runs::store_error::store_error;
use crate::report::plural;
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
    /// Also remove the volumes of runs that are not in this state directory
    #[arg(long)]
    volumes: bool,
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
    } = args;
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
        let containers = connector.sweep(engine.clone()).await?;
        connector.remove_old_versions(&engine).await?;
        let before = owned(&store, context)?;
        let removed = match rule {
            Some(rule) => store.prune(rule).map_err(|error| store_error(&error))?,
            None => Vec::new(),
        };
        let kept = owned(&store, context)?;
        let mut gone = 0;
        for run in connector.run_volumes(&engine).await? {
            if !kept.contains(&run) && (volumes || before.contains(&run)) {
                connector.remove_run_volume(&engine, &run).await?;
                gone += 1;
            }
        }
        context.tell(&format!(
            "removed {}, {} and {}",
            plural(removed.len() as u64, "run"),
            plural(containers.len() as u64, "container"),
            plural(gone, "volume"),
        ))
    })?;
    Ok(ExitStatus::Success)
}

/// The volumes that belong to runs: a volume that was taken belongs to the run that took it.
fn owned(store: &RunStore, context: &Context) -> Result<BTreeSet<String>, CliError> {
    let runs = store.list().map_err(|error| store_error(&error))?.runs;
    let mut owned = BTreeSet::new();
    for run in &runs {
        let taken = run.taken_by().map_err(|error| store_error(&error))?;
        if taken.is_none() {
            owned.insert(volume(run, context)?);
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
