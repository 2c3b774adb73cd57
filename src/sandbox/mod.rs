//! The sandbox a run executes in, as the executor sees it.
//!
//! An [`Engine`] knows images and opens [`Sandbox`]es; a sandbox makes files and starts
//! [`Container`]s; a container waits until it is released, runs one program and reports.
//! Nothing here says how: `docker` does it for real, `fake` for tests.

#[doc(hidden)]
pub mod fake;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;

use crate::event::Stream;
use crate::status::Timestamp;

/// Why the sandbox could not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SandboxError {
    /// The engine does not answer, or the sandbox is gone.
    #[error("{0}")]
    Engine(String),
    /// An image is not there and cannot be had.
    #[error("{message}")]
    Image {
        /// The reference asked for.
        image: String,
        /// What the engine said.
        message: String,
    },
    /// The engine refuses to start this container: its fault, not the engine's.
    #[error("{0}")]
    Container(String),
    /// A file could not be made.
    #[error("{0}")]
    File(String),
}

/// When to pull an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// Even if it is there.
    Always,
    /// If it is not there.
    Missing,
    /// Never: it must be there.
    Never,
}

/// An image as asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRequest {
    /// The reference in the YAML.
    pub requested: String,
    /// The reference to use, after the image map.
    pub reference: String,
    /// When to pull it.
    pub pull: PullPolicy,
    /// Registry credentials of `imagePullSecrets`: the content of `config.json` files, in order.
    pub pull_secrets: Vec<Vec<u8>>,
}

/// What the engine knows of an image that is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// What to create containers from: the engine's id (`sha256:…`).
    pub id: String,
    /// `name@sha256:…` when the engine knows a registry's digest, else the reference; that of
    /// the YAML for a substitute.
    pub digest: String,
    /// ENTRYPOINT.
    pub entrypoint: Vec<String>,
    /// CMD.
    pub cmd: Vec<String>,
    /// ENV, in order.
    pub env: Vec<(String, String)>,
    /// USER.
    pub user: String,
    /// WORKDIR.
    pub working_dir: String,
}

/// A place in one of the volumes of a sandbox. Paths are relative, without `..`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum VolumePath {
    /// In the volume of the run.
    Run(String),
    /// In the volume of a PersistentVolumeClaim.
    Claim {
        /// The claim's name.
        claim: String,
        /// The path in it, empty for its root.
        path: String,
    },
}

/// The source of a mount.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MountSource {
    /// A directory or file of a volume; it exists when the container starts.
    Volume(VolumePath),
    /// A path of the engine's host, only with `--allow-host-path`.
    Host(String),
    /// A fresh tmpfs.
    Tmpfs,
}

/// One mount of a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mount {
    /// What is mounted.
    pub source: MountSource,
    /// Where, absolute.
    pub target: String,
    /// Whether writing fails.
    pub read_only: bool,
    /// A `subPath`: on the way to it there can be links that steps have made.
    pub is_part: bool,
}

/// Who owns a file that is made. `None` leaves it to root.
pub type FileOwner = Option<(u32, u32)>;

/// Something to do in a volume, by the supervisor as root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileOp {
    /// Makes a directory and those above it. An existing one keeps its content, mode and owner.
    Directory {
        /// Where.
        path: VolumePath,
        /// Its mode, whatever the umask.
        mode: u32,
        /// Its owner.
        owner: FileOwner,
    },
    /// Writes a file and the directories above it.
    File {
        /// Where.
        path: VolumePath,
        /// Its mode.
        mode: u32,
        /// Its owner.
        owner: FileOwner,
        /// Its content.
        content: Bytes,
    },
    /// Makes a symbolic link.
    Symlink {
        /// Where.
        path: VolumePath,
        /// To what, as text.
        target: String,
    },
    /// Removes a file or tree; nothing there is fine.
    Remove {
        /// What.
        path: VolumePath,
    },
    /// Makes a directory tree a group's: `fsGroup`.
    GroupOwned {
        /// What.
        path: VolumePath,
        /// The group.
        gid: u32,
    },
}

/// A sandbox to open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SandboxSpec {
    /// The run it belongs to: a name fit for the engine's names.
    pub run: String,
    /// The host name all containers see.
    pub hostname: String,
    /// Claims whose volumes it needs, created when they do not exist.
    pub claims: Vec<String>,
    /// Entries of `/etc/hosts`: name and address.
    pub hosts: Vec<(String, String)>,
    /// Name servers; empty for the engine's.
    pub dns: Vec<String>,
    /// Search domains.
    pub dns_search: Vec<String>,
    /// Resolver options.
    pub dns_options: Vec<String>,
    /// Uses the network of the engine's host.
    pub host_network: bool,
    /// Kernel settings.
    pub sysctls: BTreeMap<String, String>,
    /// Has the volume of another run at hand, for [`Sandbox::clone_paths`].
    pub clone_from: Option<String>,
    /// Uses the volume of another run instead of a new one.
    pub take_from: Option<String>,
}

/// A container to start. It waits until it is released.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerSpec {
    /// The TaskRun.
    pub task_run: String,
    /// Which attempt.
    pub attempt: usize,
    /// `step-<name>` or `sidecar-<name>`.
    pub container: String,
    /// The engine's id of the image.
    pub image: String,
    /// Numeric user and group; `None` for the image's.
    pub user: Option<String>,
    /// Further groups.
    pub groups: Vec<i64>,
    /// The mounts, outermost first.
    pub mounts: Vec<Mount>,
    /// A directory the engine makes as root before the start, when it is known by then.
    pub working_dir: Option<String>,
    /// All privileges of the host.
    pub privileged: bool,
    /// Capabilities to add.
    pub cap_add: Vec<String>,
    /// Capabilities to drop.
    pub cap_drop: Vec<String>,
    /// A root file system that cannot be written.
    pub read_only_root: bool,
    /// Options such as `no-new-privileges` and `seccomp=unconfined`.
    pub security_opt: Vec<String>,
    /// Billionths of a CPU; 0 for no limit.
    pub nano_cpus: i64,
    /// Bytes of memory; 0 for no limit.
    pub memory: i64,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

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
    /// It was told to end ([`Control::kill`]).
    Cancelled,
    /// Its container is gone without a word: killed from outside, or with its engine.
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

/// A check of a container that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// A command in the container must end with status 0.
    Exec(Vec<String>),
    /// A GET must answer with a status from 200 to 399.
    Http {
        /// Host, `127.0.0.1` by default.
        host: String,
        /// Port.
        port: u16,
        /// Path and query.
        path: String,
        /// Headers.
        headers: Vec<(String, String)>,
    },
    /// A connection must be accepted.
    Tcp {
        /// Host, `127.0.0.1` by default.
        host: String,
        /// Port.
        port: u16,
    },
}

/// An engine that knows images and opens sandboxes.
pub trait Engine: Clone + Send + Sync + 'static {
    /// Its sandboxes.
    type Sandbox: Sandbox;

    /// Looks an image up, pulling it by policy. `progress` gets lines for people.
    fn image(
        &self,
        request: &ImageRequest,
        progress: impl Fn(PullProgress) + Send + Sync,
    ) -> impl Future<Output = Result<Image, SandboxError>> + Send;

    /// Opens a sandbox.
    fn open(
        &self,
        spec: SandboxSpec,
    ) -> impl Future<Output = Result<Self::Sandbox, SandboxError>> + Send;
}

/// How far a pull is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullProgress {
    /// The reference.
    pub image: String,
    /// Bytes so far.
    pub current: u64,
    /// Bytes in all, as far as known.
    pub total: u64,
}

/// An open sandbox: one network namespace, one volume, a supervisor. Clones are the same sandbox.
pub trait Sandbox: Clone + Send + Sync + 'static {
    /// Its containers.
    type Container: Container;

    /// Does things in its volumes, in order, all or none of what follows the first failure.
    fn files(&self, ops: Vec<FileOp>) -> impl Future<Output = Result<(), SandboxError>> + Send;

    /// Copies a directory of this machine into a volume: modes, links and empty directories
    /// kept. Returns the bytes copied.
    fn upload(
        &self,
        from: PathBuf,
        to: VolumePath,
    ) -> impl Future<Output = Result<u64, SandboxError>> + Send;

    /// Copies paths of the volume of [`SandboxSpec::clone_from`] to the same paths of the run's:
    /// owners, modes, times and links kept. What is not there is nothing to copy. `progress` gets
    /// the bytes so far. Returns the bytes copied.
    fn clone_paths(
        &self,
        paths: Vec<String>,
        progress: impl Fn(u64) + Send + Sync,
    ) -> impl Future<Output = Result<u64, SandboxError>> + Send;

    /// Starts a container and waits until its agent is there, ready to be released.
    fn start(
        &self,
        spec: ContainerSpec,
    ) -> impl Future<Output = Result<Self::Container, SandboxError>> + Send;

    /// Ends when the sandbox is lost; the text says how.
    fn lost(&self) -> impl Future<Output = String> + Send;

    /// Kills what runs and removes everything but, when asked, the volume.
    fn close(&self, keep_volume: bool) -> impl Future<Output = Result<(), SandboxError>> + Send;
}

/// A started container.
pub trait Container: Send + Sync + 'static {
    /// Its remote control.
    type Control: Control;

    /// The engine's id of it.
    fn id(&self) -> String;

    /// A handle to it that can be used while it runs.
    fn control(&self) -> Self::Control;

    /// Releases it and waits for the end of its program. Output that came before the end has been
    /// sent when this returns. The container is removed afterwards, without waiting for it.
    fn run(
        self,
        launch: Launch,
        output: OutputSender,
    ) -> impl Future<Output = Result<Outcome, SandboxError>> + Send;

    /// Gives a container up that was never released.
    fn discard(self);
}

/// What can be done to a container while it runs.
pub trait Control: Clone + Send + Sync + 'static {
    /// Ends the program: SIGTERM to its process group, SIGKILL after `grace`. [`Container::run`]
    /// then returns [`Exit::Cancelled`].
    fn kill(&self, grace: Duration);

    /// Checks it; `false` also when the check takes longer than `timeout`.
    fn probe(&self, probe: Probe, timeout: Duration) -> impl Future<Output = bool> + Send;

    /// Lets a program that waits at its breakpoint go on, with this exit status.
    fn resume(&self, exit_code: i32);

    /// Ends when the program waits at a breakpoint, at the next one when it is called again; never
    /// if there is none.
    fn paused(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}
