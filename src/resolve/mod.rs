//! Following every reference and giving every parameter its value.
//!
//! In come the objects of the given files, as a [`Library`], and a reference or a list of
//! parameters with the [`Scope`](crate::substitution::Scope) that replaces the `$(…)` in them; out
//! come the Pipeline or the Task with all its StepActions, and the value of every declared
//! parameter. What leads nowhere is a typed error that knows what to give instead. Nothing here
//! reads a file or asks a network, knows an order of tasks, or decides what becomes of a run.

mod content;
mod error;
mod library;
mod param_error;
mod params;
mod pipeline;
mod task;

pub use content::{config_map_data, config_map_text, secret_data};
pub use error::ResolveError;
pub use library::{Library, Reference};
pub use param_error::{DefaultError, ParamError};
pub use params::{pipeline_params, task_params};
pub use pipeline::{ResolvedPipeline, resolve_pipeline};
pub use task::{ResolvedTask, concise, resolve_task};
