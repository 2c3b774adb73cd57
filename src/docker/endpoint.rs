//! Finding the engine: flag, environment, Docker context, usual sockets, in this order.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::error::ConnectError;

/// What decides where the engine is. Read by the caller: nothing here looks at the environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// `--engine-host`.
    pub engine_host: Option<String>,
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub docker_context: Option<String>,
    /// `DOCKER_TLS_VERIFY`: not empty for TLS at `tcp://` addresses.
    pub docker_tls_verify: Option<String>,
    /// `DOCKER_CERT_PATH`: the directory of `ca.pem`, `cert.pem` and `key.pem`.
    pub docker_cert_path: Option<PathBuf>,
    /// The directory of Docker's `config.json`: `DOCKER_CONFIG`, else `~/.docker`.
    pub docker_config: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<PathBuf>,
    /// The home directory.
    pub home: Option<PathBuf>,
}

/// Where an engine may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// How to reach it.
    pub address: Address,
    /// How it was found, for people.
    pub origin: String,
}

/// How to reach an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket.
    Unix(PathBuf),
    /// Plain HTTP at host and port.
    Http(String),
    /// TLS at host and port.
    Tls {
        /// Host and port.
        address: String,
        /// The directory of `ca.pem`, `cert.pem` and `key.pem`.
        certificates: PathBuf,
    },
    /// `docker system dial-stdio` over the user's `ssh`: `[user@]host[:port]`.
    Ssh(String),
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Http(address) => write!(f, "tcp://{address}"),
            Self::Tls { address, .. } => write!(f, "https://{address}"),
            Self::Ssh(target) => write!(f, "ssh://{target}"),
        }
    }
}

/// The part of Docker's `config.json` that is needed here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    current_context: Option<String>,
}

/// The `meta.json` of a context.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextMeta {
    endpoints: ContextEndpoints,
}

#[derive(Deserialize)]
struct ContextEndpoints {
    docker: ContextEndpoint,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextEndpoint {
    host: String,
}

/// Where to try, in order. What was asked for is the only one; only without any wish there are
/// several. `read` reads a file.
pub(super) fn candidates(
    given: &Surroundings,
    read: impl Fn(&Path) -> Option<String>,
) -> Result<Vec<Endpoint>, ConnectError> {
    let hosts = [
        (&given.engine_host, "--engine-host"),
        (&given.docker_host, "DOCKER_HOST"),
    ];
    for (host, origin) in hosts {
        if let Some(host) = host.as_deref().filter(|host| !host.is_empty()) {
            return Ok(vec![endpoint(host, origin, given.certificates())?]);
        }
    }
    let Some((name, origin)) = context(given, &read) else {
        return Ok(sockets(given));
    };
    let refuse = |reason: &str| ConnectError::Context {
        name: name.clone(),
        origin: origin.to_owned(),
        reason: reason.to_owned(),
    };
    let directory = given.docker_config.as_ref();
    let file = directory.map(|dir| dir.join(meta_path(&name)));
    let text = file
        .and_then(|file| read(&file))
        .ok_or_else(|| refuse("it does not exist"))?;
    let meta: ContextMeta =
        serde_json::from_str(&text).map_err(|error| refuse(&error.to_string()))?;
    let origin = format!("Docker context {name:?}, {origin}");
    let host = &meta.endpoints.docker.host;
    // A context brings its own certificates; `docker context create` asks for all three or none.
    let certificates = directory.map(|dir| dir.join(context_dir("tls", &name)).join("docker"));
    let certificates = certificates.filter(|dir| read(&dir.join("ca.pem")).is_some());
    Ok(vec![endpoint(host, &origin, certificates)?])
}

impl Surroundings {
    /// The certificates for `tcp://` addresses, by the rules of Docker's own client
    /// (`cli/command`, `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`).
    fn certificates(&self) -> Option<PathBuf> {
        self.docker_tls_verify
            .as_ref()
            .filter(|it| !it.is_empty())?;
        self.certificate_directory()
    }

    fn certificate_directory(&self) -> Option<PathBuf> {
        let given = self.docker_cert_path.as_ref();
        let given = given.filter(|path| !path.as_os_str().is_empty());
        given.or(self.docker_config.as_ref()).cloned()
    }
}

/// The context in use and what says so; `None` for the default one, which is no context at all.
fn context(
    given: &Surroundings,
    read: impl Fn(&Path) -> Option<String>,
) -> Option<(String, &'static str)> {
    let by_variable = given.docker_context.clone().filter(|name| !name.is_empty());
    let (name, origin) = by_variable
        .map(|name| (name, "DOCKER_CONTEXT"))
        .or_else(|| {
            let file = given.docker_config.as_ref()?.join("config.json");
            let config: Config = serde_json::from_str(&read(&file)?).ok()?;
            let name = config.current_context.filter(|name| !name.is_empty())?;
            Some((name, "the current one"))
        })?;
    (name != "default").then_some((name, origin))
}

fn meta_path(context: &str) -> PathBuf {
    context_dir("meta", context).join("meta.json")
}

/// The directory of a context among those of its kind: `meta` or `tls`.
fn context_dir(kind: &str, context: &str) -> PathBuf {
    let digest = Sha256::digest(context.as_bytes());
    let bytes = digest.iter().map(|byte| format!("{byte:02x}"));
    let name = bytes.collect::<Vec<_>>().concat();
    ["contexts", kind, &name].iter().collect()
}

fn sockets(given: &Surroundings) -> Vec<Endpoint> {
    let runtime = |name: &str| given.runtime_dir.as_ref().map(|dir| dir.join(name));
    let paths = [
        Some(PathBuf::from("/var/run/docker.sock")),
        runtime("docker.sock"),
        given
            .home
            .as_ref()
            .map(|home| home.join(".docker/run/docker.sock")),
        runtime("podman/podman.sock"),
        Some(PathBuf::from("/run/podman/podman.sock")),
    ];
    let usual = |path| Endpoint {
        address: Address::Unix(path),
        origin: "a usual socket".to_owned(),
    };
    paths.into_iter().flatten().map(usual).collect()
}

/// What an address says. With `certificates` a `tcp://` address is one for TLS.
fn endpoint(
    host: &str,
    origin: &str,
    certificates: Option<PathBuf>,
) -> Result<Endpoint, ConnectError> {
    let refuse = |reason: &str| {
        Err(ConnectError::Address {
            address: host.to_owned(),
            origin: origin.to_owned(),
            reason: reason.to_owned(),
        })
    };
    let address_of = |rest: &str| rest.trim_end_matches('/').to_owned();
    let address = match host.split_once("://") {
        Some(("unix", path)) if path.starts_with('/') => Address::Unix(path.into()),
        Some((scheme @ ("tcp" | "http" | "https"), rest)) if !rest.is_empty() => {
            match (scheme, certificates) {
                ("tcp" | "https", Some(certificates)) => Address::Tls {
                    address: address_of(rest),
                    certificates,
                },
                ("https", None) => {
                    return refuse(
                        "TLS needs certificates: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH to \
                         the directory of ca.pem, cert.pem and key.pem",
                    );
                }
                _ => Address::Http(address_of(rest)),
            }
        }
        Some(("ssh", target)) if !target.is_empty() => match target.trim_end_matches('/') {
            target if target.contains('/') => {
                return refuse("a path in an ssh:// address is not supported");
            }
            target => Address::Ssh(target.to_owned()),
        },
        None if host.starts_with('/') => Address::Unix(host.into()),
        _ => {
            return refuse(
                "an address looks like unix:///path, tcp://host:port, https://host:port or \
                 ssh://user@host",
            );
        }
    };
    Ok(Endpoint {
        address,
        origin: origin.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &Path) -> Option<String> {
        None
    }

    fn with_context(file: &Path) -> Option<String> {
        let meta = r#"{"Name":"remote","Endpoints":{"docker":{"Host":"tcp://10.0.0.2:2375"}}}"#;
        if file.ends_with("config.json") {
            Some(r#"{"currentContext":"remote","auths":{}}"#.to_owned())
        } else {
            file.ends_with(meta_path("remote")).then(|| meta.to_owned())
        }
    }

    fn given() -> Surroundings {
        Surroundings {
            docker_config: Some("/c".into()),
            ..Surroundings::default()
        }
    }

    fn found(given: &Surroundings, read: fn(&Path) -> Option<String>) -> Vec<String> {
        let found = candidates(given, read).unwrap();
        found
            .iter()
            .map(|e| format!("{} ({})", e.address, e.origin))
            .collect()
    }

    #[test]
    fn the_flag_comes_before_the_variable_and_the_variable_before_the_context() {
        let mut all = Surroundings {
            engine_host: Some("unix:///a.sock".to_owned()),
            docker_host: Some("tcp://b:1".to_owned()),
            ..given()
        };
        assert_eq!(
            found(&all, with_context),
            ["unix:///a.sock (--engine-host)"]
        );
        all.engine_host = None;
        assert_eq!(found(&all, with_context), ["tcp://b:1 (DOCKER_HOST)"]);
        all.docker_host = Some(String::new());
        let context = "tcp://10.0.0.2:2375 (Docker context \"remote\", the current one)";
        assert_eq!(found(&all, with_context), [context]);
    }

    #[test]
    fn tls_follows_the_variables_of_dockers_client() {
        let address = |host: &str, verify: &str| {
            let given = Surroundings {
                engine_host: Some(host.to_owned()),
                docker_tls_verify: Some(verify.to_owned()),
                docker_cert_path: Some("/certs".into()),
                ..given()
            };
            candidates(&given, nothing).unwrap().remove(0).address
        };
        let tls = Address::Tls {
            address: "h:2376".to_owned(),
            certificates: "/certs".into(),
        };
        assert_eq!(address("tcp://h:2376", "1"), tls);
        assert_eq!(address("https://h:2376/", "1"), tls);
        assert_eq!(
            address("tcp://h:2375", ""),
            Address::Http("h:2375".to_owned())
        );
        let ssh = Address::Ssh("me@h:22".to_owned());
        assert_eq!(address("ssh://me@h:22", "1"), ssh);
    }

    #[test]
    fn a_context_brings_its_own_certificates() {
        let read = |file: &Path| {
            let name = file.file_name().unwrap_or_default();
            let is_ca = name == "ca.pem" && file.starts_with("/c/contexts/tls");
            is_ca.then(String::new).or_else(|| with_context(file))
        };
        let found = candidates(&given(), read).unwrap().remove(0);
        let Address::Tls { certificates, .. } = found.address else {
            panic!("{found:?}");
        };
        assert!(certificates.ends_with("docker"), "{certificates:?}");
    }

    #[test]
    fn the_default_context_means_the_usual_sockets() {
        let given = Surroundings {
            docker_context: Some("default".to_owned()),
            runtime_dir: Some("/run/user/1".into()),
            home: Some("/home/u".into()),
            ..given()
        };
        assert_eq!(
            found(&given, with_context),
            [
                "unix:///var/run/docker.sock (a usual socket)",
                "unix:///run/user/1/docker.sock (a usual socket)",
                "unix:///home/u/.docker/run/docker.sock (a usual socket)",
                "unix:///run/user/1/podman/podman.sock (a usual socket)",
                "unix:///run/podman/podman.sock (a usual socket)",
            ]
        );
    }

    #[test]
    fn a_context_that_is_not_there_is_an_error() {
        let given = Surroundings {
            docker_context: Some("gone".to_owned()),
            ..given()
        };
        let error = candidates(&given, nothing).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the Docker context \"gone\" (DOCKER_CONTEXT) cannot be used: it does not exist"
        );
    }

    #[test]
    fn the_directory_of_a_context_is_the_hash_of_its_name() {
        let path = "contexts/meta/37a8eec1ce19687d132fe29051dca629d164e2c4958ba141d5f4133a33f0688f";
        assert_eq!(meta_path("default"), Path::new(path).join("meta.json"));
    }

    #[test]
    fn addresses_that_cannot_be_used_say_why() {
        for (host, why) in [
            ("ssh://me@host/run/docker.sock", "a path"),
            ("https://host:2376", "DOCKER_CERT_PATH"),
            ("host:2375", "looks like unix:///path"),
            ("unix://relative", "looks like unix:///path"),
        ] {
            let given = Surroundings {
                engine_host: Some(host.to_owned()),
                ..given()
            };
            let error = candidates(&given, nothing).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains(host), "{error}");
        }
    }
}
