//! `tkn-local graph`.

use clap::{Args, ValueEnum};

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::load::diagnose;
use crate::cli::load::prepare::{Prepared, Reading, prepare};
use crate::cli::plan::outline::Outline;
use crate::manifest::{Catalog, ReadOptions};
use crate::resolve::{Library, resolve_pipeline};
use crate::spec::{Object, PipelineRun};
use crate::substitution::Scope;

/// Print the tasks of a pipeline and what each waits for
///
/// Shows the pipeline of each PipelineRun in the files, or each Pipeline if there is no
/// PipelineRun.
#[derive(Debug, Args)]
pub(crate) struct GraphArgs {
    /// File or directory to read (.yaml, .yml and .json), or - for standard input
    #[arg(value_name = "FILE", required = true, value_hint = clap::ValueHint::AnyPath)]
    files: Vec<String>,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

/// How a graph is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    /// One line per task
    #[default]
    Text,
    /// The language of Graphviz
    Dot,
}

/// Prints the graphs.
pub(crate) fn graph(args: GraphArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let GraphArgs { files, output } = args;
    let reading = Reading {
        options: ReadOptions {
            allow_unknown_fields: false,
            lenient: true,
        },
        strict: false,
        forgives_refused: true,
    };
    let prepared = prepare(&files, reading)?;
    let diagnostics = prepared.said();
    let Prepared { catalog, .. } = prepared;
    diagnose::print(context, &diagnostics, &catalog)?;
    if diagnostics.has_errors() {
        return Ok(ExitStatus::Invalid);
    }
    let outlines = outlines(&catalog)?;
    if outlines.is_empty() {
        return Err(CliError::invalid("no pipeline in the files"));
    }
    let texts: Vec<String> = outlines
        .iter()
        .map(|outline| match output {
            Format::Text => outline.text(context.settings.out),
            Format::Dot => outline.dot(),
        })
        .collect();
    context.write_out(&texts.join("\n"))?;
    Ok(ExitStatus::Success)
}

fn outlines(catalog: &Catalog) -> Result<Vec<Outline>, CliError> {
    let library = Library::new(catalog.documents().iter().map(|document| &document.object));
    let of_runs: Vec<Outline> = catalog
        .documents()
        .iter()
        .filter_map(|document| match &document.object {
            Object::PipelineRun(run) => Some(of_run(run, &library)),
            _ => None,
        })
        .collect::<Result<_, _>>()?;
    if !of_runs.is_empty() {
        return Ok(of_runs);
    }
    catalog
        .documents()
        .iter()
        .filter_map(|document| match &document.object {
            Object::Pipeline(pipeline) => Some(Outline::new(
                format!("Pipeline {}", pipeline.metadata.name),
                &pipeline.spec,
            )),
            _ => None,
        })
        .collect()
}

fn of_run(run: &PipelineRun, library: &Library) -> Result<Outline, CliError> {
    let name = match run.metadata.name.as_str() {
        "" => run.metadata.generate_name.as_str(),
        name => name,
    };
    let mut scope = Scope::new();
    for param in &run.spec.params {
        scope.set_param(&param.name, &param.value);
    }
    let pipeline = resolve_pipeline(
        run.spec.pipeline_ref.as_ref(),
        run.spec.pipeline_spec.as_ref(),
        &library.in_namespace(&run.metadata.namespace),
        &scope,
    )
    .map_err(|error| {
        CliError::invalid(format!("cannot find the pipeline of PipelineRun {name}"))
            .cause(error.to_string())
    })?;
    let title = match &pipeline.name {
        Some(pipeline) => format!("PipelineRun {name}: Pipeline {pipeline}"),
        None => format!("PipelineRun {name}"),
    };
    Outline::new(title, &pipeline.spec)
}
