//! Whom a container runs as, what it may do and how much of the machine it gets.

use super::quantity::Quantity;
use crate::plan::TaskRunRequest;
use crate::sandbox::{ContainerSpec, Image};
use crate::spec::core::{ResourceRequirements, SeLinuxOptions, SeccompProfile, SecurityContext};

/// The security settings of a container: its own above the pod's. The error is what a kubelet
/// says of a container that must not run as root and would.
pub(crate) fn apply(
    own: Option<&SecurityContext>,
    request: &TaskRunRequest,
    image: &Image,
) -> Result<ContainerSpec, String> {
    let own = own.cloned().unwrap_or_default();
    let pod = request
        .overrides
        .pod_template
        .security_context
        .clone()
        .unwrap_or_default();
    let user = own.run_as_user.or(pod.run_as_user);
    let group = own.run_as_group.or(pod.run_as_group);
    if own.run_as_non_root.or(pod.run_as_non_root) == Some(true) {
        check_non_root(user, &image.user)?;
    }
    let capabilities = own.capabilities.unwrap_or_default();
    let mut security_opt = Vec::new();
    if own.allow_privilege_escalation == Some(false) {
        security_opt.push("no-new-privileges".to_owned());
    }
    let unconfined = |profile: Option<&SeccompProfile>| {
        profile.is_some_and(|profile| profile.profile_type == "Unconfined")
    };
    if unconfined(
        own.seccomp_profile
            .as_ref()
            .or(pod.seccomp_profile.as_ref()),
    ) {
        security_opt.push("seccomp=unconfined".to_owned());
    }
    if unconfined(
        own.app_armor_profile
            .as_ref()
            .or(pod.app_armor_profile.as_ref()),
    ) {
        security_opt.push("apparmor=unconfined".to_owned());
    }
    if own.proc_mount == "Unmasked" {
        security_opt.push("systempaths=unconfined".to_owned());
    }
    if let Some(labels) = own.se_linux_options.or(pod.se_linux_options) {
        security_opt.extend(se_linux(&labels));
    }
    let mut groups = pod.supplemental_groups;
    groups.extend(pod.fs_group);
    Ok(ContainerSpec {
        user: user_and_group(user, group, &image.user),
        groups,
        privileged: own.privileged.unwrap_or(false),
        cap_add: capabilities.add,
        cap_drop: capabilities.drop,
        read_only_root: own.read_only_root_filesystem.unwrap_or(false),
        security_opt,
        ..ContainerSpec::default()
    })
}

fn check_non_root(user: Option<i64>, image_user: &str) -> Result<(), String> {
    let name = image_user.split(':').next().unwrap_or_default();
    match (user, name.parse::<u32>()) {
        (Some(0), _) => Err("container's runAsUser breaks non-root policy".to_owned()),
        (Some(_), _) | (None, Ok(1..)) => Ok(()),
        (None, Ok(0)) => Err("container has runAsNonRoot and image will run as root".to_owned()),
        (None, Err(_)) if name.is_empty() => {
            Err("container has runAsNonRoot and image will run as root".to_owned())
        }
        (None, Err(_)) => Err(format!(
            "container has runAsNonRoot and image has non-numeric user ({name}), cannot verify user is non-root"
        )),
    }
}

fn user_and_group(user: Option<i64>, group: Option<i64>, image_user: &str) -> Option<String> {
    match (user, group) {
        (None, None) => None,
        (Some(user), None) => Some(user.to_string()),
        (Some(user), Some(group)) => Some(format!("{user}:{group}")),
        (None, Some(group)) => {
            let name = image_user
                .split(':')
                .next()
                .filter(|name| !name.is_empty())
                .unwrap_or("0");
            Some(format!("{name}:{group}"))
        }
    }
}

fn se_linux(labels: &SeLinuxOptions) -> Vec<String> {
    let parts = [
        ("user", &labels.user),
        ("role", &labels.role),
        ("type", &labels.se_type),
        ("level", &labels.level),
    ];
    parts
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| format!("label={key}:{value}"))
        .collect()
}

/// Limits of cpu and memory become the engine's.
pub(crate) fn limits(resources: &ResourceRequirements, spec: &mut ContainerSpec) {
    let limit = |name: &str| Quantity::parse(&resources.limits.get(name)?.0);
    spec.nano_cpus = limit("cpu").and_then(Quantity::nano_cpus).unwrap_or(0);
    spec.memory = limit("memory").and_then(Quantity::bytes).unwrap_or(0);
}

/// The message of a request above its limit (`pkg/reconciler/taskrun/validate_taskrun.go`).
pub(crate) fn request_above_limit(resources: &ResourceRequirements) -> Option<String> {
    resources.requests.iter().find_map(|(name, request)| {
        let limit = resources.limits.get(name)?;
        let above = Quantity::parse(&request.0)? > Quantity::parse(&limit.0)?;
        above.then(|| {
            format!(
                "invalid request resource value: {request} must be less or equal to limit {limit}"
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{apply, request_above_limit};
    use crate::plan::TaskRunRequest;
    use crate::sandbox::{ContainerSpec, Image};

    fn applied(own: Value, pod: Value, image_user: &str) -> Result<ContainerSpec, String> {
        let mut request = TaskRunRequest::default();
        request.overrides.pod_template.security_context = serde_json::from_value(pod).unwrap();
        let image = Image {
            user: image_user.to_owned(),
            ..Image::default()
        };
        apply(
            serde_json::from_value::<Option<_>>(own).unwrap().as_ref(),
            &request,
            &image,
        )
    }

    #[test]
    fn the_containers_own_user_wins() {
        let pod = json!({"runAsUser": 1001, "fsGroup": 7, "supplementalGroups": [5]});
        let spec = applied(json!(null), pod.clone(), "").unwrap();
        assert_eq!(
            (spec.user.as_deref(), spec.groups),
            (Some("1001"), vec![5, 7])
        );
        assert_eq!(
            applied(json!({"runAsUser": 0, "runAsGroup": 3}), pod, "")
                .unwrap()
                .user
                .as_deref(),
            Some("0:3")
        );
        assert_eq!(
            applied(json!({"runAsGroup": 3}), json!(null), "nobody")
                .unwrap()
                .user
                .as_deref(),
            Some("nobody:3")
        );
    }

    #[test]
    fn non_root_is_checked() {
        let own = json!({"runAsNonRoot": true});
        assert!(applied(own.clone(), json!(null), "").is_err());
        assert!(applied(own.clone(), json!(null), "web").is_err());
        assert!(applied(own.clone(), json!(null), "1000:1000").is_ok());
        assert!(applied(own, json!({"runAsUser": 9}), "").is_ok());
    }

    #[test]
    fn options_are_the_engines() {
        let own = json!({
            "allowPrivilegeEscalation": false, "seccompProfile": {"type": "Unconfined"},
            "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}, "readOnlyRootFilesystem": true,
            "seLinuxOptions": {"level": "s0"},
        });
        let spec = applied(own, json!(null), "").unwrap();
        assert_eq!(
            spec.security_opt,
            ["no-new-privileges", "seccomp=unconfined", "label=level:s0"]
        );
        assert!(spec.read_only_root && spec.cap_add == ["NET_ADMIN"] && spec.cap_drop == ["ALL"]);
    }

    #[test]
    fn a_request_above_its_limit_is_named() {
        let resources =
            serde_json::from_value(json!({"requests": {"cpu": "2"}, "limits": {"cpu": "1500m"}}))
                .unwrap();
        assert_eq!(
            request_above_limit(&resources).as_deref(),
            Some("invalid request resource value: 2 must be less or equal to limit 1500m")
        );
    }
}
