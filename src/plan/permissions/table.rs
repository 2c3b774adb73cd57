//! The table: what a Pod can ask for, how it is found, and the flag that allows it.

use serde_json::Value;

/// A flag that makes an exception from the baseline profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// `--allow-privileged`, which implies all others.
    Privileged,
    /// `--allow-capability NAME`.
    Capability,
    /// `--allow-host-network`.
    HostNetwork,
    /// `--allow-host-path`.
    HostPath,
    /// `--allow-host-port`.
    HostPort,
    /// `--allow-proc-mount`.
    ProcMount,
    /// `--allow-selinux`.
    SeLinux,
    /// `--allow-sysctl NAME`.
    Sysctl,
    /// `--allow-unconfined`.
    Unconfined,
}

impl Flag {
    /// The flag as it is typed, without the name it takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Privileged => "--allow-privileged",
            Self::Capability => "--allow-capability",
            Self::HostNetwork => "--allow-host-network",
            Self::HostPath => "--allow-host-path",
            Self::HostPort => "--allow-host-port",
            Self::ProcMount => "--allow-proc-mount",
            Self::SeLinux => "--allow-selinux",
            Self::Sysctl => "--allow-sysctl",
            Self::Unconfined => "--allow-unconfined",
        }
    }

    /// True for a flag that is given once for each name.
    pub const fn takes_name(self) -> bool {
        matches!(self, Self::Capability | Self::Sysctl)
    }
}

/// One thing a Pod can ask for.
#[derive(Debug)]
pub struct Row {
    /// What Kubernetes' Pod Security Standards call the control.
    pub control: &'static str,
    /// The fields, as patterns of paths in a Pod.
    pub fields: &'static [&'static str],
    /// True for a value that the baseline profile allows.
    pub baseline: fn(&Value) -> bool,
    /// The values that the baseline profile allows, in words.
    pub allowed: &'static str,
    /// What a value outside of it does: completes "`VALUE` …".
    pub effect: &'static str,
    /// The flag that allows any other value.
    pub flag: Flag,
}

/// Capabilities of the baseline profile.
const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Kernel settings of the baseline profile.
const SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
];

const SE_LINUX_TYPES: [&str; 5] = [
    "",
    "container_t",
    "container_init_t",
    "container_kvm_t",
    "container_engine_t",
];

/// Everything a document can ask for that the baseline profile does not simply allow.
pub const TABLE: &[Row] = &[
    Row {
        control: "Privileged Containers",
        fields: &["spec.containers[*].securityContext.privileged"],
        baseline: is_off,
        allowed: "unset or `false`",
        effect: "gives a container all rights on the engine's machine",
        flag: Flag::Privileged,
    },
    Row {
        control: "HostProcess",
        fields: &[
            "spec.securityContext.windowsOptions.hostProcess",
            "spec.containers[*].securityContext.windowsOptions.hostProcess",
        ],
        baseline: is_off,
        allowed: "unset or `false`",
        effect: "runs a container as a process of the engine's machine",
        flag: Flag::Privileged,
    },
    Row {
        control: "Host Namespaces",
        fields: &["spec.hostNetwork"],
        baseline: is_off,
        allowed: "unset or `false`",
        effect: "shares the network of the engine's machine, with its local services",
        flag: Flag::HostNetwork,
    },
    Row {
        control: "Host Namespaces",
        fields: &["spec.hostPID", "spec.hostIPC"],
        baseline: is_off,
        allowed: "unset or `false`",
        effect: "shares a namespace of the engine's machine",
        flag: Flag::Privileged,
    },
    Row {
        control: "Capabilities",
        fields: &["spec.containers[*].securityContext.capabilities.add[*]"],
        baseline: is_baseline_capability,
        allowed: "`AUDIT_WRITE`, `CHOWN`, `DAC_OVERRIDE`, `FOWNER`, `FSETID`, `KILL`, `MKNOD`, \
                  `NET_BIND_SERVICE`, `SETFCAP`, `SETGID`, `SETPCAP`, `SETUID`, `SYS_CHROOT`",
        effect: "is a capability that a container does not have by default",
        flag: Flag::Capability,
    },
    Row {
        control: "HostPath Volumes",
        fields: &["spec.volumes[*].hostPath"],
        baseline: never,
        allowed: "unset",
        effect: "binds a directory of the engine's machine",
        flag: Flag::HostPath,
    },
    Row {
        control: "Host Ports",
        fields: &["spec.containers[*].ports[*].hostPort"],
        baseline: is_zero,
        allowed: "unset or `0`",
        effect: "asks for a port of the engine's machine",
        flag: Flag::HostPort,
    },
    Row {
        control: "AppArmor",
        fields: &[
            "spec.securityContext.appArmorProfile.type",
            "spec.containers[*].securityContext.appArmorProfile.type",
        ],
        baseline: is_confined,
        allowed: "unset, `RuntimeDefault` or `Localhost`",
        effect: "removes the AppArmor profile",
        flag: Flag::Unconfined,
    },
    Row {
        control: "AppArmor",
        fields: &["metadata.annotations.*"],
        baseline: is_confined_annotation,
        allowed: "`container.apparmor.security.beta.kubernetes.io/*`: unset, `runtime/default` or \
                  `localhost/*`",
        effect: "removes the AppArmor profile",
        flag: Flag::Unconfined,
    },
    Row {
        control: "Seccomp",
        fields: &[
            "spec.securityContext.seccompProfile.type",
            "spec.containers[*].securityContext.seccompProfile.type",
        ],
        baseline: is_confined,
        allowed: "unset, `RuntimeDefault` or `Localhost`",
        effect: "allows every system call",
        flag: Flag::Unconfined,
    },
    Row {
        control: "SELinux",
        fields: &[
            "spec.securityContext.seLinuxOptions.type",
            "spec.containers[*].securityContext.seLinuxOptions.type",
        ],
        baseline: is_se_linux_type,
        allowed: "unset, `container_t`, `container_init_t`, `container_kvm_t` or \
                  `container_engine_t`",
        effect: "is an SELinux type that may reach beyond containers",
        flag: Flag::SeLinux,
    },
    Row {
        control: "SELinux",
        fields: &[
            "spec.securityContext.seLinuxOptions.user",
            "spec.securityContext.seLinuxOptions.role",
            "spec.containers[*].securityContext.seLinuxOptions.user",
            "spec.containers[*].securityContext.seLinuxOptions.role",
        ],
        baseline: is_empty,
        allowed: "unset",
        effect: "is an SELinux user or role of its own",
        flag: Flag::SeLinux,
    },
    Row {
        control: "/proc Mount Type",
        fields: &["spec.containers[*].securityContext.procMount"],
        baseline: is_default_proc,
        allowed: "unset or `Default`",
        effect: "shows the parts of /proc and /sys that are hidden from containers",
        flag: Flag::ProcMount,
    },
    Row {
        control: "Sysctls",
        fields: &["spec.securityContext.sysctls[*].name"],
        baseline: is_safe_sysctl,
        allowed: "`kernel.shm_rmid_forced`, `net.ipv4.ip_local_port_range`, \
                  `net.ipv4.ip_unprivileged_port_start`, `net.ipv4.tcp_syncookies`, \
                  `net.ipv4.ping_group_range`, `net.ipv4.ip_local_reserved_ports`, \
                  `net.ipv4.tcp_keepalive_time`, `net.ipv4.tcp_fin_timeout`, \
                  `net.ipv4.tcp_keepalive_intvl`, `net.ipv4.tcp_keepalive_probes`, \
                  `net.ipv4.tcp_rmem`, `net.ipv4.tcp_wmem`",
        effect: "is a kernel setting that is not safe to change for one Pod",
        flag: Flag::Sysctl,
    },
];

/// Anything but `false` is meant to switch something on.
fn is_off(value: &Value) -> bool {
    matches!(value, Value::Bool(false) | Value::Null)
}

fn never(_: &Value) -> bool {
    false
}

fn is_zero(value: &Value) -> bool {
    *value == 0
}

fn is_empty(value: &Value) -> bool {
    value == ""
}

fn is_confined(value: &Value) -> bool {
    matches!(value.as_str(), Some("" | "RuntimeDefault" | "Localhost"))
}

/// Other annotations are text; the name of this one is the path's last member, which the value
/// does not know. It is told by [`super::asked`].
fn is_confined_annotation(value: &Value) -> bool {
    let profile = value.as_str().unwrap_or_default();
    matches!(profile, "" | "runtime/default") || profile.starts_with("localhost/")
}

fn is_se_linux_type(value: &Value) -> bool {
    let name = value.as_str();
    name.is_some_and(|name| SE_LINUX_TYPES.contains(&name))
}

fn is_default_proc(value: &Value) -> bool {
    matches!(value.as_str(), Some("" | "Default"))
}

fn is_baseline_capability(value: &Value) -> bool {
    let name = value.as_str().map(capability);
    name.is_some_and(|name| CAPABILITIES.contains(&name.as_str()))
}

fn is_safe_sysctl(value: &Value) -> bool {
    let name = value.as_str().map(sysctl);
    name.is_some_and(|name| SYSCTLS.contains(&name.as_str()))
}

/// The one name of a capability: engines take any case, and a prefix.
pub(super) fn capability(name: &str) -> String {
    let name = name.trim().to_ascii_uppercase();
    name.strip_prefix("CAP_").unwrap_or(&name).to_owned()
}

/// The one name of a kernel setting: the kernel takes slashes for dots.
pub(super) fn sysctl(name: &str) -> String {
    name.trim().replace('/', ".")
}

#[cfg(test)]
mod tests {
    use super::{CAPABILITIES, SYSCTLS, TABLE};

    #[test]
    fn the_words_of_the_table_list_what_the_code_allows() {
        let words: Vec<&str> = TABLE.iter().map(|row| row.allowed).collect();
        let words = words.join("\n");
        for name in CAPABILITIES.iter().chain(&SYSCTLS) {
            assert!(words.contains(&format!("`{name}`")), "{name}");
        }
    }
}
