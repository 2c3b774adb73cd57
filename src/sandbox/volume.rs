//! Volumes, and what a container sees of them.

/// Whose files a volume holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum VolumeOwner {
    /// Those of a run, by the name it has in the engine.
    Run(String),
    /// Those of a PersistentVolumeClaim, which all runs share.
    Claim(String),
}

/// A volume that tkn-local made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeInfo {
    /// Its name in the engine.
    pub name: String,
    /// Whose files it holds.
    pub owner: VolumeOwner,
    /// The state directory that records its run, as [`Engine::create_volume`] was given it; empty
    /// for a claim's.
    ///
    /// [`Engine::create_volume`]: super::Engine::create_volume
    pub state_dir: String,
    /// The process that made it is alive: it must not be touched.
    pub in_use: bool,
}

impl VolumeInfo {
    /// Whether it holds the files of this run.
    pub fn is_of_run(&self, run: &str) -> bool {
        matches!(&self.owner, VolumeOwner::Run(of) if of == run)
    }
}

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
