//! `tkn-local completion`.

use clap::Args;
use clap_complete::env::Shells;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;

/// Print shell completions
#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// Shell to print completions for
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish", "elvish", "powershell"])]
    shell: String,
}

/// Prints what `COMPLETE=<shell> tkn-local` prints.
pub(crate) fn completion(
    args: &CompletionArgs,
    context: &mut Context,
) -> Result<ExitStatus, CliError> {
    let shells = Shells::builtins();
    let shell = shells
        .completer(&args.shell)
        .ok_or_else(|| CliError::usage(format!("no completions for {}", args.shell)))?;
    let mut text = Vec::new();
    shell
        .write_registration("COMPLETE", "tkn-local", "tkn-local", "tkn-local", &mut text)
        .map_err(|error| CliError::new(ExitStatus::Internal, error.to_string()))?;
    context.write_out(&String::from_utf8_lossy(&text))?;
    Ok(ExitStatus::Success)
}
