//! What is opened and started.

use std::collections::BTreeMap;

use super::Mount;

/// A sandbox to open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SandboxSpec {
    /// The run it belongs to: a name fit for the engine's names.
    pub run: String,
    /// The run whose volume it is opened over: its own, or an earlier one whose files it takes.
    pub volume: String,
    /// The host name all containers see.
    pub hostname: String,
    /// Claims whose volumes it needs, created when they do not exist.
    pub claims: Vec<String>,
    /// Entries of `/etc/hosts`: name and address.
    pub hosts: Vec<(String, String)>,
    /// Name servers; empty for the engine's.
    pub dns: Vec<String>,
    /// Search domains.
    pub dns_search: Vec<String>,
    /// Resolver options.
    pub dns_options: Vec<String>,
    /// Uses the network of the engine's host.
    pub host_network: bool,
    /// Kernel settings.
    pub sysctls: BTreeMap<String, String>,
    /// Has room for the files of Secrets and credentials, which are never written to a disk:
    /// [`VolumePath::Secret`](super::VolumePath::Secret).
    pub secrets: bool,
    /// The run whose volume is at hand to be copied from: see [`Sandbox::clone_paths`].
    ///
    /// [`Sandbox::clone_paths`]: super::Sandbox::clone_paths
    pub clone_from: Option<String>,
}

/// A container to start. It waits until it is released.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerSpec {
    /// The TaskRun.
    pub task_run: String,
    /// Which attempt.
    pub attempt: usize,
    /// `step-<name>` or `sidecar-<name>`.
    pub container: String,
    /// The engine's id of the image.
    pub image: String,
    /// Numeric user and group; `None` for the image's.
    pub user: Option<String>,
    /// Further groups.
    pub groups: Vec<i64>,
    /// The mounts, outermost first.
    pub mounts: Vec<Mount>,
    /// A directory the engine makes as root before the start, when it is known by then.
    pub working_dir: Option<String>,
    /// All privileges of the host.
    pub privileged: bool,
    /// Capabilities to add.
    pub cap_add: Vec<String>,
    /// Capabilities to drop.
    pub cap_drop: Vec<String>,
    /// A root file system that cannot be written.
    pub read_only_root: bool,
    /// Options such as `no-new-privileges` and `seccomp=unconfined`.
    pub security_opt: Vec<String>,
    /// Billionths of a CPU; 0 for no limit.
    pub nano_cpus: i64,
    /// Bytes of memory; 0 for no limit.
    pub memory: i64,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}
