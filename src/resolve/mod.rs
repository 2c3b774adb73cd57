//! Following every reference and giving every parameter its value.

mod content;
mod library;
mod params;
mod pipeline;
mod task;

pub use content::{config_map_data, config_map_text, secret_data};
pub use library::{Library, Reference};
pub use params::{ParamFault, pipeline_params, task_params};
pub use pipeline::{ResolvedPipeline, resolve_pipeline};
pub use task::{ResolvedTask, concise, resolve_task};

/// A reference that leads nowhere; the text is the part of Tekton's message that says so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ResolveError {
    /// One of Tekton's reasons, when the fault has one of its own.
    pub reason: Option<crate::status::Reason>,
    /// What is missing, and how to supply it.
    pub message: String,
}

impl ResolveError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            reason: None,
            message: message.into(),
        }
    }
}
