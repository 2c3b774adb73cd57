//! Credentials for pulling: of `imagePullSecrets`, else the user's own.

use std::fs::File;
use std::path::Path;

use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use http::HeaderValue;

use crate::sandbox::SandboxError;

const HEADER: &str = "X-Registry-Auth";
/// The registry of references without one, and what Docker's configuration files call it.
const DEFAULT_REGISTRY: &str = "docker.io";
const DEFAULT_REGISTRY_KEY: &str = "https://index.docker.io/v1/";

/// Encodes credentials as engines read them: bollard 0.21 writes them in the standard alphabet of
/// base64, and engines want that of URLs.
pub(super) fn use_url_alphabet<B>(mut request: http::Request<B>) -> http::Request<B> {
    if let Some(value) = request.headers_mut().get_mut(HEADER) {
        let translated = value.as_bytes().iter().map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            other => *other,
        });
        if let Ok(translated) = HeaderValue::from_bytes(&translated.collect::<Vec<_>>()) {
            *value = translated;
        }
    }
    request
}

/// The first credentials for the registry of a reference: in the secrets, in order, then in the
/// user's configuration. None is fine: most images are public.
pub(super) fn find(
    reference: &str,
    secrets: &[Vec<u8>],
    config: Option<&Path>,
) -> Result<Option<DockerCredentials>, SandboxError> {
    let server = registry_key(reference);
    for secret in secrets {
        if let Some(found) = found(get_credential_from_reader(secret.as_slice(), &server))? {
            return Ok(Some(with_server(found, server)));
        }
    }
    let Some(file) = config.and_then(|dir| File::open(dir.join("config.json")).ok()) else {
        return Ok(None);
    };
    let found = found(get_credential_from_reader(file, &server))?;
    Ok(found.map(|credential| with_server(credential, server)))
}

/// No credentials is no error, and neither is a helper that knows none, which it says by failing,
/// or that is not installed: most images are public, and the registry refuses the others.
fn found(
    result: Result<DockerCredential, CredentialRetrievalError>,
) -> Result<Option<DockerCredential>, SandboxError> {
    match result {
        Ok(credential) => Ok(Some(credential)),
        Err(
            CredentialRetrievalError::NoCredentialConfigured
            | CredentialRetrievalError::HelperCommunicationError
            | CredentialRetrievalError::HelperFailure { .. },
        ) => Ok(None),
        Err(error) => Err(SandboxError::Engine(format!(
            "the credentials for the registry cannot be read: {error}"
        ))),
    }
}

fn with_server(credential: DockerCredential, server: String) -> DockerCredentials {
    let base = DockerCredentials {
        serveraddress: Some(server),
        ..DockerCredentials::default()
    };
    match credential {
        DockerCredential::IdentityToken(token) => DockerCredentials {
            identitytoken: Some(token),
            ..base
        },
        DockerCredential::UsernamePassword(name, password) => DockerCredentials {
            username: Some(name),
            password: Some(password),
            ..base
        },
    }
}

/// What configuration files call the registry of a reference.
fn registry_key(reference: &str) -> String {
    match registry(reference) {
        DEFAULT_REGISTRY => DEFAULT_REGISTRY_KEY.to_owned(),
        registry => registry.to_owned(),
    }
}

/// The registry of a reference: its first part, if that looks like a host.
fn registry(reference: &str) -> &str {
    match reference.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => DEFAULT_REGISTRY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_what_looks_like_a_host() {
        assert_eq!(registry("busybox"), DEFAULT_REGISTRY);
        assert_eq!(registry("library/busybox:1"), DEFAULT_REGISTRY);
        assert_eq!(registry("localhost/x"), "localhost");
        assert_eq!(
            registry("example.org:5000/a/b@sha256:1"),
            "example.org:5000"
        );
    }

    #[test]
    fn the_header_is_in_the_alphabet_of_urls() {
        let request = http::Request::builder()
            .header(HEADER, "ab+/c=")
            .body(())
            .unwrap();
        assert_eq!(use_url_alphabet(request).headers()[HEADER], "ab-_c=");
    }

    #[test]
    fn secrets_come_before_the_users_own() {
        let dir = tempfile::tempdir().unwrap();
        let config = r#"{"auths":{"r.test":{"username":"own","password":"1"}}}"#;
        std::fs::write(dir.path().join("config.json"), config).unwrap();
        let secret = br#"{"auths":{"r.test":{"username":"secret","password":"2"}}}"#.to_vec();
        let other = br#"{"auths":{"other.test":{"username":"other","password":"3"}}}"#.to_vec();
        let user = |secrets: &[Vec<u8>]| {
            let found = find("r.test/image", secrets, Some(dir.path())).unwrap();
            found.and_then(|credential| credential.username)
        };
        assert_eq!(user(&[other.clone(), secret]).as_deref(), Some("secret"));
        assert_eq!(user(&[other]).as_deref(), Some("own"));
        assert_eq!(find("busybox", &[], Some(dir.path())).unwrap(), None);
    }

    #[test]
    fn a_broken_secret_is_an_error() {
        assert!(find("r.test/image", &[b"{".to_vec()], None).is_err());
    }
}
