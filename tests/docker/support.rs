//! An engine, an image and sandboxes for the tests.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::CreateImageOptions;
use futures_util::TryStreamExt;
use tkn_local::docker::{DockerEngine, DockerSandbox, Surroundings};
use tkn_local::event::Stream;
use tkn_local::sandbox::link::AgentContainer;
use tkn_local::sandbox::{
    Container, ContainerSpec, Control, Engine, Exit, FileOp, Image, ImageRequest, Launch, Mount,
    MountSource, Outcome, Output, PullPolicy, Sandbox, SandboxSpec, VolumeOwner, VolumePath,
};
use tokio::sync::mpsc;

/// What the volumes of tests are labelled with.
pub(crate) const STATE_DIR: &str = "tests/docker";
/// An image with busybox and nothing else, made by [`import_busybox`].
const IMAGE: &str = "tkn-local-test/busybox:latest";
/// Where Debian and others put the static busybox.
const BUSYBOX: &str = "/bin/busybox";

/// An open sandbox with an image for its containers.
pub(crate) struct Bench {
    pub(crate) engine: DockerEngine,
    pub(crate) sandbox: DockerSandbox,
    pub(crate) image: Image,
    pub(crate) run: String,
}

/// What a program did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) outcome: Outcome,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn out(&self) -> String {
        String::from_utf8(self.stdout.clone()).unwrap()
    }

    pub(crate) fn code(&self) -> i32 {
        match self.outcome.exit {
            Exit::Code(code) => code,
            ref other => panic!("{other:?}, {self:?}"),
        }
    }

    pub(crate) fn file(&self, key: &str) -> Option<&[u8]> {
        let mut files = self.outcome.files.iter();
        files
            .find(|(name, _)| name == key)
            .map(|(_, content)| &content[..])
    }
}

/// The engine of `DOCKER_HOST`, as [`docker`] has it.
#[expect(
    clippy::disallowed_methods,
    reason = "which engine is tested is said by the environment alone"
)]
pub(crate) async fn engine() -> DockerEngine {
    let surroundings = Surroundings {
        docker_host: std::env::var("DOCKER_HOST").ok(),
        ..Surroundings::default()
    };
    DockerEngine::connect(&surroundings).await.unwrap()
}

pub(crate) async fn image(engine: &DockerEngine) -> Image {
    let request = ImageRequest {
        requested: IMAGE.to_owned(),
        reference: IMAGE.to_owned(),
        pull: PullPolicy::Never,
        pull_secrets: Vec::new(),
    };
    if let Ok(image) = engine.image(&request, |_| {}).await {
        return image;
    }
    import_busybox().await;
    engine.image(&request, |_| {}).await.unwrap()
}

/// Removes the volume of a run, and checks that it is gone.
pub(crate) async fn remove_run_volume(engine: &DockerEngine, run: &str) {
    let owner = VolumeOwner::Run(run.to_owned());
    engine.remove_volume(&owner).await.unwrap();
    let volumes = engine.volumes().await.unwrap();
    assert!(!volumes.iter().any(|volume| volume.is_of_run(run)));
}

/// A name for a run that no other test has.
pub(crate) fn run_name(test: &str) -> String {
    tkn_local::name::generate(&format!("test-{test}-"))
}

impl Bench {
    pub(crate) async fn open(test: &str) -> Self {
        let spec = SandboxSpec {
            hostname: "pod".to_owned(),
            ..SandboxSpec::default()
        };
        Self::open_with(test, spec).await
    }

    pub(crate) async fn open_with(test: &str, mut spec: SandboxSpec) -> Self {
        let engine = engine().await;
        let image = image(&engine).await;
        spec.run = run_name(test);
        let run = spec.run.clone();
        if spec.volume.is_empty() {
            engine.create_volume(&run, STATE_DIR).await.unwrap();
            spec.volume.clone_from(&run);
        }
        let sandbox = engine.open(spec).await.unwrap();
        Self {
            engine,
            sandbox,
            image,
            run,
        }
    }

    /// A container with the directory `shared` of the volume at `/shared`.
    pub(crate) fn spec(&self) -> ContainerSpec {
        ContainerSpec {
            container: "step-test".to_owned(),
            image: self.image.id.clone(),
            mounts: vec![Mount {
                source: MountSource::Volume(VolumePath::Run("shared".to_owned())),
                target: "/shared".to_owned(),
                read_only: false,
                is_part: false,
            }],
            ..ContainerSpec::default()
        }
    }

    pub(crate) async fn start_with(&self, spec: ContainerSpec) -> AgentContainer {
        let path = VolumePath::Run("shared".to_owned());
        let shared = FileOp::Directory {
            path,
            mode: 0o777,
            owner: None,
        };
        self.sandbox.files(vec![shared]).await.unwrap();
        self.sandbox.start(spec).await.unwrap()
    }

    pub(crate) async fn start(&self) -> AgentContainer {
        self.start_with(self.spec()).await
    }

    /// Runs a shell script in a container of its own.
    pub(crate) async fn shell(&self, script: &str) -> Ran {
        self.run(shell(script)).await
    }

    pub(crate) async fn run(&self, launch: Launch) -> Ran {
        collect(self.start().await, launch).await
    }

    /// Closes the sandbox and checks that nothing is left.
    pub(crate) async fn close(self) {
        self.sandbox.close().await.unwrap();
        assert_eq!(containers(&self.run).await, Vec::<String>::new());
        remove_run_volume(&self.engine, &self.run).await;
    }
}

pub(crate) fn shell(script: &str) -> Launch {
    Launch {
        argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
        ..Launch::default()
    }
}

/// Runs a program and collects all it writes.
pub(crate) async fn collect(container: AgentContainer, launch: Launch) -> Ran {
    let (sender, mut outputs) = mpsc::channel::<Output>(4);
    let running = tokio::spawn(container.run(launch, sender));
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(output) = outputs.recv().await {
        match output.stream {
            Stream::Stdout => stdout.extend_from_slice(&output.data),
            Stream::Stderr => stderr.extend_from_slice(&output.data),
        }
    }
    let outcome = running.await.unwrap().unwrap();
    Ran {
        outcome,
        stdout,
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// Starts a program and waits until it has written this. Returns what else is needed to go on.
pub(crate) async fn until_written(
    container: AgentContainer,
    launch: Launch,
    text: &str,
) -> (impl Control, tokio::task::JoinHandle<Outcome>) {
    let control = container.control();
    let (sender, mut outputs) = mpsc::channel::<Output>(4);
    let running = tokio::spawn(async move { container.run(launch, sender).await.unwrap() });
    let mut written = Vec::new();
    while !String::from_utf8_lossy(&written).contains(text) {
        written.extend_from_slice(&outputs.recv().await.expect("it ended too early").data);
    }
    tokio::spawn(async move { while outputs.recv().await.is_some() {} });
    (control, running)
}

/// The names of all containers of a run. Asked of the engine's own command, which knows all of
/// Podman's states.
pub(crate) async fn containers(run: &str) -> Vec<String> {
    let filter = format!("label=dev.tekton.local/run={run}");
    let mut list = tokio::process::Command::new("docker");
    list.args(["ps", "--all", "--format", "{{.Names}}", "--filter", &filter]);
    let output = list.output().await.expect("there is a docker command");
    assert!(output.status.success(), "{output:?}");
    let names = String::from_utf8(output.stdout).unwrap();
    names.lines().map(ToOwned::to_owned).collect()
}

/// Waits until a run has no container left.
pub(crate) async fn until_gone(run: &str) {
    let gone = async {
        while !containers(run).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), gone).await;
    assert!(waited.is_ok(), "left: {:?}", containers(run).await);
}

pub(crate) fn docker() -> Docker {
    Docker::connect_with_unix_defaults().unwrap()
}

async fn import_busybox() {
    let applets = Command::new(BUSYBOX)
        .arg("--list")
        .output()
        .expect("a static busybox");
    let mut archive = tar::Builder::new(Vec::new());
    let mut directory = tar::Header::new_gnu();
    directory.set_entry_type(tar::EntryType::Directory);
    directory.set_mode(0o1777);
    directory.set_size(0);
    archive
        .append_data(&mut directory, "tmp", std::io::empty())
        .unwrap();
    archive
        .append_path_with_name(Path::new(BUSYBOX), "bin/busybox")
        .unwrap();
    for applet in String::from_utf8(applets.stdout).unwrap().lines() {
        if applet == "busybox" {
            continue;
        }
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        archive
            .append_link(&mut link, format!("bin/{applet}"), "busybox")
            .unwrap();
    }
    let options = CreateImageOptions {
        from_src: Some("-".to_owned()),
        repo: Some("tkn-local-test/busybox".to_owned()),
        tag: Some("latest".to_owned()),
        ..CreateImageOptions::default()
    };
    let body = bollard::body_full(archive.into_inner().unwrap().into());
    let steps = docker().create_image(Some(options), Some(body), None);
    steps.try_collect::<Vec<_>>().await.unwrap();
}
