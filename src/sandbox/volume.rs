//! Volumes, and what a container sees of them.

/// A place in one of the volumes of a sandbox. Paths are relative, without `..`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum VolumePath {
    /// In the volume of the run.
    Run(String),
    /// In memory: what is there no longer exists when the sandbox ends, however it ends. Only
    /// where [`SandboxSpec::secrets`](super::SandboxSpec::secrets) asks for it.
    Secret(String),
    /// In the volume of a PersistentVolumeClaim.
    Claim {
        /// The claim's name.
        claim: String,
        /// The path in it, empty for its root.
        path: String,
    },
}

/// The source of a mount.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MountSource {
    /// A directory or file of a volume; it exists when the container starts.
    Volume(VolumePath),
    /// A path of the engine's host, only with `--allow-host-path`.
    Host(String),
    /// A fresh tmpfs.
    Tmpfs,
}

/// One mount of a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mount {
    /// What is mounted.
    pub source: MountSource,
    /// Where, absolute.
    pub target: String,
    /// Whether writing fails.
    pub read_only: bool,
    /// A `subPath`: on the way to it there can be links that steps have made.
    pub is_part: bool,
}
