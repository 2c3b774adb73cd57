//! `tkn-local logs`.

use std::collections::BTreeSet;
use std::fs::File;

use clap::Args;
use clap_complete::ArgValueCompleter;

use crate::cli::args::complete::tasks_of_logs;
use crate::cli::context::{Context, unwritable};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::runs::earlier::{RunId, record};
use crate::diagnostic::did_you_mean;
use crate::event::{Record, TaskRunRecord};
use crate::report::{LogQuery, write_logs};

/// Print the logs of a run, in the order of the pipeline
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    run: RunId,
    /// Print only the logs of this task, or of one combination of its matrix
    #[arg(value_name = "TASK", add = ArgValueCompleter::new(tasks_of_logs))]
    task: Option<String>,
    /// Print only the logs of this step
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    /// Include attempts that failed and were retried
    #[arg(long)]
    all_attempts: bool,
    /// Include sidecars
    #[arg(long)]
    sidecars: bool,
    /// Print the output alone, without `[task : step]`
    #[arg(long)]
    no_prefix: bool,
}

/// Prints.
pub(crate) fn logs(args: LogsArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let LogsArgs {
        run,
        task,
        step,
        all_attempts,
        sidecars,
        no_prefix,
    } = args;
    let run = run.find(context)?;
    let record = record(&run)?;
    let query = LogQuery {
        task: task.as_deref(),
        step: step.as_deref(),
        all_attempts,
        sidecars,
        prefix: !no_prefix,
        to_terminal: context.settings.environment.stdout.is_terminal,
        style: context.settings.out,
    };
    let directory = run.dir().logs();
    let count = write_logs(&mut context.out, &record, query, |path| {
        File::open(directory.join(path))
    })
    .map_err(|error| unwritable("output", &error))?;
    if count == 0 {
        no_logs(&record, run.id(), task.as_deref(), step.as_deref())?;
        context.tell(&format!("run {} has no such output", run.id()))?;
    }
    Ok(ExitStatus::Success)
}

/// Fails when what was asked for is not in the run at all.
fn no_logs(
    record: &Record,
    id: &str,
    task: Option<&str>,
    step: Option<&str>,
) -> Result<(), CliError> {
    let runs = record.task_runs();
    // A TaskRun of a matrix is called by its task or by its label.
    let labels: Vec<String> = runs
        .iter()
        .map(|run| record.label(&run.run, &run.task, &run.name))
        .zip(&runs)
        .map(|(label, run)| label.unwrap_or_else(|| run.task.clone()))
        .collect();
    let wanted: Vec<&TaskRunRecord> = runs
        .iter()
        .zip(&labels)
        .filter(|(run, label)| task.is_none_or(|task| task == run.task || task == *label))
        .map(|(run, _)| *run)
        .collect();
    if let Some(task) = task.filter(|_| wanted.is_empty()) {
        let tasks = runs.iter().map(|run| run.task.as_str());
        let tasks = tasks.chain(labels.iter().map(String::as_str)).collect();
        return Err(unknown(id, "task", task, &tasks));
    }
    let steps: BTreeSet<&str> = wanted
        .iter()
        .flat_map(|run| &run.status.steps)
        .map(|step| step.name.as_str())
        .collect();
    match step.filter(|step| !steps.contains(step)) {
        Some(step) => Err(unknown(id, "step", step, &steps)),
        None => Ok(()),
    }
}

fn unknown(id: &str, kind: &str, name: &str, there: &BTreeSet<&str>) -> CliError {
    let error = CliError::invalid(format!("run {id} has no {kind} {name:?}"));
    match did_you_mean(name, there.iter().copied()) {
        Some(near) => error.hint(format!("did you mean {near:?}?")),
        None if there.is_empty() => error,
        None => error.hint(format!(
            "{kind}s that ran: {}",
            there.iter().copied().collect::<Vec<_>>().join(", ")
        )),
    }
}
