//! Which secrets become credentials, and for which URLs (`pkg/pod/creds_init.go`).

use std::collections::{BTreeMap, BTreeSet};

use crate::resolve::{Library, secret_data};
use crate::spec::{Secret, ServiceAccount};

const DOCKER_ANNOTATION: &str = "tekton.dev/docker-";
const GIT_ANNOTATION: &str = "tekton.dev/git-";

/// A secret by name, with its content by key. Like everything here that holds a content it has no
/// `Debug`, so that no log can show it.
#[derive(Clone)]
pub(super) struct Mounted {
    /// Its name.
    pub(super) name: String,
    data: BTreeMap<String, Vec<u8>>,
}

impl Mounted {
    fn new(secret: &Secret) -> Self {
        Self {
            name: secret.metadata.name.clone(),
            data: secret_data(secret),
        }
    }

    /// The content of a key. The error is that of opening the file it would be.
    pub(super) fn read(&self, key: &str) -> Result<&[u8], String> {
        self.get(key).ok_or_else(|| {
            format!(
                "open /tekton/creds-secrets/{}/{key}: no such file or directory",
                self.name
            )
        })
    }

    /// The content of a key that may be absent.
    pub(super) fn get(&self, key: &str) -> Option<&[u8]> {
        self.data.get(key).map(Vec::as_slice)
    }
}

/// What a secret is used as: one flag of Tekton's entrypoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// `-basic-docker=<secret>=<url>`
    BasicDocker,
    /// `-docker-config=<secret>`
    DockerConfig,
    /// `-docker-cfg=<secret>`
    DockerCfg,
    /// `-basic-git=<secret>=<url>`
    BasicGit,
    /// `-ssh-git=<secret>=<host>`
    SshGit,
}

impl Use {
    /// The name of the flag.
    pub(super) const fn flag(self) -> &'static str {
        match self {
            Self::BasicDocker => "basic-docker",
            Self::DockerConfig => "docker-config",
            Self::DockerCfg => "docker-cfg",
            Self::BasicGit => "basic-git",
            Self::SshGit => "ssh-git",
        }
    }
}

/// One use of one secret.
pub(super) struct Selected {
    /// As what.
    pub(super) used_as: Use,
    /// Which.
    pub(super) secret: Mounted,
    /// For what; empty for a whole docker configuration.
    pub(super) url: String,
}

/// The uses of the secrets of a service account, in the order Tekton passes them. Without a
/// service account every secret with an annotation of Tekton's is meant: there is no cluster that
/// could have told which account it belongs to.
pub(super) fn selected(
    service_account: Option<&ServiceAccount>,
    library: &Library,
) -> Vec<Selected> {
    match service_account {
        Some(account) => listed(account)
            .into_iter()
            .filter_map(|name| library.secret(name))
            .flat_map(|secret| uses(secret))
            .collect(),
        None => library
            .secrets()
            .filter(|secret| is_annotated(secret))
            .flat_map(|secret| uses(secret))
            .collect(),
    }
}

/// The secrets a service account lists that are not there.
pub(super) fn missing<'a>(account: &'a ServiceAccount, library: &Library) -> Vec<&'a str> {
    let mut names = listed(account);
    names.retain(|name| library.secret(name).is_none());
    names
}

fn listed(account: &ServiceAccount) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    account
        .secrets
        .iter()
        .map(|entry| entry.name.as_str())
        .filter(|name| !name.is_empty() && seen.insert(*name))
        .collect()
}

fn is_annotated(secret: &Secret) -> bool {
    let ours = |key: &String| key.starts_with(DOCKER_ANNOTATION) || key.starts_with(GIT_ANNOTATION);
    secret.metadata.annotations.keys().any(ours)
}

fn uses(secret: &Secret) -> Vec<Selected> {
    let whole = |used_as| vec![(used_as, String::new())];
    let annotated = |used_as, prefix| {
        let urls = annotation_values(secret, prefix).into_iter();
        urls.map(move |url| (used_as, url))
    };
    let found: Vec<(Use, String)> = match secret.secret_type.as_str() {
        "kubernetes.io/basic-auth" => annotated(Use::BasicDocker, DOCKER_ANNOTATION)
            .chain(annotated(Use::BasicGit, GIT_ANNOTATION))
            .collect(),
        "kubernetes.io/ssh-auth" => annotated(Use::SshGit, GIT_ANNOTATION).collect(),
        "kubernetes.io/dockerconfigjson" => whole(Use::DockerConfig),
        "kubernetes.io/dockercfg" => whole(Use::DockerCfg),
        _ => Vec::new(),
    };
    let mounted = Mounted::new(secret);
    found
        .into_iter()
        .map(|(used_as, url)| Selected {
            used_as,
            secret: mounted.clone(),
            url,
        })
        .collect()
}

/// Ordered by value, not by key (`pkg/credentials/writer/writer.go`, `SortAnnotations`).
fn annotation_values(secret: &Secret, prefix: &str) -> Vec<String> {
    let mut values: Vec<String> = secret
        .metadata
        .annotations
        .iter()
        .filter(|(key, _)| key.starts_with(prefix))
        .map(|(_, value)| value.clone())
        .collect();
    values.sort();
    values
}
