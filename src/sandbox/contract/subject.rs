//! An engine under test, and what the suite does with it again and again.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::event::Stream;
use crate::sandbox::{
    Container, ContainerSpec, Engine, FileOp, Launch, Mount, MountSource, Outcome, Output, Sandbox,
    SandboxError, SandboxSpec, VolumeOwner, VolumePath,
};

/// The directory of the volume that containers of the suite see at [`SHARED`].
const DIRECTORY: &str = "shared";
/// Where they see it.
pub(super) const SHARED: &str = "/shared";
/// The state directory of the volumes of the suite.
pub(super) const STATE_DIR: &str = "contract";

/// Something that a program of the suite does, then the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A line on standard output.
    Say(&'static str),
    /// A line on standard error.
    Warn(&'static str),
    /// Nothing for so long.
    Sleep(Duration),
    /// From here on SIGTERM is ignored.
    IgnoreTerm,
    /// The content of a file on standard output; status 1 when there is none.
    Cat(&'static str),
    /// A text to a file; status 1 when it cannot be written.
    Write(&'static str, &'static str),
    /// The end, with this status.
    Exit(i32),
}

/// An engine under test.
pub trait Subject: Sync {
    /// Its type.
    type Engine: Engine;

    /// The engine.
    fn engine(&self) -> &Self::Engine;

    /// The engine's id of an image in which [`Self::argv`] can run.
    fn image(&self) -> &str;

    /// A command line that does this in a container.
    fn argv(&self, program: &[Act]) -> Vec<String>;

    /// Kills a container without the knowledge of its sandbox.
    fn kill_container(&self, id: &str) -> impl Future<Output = ()> + Send;
}

type SandboxOf<S> = <<S as Subject>::Engine as Engine>::Sandbox;
type ContainerOf<S> = <SandboxOf<S> as Sandbox>::Container;

/// What a program did.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub outcome: Outcome,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

/// An open sandbox over a volume.
pub struct Opened<'a, S: Subject> {
    subject: &'a S,
    /// The sandbox.
    pub sandbox: SandboxOf<S>,
    /// Its run.
    pub run: String,
}

impl<'a, S: Subject> Opened<'a, S> {
    /// A sandbox over a new volume.
    pub async fn new(subject: &'a S) -> Self {
        let run = run_name();
        let made = subject.engine().create_volume(&run, STATE_DIR).await;
        made.expect("the volume can be made");
        Self::over(subject, &run.clone(), run, None).await
    }

    /// A sandbox of this run over the volume of a run, with another one to copy from.
    pub async fn over(
        subject: &'a S,
        volume: &str,
        run: String,
        clone_from: Option<String>,
    ) -> Self {
        let spec = SandboxSpec {
            run: run.clone(),
            volume: volume.to_owned(),
            clone_from,
            ..SandboxSpec::default()
        };
        let sandbox = subject.engine().open(spec).await;
        Self {
            subject,
            sandbox: sandbox.expect("the sandbox opens"),
            run,
        }
    }

    /// Starts a container of this name that sees [`SHARED`].
    pub async fn start(&self, name: &str) -> Result<ContainerOf<S>, SandboxError> {
        self.start_with(name, false).await
    }

    /// The same; writing to [`SHARED`] may fail.
    pub async fn start_with(
        &self,
        name: &str,
        read_only: bool,
    ) -> Result<ContainerOf<S>, SandboxError> {
        let directory = FileOp::Directory {
            path: VolumePath::Run(DIRECTORY.to_owned()),
            mode: 0o777,
            owner: None,
        };
        self.sandbox.files(vec![directory]).await?;
        let spec = ContainerSpec {
            task_run: name.to_owned(),
            container: format!("step-{name}"),
            image: self.subject.image().to_owned(),
            mounts: vec![Mount {
                source: MountSource::Volume(VolumePath::Run(DIRECTORY.to_owned())),
                target: SHARED.to_owned(),
                read_only,
                is_part: false,
            }],
            ..ContainerSpec::default()
        };
        self.sandbox.start(spec).await
    }

    /// What a container is released with to do this.
    pub fn launch(&self, program: &[Act]) -> Launch {
        Launch {
            argv: self.subject.argv(program),
            ..Launch::default()
        }
    }

    /// Does this in a container of its own.
    pub async fn ran(&self, program: &[Act]) -> Ran {
        let container = self.start("ran").await.expect("the container starts");
        follow(container, self.launch(program)).await
    }

    /// Closes it and removes the volume of its run.
    pub async fn end(self) {
        self.sandbox.close().await.expect("it closes");
        let owner = VolumeOwner::Run(self.run);
        let removed = self.subject.engine().remove_volume(&owner).await;
        removed.expect("the volume can be removed");
    }
}

/// A name that no run has.
pub(super) fn run_name() -> String {
    crate::name::generate("contract-")
}

/// A file in the directory that containers see.
pub(super) fn shared(name: &str) -> VolumePath {
    VolumePath::Run(format!("{DIRECTORY}/{name}"))
}

/// Releases a container and follows it to its end.
pub(super) async fn follow(container: impl Container, launch: Launch) -> Ran {
    let (sender, mut outputs) = mpsc::channel::<Output>(4);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let collect = async {
        while let Some(piece) = outputs.recv().await {
            match piece.stream {
                Stream::Stdout => out.extend_from_slice(&piece.data),
                Stream::Stderr => err.extend_from_slice(&piece.data),
            }
        }
    };
    let (outcome, ()) = tokio::join!(container.run(launch, sender), collect);
    Ran {
        outcome: outcome.expect("the program ends"),
        out: String::from_utf8_lossy(&out).into_owned(),
        err: String::from_utf8_lossy(&err).into_owned(),
    }
}

/// Releases a container and returns when its program has written something.
pub(super) async fn until_it_speaks(
    container: impl Container,
    launch: Launch,
) -> tokio::task::JoinHandle<Result<Outcome, SandboxError>> {
    let (sender, mut outputs) = mpsc::channel::<Output>(4);
    let running = tokio::spawn(container.run(launch, sender));
    let first = outputs.recv().await;
    assert!(first.is_some(), "it ended without a word");
    tokio::spawn(async move { while outputs.recv().await.is_some() {} });
    running
}
