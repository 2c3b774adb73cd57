//! The image of the sandbox container: the agent and nothing else, made in the engine itself. And
//! the volume through which all other containers have the agent.

use bollard::Docker;
use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{
    CreateImageOptions, ListImagesOptions, ListVolumesOptions, RemoveImageOptions,
    RemoveVolumeOptions,
};
use bytes::Bytes;
use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};

use super::body::AGENT;
use super::error::{engine, has_status, in_time};
use super::label;
use crate::sandbox::SandboxError;
use crate::sandbox::link::{AGENT_DIRECTORY, AGENT_FILE};

/// The agent, as the build script made it.
static PROGRAM: &[u8] = include_bytes!(env!("TKN_LOCAL_AGENT"));
/// The architecture it runs on, in Rust's words.
pub(super) const ARCHITECTURE: &str = env!("TKN_LOCAL_AGENT_ARCHITECTURE");
/// Enough of a SHA-256 to tell agents apart.
const HASH_BYTES: usize = 8;
const REPOSITORY: &str = "tkn-local/agent";

/// Begins the names of the volumes. Names of runs and claims have no underscores, so none of theirs
/// can be called like this.
const VOLUME: &str = "tkn-local_agent_";

/// What an engine has of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AgentImage {
    /// The name of the image.
    pub(super) name: String,
    /// A volume that holds what the image has at [`AGENT_DIRECTORY`] once a container of the image
    /// has had it mounted. Every container has it read-only.
    pub(super) volume: String,
}

/// Makes sure that image and volume are in the engine.
pub(super) async fn ensure(docker: &Docker) -> Result<AgentImage, SandboxError> {
    let image = AgentImage {
        name: format!("{REPOSITORY}:{}", tag()),
        volume: format!("{VOLUME}{}", tag()),
    };
    let labels = [(label::AGENT.to_owned(), tag())];
    let volume = VolumeCreateRequest {
        name: Some(image.volume.clone()),
        labels: Some(labels.into_iter().collect()),
        ..VolumeCreateRequest::default()
    };
    let (volume, ()) = tokio::try_join!(
        async {
            let made = in_time(docker.create_volume(volume)).await;
            made.map_err(engine("make the volume of the agent"))
        },
        ensure_image(docker, &image.name)
    )?;
    Ok(AgentImage {
        volume: volume.name,
        ..image
    })
}

async fn ensure_image(docker: &Docker, name: &str) -> Result<(), SandboxError> {
    match in_time(docker.inspect_image(name)).await {
        Ok(_) => return Ok(()),
        Err(error) if has_status(&error, 404) => {}
        Err(error) => return Err(engine("look the agent's image up")(error)),
    }
    let archive = archive().map_err(|error| SandboxError::Engine(error.to_string()))?;
    let options = CreateImageOptions {
        from_src: Some("-".to_owned()),
        // With its tag: Podman does not look at `tag`.
        repo: Some(name.to_owned()),
        ..CreateImageOptions::default()
    };
    let progress = docker.create_image(Some(options), Some(bollard::body_full(archive)), None);
    in_time(progress.try_for_each(|_| async { Ok(()) }))
        .await
        .map_err(engine("make the agent's image"))
}

/// Removes the images and volumes of other versions of the agent, unless they are in use.
pub(super) async fn remove_others(docker: &Docker) -> Result<(), SandboxError> {
    remove_other_volumes(docker).await?;
    let own = format!("{REPOSITORY}:{}", tag());
    let found = in_time(docker.list_images(None::<ListImagesOptions>))
        .await
        .map_err(engine("list images"))?;
    let tags = found.iter().flat_map(|image| &image.repo_tags);
    for name in tags.filter(|name| is_agent(name) && !name.ends_with(&own)) {
        match in_time(docker.remove_image(name, None::<RemoveImageOptions>, None)).await {
            Err(error) if !has_status(&error, 404) && !has_status(&error, 409) => {
                return Err(engine("remove an image")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

async fn remove_other_volumes(docker: &Docker) -> Result<(), SandboxError> {
    let filter = ("label".to_owned(), vec![label::AGENT.to_owned()]);
    let options = ListVolumesOptions {
        filters: Some([filter].into_iter().collect()),
    };
    let found = in_time(docker.list_volumes(Some(options))).await;
    let found = found.map_err(engine("list volumes"))?;
    let own = format!("{VOLUME}{}", tag());
    let names = found.volumes.unwrap_or_default();
    let names = names.into_iter().map(|volume| volume.name);
    for name in names.filter(|name| name.starts_with(VOLUME) && *name != own) {
        match docker
            .remove_volume(&name, None::<RemoveVolumeOptions>)
            .await
        {
            Err(error) if !has_status(&error, 404) && !has_status(&error, 409) => {
                return Err(engine("remove a volume")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a name is that of an agent, with the registry that Podman puts before it or without.
fn is_agent(name: &str) -> bool {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let tag = name.strip_prefix(REPOSITORY);
    tag.is_some_and(|tag| tag.starts_with(':'))
}

fn tag() -> String {
    let digest = Sha256::digest(PROGRAM);
    let bytes = digest
        .iter()
        .take(HASH_BYTES)
        .map(|byte| format!("{byte:02x}"));
    bytes.collect::<Vec<_>>().concat()
}

/// The agent twice: as the program of this image, and where the engine fills the volume from.
fn archive() -> std::io::Result<Bytes> {
    let mut archive = tar::Builder::new(Vec::new());
    let mounted = format!("{AGENT_DIRECTORY}/{AGENT_FILE}");
    for path in [AGENT, &mounted] {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(PROGRAM.len() as u64);
        archive.append_data(&mut header, path.trim_start_matches('/'), PROGRAM)?;
    }
    Ok(archive.into_inner()?.into())
}

#[cfg(test)]
mod tests {
    use super::is_agent;

    #[test]
    fn agents_are_reported_by_their_whole_name() {
        assert!(is_agent("tkn-local/agent:1"));
        assert!(is_agent("docker.io/tkn-local/agent:1"));
        assert!(!is_agent("mine/tkn-local/agent:1"));
        assert!(!is_agent("tkn-local/agents:1"));
    }
}
