//! `tkn-local run`.

use std::sync::Arc;

use clap::Args;
use clap_complete::ArgValueCompleter;
use tokio::runtime::Runtime;

use crate::cli::args::complete::run_ids;
use crate::cli::args::declared::check_names;
use crate::cli::args::how_args::HowArgs;
use crate::cli::args::overrides::Overrides;
use crate::cli::args::run_settings::RunSettings;
use crate::cli::context::Context;
use crate::cli::engine::{Connect, Connected, EngineRequest};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::load::diagnose::{self, problems_found};
use crate::cli::load::files::{Files, Served};
use crate::cli::load::prepare::{Prepared, prepare, prepare_inputs, sort};
use crate::cli::load::reach::Reach;
use crate::cli::load::select::{Run, Selected, select};
use crate::cli::load::supply::supply;
use crate::cli::output::Format;
use crate::cli::plan::admission::{Admission, Said, disabled, located};
use crate::cli::plan::blame::blame;
use crate::cli::plan::job::{Rejected, kind_of};
use crate::cli::plan::lacking::{Lacking, lacking};
use crate::cli::plan::outline::Outline;
use crate::cli::plan::ready::{Planned, Ready, ready};
use crate::cli::run::execution::{Execution, Outcome};
use crate::cli::runs::source_run::SourceRun;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::execute::{Rejections, rejections};
use crate::manifest::ManifestInput;
use crate::plan::Job;
use crate::resolve::Library;
use crate::sandbox::Engine;
use crate::spec::PipelineSpec;

/// Run every PipelineRun and TaskRun in the files, one after another
///
/// If the files hold no run, their only Pipeline or Task is run. Logs go to standard output,
/// everything else to standard error.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// File or directory to read (.yaml, .yml and .json), or - for standard input
    #[arg(value_name = "FILE", required = true, value_hint = clap::ValueHint::AnyPath)]
    files: Vec<String>,
    /// Run only the PipelineRun or TaskRun of this name
    #[arg(long, value_name = "NAME")]
    only_run: Option<String>,
    /// Resume an earlier run with these files
    #[arg(long, value_name = "RUN", add = ArgValueCompleter::new(run_ids))]
    resume_from: Option<String>,
    #[command(flatten)]
    pub(crate) how: HowArgs,
}

/// Runs what the files hold. The status is that of the worst run.
pub(crate) fn run<C: Connect>(
    args: RunArgs,
    context: &mut Context,
    connector: &C,
) -> Result<ExitStatus, CliError> {
    let RunArgs {
        files,
        only_run,
        resume_from,
        how,
    } = args;
    let settings = RunSettings::resolve(how, &context.settings, Vec::new())
        .map_err(CliError::before_the_start)?;
    let prepared = prepare(&files, settings.reading).map_err(CliError::before_the_start)?;
    let wanted = Wanted {
        only: only_run,
        source: resume_from
            .map(|run| SourceRun::find_pipeline_run(&run, context))
            .transpose()
            .map_err(CliError::before_the_start)?,
        resumes: false,
        files,
    };
    run_prepared(&prepared, &wanted, &settings, context, connector)
        .map_err(CliError::before_the_start)
}

/// Which runs of the files are wanted, and what they resume.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// The one of this name.
    pub(crate) only: Option<String>,
    /// The earlier run they resume, whatever the file says.
    pub(crate) source: Option<SourceRun>,
    /// It is a new run of the same name with a fresh suffix.
    pub(crate) resumes: bool,
    /// The files of the command line.
    pub(crate) files: Vec<String>,
}

/// Runs what is wanted of the files.
pub(crate) fn run_prepared<C: Connect>(
    prepared: &Prepared,
    wanted: &Wanted,
    settings: &RunSettings,
    context: &mut Context,
    connector: &C,
) -> Result<ExitStatus, CliError> {
    let served = serve(context, settings)?;
    let files = Files {
        own: &prepared.catalog,
        served: &served,
    };
    if prepared.diagnostics.has_errors() {
        return Err(invalid(prepared, wanted, &files, context)?);
    }
    let Prepared {
        catalog,
        diagnostics,
        differences,
        copies,
    } = prepared;
    diagnose::print(context, diagnostics, catalog)?;
    let selected = select(catalog, wanted.only.as_deref())?;
    let mut library = Library::new(catalog.documents().iter().map(|document| &document.object));
    for Served {
        key, file, catalog, ..
    } in &served
    {
        let objects = catalog.documents().iter();
        let objects = objects.map(|document| document.object.clone());
        library.serve(key, file, objects.collect());
    }
    supply(&mut library, settings, context)?;
    let admission = Admission {
        files,
        differences,
        library: &library,
        settings,
    };
    let planned = plan_all(context, settings, selected, wanted, &admission)?;
    if settings.dry_run {
        return dry_run(context, settings, planned);
    }
    let runtime = Runtime::new().map_err(|error| {
        CliError::new(ExitStatus::Internal, "cannot start the async runtime")
            .cause(error.to_string())
    })?;
    let keeps = planned.iter().any(Result::is_ok);
    let execution = Execution::new(
        settings,
        Arc::new(library),
        catalog,
        copies.clone(),
        context,
        keeps,
    )?;
    let status = runtime.block_on(execute_all(execution, planned, context, connector));
    // Nobody waits for the sweep in the background.
    runtime.shutdown_background();
    status
}

/// Files that are wrong: says so, and what else is to be said of what the runs use.
fn invalid(
    prepared: &Prepared,
    wanted: &Wanted,
    files: &Files<'_>,
    context: &mut Context,
) -> Result<CliError, CliError> {
    let selected = select(&prepared.catalog, wanted.only.as_deref()).unwrap_or_default();
    let mut reach = Reach::default();
    for selected in &selected {
        let disabled = disabled(&selected.run);
        reach.extend(Reach::from(files, selected.document, &disabled));
    }
    let mut said = prepared.diagnostics.clone();
    let differences = prepared.differences.0.iter();
    let concerning = differences.filter(|difference| reach.concerns(None, difference));
    said.0.extend(concerning.cloned());
    sort(&mut said, &prepared.catalog);
    diagnose::print(context, &said, &prepared.catalog)?;
    let faults = diagnose::count(&said).unwrap_or_default();
    Ok(CliError::invalid(faults))
}

/// Reads the files that stand for what a resolver would fetch, by the rules for all files.
fn serve(context: &mut Context, settings: &RunSettings) -> Result<Vec<Served>, CliError> {
    let mut served = Vec::new();
    for (key, file) in &settings.resolve {
        let Prepared {
            catalog,
            diagnostics,
            differences,
            ..
        } = prepare_inputs(&[ManifestInput::Path(file.clone())], settings.reading);
        let near = file.strip_prefix(&context.settings.environment.cwd);
        let name = near.unwrap_or(file).display().to_string();
        diagnose::print(context, &diagnostics, &catalog)?;
        if diagnostics.has_errors() {
            return Err(
                CliError::invalid(format!("{name} cannot be used for {key}")).hint(format!(
                    "pass a file that holds the Pipeline, Task or StepAction: \
                     `--resolve '{key}=FILE'`"
                )),
            );
        }
        served.push(Served {
            key: key.clone(),
            file: name,
            catalog,
            differences,
        });
    }
    Ok(served)
}

/// Plans every run. One that cannot start is reported at once; the others still start.
fn plan_all(
    context: &mut Context,
    settings: &RunSettings,
    selected: Vec<Selected>,
    wanted: &Wanted,
    admission: &Admission<'_>,
) -> Result<Vec<Planned>, CliError> {
    let catalog = admission.files.own;
    let library = admission.library;
    let runs: Vec<&Run> = selected.iter().map(|selected| &selected.run).collect();
    let Overrides {
        params, workspaces, ..
    } = &settings.overrides;
    let allowed = settings.allow_unknown_params;
    for warning in check_names(params, workspaces, &runs, library, allowed)? {
        context.tell(&format!("warning: {warning}"))?;
    }
    let mut planned = Vec::new();
    let mut said = Said::default();
    for mut selected in selected {
        let origin = selected.run.origin().to_owned();
        settings.overrides.apply(&mut selected.run, library)?;
        if wanted.resumes {
            selected.run.begin_anew();
        }
        let plan = ready(
            &mut selected.run,
            origin,
            wanted.source.as_ref(),
            settings,
            library,
            context,
        )?;
        let job = plan.as_ref().ok().map(|ready| &ready.job);
        let refused = admission.of_run(&selected, job, &mut said);
        planned.push(match plan {
            Ok(ready) if !refused => admitted(ready, &selected, admission, context)?,
            Err(rejected) if !refused => {
                let fault = blame(catalog, &selected, &rejected.error);
                let lacking = lacking(catalog, &selected, library);
                let command = lacking.command(&wanted.files, settings);
                diagnose::print_in_full(context, &with_rest(fault, lacking), catalog)?;
                if let Some(command) = command {
                    context.tell(&format!("all of it: {command}"))?;
                }
                Err(rejected)
            }
            plan => plan,
        });
    }
    said.print(context, &admission.files)?;
    Ok(planned)
}

/// An error, and what the run lacks besides.
fn with_rest(first: Diagnostic, lacking: Lacking) -> Diagnostics {
    let mut rest = lacking.found.0;
    rest.retain(|found| found.path != first.path || found.document != first.document);
    rest.insert(0, first);
    Diagnostics(rest)
}

/// A run that is rejected as soon as it runs ends before it starts.
fn admitted(
    ready: Ready,
    selected: &Selected,
    admission: &Admission<'_>,
    context: &mut Context,
) -> Result<Planned, CliError> {
    let files = &admission.files;
    let namespace = &selected.run.metadata().namespace;
    let library = admission.library.in_namespace(namespace);
    let Rejections { faults, error } = rejections(&ready.job, &library);
    located(files, selected, faults).print(context, files)?;
    Ok(match error {
        None => Ok(ready),
        Some(error) => Err(Box::new(Rejected {
            kind: kind_of(&ready.job),
            object: ready.job.object(),
            error,
        })),
    })
}

fn dry_run(
    context: &mut Context,
    settings: &RunSettings,
    planned: Vec<Planned>,
) -> Result<ExitStatus, CliError> {
    let mut rejected = 0;
    let mut objects = Vec::new();
    let mut texts = Vec::new();
    for plan in planned {
        match plan {
            Ok(ready) => {
                texts.push(match ready.decisions(context.settings.out)? {
                    Some(decisions) => decisions,
                    None => outline(&ready.job)?.text(context.settings.out),
                });
                objects.push(match settings.format {
                    Some(Format::Json) => ready.decisions_json(),
                    _ => ready.job.object(),
                });
            }
            Err(_) => rejected += 1,
        }
    }
    let text = match settings.format {
        Some(format) => format.text(objects, false)?,
        None => texts.join("\n"),
    };
    context.write_out(&text)?;
    match rejected {
        0 => Ok(ExitStatus::Success),
        _ => Err(CliError::invalid(problems_found(rejected))),
    }
}

/// The closing error for runs that were rejected, whose errors have been printed.
fn not_started(rejected: &[String], started: bool) -> CliError {
    let problems = problems_found(rejected.len() as u64);
    CliError::invalid(match rejected {
        _ if !started => problems,
        [run] => format!("{problems}; {run} was not started"),
        runs => format!("{problems}; {} were not started", runs.join(", ")),
    })
}

fn outline(job: &Job) -> Result<Outline, CliError> {
    match job {
        Job::Pipeline(plan) => {
            let spec: PipelineSpec = serde_json::from_value(plan.pipeline_spec.clone())
                .map_err(|error| CliError::from_source(ExitStatus::Internal, &error))?;
            Outline::new(format!("PipelineRun {}", plan.identity.name), &spec)
        }
        Job::Task(request) => Ok(Outline::of_task(
            format!("TaskRun {}", request.identity.name),
            &request.task.spec,
        )),
    }
}

async fn execute_all<C: Connect>(
    execution: Execution<'_>,
    planned: Vec<Planned>,
    context: &mut Context,
    connector: &C,
) -> Result<ExitStatus, CliError> {
    let engine = if planned.iter().any(Result::is_ok) {
        Some(connect(context, connector).await?)
    } else {
        None
    };
    let reaper = engine
        .as_ref()
        .and_then(|_| connector.reaper(&engine_request(context)));
    let executed = execute_each(execution, planned, context, engine).await;
    // An engine that failed may have kept something.
    let is_clean = !matches!(&executed, Err(error) if error.status == ExitStatus::Engine);
    if let Some(reaper) = reaper.filter(|_| is_clean) {
        reaper.dismiss();
    }
    executed
}

async fn execute_each<E: Engine>(
    mut execution: Execution<'_>,
    planned: Vec<Planned>,
    context: &mut Context,
    engine: Option<Connected<E>>,
) -> Result<ExitStatus, CliError> {
    if let Some(engine) = &engine {
        let sweeping = engine.engine.clone();
        tokio::spawn(async move {
            // A leftover that cannot be removed is no reason not to run; `prune` reports it.
            let swept = sweeping.sweep().await;
            tracing::debug!(?swept, "looked for what dead processes left");
        });
        for ready in planned.iter().flatten() {
            ready.check_volume(&engine.engine).await?;
        }
    }
    let mut status = ExitStatus::Success;
    let mut started = false;
    let mut not_begun = Vec::new();
    for plan in planned {
        let outcome = match (plan, &engine) {
            (Ok(ready), Some(engine)) => {
                let name = ready.job.name().to_owned();
                let executed = execution.execute(ready, engine, context).await;
                let outcome = executed.map_err(|error| match error.status {
                    ExitStatus::Invalid if started => CliError {
                        message: format!("{}; {name} was not started", error.message),
                        ..error
                    },
                    _ => error,
                });
                started = true;
                outcome?
            }
            (Ok(_), None) => continue,
            (Err(rejected), _) => {
                not_begun.push(rejected.title());
                execution.reject(*rejected)?
            }
        };
        let Outcome {
            status: of_run,
            interrupted,
        } = outcome;
        status = status.max(of_run);
        if interrupted {
            break;
        }
    }
    execution.finish(context)?;
    if status == ExitStatus::Invalid && !not_begun.is_empty() {
        return Err(not_started(&not_begun, started));
    }
    Ok(status)
}

async fn connect<C: Connect>(
    context: &mut Context,
    connector: &C,
) -> Result<Connected<C::Engine>, CliError> {
    let engine = connector.connect(engine_request(context)).await?;
    context.tell(&format!("engine: {}", engine.name))?;
    Ok(engine)
}

fn engine_request(context: &Context) -> EngineRequest {
    EngineRequest {
        host: context.settings.engine_host.clone(),
        variables: context.settings.environment.engine.clone(),
    }
}
