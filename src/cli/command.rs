//! The commands.

use clap::{Parser, Subcommand};

use super::context::Context;
use super::error::CliError;
use super::exit::ExitStatus;
use super::engine::Connect;
use super::graph::{self, GraphArgs};
use super::run::{self, RunArgs};
use super::settings::GlobalArgs;
use super::validate::{self, ValidateArgs};

/// Run a whole Tekton PipelineRun in one container sandbox, without Kubernetes
#[derive(Debug, Parser)]
#[command(name = "tkn-local", version, arg_required_else_help = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: GlobalArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// One command and its arguments.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Run(Box<RunArgs>),
    Validate(ValidateArgs),
    Graph(GraphArgs),
}

/// Does what was asked for.
pub(super) fn dispatch<C: Connect>(
    command: Command,
    context: &mut Context,
    connector: &C,
) -> Result<ExitStatus, CliError> {
    match command {
        Command::Run(args) => run::run(*args, context, connector),
        Command::Validate(args) => validate::validate(args, context),
        Command::Graph(args) => graph::graph(args, context),
    }
}
