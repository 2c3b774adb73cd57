//! What a fake was asked, in order, with the virtual time since it was made.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::sandbox::{
    ContainerSpec, Exit, FileOp, ImageRequest, Launch, Probe, SandboxSpec, VolumeOwner, VolumePath,
};
use crate::status::Timestamp;

/// Which container.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// The TaskRun.
    pub task_run: String,
    /// The attempt, 0 for the first.
    pub attempt: usize,
    /// `step-<name>` or `sidecar-<name>`.
    pub container: String,
}

impl Name {
    pub(crate) fn of(spec: &ContainerSpec) -> Self {
        Self {
            task_run: spec.task_run.clone(),
            attempt: spec.attempt,
            container: spec.container.clone(),
        }
    }
}

/// One call, or what came of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// An image was asked for.
    Image(ImageRequest),
    /// A sandbox was opened.
    Open(SandboxSpec),
    /// Files were made.
    Files(Vec<FileOp>),
    /// A directory was copied into a volume.
    Upload(PathBuf, VolumePath),
    /// Paths of another run's volume were copied into the run's.
    Clone(Vec<String>),
    /// A container's start was asked for.
    Start(Box<ContainerSpec>),
    /// A container waits to be released.
    Ready(Name),
    /// A container was released.
    Launch(Name, Box<Launch>),
    /// A released program ended.
    End(Name, Exit),
    /// A program was told to end.
    Kill(Name, Duration),
    /// A container was checked.
    Probe(Name, Probe),
    /// A container was given up.
    Discard(Name),
    /// The volume of a run was made.
    CreateVolume(String),
    /// A volume was removed.
    RemoveVolume(VolumeOwner),
    /// The sandbox was closed.
    Close,
}

/// A call and when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Since the fake was made.
    pub at: Duration,
    /// The call.
    pub call: Call,
}

/// The calls so far. Clones are the same log.
#[derive(Debug, Clone)]
pub struct Log {
    born: Instant,
    born_at: Timestamp,
    calls: Arc<Mutex<Vec<Recorded>>>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            born: Instant::now(),
            born_at: Timestamp::now(),
            calls: Arc::default(),
        }
    }
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<Recorded>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, call: Call) {
        let at = self.elapsed();
        self.lock().push(Recorded { at, call });
    }

    /// The virtual time since the fake was made.
    pub fn elapsed(&self) -> Duration {
        self.born.elapsed()
    }

    /// Now as the programs see it: the time the fake was made, and the virtual time since.
    pub(crate) fn now(&self) -> Timestamp {
        jiff::SignedDuration::try_from(self.elapsed())
            .ok()
            .and_then(|elapsed| self.born_at.checked_add(elapsed).ok())
            .unwrap_or(self.born_at)
    }

    /// All calls.
    pub fn calls(&self) -> Vec<Recorded> {
        self.lock().clone()
    }

    /// When a container of a TaskRun was first released.
    pub fn launched(&self, task_run: &str, container: &str) -> Option<Duration> {
        self.find(|call| match call {
            Call::Launch(name, _) => name.task_run == task_run && name.container == container,
            _ => false,
        })
    }

    /// When the first call that `wanted` accepts was made.
    pub fn find(&self, wanted: impl Fn(&Call) -> bool) -> Option<Duration> {
        self.lock()
            .iter()
            .find(|recorded| wanted(&recorded.call))
            .map(|recorded| recorded.at)
    }

    /// How many calls `wanted` accepts.
    pub fn count(&self, wanted: impl Fn(&Call) -> bool) -> usize {
        self.lock()
            .iter()
            .filter(|recorded| wanted(&recorded.call))
            .count()
    }

    /// Whether a sandbox was closed, once.
    pub fn is_closed(&self) -> bool {
        self.count(|call| *call == Call::Close) == 1
    }

    /// Whether a volume was removed.
    pub fn has_removed_a_volume(&self) -> bool {
        self.count(|call| matches!(call, Call::RemoveVolume(_))) > 0
    }
}
