//! The engine: found, greeted, and asked for images and sandboxes.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use bollard::models::SystemVersion;
use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};
use tokio::sync::{Mutex, OnceCell};

use super::agent_image::AgentImage;
use super::endpoint::{Address, Endpoint, Surroundings, candidates};
use super::error::{ConnectError, engine, in_time, message};
use super::owner::OwnerProcess;
use super::sandbox::DockerSandbox;
use super::volume::PartialMount;
use super::{agent_image, credential, image, open};
use crate::sandbox::{
    Engine, Image, ImageRequest, PullProgress, SandboxError, SandboxSpec, VolumeInfo, VolumeOwner,
};

/// Seconds until the headers of an answer must be there.
const TIMEOUT: u64 = 120;
/// How long an engine may take for the first answer of all.
const GREETING: Duration = Duration::from_secs(10);

/// A container engine that speaks Docker's API. Clones are the same engine.
#[derive(Debug, Clone)]
pub struct DockerEngine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    docker: Docker,
    endpoint: Endpoint,
    version: String,
    partial: PartialMount,
    shares_hostname: bool,
    program: &'static str,
    owner: OwnerProcess,
    /// The directory of the user's `config.json`.
    config: Option<PathBuf>,
    agent: OnceCell<AgentImage>,
    pulls: Pulls,
}

/// One lock for each reference, so that nothing is pulled twice at the same time.
#[derive(Debug, Default)]
pub(super) struct Pulls {
    locks: Mutex<HashMap<String, Arc<Mutex<()>>>>,
    /// What was pulled: a second `Always` within one command is served.
    done: Mutex<HashSet<String>>,
}

impl Pulls {
    /// The lock of a reference.
    pub(super) async fn lock(&self, reference: &str) -> Arc<Mutex<()>> {
        self.locks
            .lock()
            .await
            .entry(reference.to_owned())
            .or_default()
            .clone()
    }

    /// Whether it was pulled before.
    pub(super) async fn is_done(&self, reference: &str) -> bool {
        self.done.lock().await.contains(reference)
    }

    /// Notes that it was pulled.
    pub(super) async fn finish(&self, reference: &str) {
        self.done.lock().await.insert(reference.to_owned());
    }
}

impl DockerEngine {
    /// Finds an engine and greets it.
    pub async fn connect(surroundings: &Surroundings) -> Result<Self, ConnectError> {
        let read = |file: &Path| std::fs::read_to_string(file).ok();
        let mut tried = Vec::new();
        for endpoint in candidates(surroundings, read)? {
            match greet(&endpoint).await {
                Ok((docker, version)) => {
                    return Self::new(docker, endpoint, &version, surroundings);
                }
                Err(why) => {
                    tried.push(format!("{} ({}): {why}", endpoint.address, endpoint.origin));
                }
            }
        }
        Err(ConnectError::Unreachable { tried })
    }

    fn new(
        docker: Docker,
        endpoint: Endpoint,
        version: &SystemVersion,
        surroundings: &Surroundings,
    ) -> Result<Self, ConnectError> {
        let engine = architecture(version.arch.as_deref().unwrap_or_default());
        if !engine.is_empty() && engine != agent_image::ARCHITECTURE {
            return Err(ConnectError::Architecture {
                engine: engine.to_owned(),
                agent: agent_image::ARCHITECTURE.to_owned(),
            });
        }
        let components = version.components.iter().flatten();
        let podman = components.into_iter().any(|c| c.name.contains("Podman"));
        let client = docker.client_version();
        let api = (client.major_version, client.minor_version);
        let product = if podman { "Podman" } else { "Docker" };
        let inner = Inner {
            docker: docker.with_request_modifier(credential::use_url_alphabet),
            endpoint,
            version: format!("{product} {}", version.version.as_deref().unwrap_or("?")),
            partial: PartialMount::of_engine(api, podman),
            shares_hostname: !podman,
            program: if podman { "podman" } else { "docker" },
            owner: OwnerProcess::current(),
            config: surroundings.docker_config.clone(),
            agent: OnceCell::new(),
            pulls: Pulls::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Where it is and how it was found.
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    /// The processors the engine has. One on a socket of this machine is taken to have this
    /// machine's, which costs no question.
    pub async fn cores(&self) -> usize {
        let own = available_parallelism().map_or(1, NonZeroUsize::get);
        match self.inner.endpoint.address {
            Address::Unix(_) => own,
            Address::Http(_) | Address::Tls { .. } | Address::Ssh(_) => {
                let info = in_time(self.docker().info()).await;
                let told = info.ok().and_then(|info| info.ncpu);
                told.and_then(|cores| usize::try_from(cores).ok())
                    .unwrap_or(own)
            }
        }
    }

    /// Its own command, for people.
    pub(super) fn program(&self) -> &'static str {
        self.inner.program
    }

    /// Product and version, for people: `Docker 28.2.2`.
    pub fn version(&self) -> &str {
        &self.inner.version
    }

    pub(super) fn docker(&self) -> &Docker {
        &self.inner.docker
    }

    pub(super) fn owner(&self) -> &OwnerProcess {
        &self.inner.owner
    }

    pub(super) fn partial_mount(&self) -> PartialMount {
        self.inner.partial
    }

    /// Whether containers of one network have one host name. Docker refuses to be told it then.
    pub(super) fn shares_hostname(&self) -> bool {
        self.inner.shares_hostname
    }

    pub(super) fn pulls(&self) -> &Pulls {
        &self.inner.pulls
    }

    pub(super) fn config(&self) -> Option<&Path> {
        self.inner.config.as_deref()
    }

    /// The agent's image and volume, which are made when they are not there.
    pub(super) async fn agent_image(&self) -> Result<&AgentImage, SandboxError> {
        let agent = &self.inner.agent;
        agent
            .get_or_try_init(|| agent_image::ensure(self.docker()))
            .await
    }
}

impl Engine for DockerEngine {
    type Sandbox = DockerSandbox;

    async fn ping(&self) -> Result<(), SandboxError> {
        let answer = self.docker().ping().await;
        answer.map(drop).map_err(engine("reach the engine"))
    }

    async fn image(
        &self,
        request: &ImageRequest,
        progress: impl Fn(PullProgress) + Send + Sync,
    ) -> Result<Image, SandboxError> {
        image::find(self, request, progress).await
    }

    async fn create_volume(&self, run: &str, state_dir: &str) -> Result<(), SandboxError> {
        open::create_volume(self, run, state_dir).await
    }

    async fn volumes(&self) -> Result<Vec<VolumeInfo>, SandboxError> {
        self.list_volumes().await
    }

    async fn remove_volume(&self, owner: &VolumeOwner) -> Result<(), SandboxError> {
        self.remove_volume_of(owner).await
    }

    async fn open(&self, spec: SandboxSpec) -> Result<DockerSandbox, SandboxError> {
        DockerSandbox::open(self.clone(), spec).await
    }

    async fn leftovers(&self) -> Result<Vec<String>, SandboxError> {
        let dead = self.dead_containers().await?;
        Ok(dead.iter().map(|dead| dead.name().to_owned()).collect())
    }

    async fn sweep(&self) -> Result<Vec<String>, SandboxError> {
        self.remove_dead().await
    }

    async fn remove_old_versions(&self) -> Result<(), SandboxError> {
        agent_image::remove_others(self.docker()).await
    }
}

/// Asks an engine for its version, once: Docker runs programs to answer, for about 10 ms.
async fn greet(endpoint: &Endpoint) -> Result<(Docker, SystemVersion), String> {
    let docker = client(endpoint, API_DEFAULT_VERSION)?;
    let version = match tokio::time::timeout(GREETING, docker.version()).await {
        Ok(answer) => answer.map_err(|error| message(&error))?,
        Err(_) => return Err(format!("no answer within {} s", GREETING.as_secs())),
    };
    let spoken = api_version(&version).ok_or("it does not say which API it speaks")?;
    let docker = if spoken < *API_DEFAULT_VERSION {
        client(endpoint, &spoken)?
    } else {
        docker
    };
    Ok((docker, version))
}

fn client(endpoint: &Endpoint, api: &ClientVersion) -> Result<Docker, String> {
    let docker = match &endpoint.address {
        Address::Unix(path) => {
            let path = path.to_str().ok_or("the path is not UTF-8")?;
            if !Path::new(path).exists() {
                return Err("no such socket".to_owned());
            }
            Docker::connect_with_unix(path, TIMEOUT, api)
        }
        Address::Http(address) => {
            Docker::connect_with_http(&format!("tcp://{address}"), TIMEOUT, api)
        }
        Address::Tls {
            address,
            certificates,
        } => {
            let file = |name: &str| certificates.join(name);
            let (key, cert, ca) = (file("key.pem"), file("cert.pem"), file("ca.pem"));
            Docker::connect_with_ssl(&format!("tcp://{address}"), &key, &cert, &ca, TIMEOUT, api)
        }
        Address::Ssh(target) => {
            Docker::connect_with_ssh(&format!("ssh://{target}"), TIMEOUT, api, None)
        }
    };
    docker.map_err(|error| message(&error))
}

fn api_version(version: &SystemVersion) -> Option<ClientVersion> {
    let (major, minor) = version.api_version.as_ref()?.split_once('.')?;
    Some(ClientVersion {
        major_version: major.parse().ok()?,
        minor_version: minor.parse().ok()?,
    })
}

/// Rust's word for an architecture that Go names, or the kernel.
fn architecture(engine: &str) -> &str {
    match engine {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        other => other,
    }
}
