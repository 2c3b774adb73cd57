//! Git over SSH: the files of `.ssh` and the rewrites of `.gitconfig`
//! (`pkg/credentials/gitcreds/ssh.go`).

use super::select::Mounted;

/// The directory the keys are used from: the copy in the home may be out of ssh's sight.
const DIRECTORY: &str = "/tekton/creds/.ssh";
const DEFAULT_PORT: &str = "22";

struct Key {
    secret: String,
    private: Vec<u8>,
    known_hosts: Vec<u8>,
}

struct Target {
    written: String,
    place: Place,
    keys: Vec<Key>,
}

/// The keys for git servers, by what they are for, in the order given.
#[derive(Default)]
pub(super) struct SshKeys(Vec<Target>);

impl SshKeys {
    /// A key for a host, or for one repository of a host. There may be several.
    pub(super) fn add(&mut self, target: &str, secret: &Mounted) -> Result<(), String> {
        let key = Key {
            secret: secret.name.clone(),
            private: secret.read("ssh-privatekey")?.to_vec(),
            known_hosts: secret.get("known_hosts").unwrap_or_default().to_vec(),
        };
        match self.0.iter_mut().find(|known| known.written == target) {
            Some(known) => known.keys.push(key),
            None => self.0.push(Target {
                written: target.to_owned(),
                place: Place::parse(target),
                keys: vec![key],
            }),
        }
        Ok(())
    }

    /// Hosts before repositories.
    fn sorted(&self) -> impl Iterator<Item = &Target> {
        let of = |repository: bool| {
            let targets = self.0.iter();
            targets.filter(move |target| target.place.path.is_some() == repository)
        };
        of(false).chain(of(true))
    }

    /// The rewrites for `.gitconfig`.
    pub(super) fn git_config(&self) -> String {
        self.sorted()
            .map(|target| target.place.rewrites())
            .collect()
    }

    /// The files of `.ssh`, by path.
    pub(super) fn files(&self) -> Vec<(String, Vec<u8>)> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        let mut config = String::new();
        let mut known_hosts: Vec<&[u8]> = Vec::new();
        for target in self.sorted() {
            config.push_str(&target.place.host_section());
            for key in &target.keys {
                let path = format!(".ssh/id_{}", key.secret);
                for part in ["    IdentityFile ", DIRECTORY, "/id_", &key.secret, "\n"] {
                    config.push_str(part);
                }
                if !files.iter().any(|(known, _)| *known == path) {
                    files.push((path, key.private.clone()));
                }
                if !key.known_hosts.is_empty() {
                    known_hosts.push(&key.known_hosts);
                }
            }
        }
        files.push((".ssh/config".to_owned(), config.into_bytes()));
        if !known_hosts.is_empty() {
            files.push((".ssh/known_hosts".to_owned(), known_hosts.join(&b'\n')));
        }
        files
    }
}

/// What an annotation names: `host`, `host:port`, either with `/org/repo` behind it.
struct Place {
    host: String,
    port: String,
    /// The repository, with its leading slash.
    path: Option<String>,
}

impl Place {
    fn parse(text: &str) -> Self {
        let (address, path) = match text.find('/') {
            Some(at) => (&text[..at], Some(text[at..].to_owned())),
            None => (text, None),
        };
        let (host, port) = split_host_port(address).unwrap_or((address, DEFAULT_PORT));
        Self {
            host: host.to_owned(),
            port: port.to_owned(),
            path,
        }
    }

    fn repository(&self) -> Option<&str> {
        self.path
            .as_deref()
            .map(|path| path.strip_prefix('/').unwrap_or(path))
    }

    /// The name ssh is to know the host by: its own for one repository of it.
    fn alias(&self) -> String {
        self.repository().map_or_else(
            || self.host.clone(),
            |repository| format!("{}--{}", self.host, repository.replace('/', "--")),
        )
    }

    fn host_section(&self) -> String {
        format!(
            "Host {}\n    HostName {}\n    Port {}\n",
            self.alias(),
            self.host,
            self.port
        )
    }

    /// Sends the repository's URLs, in both spellings, through the alias.
    fn rewrites(&self) -> String {
        let Some(repository) = self.repository() else {
            return String::new();
        };
        let (alias, host) = (self.alias(), &self.host);
        let port = if self.port == DEFAULT_PORT {
            String::new()
        } else {
            format!(":{}", self.port)
        };
        format!(
            "[url \"git@{alias}:{repository}.git\"]\n\tinsteadOf = git@{host}:{repository}.git\n\
             [url \"ssh://{alias}/{repository}.git\"]\n\tinsteadOf = ssh://{host}{port}/{repository}.git\n"
        )
    }
}

/// Go's `net.SplitHostPort`; `None` where that fails.
fn split_host_port(address: &str) -> Option<(&str, &str)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    let stray = |text: &str| text.contains(['[', ']']);
    (!stray(host) && !stray(port)).then_some((host, port))
}
