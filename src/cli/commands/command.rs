//! The commands.

use clap::{Parser, Subcommand};

use super::cancel::{self, CancelArgs};
use super::completion::{self, CompletionArgs};
use super::describe::{self, DescribeArgs};
use super::graph::{self, GraphArgs};
use super::list::{self, ListArgs};
use super::logs::{self, LogsArgs};
use super::prune::{self, PruneArgs};
use super::reap;
use super::resume::{self, ResumeArgs};
use super::run::{self, RunArgs};
use super::validate::{self, ValidateArgs};
use crate::cli::context::Context;
use crate::cli::engine::Connect;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::settings::GlobalArgs;

/// Run a whole Tekton PipelineRun in one container sandbox, without Kubernetes
#[derive(Debug, Parser)]
#[command(name = "tkn-local", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One command and its arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(Box<RunArgs>),
    Resume(Box<ResumeArgs>),
    Validate(ValidateArgs),
    Graph(GraphArgs),
    List(ListArgs),
    Describe(DescribeArgs),
    Logs(LogsArgs),
    Cancel(CancelArgs),
    Prune(PruneArgs),
    Completion(CompletionArgs),
    /// Remove what the process that starts this leaves in the engine
    #[command(hide = true)]
    Reap,
}

/// Does what was asked for.
pub(crate) fn dispatch<C: Connect>(
    command: Command,
    context: &mut Context,
    connector: &C,
) -> Result<ExitStatus, CliError> {
    match command {
        Command::Run(args) => run::run(*args, context, connector),
        Command::Resume(args) => resume::resume(*args, context, connector),
        Command::Validate(args) => validate::validate(args, context),
        Command::Graph(args) => graph::graph(args, context),
        Command::List(args) => list::list(&args, context),
        Command::Describe(args) => describe::describe(args, context),
        Command::Logs(args) => logs::logs(args, context),
        Command::Cancel(args) => cancel::cancel(args, context),
        Command::Prune(args) => prune::prune(args, context, connector),
        Command::Reap => reap::reap(context, connector),
        Command::Completion(args) => completion::completion(&args, context),
    }
}
