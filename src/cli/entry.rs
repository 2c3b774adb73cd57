//! From the process to a command and back to an exit status.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser as _};
use clap_complete::CompleteEnv;

use super::commands::command::{Cli, dispatch};
use super::commands::unknown::unknown_command;
use super::context::Context;
use super::docker_connector::DockerConnector;
use super::engine::Connect;
use super::error::CliError;
use super::exit::ExitStatus;
use super::settings::{Environment, GlobalArgs, Settings};
use super::stream::OutStream;
use super::tracing_output;

/// The program.
pub fn main() -> ExitCode {
    let environment = Environment::of_process();
    let completed = CompleteEnv::with_factory(Cli::command)
        .try_complete(std::env::args_os(), Some(&environment.cwd));
    match completed {
        Ok(true) => return ExitStatus::Success.into(),
        Ok(false) => {}
        Err(error) => {
            let (mut out, mut err) = (stdout(environment.unicode), stderr(environment.unicode));
            return report_clap(&error, &mut out, &mut err).into();
        }
    }
    let (out, err) = (stdout(environment.unicode), stderr(environment.unicode));
    tell_panics(environment.unicode);
    let connector = DockerConnector;
    run_with(std::env::args_os(), &connector, environment, out, err).into()
}

fn stdout(reads_utf8: bool) -> OutStream {
    OutStream::to_device("standard output", std::io::stdout(), reads_utf8)
}

fn stderr(reads_utf8: bool) -> OutStream {
    OutStream::to_device("standard error", std::io::stderr(), reads_utf8)
}

/// The message of a panic may quote a document.
fn tell_panics(reads_utf8: bool) {
    std::panic::set_hook(Box::new(move |info| {
        let trace = std::backtrace::Backtrace::capture();
        let trace = match trace.status() {
            std::backtrace::BacktraceStatus::Captured => format!("\n{trace}"),
            _ => String::new(),
        };
        // Nothing is left to tell a failure to.
        drop(writeln!(stderr(reads_utf8), "{info}{trace}"));
    }));
}

/// Runs one command line, the program's name included.
pub fn run_with<C: Connect>(
    args: impl IntoIterator<Item = OsString>,
    connector: &C,
    environment: Environment,
    mut out: OutStream,
    mut err: OutStream,
) -> ExitStatus {
    let args: Vec<OsString> = args.into_iter().collect();
    let command_line = args
        .iter()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    let Cli { global, command } = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return report_usage(&error, &environment, &mut out, &mut err),
    };
    let settings = Settings::resolve(global, environment);
    let style = settings.err;
    if let Err(error) = tracing_output::start(&settings, &err) {
        let error = CliError::usage("invalid value for `TKN_LOCAL_LOG`: not a filter")
            .cause(error.to_string());
        drop(err.write_all(error.text(style).as_bytes()));
        return error.status;
    }
    let mut context = Context {
        settings,
        argv: command_line,
        out,
        err: err.clone(),
    };
    match dispatch(command, &mut context, connector) {
        Ok(status) => status,
        Err(error) => {
            drop(err.write_all(error.text(style).as_bytes()));
            error.status
        }
    }
}

/// A command line that clap does not accept. Suggestions for commands are our own: clap's are
/// often far from the word.
fn report_usage(
    error: &clap::Error,
    environment: &Environment,
    out: &mut OutStream,
    err: &mut OutStream,
) -> ExitStatus {
    let word = error.get(ContextKind::InvalidSubcommand);
    let (ErrorKind::InvalidSubcommand, Some(ContextValue::String(word))) = (error.kind(), word)
    else {
        return report_clap(error, out, err);
    };
    let cli = Cli::command();
    let commands: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
    let error = unknown_command(word, &commands, &environment.cwd);
    let style = Settings::resolve(GlobalArgs::default(), environment.clone()).err;
    drop(err.write_all(error.text(style).as_bytes()));
    error.status
}

/// Help and version go to standard output, an error in the command line to standard error.
fn report_clap(error: &clap::Error, out: &mut OutStream, err: &mut OutStream) -> ExitStatus {
    let text = error.render();
    if error.use_stderr() {
        drop(write!(err, "{text}"));
        return ExitStatus::Usage;
    }
    drop(write!(out, "{text}"));
    ExitStatus::Success
}
