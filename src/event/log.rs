//! Output, and the container it comes from.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kind::{Event, EventKind, RunEvent, TaskRunEvent};

/// Which output of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A container that writes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogSource {
    /// The PipelineRun, or the standalone TaskRun.
    pub run: String,
    /// The task of the pipeline.
    pub task: String,
    /// The TaskRun.
    pub task_run: String,
    /// The container's name in logs: the step's name, or the sidecar's.
    pub container: String,
    /// True for a sidecar.
    pub sidecar: bool,
}

impl LogSource {
    /// Whether nothing is to be expected of it after `event`.
    pub fn ends_with(&self, event: &Event) -> bool {
        match &event.kind {
            EventKind::Run(change) => {
                matches!(change, RunEvent::Finished { .. }) && self.run == event.run
            }
            EventKind::TaskRun {
                task_run,
                event: change,
            } => self.task_run == *task_run && self.ends_with_change(change),
        }
    }

    fn ends_with_change(&self, change: &TaskRunEvent) -> bool {
        match change {
            TaskRunEvent::StepFinished { step, .. } => !self.sidecar && self.container == step.name,
            TaskRunEvent::SidecarFinished { sidecar } => {
                self.sidecar && self.container == sidecar.name
            }
            TaskRunEvent::Retried { .. } | TaskRunEvent::Finished { .. } => true,
            TaskRunEvent::Started { .. }
            | TaskRunEvent::SidecarStarted { .. }
            | TaskRunEvent::StepStarted { .. }
            | TaskRunEvent::StepPaused { .. } => false,
        }
    }
}

/// Bytes a container wrote. They travel beside the events: in order with them, never recorded
/// among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChunk {
    /// Which container; all its pieces share this.
    pub source: Arc<LogSource>,
    /// Which output.
    pub stream: Stream,
    /// The bytes, as written.
    pub data: bytes::Bytes,
}
