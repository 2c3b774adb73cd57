//! Pulling images.

use std::sync::Mutex;

use bollard::query_parameters::RemoveImageOptions;
use tkn_local::sandbox::{Engine, Image, ImageRequest, PullPolicy, SandboxError};

use crate::registry::Registry;
use crate::support::{docker, engine};

/// Its encoding differs between the alphabets of base64.
const PASSWORD: &str = "a?b>c~d?>~?";

fn request(registry: &Registry, pull: PullPolicy, password: &str) -> ImageRequest {
    let reference = format!("{}/test/image:1", registry.address);
    let auths = serde_json::json!({
        registry.address.as_str(): {"username": "user", "password": password},
    });
    let secret = serde_json::json!({ "auths": auths }).to_string();
    ImageRequest {
        requested: reference.clone(),
        reference,
        pull,
        pull_secrets: vec![secret.into_bytes()],
    }
}

#[tokio::test]
async fn a_private_image_is_pulled_once_with_its_secret() {
    let registry = Registry::start("user", PASSWORD).await;
    let engine = engine().await;
    let request = request(&registry, PullPolicy::Missing, PASSWORD);
    let seen = Mutex::new(Vec::new());
    let progress = |progress| seen.lock().unwrap().push(progress);
    let (first, second) = tokio::join!(
        engine.image(&request, progress),
        engine.image(&request, |_| {})
    );
    let image = first.unwrap();
    assert_eq!(image, second.unwrap());
    assert_eq!(registry.manifests_served(), 1);
    let expected = Image {
        id: image.id.clone(),
        digest: registry.digest("test/image"),
        entrypoint: vec!["/entry".to_owned()],
        cmd: vec!["a".to_owned()],
        env: vec![
            ("K".to_owned(), "v=w".to_owned()),
            ("EMPTY".to_owned(), String::new()),
        ],
        user: "5".to_owned(),
        working_dir: "/work".to_owned(),
    };
    assert_eq!(image, expected);
    let last = seen.into_inner().unwrap().pop();
    assert!(last.is_none_or(|last| last.current <= last.total && last.image == request.reference));
    docker()
        .remove_image(&request.reference, None::<RemoveImageOptions>, None)
        .await
        .unwrap();
}

#[tokio::test]
async fn always_pulls_once_more_and_missing_does_not() {
    let registry = Registry::start("user", PASSWORD).await;
    let missing = request(&registry, PullPolicy::Missing, PASSWORD);
    let always = request(&registry, PullPolicy::Always, PASSWORD);
    let first = engine().await;
    first.image(&missing, |_| {}).await.unwrap();
    let pulled = registry.manifests_checked();
    first.image(&missing, |_| {}).await.unwrap();
    assert_eq!(registry.manifests_checked(), pulled, "it is there");
    let second = engine().await;
    second.image(&always, |_| {}).await.unwrap();
    let pulled_again = registry.manifests_checked();
    assert!(pulled_again > pulled, "another command asks again");
    second.image(&always, |_| {}).await.unwrap();
    assert_eq!(
        registry.manifests_checked(),
        pulled_again,
        "once for each command"
    );
    docker()
        .remove_image(&missing.reference, None::<RemoveImageOptions>, None)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_an_error_of_the_image() {
    let registry = Registry::start("user", PASSWORD).await;
    let request = request(&registry, PullPolicy::Missing, "wrong");
    let error = engine().await.image(&request, |_| {}).await.unwrap_err();
    let SandboxError::Image { image, message } = error else {
        panic!("{error:?}");
    };
    assert_eq!(image, request.requested);
    assert!(message.contains(&registry.address), "{message}");
}
