//! The command line: the only place that knows arguments, environment, terminals, signals and
//! exit statuses.
//!
//! Data flows one way: arguments and environment become [`settings`], files become documents
//! ([`prepare`]), documents become runs, and each run is executed with its sinks. A command
//! returns an [`ExitStatus`] or a [`CliError`]; nothing exits the process.

mod beginning;
mod blame;
mod cancel;
mod carrying;
mod command;
mod complete;
mod completion;
mod context;
mod describe;
mod diagnose;
mod docker_connector;
mod earlier;
mod engine;
mod entry;
mod error;
mod execute_error;
mod execution;
mod exit;
mod given;
mod graph;
mod how_args;
mod image_map;
mod job;
mod list;
mod logs;
mod next_steps;
mod outline;
mod output;
mod overrides;
mod param_flag;
mod partial_flags;
mod pod_settings;
mod prepare;
mod prune;
mod reach;
mod ready;
mod resume;
mod run;
mod run_settings;
mod sandbox_id;
mod select;
mod settings;
mod signals;
mod sinks;
mod source_run;
mod store_error;
mod stream;
mod tracing_output;
mod validate;
mod workspace_flag;

pub use self::engine::{Connect, Connected, EngineRequest};
pub use self::entry::{main, run_with};
pub use self::error::CliError;
pub use self::exit::ExitStatus;
pub use self::settings::Environment;
pub use self::stream::OutStream;
