//! What the engine is asked to create.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount};

use super::volume::{self, Volumes};
use crate::sandbox::link::{AGENT_FILE, SOURCE_ROOT};
use crate::sandbox::{ContainerSpec, SandboxError, SandboxSpec};

/// Where the agent is in its own image.
pub(super) const AGENT: &str = "/agent";
/// The directory of the agent in every container, as Tekton has it.
pub(super) const AGENT_MOUNT: &str = "/tekton/bin";
/// The longest host name Linux has, less one for a terminator some programs forget.
const HOSTNAME_MAX: usize = 63;

/// The container whose namespaces the others join.
#[derive(Debug, Clone, Copy)]
pub(super) struct Donor<'a> {
    pub(super) name: &'a str,
    /// Its host name, for engines that do not share it with the network.
    pub(super) hostname: Option<&'a str>,
}

/// The sandbox container. `source` is a volume to clone from.
pub(super) fn sandbox(
    spec: &SandboxSpec,
    image: &str,
    volumes: &Volumes,
    source: Option<&str>,
    labels: HashMap<String, String>,
) -> ContainerCreateBody {
    let mut mounts = volumes.whole();
    mounts.extend(source.map(|source| volume::whole(source, SOURCE_ROOT, true)));
    let hosts = spec.hosts.iter();
    ContainerCreateBody {
        hostname: hostname(&spec.hostname),
        image: Some(image.to_owned()),
        entrypoint: Some(vec![AGENT.to_owned()]),
        cmd: Some(vec!["supervise".to_owned(), spec.run.clone()]),
        labels: Some(labels),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        // Once: only then the container sees the end of its input when the command dies.
        open_stdin: Some(true),
        stdin_once: Some(true),
        host_config: Some(HostConfig {
            network_mode: spec.host_network.then(|| "host".to_owned()),
            ipc_mode: Some("shareable".to_owned()),
            extra_hosts: some(
                hosts
                    .map(|(name, address)| format!("{name}:{address}"))
                    .collect(),
            ),
            dns: some(spec.dns.clone()),
            dns_search: some(spec.dns_search.clone()),
            dns_options: some(spec.dns_options.clone()),
            sysctls: Some(spec.sysctls.clone().into_iter().collect()),
            mounts: Some(mounts),
            ..common()
        }),
        ..ContainerCreateBody::default()
    }
}

/// The container of a step or sidecar, in the network of a sandbox; `arguments` are the agent's.
pub(super) fn step(
    spec: &ContainerSpec,
    sandbox: &Donor<'_>,
    volumes: &Volumes,
    agent: Mount,
    arguments: Vec<String>,
    mut labels: HashMap<String, String>,
) -> Result<ContainerCreateBody, SandboxError> {
    let mut mounts = vec![agent];
    for mount in &spec.mounts {
        mounts.push(volumes.mount(mount)?);
    }
    labels.extend(spec.labels.clone());
    let limit = |amount: i64| (amount > 0).then_some(amount);
    Ok(ContainerCreateBody {
        image: Some(spec.image.clone()),
        hostname: sandbox.hostname.map(ToOwned::to_owned),
        entrypoint: Some(vec![format!("{AGENT_MOUNT}/{}", AGENT_FILE)]),
        cmd: Some(arguments),
        user: spec.user.clone(),
        working_dir: spec.working_dir.clone(),
        labels: Some(labels),
        // An image's own check would run programs in the step's container.
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..HealthConfig::default()
        }),
        host_config: Some(HostConfig {
            network_mode: Some(format!("container:{}", sandbox.name)),
            ipc_mode: Some(format!("container:{}", sandbox.name)),
            group_add: some(spec.groups.iter().map(i64::to_string).collect()),
            privileged: Some(spec.privileged),
            cap_add: some(spec.cap_add.clone()),
            cap_drop: some(spec.cap_drop.clone()),
            readonly_rootfs: Some(spec.read_only_root),
            security_opt: some(spec.security_opt.clone()),
            nano_cpus: limit(spec.nano_cpus),
            memory: limit(spec.memory),
            // The same: no swap, as in Kubernetes.
            memory_swap: limit(spec.memory),
            mounts: Some(mounts),
            ..common()
        }),
        ..ContainerCreateBody::default()
    })
}

/// What all containers have: they vanish when they end, and the engine keeps no log of them.
fn common() -> HostConfig {
    HostConfig {
        auto_remove: Some(true),
        log_config: Some(HostConfigLogConfig {
            typ: Some("none".to_owned()),
            config: None,
        }),
        ..HostConfig::default()
    }
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

pub(super) fn hostname(name: &str) -> Option<String> {
    let name = name.get(..HOSTNAME_MAX).unwrap_or(name);
    let name = name.trim_end_matches(['-', '.']);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::docker::volume::{PartialMount, Volume};
    use crate::sandbox::{self as execute, MountSource, VolumePath};

    fn volumes() -> Volumes {
        Volumes {
            partial: PartialMount::SubPath,
            run: Volume {
                name: "tkn-local-r".to_owned(),
                mountpoint: "/engine/r".to_owned(),
            },
            claims: BTreeMap::new(),
        }
    }

    #[test]
    fn a_sandbox_ends_with_its_input_and_keeps_nothing() {
        let spec = SandboxSpec {
            run: "r".to_owned(),
            hostname: "a".repeat(62) + "-pod",
            hosts: vec![("db".to_owned(), "10.0.0.1".to_owned())],
            ..SandboxSpec::default()
        };
        let body = sandbox(&spec, "agent:1", &volumes(), Some("old"), HashMap::new());
        let body = serde_json::to_value(body).unwrap();
        assert_eq!(body["OpenStdin"], json!(true));
        assert_eq!(body["StdinOnce"], json!(true));
        assert_eq!(body["Hostname"], json!("a".repeat(62)));
        let host = &body["HostConfig"];
        assert_eq!(host["AutoRemove"], json!(true));
        assert_eq!(host["LogConfig"], json!({"Type": "none"}));
        assert_eq!(host["ExtraHosts"], json!(["db:10.0.0.1"]));
        assert_eq!(host["Mounts"][1]["Source"], json!("old"));
        assert_eq!(host["Mounts"][1]["ReadOnly"], json!(true));
        assert_eq!(host.get("Dns"), None);
    }

    #[test]
    fn a_step_shares_the_network_and_has_its_parts_of_the_volume() {
        let spec = ContainerSpec {
            image: "sha256:1".to_owned(),
            user: Some("1000:1000".to_owned()),
            groups: vec![7],
            memory: 64 << 20,
            security_opt: vec!["no-new-privileges".to_owned()],
            mounts: vec![execute::Mount {
                source: MountSource::Volume(VolumePath::Run("w".to_owned())),
                target: "/workspace".to_owned(),
                read_only: false,
                is_part: false,
            }],
            ..ContainerSpec::default()
        };
        let agent = volume::whole("x", AGENT_MOUNT, true);
        let arguments = vec!["step".to_owned()];
        let donor = Donor {
            name: "s",
            hostname: None,
        };
        let body = step(&spec, &donor, &volumes(), agent, arguments, HashMap::new()).unwrap();
        let body = serde_json::to_value(body).unwrap();
        assert_eq!(body["Entrypoint"], json!(["/tekton/bin/entrypoint"]));
        assert_eq!(body["User"], json!("1000:1000"));
        assert_eq!(body["Healthcheck"], json!({"Test": ["NONE"]}));
        assert_eq!(body.get("Hostname"), None);
        let host = &body["HostConfig"];
        assert_eq!(host["NetworkMode"], json!("container:s"));
        assert_eq!(host["GroupAdd"], json!(["7"]));
        assert_eq!(host["Memory"], host["MemorySwap"]);
        assert_eq!(host.get("NanoCpus"), None);
        assert_eq!(host["SecurityOpt"], json!(["no-new-privileges"]));
        assert_eq!(
            host["Mounts"][1],
            json!({
                "Type": "volume", "Source": "tkn-local-r", "Target": "/workspace",
                "ReadOnly": false, "VolumeOptions": {"NoCopy": true, "Subpath": "w"},
            })
        );
    }
}
