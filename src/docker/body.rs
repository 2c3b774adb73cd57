//! What the engine is asked to create.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount};

use super::agent_image::AgentImage;
use super::label;
use super::volume::{self, Volumes};
use crate::sandbox::link::{AGENT_DIRECTORY, AGENT_FILE, SOCKET_DIRECTORY, SOURCE_ROOT};
use crate::sandbox::{ContainerSpec, SandboxError, SandboxSpec};

/// Where the agent is in its own image.
pub(super) const AGENT: &str = "/agent";
/// The most processes and threads of a container: what OpenShift's kubelet allows a pod.
const PIDS: i64 = 4096;
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
    image: &AgentImage,
    volumes: &Volumes,
    source: Option<&str>,
    labels: HashMap<String, String>,
) -> ContainerCreateBody {
    let mut mounts = volumes.whole();
    mounts.push(agent_to_fill(&image.volume));
    mounts.extend(source.map(|source| volume::whole(source, SOURCE_ROOT, true)));
    let hosts = spec.hosts.iter();
    ContainerCreateBody {
        hostname: hostname(&spec.hostname),
        image: Some(image.name.clone()),
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

/// The container that attaches parts of volumes to others. It has no network, speaks to the
/// supervisor alone, and has no more privileges than that takes.
pub(super) fn mounter(
    run: &str,
    image: &AgentImage,
    volumes: &Volumes,
    labels: HashMap<String, String>,
) -> ContainerCreateBody {
    // To attach mounts, to enter the mount namespace of another container, and to pass through
    // directories of any user.
    let capabilities = ["SYS_ADMIN", "SYS_CHROOT", "DAC_OVERRIDE"];
    ContainerCreateBody {
        image: Some(image.name.clone()),
        entrypoint: Some(vec![AGENT.to_owned()]),
        cmd: Some(vec!["mount".to_owned(), run.to_owned()]),
        labels: Some(labels),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            cap_drop: Some(vec!["ALL".to_owned()]),
            cap_add: Some(capabilities.map(str::to_owned).to_vec()),
            // The profile that Docker gives to containers forbids all mounts.
            security_opt: Some(vec!["apparmor=unconfined".to_owned()]),
            readonly_rootfs: Some(true),
            mounts: Some(volumes.whole()),
            ..common()
        }),
        ..ContainerCreateBody::default()
    }
}

/// What the agent of a container needs.
#[derive(Debug, Clone)]
pub(super) struct AgentMounts {
    /// The volume with the program.
    pub(super) program: String,
    /// The directory with its socket.
    pub(super) socket: Mount,
    /// What it shows the supervisor.
    pub(super) token: String,
}

/// The container of a step or sidecar, in the network of a sandbox, with these mounts.
pub(super) fn step(
    spec: &ContainerSpec,
    sandbox: &Donor<'_>,
    own_mounts: Vec<Mount>,
    agent: AgentMounts,
    labels: HashMap<String, String>,
) -> Result<ContainerCreateBody, SandboxError> {
    check_targets(&spec.mounts)?;
    let program = volume::whole(&agent.program, AGENT_DIRECTORY, true);
    let mut mounts = vec![program, agent.socket];
    mounts.extend(own_mounts);
    let mut all_labels = label::of_document(&spec.labels);
    all_labels.extend(labels);
    let limit = |amount: i64| (amount > 0).then_some(amount);
    Ok(ContainerCreateBody {
        image: Some(spec.image.clone()),
        hostname: sandbox.hostname.map(ToOwned::to_owned),
        entrypoint: Some(vec![format!("{AGENT_DIRECTORY}/{AGENT_FILE}")]),
        cmd: Some(vec!["step".to_owned(), agent.token]),
        user: spec.user.clone(),
        working_dir: spec.working_dir.clone(),
        labels: Some(all_labels),
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

/// The volume of the agent for a container that fills it from its image if it is empty.
fn agent_to_fill(name: &str) -> Mount {
    Mount {
        volume_options: None,
        ..volume::whole(name, AGENT_DIRECTORY, true)
    }
}

/// Refuses mounts over the agent or its socket. The caller has told the user where such a mount
/// comes from; nothing gets past this one.
fn check_targets(mounts: &[crate::sandbox::Mount]) -> Result<(), SandboxError> {
    let hides = |target: &str| {
        let is_above = |own: &str| own == target || volume::is_below(own, target);
        [AGENT_DIRECTORY, SOCKET_DIRECTORY]
            .iter()
            .any(|own| is_above(own) || volume::is_below(target, own))
    };
    match mounts.iter().find(|mount| hides(&mount.target)) {
        Some(mount) => Err(SandboxError::Container(format!(
            "nothing can be mounted at {}",
            mount.target
        ))),
        None => Ok(()),
    }
}

/// What all containers have: they vanish when they end, and the engine keeps no log of them.
fn common() -> HostConfig {
    HostConfig {
        pids_limit: Some(PIDS),
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
            secrets: None,
            claims: BTreeMap::new(),
        }
    }

    fn image() -> AgentImage {
        AgentImage {
            name: "agent:1".to_owned(),
            volume: "agent".to_owned(),
        }
    }

    fn agent() -> AgentMounts {
        AgentMounts {
            program: "agent".to_owned(),
            socket: volume::whole("x", SOCKET_DIRECTORY, true),
            token: "t".to_owned(),
        }
    }

    #[test]
    fn nothing_is_mounted_over_the_agent() {
        let donor = Donor {
            name: "s",
            hostname: None,
        };
        let at = |target: &str| {
            let mounts = vec![execute::Mount {
                source: MountSource::Tmpfs,
                target: target.to_owned(),
                read_only: false,
                is_part: false,
            }];
            let spec = ContainerSpec {
                mounts,
                ..ContainerSpec::default()
            };
            step(&spec, &donor, Vec::new(), agent(), HashMap::new())
        };
        for target in [
            "/",
            "/tekton",
            "/tekton/bin",
            "/tekton/bin/entrypoint",
            "/tekton/agent",
        ] {
            assert!(at(target).is_err(), "{target}");
        }
        for target in ["/tekton/home", "/tekton/binary", "/workspace"] {
            assert!(at(target).is_ok(), "{target}");
        }
    }

    #[test]
    fn the_mounter_has_no_network_and_three_capabilities() {
        let body = mounter("r", &image(), &volumes(), HashMap::new());
        let host = serde_json::to_value(body).unwrap()["HostConfig"].clone();
        assert_eq!(host["NetworkMode"], json!("none"));
        assert_eq!(host["CapDrop"], json!(["ALL"]));
        assert_eq!(
            host["CapAdd"],
            json!(["SYS_ADMIN", "SYS_CHROOT", "DAC_OVERRIDE"])
        );
    }

    #[test]
    fn a_sandbox_ends_with_its_input_and_keeps_nothing() {
        let spec = SandboxSpec {
            run: "r".to_owned(),
            hostname: "a".repeat(62) + "-pod",
            hosts: vec![("db".to_owned(), "10.0.0.1".to_owned())],
            ..SandboxSpec::default()
        };
        let body = sandbox(&spec, &image(), &volumes(), Some("old"), HashMap::new());
        let body = serde_json::to_value(body).unwrap();
        assert_eq!(body["OpenStdin"], json!(true));
        assert_eq!(body["StdinOnce"], json!(true));
        assert_eq!(body["Hostname"], json!("a".repeat(62)));
        let host = &body["HostConfig"];
        assert_eq!(host["AutoRemove"], json!(true));
        assert_eq!(host["LogConfig"], json!({"Type": "none"}));
        assert_eq!(host["ExtraHosts"], json!(["db:10.0.0.1"]));
        assert_eq!(host["PidsLimit"], json!(4096));
        assert_eq!(
            host["Mounts"][1],
            json!({
                "Type": "volume", "Source": "agent", "Target": "/tekton/bin", "ReadOnly": true,
            })
        );
        assert_eq!(host["Mounts"][2]["Source"], json!("old"));
        assert_eq!(host["Mounts"][2]["ReadOnly"], json!(true));
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
        let donor = Donor {
            name: "s",
            hostname: None,
        };
        let (mounts, _) = volumes().split(&spec.mounts).unwrap();
        let body = step(&spec, &donor, mounts, agent(), HashMap::new()).unwrap();
        let body = serde_json::to_value(body).unwrap();
        assert_eq!(body["Entrypoint"], json!(["/tekton/bin/entrypoint"]));
        assert_eq!(body["Cmd"], json!(["step", "t"]));
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
            host["Mounts"][2],
            json!({
                "Type": "volume", "Source": "tkn-local-r", "Target": "/workspace",
                "ReadOnly": false, "VolumeOptions": {"NoCopy": true, "Subpath": "w"},
            })
        );
    }
}
