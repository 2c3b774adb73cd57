//! A registry with one image, behind a password, on this machine.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A running registry. Engines take registries on 127.0.0.0/8 without TLS.
pub(crate) struct Registry {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    /// The header of a permitted request.
    authorization: String,
    config: Vec<u8>,
    layer: Vec<u8>,
    manifest: Vec<u8>,
    manifests_served: AtomicUsize,
    manifests_checked: AtomicUsize,
}

impl Registry {
    pub(crate) async fn start(user: &str, password: &str) -> Self {
        let layer = layer();
        let config = serde_json::json!({
            "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
            "os": "linux",
            "config": {
                "Entrypoint": ["/entry"], "Cmd": ["a"], "Env": ["K=v=w", "EMPTY="],
                "User": "5", "WorkingDir": "/work",
            },
            "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
        });
        let config = config.to_string().into_bytes();
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": config.len(), "digest": digest(&config),
            },
            "layers": [{
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar",
                "size": layer.len(), "digest": digest(&layer),
            }],
        });
        let shared = Arc::new(Shared {
            authorization: format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))),
            manifest: manifest.to_string().into_bytes(),
            config,
            layer,
            manifests_served: AtomicUsize::new(0),
            manifests_checked: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(Arc::clone(&serving), stream));
            }
        });
        Self { address, shared }
    }

    /// `name@sha256:…` of its image.
    pub(crate) fn digest(&self, name: &str) -> String {
        format!("{}/{name}@{}", self.address, digest(&self.shared.manifest))
    }

    /// How often the manifest was asked for, in full or not: an engine that has it only checks.
    pub(crate) fn manifests_checked(&self) -> usize {
        self.shared.manifests_checked.load(Ordering::SeqCst)
    }

    /// How often the manifest was asked for in full.
    pub(crate) fn manifests_served(&self) -> usize {
        self.shared.manifests_served.load(Ordering::SeqCst)
    }
}

async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    while let Some((request, authorized)) = read_request(&mut stream, &shared.authorization).await {
        let (status, kind, body) = shared.answer(&request, authorized);
        let mut head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n");
        write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
        write!(head, "Docker-Content-Digest: {}\r\n", digest(body)).unwrap();
        head += "Docker-Distribution-Api-Version: registry/2.0\r\n";
        head += "WWW-Authenticate: Basic realm=\"test\"\r\n\r\n";
        let body = if request.starts_with("HEAD") {
            &[]
        } else {
            body
        };
        if stream
            .write_all(&[head.as_bytes(), body].concat())
            .await
            .is_err()
        {
            break;
        }
    }
}

/// The first line of a request, and whether it has the right password.
async fn read_request(stream: &mut BufReader<TcpStream>, right: &str) -> Option<(String, bool)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let authorized = lines.iter().any(|line| {
        line.split_once(": ").is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("authorization") && value == right
        })
    });
    Some((lines.first()?.clone(), authorized))
}

impl Shared {
    fn answer(&self, request: &str, authorized: bool) -> (&'static str, &'static str, &[u8]) {
        let blob = "application/octet-stream";
        if !authorized {
            let error = br#"{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}"#;
            return ("401 Unauthorized", "application/json", error);
        }
        if request.contains("/manifests/") {
            self.manifests_checked.fetch_add(1, Ordering::SeqCst);
            if request.starts_with("GET") {
                self.manifests_served.fetch_add(1, Ordering::SeqCst);
            }
            ("200 OK", MANIFEST, &self.manifest)
        } else if request.contains(&digest(&self.config)) {
            ("200 OK", blob, &self.config)
        } else if request.contains(&digest(&self.layer)) {
            ("200 OK", blob, &self.layer)
        } else {
            ("200 OK", "application/json", b"{}")
        }
    }
}

/// A file system with one file, unlike that of any other run of the test.
fn layer() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let content = tkn_local::name::uid().repeat(1000);
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(content.len() as u64);
    archive
        .append_data(&mut header, "file", content.as_bytes())
        .unwrap();
    archive.into_inner().unwrap()
}

fn digest(data: &[u8]) -> String {
    let bytes = Sha256::digest(data);
    let bytes = bytes.iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", bytes.collect::<Vec<_>>().concat())
}
