//! From arguments and environment to settings. Nobody else reads the environment.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::error::CliError;
use super::exit::ExitStatus;
use crate::report::{Style, Terminal, TerminalSize};
use crate::state::default_state_dir;

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct GlobalArgs {
    /// Keep runs in this directory [default: `TKN_LOCAL_STATE_DIR`, then `$XDG_STATE_HOME/tkn-local`]
    #[arg(long, value_name = "DIR", global = true, value_hint = clap::ValueHint::DirPath)]
    state_dir: Option<PathBuf>,
    /// Connect to this container engine [default: `DOCKER_HOST`, then the Docker context, then the
    /// usual sockets]
    #[arg(long, value_name = "HOST", global = true)]
    engine_host: Option<String>,
    /// When to use colors
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, global = true)]
    color: ColorChoice,
    /// Print no progress and no notices
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Print debug messages; repeat for more (`TKN_LOCAL_LOG` filters them)
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal; `NO_COLOR`, `FORCE_COLOR` and `CLICOLOR_FORCE` are honoured
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The variables that lead to an engine.
const ENGINE_VARIABLES: [&str; 9] = [
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "DOCKER_API_VERSION",
    "CONTAINER_HOST",
    "XDG_RUNTIME_DIR",
    "HOME",
];

/// What the process finds around it.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// The working directory.
    pub cwd: PathBuf,
    /// `TKN_LOCAL_STATE_DIR`.
    pub state_dir: Option<PathBuf>,
    /// `TKN_LOCAL_LOG`: which debug messages to print.
    pub log: Option<String>,
    /// `TKN_LOCAL_KEEP_FILES`: how many successful runs of a pipeline keep their files.
    pub keep_files: Option<String>,
    /// What leads to an engine, by name.
    pub engine: BTreeMap<String, String>,
    /// The locale uses UTF-8.
    pub unicode: bool,
    /// What is known of standard output.
    pub stdout: Terminal,
    /// What is known of standard error.
    pub stderr: Terminal,
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Self {
        let terminal = |is_terminal| Terminal {
            is_terminal,
            is_dumb: variable("TERM").is_some_and(|term| term == "dumb"),
            no_color: variable("NO_COLOR").is_some(),
            force_color: ["FORCE_COLOR", "CLICOLOR_FORCE"]
                .into_iter()
                .filter_map(variable)
                .any(|value| value != "0" && value != "false"),
            is_ci: variable("CI").is_some_and(|value| value != "false"),
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(variable);
        let is_utf8 = |locale: String| {
            let locale = locale.to_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        };
        Self {
            cwd: std::env::current_dir().unwrap_or_default(),
            state_dir: variable("TKN_LOCAL_STATE_DIR").map(PathBuf::from),
            log: variable("TKN_LOCAL_LOG"),
            keep_files: variable("TKN_LOCAL_KEEP_FILES"),
            engine: ENGINE_VARIABLES
                .into_iter()
                .filter_map(|name| Some((name.to_owned(), variable(name)?)))
                .collect(),
            unicode: locale.is_some_and(is_utf8),
            stdout: terminal(std::io::stdout().is_terminal()),
            stderr: terminal(std::io::stderr().is_terminal()),
        }
    }
}

/// A variable that is set to something.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place where the environment is read"
)]
fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name)?.into_string().ok()?;
    (!value.is_empty()).then_some(value)
}

/// How large the terminal of standard error is now.
#[cfg(unix)]
pub(super) fn terminal_size() -> TerminalSize {
    let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok();
    let known = size.filter(|size| size.ws_col > 0 && size.ws_row > 0);
    known.map_or_else(TerminalSize::default, |size| TerminalSize {
        columns: size.ws_col.into(),
        lines: size.ws_row.into(),
    })
}

/// How large the terminal of standard error is now.
#[cfg(not(unix))]
pub(super) fn terminal_size() -> TerminalSize {
    TerminalSize::default()
}

/// A variable that an argument names.
pub(crate) fn variable_named(name: &str) -> Option<String> {
    variable(name)
}

/// What holds for every command.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    state_dir: Option<PathBuf>,
    /// `--state-dir`: where runs are kept by this command line's own word.
    pub(super) own_state_dir: Option<PathBuf>,
    /// What the process finds around it.
    pub(super) environment: Environment,
    /// The engine asked for.
    pub(super) engine_host: Option<String>,
    /// How standard output looks.
    pub(super) out: Style,
    /// How standard error looks.
    pub(super) err: Style,
    /// No progress, no notices.
    pub(super) quiet: bool,
    /// How many debug messages to print.
    pub(super) verbose: u8,
}

impl Settings {
    /// Arguments first, then the environment, then what is usual.
    pub(super) fn resolve(args: GlobalArgs, environment: Environment) -> Self {
        let GlobalArgs {
            state_dir,
            engine_host,
            color,
            quiet,
            verbose,
        } = args;
        let style = |terminal: Terminal| Style {
            color: match color {
                ColorChoice::Auto => terminal.has_color(),
                ColorChoice::Always => true,
                ColorChoice::Never => false,
            },
            unicode: environment.unicode,
        };
        Self {
            own_state_dir: state_dir.clone(),
            state_dir: state_dir
                .or_else(|| environment.state_dir.clone())
                .or_else(default_state_dir),
            engine_host,
            out: style(environment.stdout),
            err: style(environment.stderr),
            quiet,
            verbose,
            environment,
        }
    }

    /// How many successful runs of each pipeline keep the files of their workspaces.
    pub(super) fn keep_files(&self) -> Result<usize, CliError> {
        let Some(text) = &self.environment.keep_files else {
            return Ok(1);
        };
        text.parse().map_err(|_| {
            CliError::usage(format!(
                "invalid value for TKN_LOCAL_KEEP_FILES: `{text}` is not a number"
            ))
            .hint("it is how many successful runs of each pipeline keep their files; 0 for none")
        })
    }

    /// Where runs are kept.
    pub(super) fn state_dir(&self) -> Result<&Path, CliError> {
        self.state_dir.as_deref().ok_or_else(|| {
            CliError::new(ExitStatus::Internal, "no directory to keep runs in")
                .cause("neither HOME nor XDG_STATE_HOME is set")
                .hint("pass `--state-dir DIR`")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ColorChoice, Environment, GlobalArgs, Settings};
    use crate::report::Terminal;

    #[test]
    fn arguments_win_over_the_environment() {
        let environment = Environment {
            state_dir: Some("/from/environment".into()),
            ..Environment::default()
        };
        for (argument, expected) in [
            (None, "/from/environment"),
            (Some("/from/argument"), "/from/argument"),
        ] {
            let args = GlobalArgs {
                state_dir: argument.map(Into::into),
                ..GlobalArgs::default()
            };
            let settings = Settings::resolve(args, environment.clone());
            assert_eq!(settings.state_dir().unwrap().to_str(), Some(expected));
        }
    }

    #[test]
    fn colour_is_for_terminals_unless_said_otherwise() {
        let terminal = Terminal {
            is_terminal: true,
            ..Terminal::default()
        };
        let forced = Terminal {
            force_color: true,
            ..Terminal::default()
        };
        let refused = Terminal {
            no_color: true,
            ..forced
        };
        for (color, stderr, expected) in [
            (ColorChoice::Auto, forced, true),
            (ColorChoice::Auto, refused, false),
            (ColorChoice::Never, forced, false),
            (ColorChoice::Auto, terminal, true),
            (ColorChoice::Auto, Terminal::default(), false),
            (ColorChoice::Always, Terminal::default(), true),
            (ColorChoice::Never, terminal, false),
        ] {
            let args = GlobalArgs {
                color,
                ..GlobalArgs::default()
            };
            let environment = Environment {
                stderr,
                ..Environment::default()
            };
            let settings = Settings::resolve(args, environment);
            assert_eq!(settings.err.color, expected, "{color:?} {stderr:?}");
        }
    }
}
