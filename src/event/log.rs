//! Output, and the container it comes from.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kind::{Event, EventKind};

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
    /// The PipelineRun, or the TaskRun that is nobody's child.
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
            EventKind::StepFinished { task_run, step, .. } => {
                !self.sidecar && self.task_run == *task_run && self.container == step.name
            }
            EventKind::SidecarFinished { task_run, sidecar } => {
                self.sidecar && self.task_run == *task_run && self.container == sidecar.name
            }
            EventKind::TaskRunRetried { task_run, .. }
            | EventKind::TaskRunFinished { task_run, .. } => self.task_run == *task_run,
            EventKind::RunFinished { .. } => self.run == event.run,
            EventKind::RunStarted { .. }
            | EventKind::Notice { .. }
            | EventKind::RunProgress { .. }
            | EventKind::FinallyStarted {}
            | EventKind::TaskSkipped { .. }
            | EventKind::TaskReused { .. }
            | EventKind::TaskRunCreated { .. }
            | EventKind::TaskRunStarted { .. }
            | EventKind::SidecarStarted { .. }
            | EventKind::StepStarted { .. }
            | EventKind::StepPaused { .. }
            | EventKind::ChildRunCreated { .. } => false,
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
