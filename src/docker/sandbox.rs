//! A sandbox: opened, used, closed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, ContainerState};
use bollard::query_parameters::{
    CreateContainerOptions, StartContainerOptions, UploadToContainerOptions,
};
use futures_util::future::join_all;
use tokio::sync::{OnceCell, RwLock, mpsc};
use tokio::time::Instant;

use super::engine::DockerEngine;
use super::error::{container, has_status, in_time, message};
use super::reap::Listed;
use super::volume::Volumes;
use super::{archive, body, label, open};
use crate::sandbox::link::{
    AgentContainer, EngineContainer, PendingContainer, SOCKET_DIRECTORY, SOCKETS, Supervisor,
    VolumePaths,
};
use crate::sandbox::{
    ContainerSpec, FileOp, Mount, MountSource, Sandbox, SandboxError, SandboxSpec, VolumePath,
};

/// How long a started container may be silent before the engine is asked about it.
const SILENCE: Duration = Duration::from_secs(2);
/// How long the engine may take to kill a container.
const KILL: Duration = Duration::from_secs(10);
/// How long removals may take at the end.
const CLEANUP: Duration = Duration::from_secs(60);
/// How often it is looked whether they are done.
const CLEANUP_INTERVAL: Duration = Duration::from_millis(25);
/// A big directory takes longer to upload than any other request.
const UPLOAD: Duration = Duration::from_secs(24 * 60 * 60);
/// Pieces of an upload that are read ahead.
const UPLOAD_AHEAD: usize = 8;

/// An open sandbox in an engine. When the last clone is dropped all its containers end.
#[derive(Debug, Clone)]
pub struct DockerSandbox {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    parts: Parts,
    /// Whether it is closed. Held for reading while a container is started.
    closed: RwLock<bool>,
    /// Set when the container that attaches parts of volumes was started.
    mounter: OnceCell<()>,
}

/// What a sandbox consists of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) engine: DockerEngine,
    pub(super) run: String,
    /// The name of the sandbox container.
    pub(super) name: String,
    /// Its host name, where the engine does not share it with the network.
    pub(super) hostname: Option<String>,
    pub(super) volumes: Volumes,
    pub(super) supervisor: Supervisor,
}

impl DockerSandbox {
    pub(super) fn new(parts: Parts) -> Self {
        let closed = RwLock::new(false);
        let mounter = OnceCell::new();
        Self {
            inner: Arc::new(Inner {
                parts,
                closed,
                mounter,
            }),
        }
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.inner.parts
    }

    /// Opens one. What was made is removed again if that fails.
    pub(super) async fn open(
        engine: DockerEngine,
        spec: SandboxSpec,
    ) -> Result<Self, SandboxError> {
        // In a task of its own: a caller that gives up leaves nothing half-made.
        let opening = tokio::spawn(open::open(engine, spec));
        opening
            .await
            .map_err(|error| SandboxError::Engine(error.to_string()))?
    }

    async fn launch_container(
        self,
        spec: ContainerSpec,
        mounts: Vec<bollard::models::Mount>,
        channel: u32,
        token: String,
    ) -> Result<String, SandboxError> {
        let Parts {
            engine,
            run,
            name,
            hostname,
            volumes,
            ..
        } = self.parts();
        let socket = volumes.mount(&Mount {
            source: MountSource::Volume(VolumePath::Run(format!("{SOCKETS}/{run}/{channel}"))),
            target: SOCKET_DIRECTORY.to_owned(),
            read_only: true,
            is_part: false,
        })?;
        let agent = body::AgentMounts {
            program: engine.agent_image().await?.volume.clone(),
            socket,
            token,
        };
        let labels = label::of_run(run, engine.owner());
        let donor = body::Donor {
            name,
            hostname: hostname.as_deref(),
        };
        let body = body::step(&spec, &donor, mounts, agent, labels)?;
        let name = label::container_name(run, channel, &spec.container);
        self.create_and_start(name, body).await
    }

    /// Starts the container that attaches parts of volumes, once.
    async fn ensure_mounter(&self) -> Result<(), SandboxError> {
        let start = || async {
            // In a task of its own: a caller that gives up leaves no container without an owner.
            let starting = tokio::spawn(self.clone().launch_mounter());
            let started = starting.await;
            started.map_err(|error| SandboxError::Engine(error.to_string()))?
        };
        self.inner.mounter.get_or_try_init(start).await.copied()
    }

    async fn launch_mounter(self) -> Result<(), SandboxError> {
        let Parts {
            engine,
            run,
            name,
            volumes,
            ..
        } = self.parts();
        let labels = label::of_run(run, engine.owner());
        let body = body::mounter(run, engine.agent_image().await?, volumes, labels);
        let started = self.create_and_start(format!("{name}_mounter"), body).await;
        started.map(drop).map_err(|error| match error {
            SandboxError::Container(text) => SandboxError::Container(format!(
                "a subPath cannot be mounted: the engine refuses a container that may mount: {text}"
            )),
            other => other,
        })
    }

    async fn create_and_start(
        &self,
        name: String,
        body: ContainerCreateBody,
    ) -> Result<String, SandboxError> {
        let closed = self.inner.closed.read().await;
        if *closed {
            return Err(SandboxError::Engine("the sandbox is closed".to_owned()));
        }
        let engine = &self.parts().engine;
        let options = CreateContainerOptions {
            name: Some(name),
            ..CreateContainerOptions::default()
        };
        let created = in_time(engine.docker().create_container(Some(options), body)).await;
        let id = created.map_err(container)?.id;
        let docker = engine.docker();
        let started = in_time(docker.start_container(&id, None::<StartContainerOptions>)).await;
        if let Err(error) = started {
            // The start is what is told; what is left is removed at the end at the latest.
            engine.remove_container(&id).await.unwrap_or_default();
            return Err(container(error));
        }
        Ok(id)
    }

    async fn check_running(&self, id: &str) -> Result<(), SandboxError> {
        let docker = self.parts().engine.docker();
        let state = match in_time(docker.inspect_container(id, None)).await {
            Ok(found) => found.state.unwrap_or_default(),
            Err(error) if has_status(&error, 404) => ContainerState::default(),
            Err(error) => return Err(container(error)),
        };
        if state.running == Some(true) {
            return Ok(());
        }
        let status = state.exit_code.map(|code| format!(" with status {code}"));
        let status = status.unwrap_or_default();
        Err(SandboxError::Container(format!(
            "the container ended{status} before its program could be started"
        )))
    }

    /// Removes all containers of the run, and waits until that is done.
    async fn remove_containers(&self) -> Result<(), SandboxError> {
        let Parts { engine, run, .. } = self.parts();
        let deadline = Instant::now() + CLEANUP;
        let label = format!("{}={run}", label::RUN);
        loop {
            let left = engine.containers(&label).await?;
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                let names: Vec<_> = left.iter().map(Listed::name).collect();
                let names = names.join(", ");
                return Err(SandboxError::Engine(format!(
                    "cannot remove containers: {names}"
                )));
            }
            join_all(left.iter().map(|left| engine.remove_container(&left.id))).await;
            tokio::time::sleep(CLEANUP_INTERVAL).await;
        }
    }
}

/// Ends a container in whatever state it is; the kernel kills what is in it.
async fn end_container(engine: DockerEngine, id: String) -> Result<(), SandboxError> {
    let removed = tokio::time::timeout(KILL, engine.remove_container(&id)).await;
    removed.unwrap_or_else(|_| {
        Err(SandboxError::Engine(format!(
            "the engine did not answer within {} s",
            KILL.as_secs()
        )))
    })
}

impl Sandbox for DockerSandbox {
    type Container = AgentContainer;

    async fn files(&self, ops: Vec<FileOp>) -> Result<(), SandboxError> {
        let Parts {
            volumes,
            supervisor,
            ..
        } = self.parts();
        supervisor.files(ops, volumes).await
    }

    async fn upload(&self, from: PathBuf, to: VolumePath) -> Result<u64, SandboxError> {
        let path = self.parts().volumes.path(&to)?;
        let directory = FileOp::Directory {
            path: to,
            mode: 0o755,
            owner: None,
        };
        self.files(vec![directory]).await?;
        let (pieces, mut stream) = mpsc::channel(UPLOAD_AHEAD);
        let reading = tokio::task::spawn_blocking(move || archive::send(&from, &pieces));
        let stream = futures_util::stream::poll_fn(move |context| stream.poll_recv(context));
        let options = UploadToContainerOptions {
            path,
            ..UploadToContainerOptions::default()
        };
        let docker = self.parts().engine.docker().clone().with_timeout(UPLOAD);
        let tar = bollard::body_try_stream(stream);
        let uploaded = docker
            .upload_to_container(&self.parts().name, Some(options), tar)
            .await;
        let read = reading
            .await
            .map_err(|error| SandboxError::File(error.to_string()))?;
        match (read, uploaded) {
            // A reader whose pieces nobody takes knows less than the engine.
            (Err(error), _) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(SandboxError::File(format!("cannot upload: {error}")))
            }
            (_, Err(error)) => Err(SandboxError::File(format!(
                "cannot upload: {}",
                message(&error)
            ))),
            (read, Ok(())) => read.map_err(|error| SandboxError::File(error.to_string())),
        }
    }

    async fn clone_paths(
        &self,
        paths: Vec<String>,
        progress: impl Fn(u64) + Send + Sync,
    ) -> Result<u64, SandboxError> {
        paths
            .iter()
            .try_for_each(|path| super::volume::check_relative(path))?;
        self.parts().supervisor.clone_paths(&paths, progress).await
    }

    async fn start(&self, spec: ContainerSpec) -> Result<AgentContainer, SandboxError> {
        let (mounts, attached) = self.parts().volumes.split(&spec.mounts)?;
        // Whatever happens from here on, dropping it ends what was started.
        let pending = self.parts().supervisor.expect().await?;
        let PendingContainer { token, number, .. } = &pending;
        // In a task of its own: a caller that gives up leaves no container without an owner.
        let starting = self
            .clone()
            .launch_container(spec, mounts, *number, token.clone());
        let starting = tokio::spawn(starting);
        if !attached.is_empty() {
            self.ensure_mounter().await?;
        }
        let id = starting
            .await
            .map_err(|error| SandboxError::Engine(error.to_string()))??;
        let check = || self.check_running(&id);
        let (engine, to_kill) = (self.parts().engine.clone(), id.clone());
        let container = EngineContainer::new(engine.program(), id.clone(), move || {
            end_container(engine.clone(), to_kill.clone())
        });
        let container = pending.connected(container, SILENCE, check).await?;
        if !attached.is_empty() {
            container.attach(attached).await?;
        }
        Ok(container)
    }

    async fn ping(&self) {
        self.parts().supervisor.ping().await;
    }

    async fn lost(&self) -> String {
        self.parts().supervisor.lost().await
    }

    async fn close(&self) -> Result<(), SandboxError> {
        *self.inner.closed.write().await = true;
        self.parts().supervisor.close();
        self.remove_containers().await?;
        let Some(secrets) = &self.parts().volumes.secrets else {
            return Ok(());
        };
        self.parts().engine.remove_volume_named(&secrets.name).await
    }
}
