//! `tkn-local logs`.

use std::collections::BTreeSet;
use std::fs::File;

use clap::Args;
use clap_complete::ArgValueCompleter;

use super::complete::tasks_of_logs;
use super::context::{Context, unwritable};
use super::earlier::{RunId, record};
use super::error::CliError;
use super::exit::ExitStatus;
use crate::diagnostic::did_you_mean;
use crate::event::Record;
use crate::report::{LogQuery, write_logs};

/// Print the logs of an earlier run, in the order of the pipeline
#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    #[command(flatten)]
    run: RunId,
    /// Of this task only
    #[arg(value_name = "TASK", add = ArgValueCompleter::new(tasks_of_logs))]
    task: Option<String>,
    /// Of this step only
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    /// Of attempts that failed and were repeated as well
    #[arg(long)]
    all_attempts: bool,
    /// Of sidecars as well
    #[arg(long)]
    sidecars: bool,
    /// The bytes alone, without [task : step]
    #[arg(long)]
    no_prefix: bool,
}

/// Prints.
pub(super) fn logs(args: LogsArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
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
        style: context.settings.out,
    };
    let directory = run.dir().logs();
    let count = write_logs(&mut context.out, &record, query, |path| {
        File::open(directory.join(path))
    })
    .map_err(|error| unwritable("output", &error))?;
    match (count, task) {
        (0, Some(task)) => Err(no_logs(&record, run.id(), &task)),
        (0, None) => {
            context.tell(&format!("run {} has no logs", run.id()))?;
            Ok(ExitStatus::Success)
        }
        _ => Ok(ExitStatus::Success),
    }
}

fn no_logs(record: &Record, id: &str, task: &str) -> CliError {
    let error = CliError::invalid(format!("run {id} has no logs of a task {task:?}"));
    let tasks: BTreeSet<&str> = record
        .task_runs()
        .into_iter()
        .map(|run| run.task.as_str())
        .collect();
    match did_you_mean(task, tasks.iter().copied()) {
        Some(near) if near != task => error.hint(format!("did you mean {near:?}?")),
        _ if tasks.is_empty() => error,
        _ => error.hint(format!(
            "tasks that ran: {}",
            tasks.into_iter().collect::<Vec<_>>().join(", ")
        )),
    }
}
