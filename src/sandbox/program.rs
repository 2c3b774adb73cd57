//! The program a container is released with, and how it ends.

use std::time::Duration;

use bytes::Bytes;

use crate::event::Stream;
use crate::status::Timestamp;

/// A file a step is to leave behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedFile {
    /// What it is called in the [`Outcome`].
    pub key: String,
    /// Where it is in the container.
    pub path: String,
}

/// A file the agent writes as the step's user before the program starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Relative to `/tekton/creds` and to `$HOME`.
    pub path: String,
    /// Its content.
    pub content: Bytes,
}

/// The program a waiting container is released with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Launch {
    /// Program and arguments; empty means there is nothing to run and the step succeeds.
    pub argv: Vec<String>,
    /// Variables on top of the image's, in order: a later one wins.
    pub env: Vec<(String, String)>,
    /// Where to run it; empty for the image's directory. Made when it does not exist.
    pub working_dir: String,
    /// Kills it after this time.
    pub timeout: Option<Duration>,
    /// Appends standard output to this file as well.
    pub stdout_path: Option<String>,
    /// Appends standard error to this file as well.
    pub stderr_path: Option<String>,
    /// `/tekton/run/<i>`: where the files of the entrypoint's protocol are written; `None` for a
    /// sidecar.
    pub run_dir: Option<String>,
    /// A failure of the program is recorded and forgiven.
    pub on_error_continue: bool,
    /// Files to read when the program has ended.
    pub files: Vec<WantedFile>,
    /// Credentials.
    pub credentials: Vec<Credential>,
    /// Runs it without network.
    pub hermetic: bool,
    /// Where it waits until told to go on.
    pub pauses: Pauses,
}

/// Where a program waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pauses {
    /// Before it is started (`beforeSteps` breakpoint).
    pub before: bool,
    /// At its end, when it failed (`onFailure` breakpoint).
    pub on_failure: bool,
}

/// How a released program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// With this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It could not be started; the text is what the entrypoint would have logged.
    NotStarted(String),
    /// Its own timeout passed.
    TimedOut,
    /// It was told to end ([`Control::kill`](crate::sandbox::Control::kill)).
    Cancelled,
    /// Its container ended without a report: killed from outside, or with its engine.
    Lost(String),
}

/// What a released program left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub exit: Exit,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Whether the kernel killed something in its container for lack of memory.
    pub oom_killed: bool,
    /// The [`WantedFile`]s that exist, by key.
    pub files: Vec<(String, Bytes)>,
    /// A wanted file that exists and could not be read.
    pub file_error: Option<String>,
}

/// A piece of a container's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Which output.
    pub stream: Stream,
    /// The bytes.
    pub data: Bytes,
}

/// Takes a container's output. Bounded: a slow reader slows the program, nothing is lost.
pub type OutputSender = tokio::sync::mpsc::Sender<Output>;
