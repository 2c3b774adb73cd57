//! Opening a sandbox: volumes, container, supervisor.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::models::{ContainerCreateBody, VolumeCreateRequest};
use bollard::query_parameters::{
    AttachContainerOptions, CreateContainerOptions, StartContainerOptions,
};

use futures_util::future::ready;
use futures_util::{Stream, StreamExt};

use super::engine::DockerEngine;
use super::error::{container, engine, has_status, in_time, message};
use super::sandbox::{DockerSandbox, Parts};
use super::volume::{Volume, Volumes};
use super::{body, label};
use crate::sandbox::link::{FileOperation, Incoming, Piece, Supervisor, VolumePaths};
use crate::sandbox::{Sandbox, SandboxError, SandboxSpec, VolumePath};

/// How long the supervisor may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(60);
/// The mode of a fresh claim: any user can write, as in the usual provisioners.
const CLAIM_MODE: u32 = 0o777;
/// A Secret has at most 1 MiB; steps can write to their credentials too.
const MEMORY_OPTIONS: &str = "mode=0755,size=256m";

/// Opens a sandbox over an existing volume. What was made is removed again if that fails, except
/// claims: they are asked for by name, and the next run has them.
pub(super) async fn open(
    engine: DockerEngine,
    spec: SandboxSpec,
) -> Result<DockerSandbox, SandboxError> {
    let image = engine.agent_image().await?.clone();
    let source = match &spec.clone_from {
        Some(run) => Some(existing_volume(&engine, run).await?.name),
        None => None,
    };
    let (claims, fresh_claims) = claim_volumes(&engine, &spec.claims).await?;
    let labels = label::of_run(&spec.run, engine.owner());
    let run = existing_volume(&engine, &spec.volume).await?;
    let secrets = if spec.secrets {
        Some(memory_volume(&engine, &spec.run).await?)
    } else {
        None
    };
    let partial = engine.partial_mount();
    let volumes = Volumes {
        partial,
        run,
        secrets,
        claims,
    };
    let body = body::sandbox(&spec, &image, &volumes, source.as_deref(), labels);
    let name = label::run_name(&spec.run);
    // In what follows the first error is reported, not those of cleaning up.
    let supervisor = match start_supervisor(&engine, &name, body).await {
        Ok(supervisor) => supervisor,
        Err(error) => {
            if let Some(secrets) = &volumes.secrets {
                engine
                    .remove_volume_named(&secrets.name)
                    .await
                    .unwrap_or_default();
            }
            return Err(error);
        }
    };
    let hostname = if engine.shares_hostname() {
        None
    } else {
        body::hostname(&spec.hostname)
    };
    let sandbox = DockerSandbox::new(Parts {
        engine,
        run: spec.run,
        name,
        hostname,
        volumes,
        supervisor,
    });
    if let Err(error) = prepare(&sandbox, fresh_claims).await {
        // The first error is reported, not those of cleaning up.
        sandbox.close().await.unwrap_or_default();
        return Err(error);
    }
    Ok(sandbox)
}

/// Creates the sandbox container, takes its streams, starts it and waits for the supervisor.
async fn start_supervisor(
    engine: &DockerEngine,
    name: &str,
    body: ContainerCreateBody,
) -> Result<Supervisor, SandboxError> {
    let options = CreateContainerOptions {
        name: Some(name.to_owned()),
        ..CreateContainerOptions::default()
    };
    let created = in_time(engine.docker().create_container(Some(options), body)).await;
    let id = created.map_err(container)?.id;
    let result = supervise(engine.docker(), &id).await;
    if result.is_err() {
        engine.remove_container(&id).await.unwrap_or_default();
    }
    result
}

async fn supervise(docker: &Docker, id: &str) -> Result<Supervisor, SandboxError> {
    let options = AttachContainerOptions {
        stream: true,
        stdin: true,
        stdout: true,
        stderr: true,
        ..AttachContainerOptions::default()
    };
    // Before the start: what the supervisor says first must not be missed, and its input must
    // have somebody who ends it.
    let attached = in_time(docker.attach_container(id, Some(options)))
        .await
        .map_err(container)?;
    let (supervisor, is_up) = Supervisor::new(attached.input, incoming(attached.output));
    let started = in_time(docker.start_container(id, None::<StartContainerOptions>)).await;
    started.map_err(container)?;
    match tokio::time::timeout(PATIENCE, is_up).await {
        Ok(Ok(())) => Ok(supervisor),
        Ok(Err(_)) => Err(SandboxError::Engine(supervisor.lost().await)),
        Err(_) => Err(SandboxError::Engine(format!(
            "the sandbox container has started, and its supervisor said nothing for {} s",
            PATIENCE.as_secs()
        ))),
    }
}

/// What the supervisor writes, out of the engine's stream.
fn incoming(
    output: impl Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send + 'static,
) -> Incoming {
    let pieces = output.filter_map(|piece| {
        ready(match piece {
            Ok(LogOutput::StdOut { message }) => Some(Ok(Piece::Frames(message))),
            Ok(LogOutput::StdErr { message } | LogOutput::Console { message }) => {
                Some(Ok(Piece::Complaint(message)))
            }
            Ok(LogOutput::StdIn { .. }) => None,
            Err(error) => Some(Err(message(&error))),
        })
    });
    Box::pin(pieces)
}

/// What a sandbox needs before it is used.
async fn prepare(sandbox: &DockerSandbox, fresh_claims: Vec<String>) -> Result<(), SandboxError> {
    let mut modes = Vec::new();
    for claim in fresh_claims {
        let path = VolumePath::Claim {
            claim,
            path: String::new(),
        };
        let path = sandbox.parts().volumes.path(&path)?;
        modes.push(FileOperation::Mode {
            path,
            mode: CLAIM_MODE,
        });
    }
    if !modes.is_empty() {
        sandbox.parts().supervisor.operations(modes).await?;
    }
    Ok(())
}

/// The volume of an earlier run. Looked up, because a mount would silently make a missing one.
async fn existing_volume(engine_: &DockerEngine, run: &str) -> Result<Volume, SandboxError> {
    let name = label::run_name(run);
    match in_time(engine_.docker().inspect_volume(&name)).await {
        Ok(found) => Ok(Volume {
            name: found.name,
            mountpoint: found.mountpoint,
        }),
        Err(error) if has_status(&error, 404) => Err(SandboxError::Engine(format!(
            "the volume of run {run} no longer exists ({name})"
        ))),
        Err(error) => Err(engine("inspect a volume")(error)),
    }
}

/// Makes the empty volume of a run, for this state directory.
pub(super) async fn create_volume(
    engine: &DockerEngine,
    run: &str,
    state_dir: &str,
) -> Result<(), SandboxError> {
    let name = label::run_name(run);
    let mut labels = label::of_run(run, engine.owner());
    labels.insert(label::STATE_DIR.to_owned(), state_dir.to_owned());
    match make_volume(engine, &name, labels).await? {
        (_, true) => Ok(()),
        (_, false) => Err(SandboxError::Engine(format!(
            "volume {name} already exists: an earlier run of that name kept it. `tkn-local prune \
             --volumes` removes the volumes of runs that no longer exist"
        ))),
    }
}

/// A volume in memory. The engine empties it when the last container that mounts it has ended:
/// also when nobody is left who could remove it.
async fn memory_volume(engine_: &DockerEngine, run: &str) -> Result<Volume, SandboxError> {
    let mut labels = label::of_run(run, engine_.owner());
    labels.remove(label::RUN);
    labels.insert(label::SECRETS.to_owned(), run.to_owned());
    let options = [
        ("type", "tmpfs"),
        ("device", "tmpfs"),
        ("o", MEMORY_OPTIONS),
    ];
    let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let request = VolumeCreateRequest {
        name: Some(label::secrets_name(run)),
        labels: Some(labels),
        driver_opts: Some(HashMap::from(options)),
        ..VolumeCreateRequest::default()
    };
    let made = engine_.docker().create_volume(request).await;
    let made = made.map_err(engine("make a volume in memory for Secrets"))?;
    Ok(Volume {
        name: made.name,
        mountpoint: made.mountpoint,
    })
}

/// The volumes of claims by name, and the claims whose volumes were made.
async fn claim_volumes(
    engine: &DockerEngine,
    claims: &[String],
) -> Result<(BTreeMap<String, Volume>, Vec<String>), SandboxError> {
    let (mut volumes, mut made) = (BTreeMap::new(), Vec::new());
    for claim in claims {
        let labels = HashMap::from([(label::CLAIM.to_owned(), claim.clone())]);
        let (volume, fresh) = make_volume(engine, &label::claim_name(claim), labels).await?;
        volumes.insert(claim.clone(), volume);
        if fresh {
            made.push(claim.clone());
        }
    }
    Ok((volumes, made))
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
    let made = in_time(engine_.docker().create_volume(request)).await;
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
