//! `tkn-local validate`.

use clap::{Args, ValueEnum};

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::load::diagnose;
use crate::cli::load::files::Files;
use crate::cli::load::prepare::{Prepared, Reading, prepare};
use crate::cli::load::select::{Run, Selected};
use crate::cli::plan::admission::located;
use crate::cli::plan::blame::blame;
use crate::cli::plan::pod_settings::pod_settings;
use crate::diagnostic::{Diagnostics, Severity};
use crate::execute::rejections;
use crate::manifest::{Catalog, Document, ReadOptions, render};
use crate::plan::{Job, RunRequest, plan};
use crate::report::plural;
use crate::resolve::Library;
use crate::spec::Object;
use crate::status::Reason;

/// Check files and report every error with its location; start nothing
///
/// Checks each document by the rules of Tekton's admission webhook, and whether the runs in the files
/// could start. A reference to something outside the files is not an error; a run that an API server
/// accepts and that would fail as soon as it is started is a warning.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// File or directory to read (.yaml, .yml and .json), or - for standard input
    #[arg(value_name = "FILE", required = true, value_hint = clap::ValueHint::AnyPath)]
    files: Vec<String>,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
    /// Treat differences from a cluster as errors, not notices
    #[arg(long)]
    strict: bool,
    /// Report unknown fields and repeated keys as notices, not errors
    #[arg(long)]
    allow_unknown_fields: bool,
}

/// How errors are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    /// For people, on standard error
    #[default]
    Text,
    /// For programs, on standard output
    Json,
}

/// Validates. The exit status is [`ExitStatus::Invalid`] if there is an error.
pub(crate) fn validate(args: ValidateArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let ValidateArgs {
        files,
        output,
        strict,
        allow_unknown_fields,
    } = args;
    let reading = Reading {
        options: ReadOptions {
            allow_unknown_fields,
            lenient: false,
        },
        strict,
        forgives_refused: true,
    };
    let prepared = prepare(&files, reading)?;
    let mut diagnostics = prepared.said();
    let Prepared { catalog, .. } = prepared;
    let mut failing = 0;
    if !diagnostics.has_errors() {
        let foreseen = foreseen(&catalog, strict);
        failing = foreseen.failing;
        diagnostics.extend(foreseen.diagnostics);
    }
    match output {
        Format::Json => {
            let list = render::json(&diagnostics, &catalog);
            context.write_out(&format!("{list:#}\n"))?;
        }
        Format::Text => {
            diagnose::print_in_full(context, &diagnostics, &catalog)?;
            context.tell(&verdict(&diagnostics, failing, &catalog))?;
        }
    }
    Ok(if diagnostics.has_errors() {
        ExitStatus::Invalid
    } else {
        ExitStatus::Success
    })
}

/// The last line. `failing` is how many runs an API server accepts that would fail at once.
fn verdict(diagnostics: &Diagnostics, failing: u64, catalog: &Catalog) -> String {
    let objects = plural(catalog.documents().len() as u64, "object");
    match diagnose::count(diagnostics) {
        Some(problems) => problems,
        None if failing > 0 => format!(
            "{objects} accepted, but {} would fail as soon as started (--strict makes this an error)",
            plural(failing, "run")
        ),
        None => format!("{objects}, no problems found"),
    }
}

/// What is known of the runs before they start.
struct Foreseen {
    diagnostics: Diagnostics,
    /// How many runs would fail.
    failing: u64,
}

/// What every PipelineRun of the files would fail with as soon as it is started. An API server
/// accepts such a run, so this is a warning.
fn foreseen(catalog: &Catalog, strict: bool) -> Foreseen {
    let library = Library::new(catalog.documents().iter().map(|document| &document.object));
    let mut found = Diagnostics::default();
    let files = Files {
        own: catalog,
        served: &[],
    };
    let mut failing = 0;
    for document in catalog.runs() {
        let mut of_run = foresee(document, &library, &files);
        failing += u64::from(of_run.has_errors());
        for diagnostic in &mut of_run.0 {
            diagnostic.severity = diagnostic.severity.min(Severity::Warning);
        }
        found.extend(of_run);
    }
    if strict {
        found.forgive_nothing();
    }
    Foreseen {
        diagnostics: found,
        failing,
    }
}

fn foresee(document: &Document, library: &Library, files: &Files<'_>) -> Diagnostics {
    let Object::PipelineRun(run) = &document.object else {
        return Diagnostics::default();
    };
    let selected = Selected {
        document: document.id,
        run: Run::Pipeline(run.clone()),
    };
    let library = library.in_namespace(&run.metadata.namespace);
    match plan(&RunRequest::from(run.as_ref()), &library) {
        Ok(plan) => {
            let job = Job::Pipeline(Box::new(plan));
            let mut found = pod_settings(&selected, &job);
            // A cluster takes what this machine refuses.
            for diagnostic in &mut found.0 {
                diagnostic.severity = diagnostic.severity.min(Severity::Warning);
            }
            let rejections = rejections(&job, &library).without_missing();
            let mut rejected = located(files, &selected, rejections.faults).own;
            for diagnostic in &mut rejected.0 {
                if diagnostic.severity == Severity::Error {
                    diagnostic.message = format!("this run would fail: {}", diagnostic.message);
                }
            }
            found.extend(rejected);
            found
        }
        // What is not in the files may be in the cluster.
        Err(error)
            if matches!(
                error.reason(),
                Reason::CouldntGetPipeline | Reason::CouldntGetTask
            ) =>
        {
            Diagnostics::default()
        }
        Err(error) => {
            let mut diagnostic = blame(files.own, &selected, &error);
            diagnostic.message = format!("this run would fail: {}", diagnostic.message);
            Diagnostics(vec![diagnostic])
        }
    }
}
