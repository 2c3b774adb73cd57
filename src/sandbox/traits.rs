//! What every engine implements.

use std::path::PathBuf;
use std::time::Duration;

use super::{
    ContainerSpec, FileOp, Image, ImageRequest, Launch, Outcome, OutputSender, Probe, PullProgress,
    SandboxError, SandboxSpec, VolumeInfo, VolumeOwner, VolumePath,
};

/// An engine that knows images, keeps volumes and opens sandboxes. Clones are the same engine.
pub trait Engine: Clone + Send + Sync + 'static {
    /// Its sandboxes.
    type Sandbox: Sandbox;

    /// Fails when the engine does not answer. It may also take long: who asks sets the limit.
    fn ping(&self) -> impl Future<Output = Result<(), SandboxError>> + Send;

    /// Looks an image up, pulling it by policy. `progress` gets lines for people.
    fn image(
        &self,
        request: &ImageRequest,
        progress: impl Fn(PullProgress) + Send + Sync,
    ) -> impl Future<Output = Result<Image, SandboxError>> + Send;

    /// Makes the empty volume of a run, for the state directory that records the run. Fails when
    /// the run has a volume already.
    fn create_volume(
        &self,
        run: &str,
        state_dir: &str,
    ) -> impl Future<Output = Result<(), SandboxError>> + Send;

    /// All volumes that tkn-local made in this engine and that still exist.
    fn volumes(&self) -> impl Future<Output = Result<Vec<VolumeInfo>, SandboxError>> + Send;

    /// Removes a volume with its files. It may be missing already.
    fn remove_volume(
        &self,
        owner: &VolumeOwner,
    ) -> impl Future<Output = Result<(), SandboxError>> + Send;

    /// Opens a sandbox over the volume of a run, which must exist. Several sandboxes may be open
    /// over one volume.
    fn open(
        &self,
        spec: SandboxSpec,
    ) -> impl Future<Output = Result<Self::Sandbox, SandboxError>> + Send;

    /// The names of the containers that [`Self::sweep`] would remove.
    fn leftovers(&self) -> impl Future<Output = Result<Vec<String>, SandboxError>> + Send;

    /// Removes the containers whose process is dead, in whatever state they are. Volumes stay:
    /// their runs can be resumed. Returns the names of what it removed.
    fn sweep(&self) -> impl Future<Output = Result<Vec<String>, SandboxError>> + Send;

    /// Removes what other versions of tkn-local left in the engine for all their runs.
    fn remove_old_versions(&self) -> impl Future<Output = Result<(), SandboxError>> + Send;
}

/// An open sandbox: one network namespace over one volume, and a supervisor. Clones are the same
/// sandbox.
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

    /// Copies paths of the volume of [`SandboxSpec::clone_from`] to the same paths of its own:
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

    /// Ends when the sandbox has answered; never while it is paused or gets no CPU time.
    fn ping(&self) -> impl Future<Output = ()> + Send;

    /// Ends when the sandbox is lost; the text says how.
    fn lost(&self) -> impl Future<Output = String> + Send;

    /// Kills what runs and removes all its containers; its volume stays. Closing again does
    /// nothing.
    fn close(&self) -> impl Future<Output = Result<(), SandboxError>> + Send;
}

/// A started container.
pub trait Container: Send + Sync + 'static {
    /// Its remote control.
    type Control: Control;

    /// The engine's id of it.
    fn id(&self) -> String;

    /// Its id as a status has it, with the engine's scheme: `docker://…`.
    fn uri(&self) -> String;

    /// A command line for people that runs this one in it, on their terminal when it needs one.
    fn command_line(&self, command: &str, on_terminal: bool) -> String;

    /// A handle to it that can be used while it runs.
    fn control(&self) -> Self::Control;

    /// Releases it and waits for the end of its program. Output that came before the end has been
    /// sent when this returns. The container is removed afterwards, without waiting for it. A
    /// program whose end is due, by its timeout or [`Control::kill`], and is not reported is ended
    /// by the engine; a line on its standard error says so. Fails with
    /// [`SandboxError::LostWaiting`] when the container was lost before the program started.
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
    /// then returns [`Exit::Cancelled`](crate::sandbox::Exit::Cancelled).
    fn kill(&self, grace: Duration);

    /// Checks it; `false` also when the check takes longer than `timeout`.
    fn probe(&self, probe: Probe, timeout: Duration) -> impl Future<Output = bool> + Send;

    /// Ends when the program waits at a breakpoint, at the next one when it is called again; never
    /// if there is none.
    fn paused(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}
