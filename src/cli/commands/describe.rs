//! `tkn-local describe`.

use clap::Args;

use crate::cli::context::{Context, unwritable};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::output::Format;
use crate::cli::runs::earlier::{RunId, record};
use crate::report::{Described, write_description};
use crate::status::Timestamp;

/// Show the details of a run
#[derive(Debug, Args)]
pub(crate) struct DescribeArgs {
    #[command(flatten)]
    run: RunId,
    /// Print the PipelineRun and its TaskRuns with their status
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

/// Describes.
pub(crate) fn describe(args: DescribeArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let DescribeArgs { run, output } = args;
    let run = run.find(context)?;
    let record = record(&run)?;
    if let Some(format) = output {
        let text = format.text(record.objects(), true)?;
        context.write_out(&text)?;
        return Ok(ExitStatus::Success);
    }
    let described = Described {
        id: run.id(),
        resumed_from: run.header().resumed_from.as_deref(),
        now: Timestamp::now(),
        style: context.settings.out,
    };
    write_description(&mut context.out, &record, described)
        .map_err(|error| unwritable("output", &error))?;
    Ok(ExitStatus::Success)
}
