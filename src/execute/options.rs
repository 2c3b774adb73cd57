//! What all parts of a run share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::emitter::Emitter;
use super::images::{ImageRules, Images};
use super::prestart::pool::Prestart;
use super::schedule::Ending;
use crate::plan::permissions::Permissions;
use crate::resolve::Library;
use crate::sandbox::Engine;
use crate::status::Reason;

/// What a run begins with in its volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Files {
    /// Nothing.
    #[default]
    Fresh,
    /// A copy of directories of another run's volume.
    Clone {
        /// The other run, as its volume is called.
        from: String,
        /// The directories, relative to the volume.
        paths: Vec<String>,
    },
    /// The volume of another run itself.
    Take {
        /// The other run, as its volume is called.
        from: String,
        /// What of it is removed first, relative to the volume.
        without: Vec<String>,
    },
}

/// How a run is to be executed.
#[derive(Debug, Clone)]
pub struct Options {
    /// The id of the run: what is made in the engine is called after it. Unlike the run's name it
    /// is never used twice.
    pub run_id: String,
    /// The state directory that records the run: its volume is labelled with it.
    pub state_dir: String,
    /// TaskRuns at once.
    pub jobs: usize,
    /// How references become images.
    pub images: ImageRules,
    /// What the Pods of the run may ask for.
    pub permissions: Permissions,
    /// Directories of this machine that fill workspaces before the start: workspace and directory.
    pub uploads: Vec<(String, PathBuf)>,
    /// What can be referred to.
    pub library: Arc<Library>,
    /// How long a program that is told to end may take before it is killed.
    pub grace: Duration,
    /// What is there before the first upload.
    pub files: Files,
    /// Keeps the volume whatever the outcome.
    pub keep_volume: bool,
}

impl Options {
    /// The run whose volume this one has.
    pub(crate) fn volume(&self) -> &str {
        match &self.files {
            Files::Fresh | Files::Clone { .. } => &self.run_id,
            Files::Take { from, .. } => from,
        }
    }
}

/// Why a TaskRun is to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Halt {
    /// The reason of its condition: `TaskRunCancelled` or `TaskRunTimeout`.
    pub reason: Reason,
    /// The message of its condition.
    pub message: String,
    /// How its pipeline counts it.
    pub ending: Ending,
    /// Applies only to a TaskRun that still waits for its turn (see [`Options::jobs`]).
    pub queued_only: bool,
}

impl Halt {
    /// True when a TaskRun that runs already must end too.
    pub(crate) const fn ends_running(&self) -> bool {
        !self.queued_only
    }
}

/// Hears when a TaskRun is to stop.
pub(crate) type HaltReceiver = watch::Receiver<Option<Halt>>;

/// What all parts of a run share.
pub(crate) struct RunContext<E: Engine> {
    /// The sandbox.
    pub sandbox: E::Sandbox,
    /// The images.
    pub images: Images<E>,
    /// How to execute.
    pub options: Options,
    /// Where messages go.
    pub emitter: Emitter,
    /// One permit for each TaskRun that may run.
    pub jobs: Arc<Semaphore>,
    /// Containers started ahead.
    pub prestart: Prestart<E::Sandbox>,
    /// Claims that are directories of the run's volume: those made of templates.
    pub run_claims: BTreeMap<String, String>,
    /// How many child runs were started.
    pub children: AtomicUsize,
}
