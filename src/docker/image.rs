//! Images: looked up, and pulled by policy.

use std::collections::HashMap;

use bollard::errors::Error;
use bollard::models::{CreateImageInfo, ImageInspect};
use bollard::query_parameters::CreateImageOptions;
use futures_util::TryStreamExt;

use super::credential;
use super::engine::DockerEngine;
use super::error::{engine, has_status, message};
use crate::sandbox::{Image, ImageRequest, PullPolicy, PullProgress, SandboxError};

/// Looks an image up, pulling it if it must be.
pub(super) async fn find(
    engine: &DockerEngine,
    request: &ImageRequest,
    progress: impl Fn(PullProgress) + Send + Sync,
) -> Result<Image, SandboxError> {
    let reference = request.reference.as_str();
    if request.pull != PullPolicy::Always
        && let Some(image) = inspect(engine, reference).await?
    {
        return Ok(image);
    }
    if request.pull == PullPolicy::Never {
        return Err(refuse(
            request,
            "it is not on this engine, and its pull policy is Never",
        ));
    }
    let lock = engine.pulls().lock(reference).await;
    let _one_at_a_time = lock.lock().await;
    if !engine.pulls().is_done(reference).await {
        pull(engine, request, progress).await?;
        engine.pulls().finish(reference).await;
    }
    let image = inspect(engine, reference).await?;
    image.ok_or_else(|| refuse(request, "it is missing after the pull"))
}

async fn inspect(engine: &DockerEngine, reference: &str) -> Result<Option<Image>, SandboxError> {
    match engine.docker().inspect_image(reference).await {
        Ok(found) => Ok(Some(image(found, reference))),
        Err(error) if has_status(&error, 404) => Ok(None),
        Err(error) => Err(super::error::engine("inspect an image")(error)),
    }
}

async fn pull(
    engine: &DockerEngine,
    request: &ImageRequest,
    progress: impl Fn(PullProgress) + Send + Sync,
) -> Result<(), SandboxError> {
    let config = engine.config().map(ToOwned::to_owned);
    let (reference, secrets) = (request.reference.clone(), request.pull_secrets.clone());
    // A helper is a program that is waited for.
    let search = tokio::task::spawn_blocking(move || {
        credential::find(&reference, &secrets, config.as_deref())
    });
    let credential = search
        .await
        .map_err(|error| SandboxError::Engine(error.to_string()))?;
    let credential = credential.map_err(|error| refuse(request, &error.to_string()))?;
    let options = CreateImageOptions {
        from_image: Some(with_tag(&request.reference)),
        ..CreateImageOptions::default()
    };
    let mut layers = Layers::default();
    let steps = engine
        .docker()
        .create_image(Some(options), None, credential);
    let steps = steps.try_for_each(|step| {
        if let Some((current, total)) = layers.add(step) {
            progress(PullProgress {
                image: request.reference.clone(),
                current,
                total,
            });
        }
        async { Ok(()) }
    });
    steps.await.map_err(|error| pull_error(request, error))
}

fn pull_error(request: &ImageRequest, error: Error) -> SandboxError {
    match error {
        Error::DockerResponseServerError { .. } | Error::DockerStreamError { .. } => {
            refuse(request, &message(&error))
        }
        error => engine("pull an image")(error),
    }
}

fn refuse(request: &ImageRequest, why: &str) -> SandboxError {
    let ImageRequest {
        requested,
        reference,
        ..
    } = request;
    let name = if requested == reference {
        format!("image {reference:?}")
    } else {
        format!("image {requested:?}, by the image map {reference:?}")
    };
    SandboxError::Image {
        image: requested.clone(),
        message: format!("{name}: {why}"),
    }
}

/// With `:latest` when there is neither tag nor digest: without it the engine pulls all tags.
fn with_tag(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    if name.contains([':', '@']) {
        reference.to_owned()
    } else {
        format!("{reference}:latest")
    }
}

/// The bytes of the layers of a pull.
#[derive(Default)]
struct Layers {
    layers: HashMap<String, (u64, u64)>,
}

impl Layers {
    /// Takes a message in. Returns the sums when they changed.
    fn add(&mut self, step: CreateImageInfo) -> Option<(u64, u64)> {
        let layer = self.layers.entry(step.id?);
        let detail = step.progress_detail.unwrap_or_default();
        let number = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
        match (
            step.status.as_deref(),
            number(detail.current),
            number(detail.total),
        ) {
            (Some("Downloading"), Some(current), Some(total)) => {
                layer.insert_entry((current, total));
            }
            (Some("Download complete" | "Pull complete"), ..) => {
                layer.and_modify(|(current, total)| *current = *total);
            }
            _ => return None,
        }
        let sum = |(a, b): (u64, u64), (c, d): &(u64, u64)| (a + c, b + d);
        Some(self.layers.values().fold((0, 0), sum))
    }
}

fn image(found: ImageInspect, reference: &str) -> Image {
    let config = found.config.unwrap_or_default();
    let digests = found.repo_digests.unwrap_or_default();
    let pair = |text: String| match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (text, String::new()),
    };
    Image {
        id: found.id.unwrap_or_else(|| reference.to_owned()),
        digest: digest(&digests, reference),
        entrypoint: config.entrypoint.unwrap_or_default(),
        cmd: config.cmd.unwrap_or_default(),
        env: config
            .env
            .unwrap_or_default()
            .into_iter()
            .map(pair)
            .collect(),
        user: config.user.unwrap_or_default(),
        working_dir: config.working_dir.unwrap_or_default(),
    }
}

/// The digest the engine knows under the reference's own name, else under any.
fn digest(known: &[String], reference: &str) -> String {
    let name = repository(reference);
    let own = known.iter().find(|digest| repository(digest) == name);
    own.or(known.first())
        .map_or_else(|| reference.to_owned(), Clone::clone)
}

/// A reference without tag and digest.
fn repository(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::ProgressDetail;

    use super::*;

    #[test]
    fn a_reference_without_tag_means_latest() {
        assert_eq!(with_tag("a"), "a:latest");
        assert_eq!(with_tag("localhost:5000/a"), "localhost:5000/a:latest");
        assert_eq!(with_tag("localhost:5000/a:1"), "localhost:5000/a:1");
        assert_eq!(with_tag("a@sha256:0"), "a@sha256:0");
    }

    #[test]
    fn the_digest_of_the_same_repository_is_preferred() {
        let known = ["x/a@sha256:1".to_owned(), "y:5/a@sha256:2".to_owned()];
        assert_eq!(digest(&known, "y:5/a:tag"), "y:5/a@sha256:2");
        assert_eq!(digest(&known, "z/a"), "x/a@sha256:1");
        assert_eq!(digest(&[], "z/a"), "z/a");
    }

    #[test]
    fn layers_add_up_and_are_complete_in_the_end() {
        let step = |id: &str, status: &str, detail: Option<(i64, i64)>| CreateImageInfo {
            id: Some(id.to_owned()),
            status: Some(status.to_owned()),
            progress_detail: detail.map(|(current, total)| ProgressDetail {
                current: Some(current),
                total: Some(total),
            }),
            ..CreateImageInfo::default()
        };
        let mut layers = Layers::default();
        assert_eq!(layers.add(step("a", "Pulling fs layer", None)), None);
        assert_eq!(
            layers.add(step("a", "Downloading", Some((10, 100)))),
            Some((10, 100))
        );
        assert_eq!(
            layers.add(step("b", "Downloading", Some((5, 50)))),
            Some((15, 150))
        );
        assert_eq!(
            layers.add(step("a", "Download complete", None)),
            Some((105, 150))
        );
        assert_eq!(layers.add(step("a", "Extracting", Some((1, 100)))), None);
    }

    #[test]
    fn a_mapped_image_is_named_both_ways() {
        let request = ImageRequest {
            requested: "a".to_owned(),
            reference: "b".to_owned(),
            pull: PullPolicy::Never,
            pull_secrets: Vec::new(),
        };
        let text = refuse(&request, "no").to_string();
        assert_eq!(text, "image \"a\", by the image map \"b\": no");
    }
}
