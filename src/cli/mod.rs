//! The command line: the only place that knows arguments, environment, terminals, signals and exit
//! statuses.
//!
//! Arguments and environment become [`settings`], files become documents (`load`), documents become
//! planned runs (`plan`), and each is executed with the sinks that show and record it (`run`).
//! `commands` has one file per command, `args` the flags that commands share, `runs` what commands
//! on earlier runs share. A command returns an [`ExitStatus`] or a [`CliError`]; nothing here exits
//! the process, and nothing here decides what a pipeline means.

mod args;
mod commands;
mod context;
mod docker_connector;
mod engine;
mod entry;
mod error;
mod exit;
mod load;
mod output;
mod plan;
mod prompt;
mod reaper;
mod run;
mod runs;
mod settings;
mod signals;
mod stream;
mod tracing_output;

pub use self::engine::{Connect, Connected, EngineRequest};
pub use self::entry::{main, run_with};
pub use self::error::CliError;
pub use self::exit::ExitStatus;
pub use self::reaper::Reaper;
pub use self::settings::Environment;
pub use self::stream::OutStream;
