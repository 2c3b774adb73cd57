//! What the command line allows.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::asked::{Denied, beyond_baseline};
use super::restricted;
use super::table::{self, Flag};

/// What the Pods of a run may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Permissions {
    /// The flags that take no name.
    flags: BTreeSet<String>,
    capabilities: BTreeSet<String>,
    sysctls: BTreeSet<String>,
    restricted: bool,
}

impl Permissions {
    /// Makes the exception of a flag.
    pub fn allow(&mut self, flag: Flag) {
        self.flags.insert(flag.name().to_owned());
    }

    /// Allows a capability, in any spelling an engine takes.
    pub fn allow_capability(&mut self, name: &str) {
        self.capabilities.insert(table::capability(name));
    }

    /// Allows a kernel setting.
    pub fn allow_sysctl(&mut self, name: &str) {
        self.sysctls.insert(table::sysctl(name));
    }

    /// Enforces the restricted profile.
    pub const fn restrict(&mut self) {
        self.restricted = true;
    }

    /// Adds what another command line allows, and the restriction it sets.
    pub fn extend(&mut self, other: &Self) {
        self.flags.extend(other.flags.iter().cloned());
        self.capabilities.extend(other.capabilities.iter().cloned());
        self.sysctls.extend(other.sysctls.iter().cloned());
        self.restricted |= other.restricted;
    }

    /// True when a value outside the baseline profile is allowed. `--allow-privileged` implies
    /// everything.
    pub fn allows(&self, flag: Flag, value: &Value) -> bool {
        let name = value.as_str().unwrap_or_default();
        let has = |flag: Flag| self.flags.contains(flag.name());
        has(Flag::Privileged)
            || match flag {
                Flag::Capability => self.capabilities.contains(&table::capability(name)),
                Flag::Sysctl => self.sysctls.contains(&table::sysctl(name)),
                _ => has(flag),
            }
    }

    /// What a Pod asks for and may not have.
    pub fn denied(&self, pod: &Value) -> Vec<Denied> {
        let mut denied: Vec<Denied> = beyond_baseline(pod)
            .filter(|(denied, value)| !denied.flag.is_some_and(|flag| self.allows(flag, value)))
            .map(|(denied, _)| denied)
            .collect();
        if self.restricted {
            denied.extend(restricted::missing(pod, self));
        }
        denied
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Flag, Permissions};

    fn denied(pod: &Value, permissions: &Permissions) -> Vec<String> {
        let denied = permissions.denied(pod).into_iter();
        denied.map(|denied| denied.path.to_string()).collect()
    }

    fn container(context: &Value) -> Value {
        json!({"spec": {"containers": [{"securityContext": context}]}})
    }

    /// Pods that reach beyond the baseline profile, the field that does, and the flag's name.
    fn beyond() -> Vec<(Value, &'static str, Flag, &'static str)> {
        let context = "spec.containers[0].securityContext";
        let pod = |context: &Value| json!({"spec": {"securityContext": context}});
        let at = |field: &'static str| field;
        let _ = context;
        vec![
            (
                container(&json!({"privileged": true})),
                at("spec.containers[0].securityContext.privileged"),
                Flag::Privileged,
                "",
            ),
            (
                container(&json!({"capabilities": {"add": ["CHOWN", "cap_dac_read_search"]}})),
                at("spec.containers[0].securityContext.capabilities.add[1]"),
                Flag::Capability,
                "DAC_READ_SEARCH",
            ),
            (
                container(&json!({"seccompProfile": {"type": "Unconfined"}})),
                at("spec.containers[0].securityContext.seccompProfile.type"),
                Flag::Unconfined,
                "",
            ),
            (
                pod(&json!({"appArmorProfile": {"type": "Unconfined"}})),
                at("spec.securityContext.appArmorProfile.type"),
                Flag::Unconfined,
                "",
            ),
            (
                json!({"metadata": {"annotations": {
                    "container.apparmor.security.beta.kubernetes.io/x": "unconfined",
                    "other": "unconfined",
                }}}),
                "metadata.annotations.container.apparmor.security.beta.kubernetes.io/x",
                Flag::Unconfined,
                "",
            ),
            (
                container(&json!({"procMount": "Unmasked"})),
                at("spec.containers[0].securityContext.procMount"),
                Flag::ProcMount,
                "",
            ),
            (
                container(&json!({"seLinuxOptions": {"type": "spc_t"}})),
                at("spec.containers[0].securityContext.seLinuxOptions.type"),
                Flag::SeLinux,
                "",
            ),
            (
                json!({"spec": {"hostNetwork": true}}),
                "spec.hostNetwork",
                Flag::HostNetwork,
                "",
            ),
            (
                json!({"spec": {"containers": [{"ports": [{"hostPort": 80}]}]}}),
                "spec.containers[0].ports[0].hostPort",
                Flag::HostPort,
                "",
            ),
            (
                json!({"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}}),
                "spec.volumes[0].hostPath",
                Flag::HostPath,
                "",
            ),
            (
                pod(&json!({"sysctls": [{"name": "kernel/msgmax", "value": "1"}]})),
                "spec.securityContext.sysctls[0].name",
                Flag::Sysctl,
                "kernel.msgmax",
            ),
            (
                pod(&json!({"windowsOptions": {"hostProcess": true}})),
                "spec.securityContext.windowsOptions.hostProcess",
                Flag::Privileged,
                "",
            ),
        ]
    }

    #[test]
    fn each_exception_needs_its_own_flag() {
        for (pod, path, flag, name) in beyond() {
            assert_eq!(denied(&pod, &Permissions::default()), [path]);
            let mut own = Permissions::default();
            match flag {
                Flag::Capability => own.allow_capability(&format!("CAP_{name}")),
                Flag::Sysctl => own.allow_sysctl(name),
                _ => own.allow(flag),
            }
            assert!(denied(&pod, &own).is_empty(), "{path}");
            let mut all = Permissions::default();
            all.allow(Flag::Privileged);
            assert!(denied(&pod, &all).is_empty(), "{path}");
            let mut other = Permissions::default();
            other.allow_capability("NET_ADMIN");
            other.allow_sysctl("kernel.sem");
            for flag in [Flag::HostPath, Flag::HostNetwork, Flag::Unconfined] {
                other.allow(flag);
            }
            let same = matches!(flag, Flag::HostPath | Flag::HostNetwork | Flag::Unconfined);
            assert_eq!(denied(&pod, &other).is_empty(), same, "{path}");
        }
    }

    #[test]
    fn the_baseline_profile_is_free() {
        let pod = json!({"spec": {
            "hostNetwork": false,
            "securityContext": {
                "sysctls": [{"name": "net.ipv4.ping_group_range", "value": "0 1"}],
                "seccompProfile": {"type": "RuntimeDefault"},
                "seLinuxOptions": {"level": "s0"},
            },
            "volumes": [{"name": "v", "emptyDir": {}}],
            "containers": [{"ports": [{"containerPort": 80}], "securityContext": {
                "privileged": false,
                "procMount": "Default",
                "capabilities": {"add": ["NET_BIND_SERVICE", "Setuid", "CAP_KILL"], "drop": ["ALL"]},
            }}],
        }});
        assert!(denied(&pod, &Permissions::default()).is_empty());
    }

    #[test]
    fn flags_of_several_command_lines_add_up() {
        let mut earlier = Permissions::default();
        earlier.allow_capability("SYS_ADMIN");
        let mut own = Permissions::default();
        own.allow(Flag::HostPath);
        own.extend(&earlier);
        let kept: Permissions =
            serde_json::from_value(serde_json::to_value(&own).unwrap()).unwrap();
        assert_eq!(kept, own);
        assert!(kept.allows(Flag::Capability, &json!("sys_admin")));
        assert!(kept.allows(Flag::HostPath, &json!({})));
        assert!(!kept.allows(Flag::HostNetwork, &json!(true)));
    }
}
