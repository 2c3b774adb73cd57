//! `tkn-local cancel`.

use clap::{Args, ValueEnum};

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::runs::earlier::RunId;

/// Cancel a run that another process is running
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    run: RunId,
    /// What may still run
    #[arg(long, value_enum, value_name = "STATUS", default_value_t)]
    grace: Grace,
}

/// What may still run of a run that is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Grace {
    /// Nothing
    #[default]
    #[value(name = "Cancelled")]
    Cancelled,
    /// Finally tasks
    #[value(name = "CancelledRunFinally")]
    CancelledRunFinally,
    /// Running tasks, then finally tasks
    #[value(name = "StoppedRunFinally")]
    StoppedRunFinally,
}

/// Signals the process that owns the run.
pub(crate) fn cancel(args: CancelArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let CancelArgs { run, grace } = args;
    let run = run.find(context)?;
    if !run.is_running() {
        return Err(
            CliError::invalid(format!("run {} is not running", run.id())).hint(format!(
                "`tkn-local describe {}` shows how it ended",
                run.id()
            )),
        );
    }
    let pid = run.header().owner.pid;
    // A state directory may be shared with another machine or container, where this number belongs
    // to another process.
    if !run.header().owner.is_alive() {
        let message = format!("cannot reach process {pid} of run {} from here", run.id());
        return Err(CliError::invalid(message).hint("cancel the run where it was started"));
    }
    signal(pid, grace).map_err(|cause| {
        CliError::new(
            ExitStatus::Internal,
            format!("cannot signal process {pid} of run {}", run.id()),
        )
        .cause(cause)
    })?;
    context.tell(&format!("cancelling run {}", run.id()))?;
    Ok(ExitStatus::Success)
}

/// As a person at its terminal would: SIGINT lets finally tasks run, SIGTERM does not. SIGUSR1 lets
/// what runs already end by itself.
#[cfg(unix)]
fn signal(pid: u32, grace: Grace) -> Result<(), String> {
    use rustix::process::{Pid, Signal, kill_process};
    let signal = match grace {
        Grace::Cancelled => Signal::TERM,
        Grace::CancelledRunFinally => Signal::INT,
        Grace::StoppedRunFinally => Signal::USR1,
    };
    let pid = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .ok_or("there is no such process")?;
    kill_process(pid, signal).map_err(|error| error.to_string())
}

#[cfg(not(unix))]
fn signal(_pid: u32, _grace: Grace) -> Result<(), String> {
    Err("this system has no signals; press Ctrl-C in the terminal of the run".to_owned())
}
