//! The command line: the only place that knows arguments, environment, terminals, signals and
//! exit statuses.
//!
//! Data flows one way: arguments and environment become [`settings`], files become documents
//! ([`prepare`]), documents become runs, and each run is executed with its sinks. A command
//! returns an [`ExitStatus`] or a [`CliError`](error::CliError); nothing exits the process.

mod command;
mod context;
mod diagnose;
mod entry;
mod error;
mod exit;
mod graph;
mod outline;
mod prepare;
mod settings;
mod stream;
mod validate;

pub use self::entry::{main, run_with};
pub use self::error::CliError;
pub use self::exit::ExitStatus;
pub use self::settings::Environment;
pub use self::stream::OutStream;
