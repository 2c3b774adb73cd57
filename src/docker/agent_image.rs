//! The image of the sandbox container: the agent and nothing else, made in the engine itself.

use bollard::Docker;
use bollard::query_parameters::{CreateImageOptions, ListImagesOptions, RemoveImageOptions};
use bytes::Bytes;
use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};

use super::body::AGENT;
use super::error::{engine, has_status};
use crate::sandbox::SandboxError;

/// The agent, as the build script made it.
static PROGRAM: &[u8] = include_bytes!(env!("TKN_LOCAL_AGENT"));
/// The architecture it runs on, in Rust's words.
pub(super) const ARCHITECTURE: &str = env!("TKN_LOCAL_AGENT_ARCHITECTURE");
/// Enough of a SHA-256 to tell agents apart.
const HASH_BYTES: usize = 8;
const REPOSITORY: &str = "tkn-local/agent";

/// Makes sure that the image is in the engine. Returns its name.
pub(super) async fn ensure(docker: &Docker) -> Result<String, SandboxError> {
    let name = format!("{REPOSITORY}:{}", tag());
    match docker.inspect_image(&name).await {
        Ok(_) => return Ok(name),
        Err(error) if has_status(&error, 404) => {}
        Err(error) => return Err(engine("look the agent's image up")(error)),
    }
    let archive = archive().map_err(|error| SandboxError::Engine(error.to_string()))?;
    let options = CreateImageOptions {
        from_src: Some("-".to_owned()),
        // With its tag: Podman does not look at `tag`.
        repo: Some(name.clone()),
        ..CreateImageOptions::default()
    };
    let progress = docker.create_image(Some(options), Some(bollard::body_full(archive)), None);
    progress
        .try_for_each(|_| async { Ok(()) })
        .await
        .map_err(engine("make the agent's image"))?;
    Ok(name)
}

/// Removes the images of other versions of the agent, unless they are in use.
pub(super) async fn remove_others(docker: &Docker) -> Result<(), SandboxError> {
    let own = format!("{REPOSITORY}:{}", tag());
    let found = docker
        .list_images(None::<ListImagesOptions>)
        .await
        .map_err(engine("list images"))?;
    let tags = found.iter().flat_map(|image| &image.repo_tags);
    for name in tags.filter(|name| is_agent(name) && !name.ends_with(&own)) {
        match docker
            .remove_image(name, None::<RemoveImageOptions>, None)
            .await
        {
            Err(error) if !has_status(&error, 404) && !has_status(&error, 409) => {
                return Err(engine("remove an image")(error));
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

fn archive() -> std::io::Result<Bytes> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(PROGRAM.len() as u64);
    archive.append_data(&mut header, AGENT.trim_start_matches('/'), PROGRAM)?;
    Ok(archive.into_inner()?.into())
}

#[cfg(test)]
mod tests {
    use super::is_agent;

    #[test]
    fn agents_are_told_by_their_whole_name() {
        assert!(is_agent("tkn-local/agent:1"));
        assert!(is_agent("docker.io/tkn-local/agent:1"));
        assert!(!is_agent("mine/tkn-local/agent:1"));
        assert!(!is_agent("tkn-local/agents:1"));
    }
}
