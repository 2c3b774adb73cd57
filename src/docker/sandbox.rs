//! A sandbox: opened, used, closed.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bollard::models::{ContainerState, VolumeCreateRequest};
use bollard::query_parameters::{
    AttachContainerOptions, CreateContainerOptions, StartContainerOptions, UploadToContainerOptions,
};
use futures_util::future::join_all;
use tokio::sync::{RwLock, mpsc};
use tokio::time::Instant;

use super::container::DockerContainer;
use super::engine::DockerEngine;
use super::error::{container, engine, has_status, message};
use super::protocol::{AGENT_DIRECTORY, FileOperation, FileRequest, Kind, MAX_PAYLOAD};
use super::supervisor::{AgentEvent, AgentEvents, Supervisor};
use super::volume::{Volume, Volumes};
use super::{archive, body, files, label};
use crate::execute::sandbox::{
    ContainerSpec, FileOp, Mount, MountSource, Sandbox, SandboxError, SandboxSpec, VolumePath,
};

/// The mode of a fresh claim: any user can write, as in the usual provisioners.
const CLAIM_MODE: u32 = 0o777;
/// How long a started container may be silent before the engine is asked about it.
const SILENCE: Duration = Duration::from_secs(2);
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
    engine: DockerEngine,
    run: String,
    /// The name of the sandbox container.
    name: String,
    volumes: Volumes,
    supervisor: Supervisor,
    /// Whether it is closed. Held for reading while a container is started.
    closed: RwLock<bool>,
}

impl DockerSandbox {
    /// Opens one. What was made is removed again if that fails.
    pub(super) async fn open(
        engine: DockerEngine,
        spec: SandboxSpec,
    ) -> Result<Self, SandboxError> {
        // In a task of its own: a caller that gives up leaves nothing half-made.
        let opening = tokio::spawn(open(engine, spec));
        opening
            .await
            .map_err(|error| SandboxError::Engine(error.to_string()))?
    }

    async fn launch_container(
        self,
        spec: ContainerSpec,
        channel: u32,
        token: String,
    ) -> Result<String, SandboxError> {
        let Inner {
            engine,
            run,
            name,
            volumes,
            closed,
            ..
        } = &*self.inner;
        let closed = closed.read().await;
        if *closed {
            return Err(SandboxError::Engine("the sandbox is closed".to_owned()));
        }
        let agent = volumes.mount(&Mount {
            source: MountSource::Volume(VolumePath::Run(AGENT_DIRECTORY.to_owned())),
            target: body::AGENT_MOUNT.to_owned(),
            read_only: true,
        })?;
        let options = CreateContainerOptions {
            name: Some(format!("{name}-{channel}-{}", spec.container)),
            ..CreateContainerOptions::default()
        };
        let arguments = vec!["step".to_owned(), run.clone(), token];
        let labels = label::of_run(run, engine.owner());
        let body = body::step(&spec, name, volumes, agent, arguments, labels)?;
        let created = engine.docker().create_container(Some(options), body).await;
        let id = created.map_err(container)?.id;
        let started = engine
            .docker()
            .start_container(&id, None::<StartContainerOptions>)
            .await;
        if let Err(error) = started {
            // The start is what is told; what is left is removed at the end at the latest.
            engine.remove_container(&id).await.unwrap_or_default();
            return Err(container(error));
        }
        Ok(id)
    }

    /// Waits for the agent of a started container.
    async fn wait_for_agent(&self, id: &str, events: &mut AgentEvents) -> Result<(), SandboxError> {
        loop {
            match tokio::time::timeout(SILENCE, events.recv()).await {
                Ok(Some(AgentEvent::Ready)) => return Ok(()),
                Ok(None) => return Err(SandboxError::Engine(self.lost().await)),
                Ok(Some(_)) => {}
                Err(_) => self.check_running(id).await?,
            }
        }
    }

    async fn check_running(&self, id: &str) -> Result<(), SandboxError> {
        let docker = self.inner.engine.docker();
        let state = match docker.inspect_container(id, None).await {
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

    async fn request(&self, operations: Vec<FileOperation>) -> Result<(), SandboxError> {
        let supervisor = &self.inner.supervisor;
        let number = supervisor.number();
        let answer = supervisor.answer(number);
        for operation in operations {
            check_size(&operation)?;
            let request = FileRequest {
                last: false,
                operation: Some(operation),
            };
            supervisor.send(Kind::Files, number, &request);
        }
        let end = FileRequest {
            last: true,
            operation: None,
        };
        supervisor.send(Kind::Files, number, &end);
        supervisor.done(answer).await
    }

    /// Removes all containers of the run, and waits until that is done.
    async fn remove_containers(&self) -> Result<(), SandboxError> {
        let Inner { engine, run, .. } = &*self.inner;
        let deadline = Instant::now() + CLEANUP;
        let label = format!("{}={run}", label::RUN);
        loop {
            let left = engine.containers(&label).await?;
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                let names: Vec<_> = left.into_iter().map(|(_, _, name)| name).collect();
                let names = names.join(", ");
                return Err(SandboxError::Engine(format!(
                    "cannot remove containers: {names}"
                )));
            }
            join_all(left.iter().map(|(id, ..)| engine.remove_container(id))).await;
            tokio::time::sleep(CLEANUP_INTERVAL).await;
        }
    }
}

impl Sandbox for DockerSandbox {
    type Container = DockerContainer;

    async fn files(&self, ops: Vec<FileOp>) -> Result<(), SandboxError> {
        let volumes = &self.inner.volumes;
        let operations = ops.into_iter().map(|op| files::operation(op, volumes));
        self.request(operations.collect::<Result<_, _>>()?).await
    }

    async fn upload(&self, from: PathBuf, to: VolumePath) -> Result<u64, SandboxError> {
        let path = self.inner.volumes.path(&to)?;
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
        let docker = self.inner.engine.docker().clone().with_timeout(UPLOAD);
        let tar = bollard::body_try_stream(stream);
        let uploaded = docker
            .upload_to_container(&self.inner.name, Some(options), tar)
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
        let supervisor = &self.inner.supervisor;
        let number = supervisor.number();
        let mut pieces = supervisor.copied(number);
        let answer = supervisor.answer(number);
        supervisor.send(Kind::Clone, number, &paths);
        let mut copied = 0;
        let follow = async {
            while let Some(bytes) = pieces.recv().await {
                copied = bytes;
                progress(bytes);
            }
        };
        // The pieces end with the answer.
        let (done, ()) = tokio::join!(supervisor.done(answer), follow);
        done.map(|()| copied)
    }

    async fn start(&self, spec: ContainerSpec) -> Result<DockerContainer, SandboxError> {
        let supervisor = self.inner.supervisor.clone();
        let channel = supervisor.number();
        let token = crate::name::uid();
        let events = supervisor.listen(channel);
        supervisor.send(Kind::Expect, channel, &token);
        // Whatever happens from here on, dropping it ends what was started.
        let mut pending = DockerContainer::new(String::new(), channel, supervisor, events);
        // In a task of its own: a caller that gives up leaves no container without an owner.
        let starting = tokio::spawn(self.clone().launch_container(spec, channel, token));
        let id = starting
            .await
            .map_err(|error| SandboxError::Engine(error.to_string()))??;
        self.wait_for_agent(&id, pending.events()).await?;
        pending.set_id(id);
        Ok(pending)
    }

    async fn lost(&self) -> String {
        self.inner.supervisor.lost().await
    }

    async fn close(&self, keep_volume: bool) -> Result<(), SandboxError> {
        *self.inner.closed.write().await = true;
        self.inner.supervisor.close();
        self.remove_containers().await?;
        if keep_volume {
            return Ok(());
        }
        self.inner
            .engine
            .remove_volume(&self.inner.volumes.run.name)
            .await
    }
}

fn check_size(operation: &FileOperation) -> Result<(), SandboxError> {
    match operation {
        FileOperation::File { path, content, .. } if content.0.len() >= MAX_PAYLOAD / 2 => Err(
            SandboxError::File(format!("{path} is larger than 32 MiB: upload it")),
        ),
        _ => Ok(()),
    }
}

async fn open(engine: DockerEngine, spec: SandboxSpec) -> Result<DockerSandbox, SandboxError> {
    let image = engine.agent_image().await?.to_owned();
    let source = match &spec.clone_from {
        Some(run) => Some(existing_volume(&engine, run).await?.name),
        None => None,
    };
    let labels = label::of_run(&spec.run, engine.owner());
    let run = match &spec.take_from {
        Some(run) => existing_volume(&engine, run).await?,
        None => fresh_volume(&engine, &spec.run, labels.clone()).await?,
    };
    let mut fresh_claims = Vec::new();
    let mut claims = BTreeMap::new();
    for claim in &spec.claims {
        let (volume, fresh) = claim_volume(&engine, claim).await?;
        claims.insert(claim.clone(), volume);
        if fresh {
            fresh_claims.push(claim.clone());
        }
    }
    let volumes = Volumes {
        partial: engine.partial_mount(),
        run,
        claims,
    };
    let made = spec.take_from.is_none().then(|| volumes.run.name.clone());
    let name = label::run_name(&spec.run);
    let body = body::sandbox(&spec, &image, &volumes, source.as_deref(), labels);
    let result = async {
        let supervisor = start_supervisor(&engine, &name, body).await?;
        let inner = Inner {
            engine: engine.clone(),
            run: spec.run.clone(),
            name: name.clone(),
            volumes,
            supervisor,
            closed: RwLock::new(false),
        };
        let sandbox = DockerSandbox {
            inner: Arc::new(inner),
        };
        prepare(&sandbox, fresh_claims).await?;
        Ok(sandbox)
    };
    let result = result.await;
    if let (Err(_), Some(volume)) = (&result, made) {
        // The first fault is what is told.
        engine.remove_container(&name).await.unwrap_or_default();
        engine.remove_volume(&volume).await.unwrap_or_default();
    }
    result
}

/// Creates the sandbox container, takes its streams, starts it and waits for the supervisor.
async fn start_supervisor(
    engine: &DockerEngine,
    name: &str,
    body: bollard::models::ContainerCreateBody,
) -> Result<Supervisor, SandboxError> {
    let docker = engine.docker();
    let options = CreateContainerOptions {
        name: Some(name.to_owned()),
        ..CreateContainerOptions::default()
    };
    docker
        .create_container(Some(options), body)
        .await
        .map_err(container)?;
    let options = AttachContainerOptions {
        stream: true,
        stdin: true,
        stdout: true,
        stderr: true,
        ..AttachContainerOptions::default()
    };
    let attached = docker
        .attach_container(name, Some(options))
        .await
        .map_err(container)?;
    let (supervisor, is_up) = Supervisor::new(attached);
    docker
        .start_container(name, None::<StartContainerOptions>)
        .await
        .map_err(container)?;
    match is_up.await {
        Ok(()) => Ok(supervisor),
        Err(_) => Err(SandboxError::Engine(supervisor.lost().await)),
    }
}

/// What a sandbox needs before it is used.
async fn prepare(sandbox: &DockerSandbox, fresh_claims: Vec<String>) -> Result<(), SandboxError> {
    let mut modes = Vec::new();
    for claim in fresh_claims {
        let path = VolumePath::Claim {
            claim,
            path: String::new(),
        };
        let path = sandbox.inner.volumes.path(&path)?;
        modes.push(FileOperation::Mode {
            path,
            mode: CLAIM_MODE,
        });
    }
    if !modes.is_empty() {
        sandbox.request(modes).await?;
    }
    Ok(())
}

/// The volume of an earlier run. Looked up, because a mount would silently make a missing one.
async fn existing_volume(engine_: &DockerEngine, run: &str) -> Result<Volume, SandboxError> {
    let name = label::run_name(run);
    match engine_.docker().inspect_volume(&name).await {
        Ok(found) => Ok(Volume {
            name: found.name,
            mountpoint: found.mountpoint,
        }),
        Err(error) if has_status(&error, 404) => Err(SandboxError::Engine(format!(
            "the volume of the run {run} is gone ({name})"
        ))),
        Err(error) => Err(engine("look a volume up")(error)),
    }
}

async fn fresh_volume(
    engine: &DockerEngine,
    run: &str,
    labels: HashMap<String, String>,
) -> Result<Volume, SandboxError> {
    let name = label::run_name(run);
    match make_volume(engine, &name, labels).await? {
        (volume, true) => Ok(volume),
        (_, false) => Err(SandboxError::Engine(format!(
            "there is a volume {name} already: an earlier run of that name has kept it"
        ))),
    }
}

/// The volume of a claim, and whether it was made.
async fn claim_volume(engine: &DockerEngine, claim: &str) -> Result<(Volume, bool), SandboxError> {
    let labels = HashMap::from([(label::CLAIM.to_owned(), claim.to_owned())]);
    make_volume(engine, &label::claim_name(claim), labels).await
}

/// Makes a volume unless it is there. The engine answers the same in both cases, but an existing
/// volume does not get new labels.
async fn make_volume(
    engine_: &DockerEngine,
    name: &str,
    mut labels: HashMap<String, String>,
) -> Result<(Volume, bool), SandboxError> {
    let mark = crate::name::uid();
    labels.insert(label::MADE.to_owned(), mark.clone());
    let request = VolumeCreateRequest {
        name: Some(name.to_owned()),
        labels: Some(labels),
        ..VolumeCreateRequest::default()
    };
    let made = engine_.docker().create_volume(request).await;
    let made = made.map_err(engine("make a volume"))?;
    let fresh = made.labels.get(label::MADE) == Some(&mark);
    Ok((
        Volume {
            name: made.name,
            mountpoint: made.mountpoint,
        },
        fresh,
    ))
}
