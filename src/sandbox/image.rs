//! Images: what is asked for, and what an engine knows of one.

/// When to pull an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullPolicy {
    /// Even if it is there.
    Always,
    /// If it is not there.
    Missing,
    /// Never: it must be there.
    Never,
}

/// An image as asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRequest {
    /// The reference in the YAML.
    pub requested: String,
    /// The reference to use, after the image map.
    pub reference: String,
    /// When to pull it.
    pub pull: PullPolicy,
    /// Registry credentials of `imagePullSecrets`: the content of `config.json` files, in order.
    pub pull_secrets: Vec<Vec<u8>>,
}

/// What the engine knows of an image that is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// What to create containers from: the engine's id (`sha256:…`).
    pub id: String,
    /// `name@sha256:…` when the engine knows a registry's digest, else the reference; that of
    /// the YAML for a substitute.
    pub digest: String,
    /// ENTRYPOINT.
    pub entrypoint: Vec<String>,
    /// CMD.
    pub cmd: Vec<String>,
    /// ENV, in order.
    pub env: Vec<(String, String)>,
    /// USER.
    pub user: String,
    /// WORKDIR.
    pub working_dir: String,
}

/// How far a pull is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullProgress {
    /// The reference.
    pub image: String,
    /// Bytes so far.
    pub current: u64,
    /// Bytes in all, as far as known.
    pub total: u64,
}
