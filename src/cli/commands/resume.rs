//! `tkn-local resume`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::run::{Wanted, run_prepared};
use crate::cli::args::how_args::HowArgs;
use crate::cli::args::partial_flags::PartialArgs;
use crate::cli::args::run_settings::RunSettings;
use crate::cli::context::Context;
use crate::cli::engine::Connect;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::load::prepare::{Prepared, prepare_inputs};
use crate::cli::load::select;
use crate::cli::runs::earlier::RunId;
use crate::cli::runs::source_run::SourceRun;
use crate::cli::runs::store_error::store_error;
use crate::manifest::{Catalog, ManifestInput};
use crate::report::clean;
use crate::state::Manifest;

/// Resume a run: reuse what succeeded and has not changed, run the rest
///
/// Creates a new run from the files of the earlier one as they are now, with the same params,
/// workspaces, permissions, disabled and selected tasks; flags take precedence. A task runs again if
/// the directory of one of its workspaces (`path=`) has changed. The earlier run is not changed.
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    run: RunId,
    /// Use the files as they were, not as they are now
    #[arg(long)]
    as_recorded: bool,
    #[command(flatten)]
    how: HowArgs,
}

/// Resumes.
pub(crate) fn resume<C: Connect>(
    args: ResumeArgs,
    context: &mut Context,
    connector: &C,
) -> Result<ExitStatus, CliError> {
    let ResumeArgs {
        run,
        as_recorded,
        how,
    } = args;
    let source = SourceRun::find(&run.run, context)?;
    let chooses = how.partial != PartialArgs::default();
    let settings = RunSettings::resolve(how, &context.settings, source.given()?)
        .map_err(CliError::before_the_start)?;
    if !chooses && !settings.partial.is_empty() {
        let flags = settings.partial.to_resume().join(" ");
        context.tell(&format!(
            "using the flags of run {}: {flags}",
            source.reader.id()
        ))?;
    }
    let engine = source.reader.header().settings.get("engineHost");
    if let (None, Some(host)) = (&context.settings.engine_host, engine) {
        context.settings.engine_host = host.as_str().map(str::to_owned);
    }
    let manifests = source
        .reader
        .manifests()
        .map_err(|error| store_error(&error))?;
    let (inputs, copied) = inputs(&manifests, as_recorded, context)?;
    let mut prepared = prepare_inputs(&inputs, settings.reading);
    prepared.copies = copied;
    let wanted = Wanted {
        only: origin(&source, &prepared).map_err(CliError::before_the_start)?,
        source: Some(source),
        resumes: true,
        files: Vec::new(),
    };
    run_prepared(&prepared, &wanted, &settings, context, connector)
        .map_err(CliError::before_the_start)
}

/// The files as they are now, or as they were where they no longer exist; and the latter again.
fn inputs(
    manifests: &[Manifest],
    as_recorded: bool,
    context: &mut Context,
) -> Result<(Vec<ManifestInput>, Vec<Manifest>), CliError> {
    let mut inputs = Vec::new();
    let mut copied = Vec::new();
    for manifest in manifests {
        let name = clean(&manifest.given).into_owned();
        match manifest.path.as_ref().filter(|path| path.is_file()) {
            Some(path) if !as_recorded => {
                inputs.push(ManifestInput::Path(near(
                    path,
                    &context.settings.environment.cwd,
                )));
                continue;
            }
            Some(_) => context.tell(&format!("{name}: using the recorded copy"))?,
            None if manifest.path.is_some() => {
                context.tell(&format!("{name} no longer exists: using the recorded copy"))?;
            }
            None => context.tell(&format!("{name} is not a file: using the recorded copy"))?,
        }
        inputs.push(ManifestInput::Text {
            name: manifest.given.clone(),
            bytes: manifest.content.clone(),
        });
        copied.push(manifest.clone());
    }
    Ok((inputs, copied))
}

/// The path from here, which is shorter in messages.
fn near(path: &Path, cwd: &Path) -> PathBuf {
    let near = path.strip_prefix(cwd).ok();
    let near = near.filter(|near| near.canonicalize().is_ok_and(|same| same == path));
    near.unwrap_or(path).to_owned()
}

/// The name of the run in its files: the earlier one, or `None` for the only run there is now.
fn origin(source: &SourceRun, prepared: &Prepared) -> Result<Option<String>, CliError> {
    let Some(origin) = source.origin() else {
        return Ok(None);
    };
    let catalog = &prepared.catalog;
    if prepared.diagnostics.has_errors() {
        return Ok(Some(origin.to_owned()));
    }
    if select::select(catalog, Some(origin)).is_ok() {
        return Ok(Some(origin.to_owned()));
    }
    // A lone Pipeline or Task is no run in its file.
    if let Some(definition) = origin.strip_suffix(select::GENERATED)
        && select::select(catalog, Some(definition)).is_ok()
    {
        return Ok(Some(definition.to_owned()));
    }
    match select::select(catalog, Some(origin)) {
        Err(unknown) if runs_of(catalog, source.kind()) != 1 => Err(unknown
            .cause(format!("run {} was created from it", source.reader.id()))
            .hint("pass `--as-recorded` to use the files as they were")),
        Ok(_) | Err(_) => Ok(None),
    }
}

fn runs_of(catalog: &Catalog, kind: &str) -> usize {
    let runs = catalog.runs();
    runs.filter(|document| document.object.kind() == kind)
        .count()
}
