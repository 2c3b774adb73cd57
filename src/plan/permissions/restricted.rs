//! What the restricted profile demands beyond the baseline.

use serde_json::Value;

use super::asked::Denied;
use super::granted::Permissions;
use super::table::{Flag, capability};
use crate::diagnostic::FieldPath;
use crate::validate::select;

/// A demand of the restricted profile, for the documents.
pub(super) const DEMANDS: [(&str, &str); 6] = [
    (
        "Volume Types",
        "only `configMap`, `csi`, `downwardAPI`, `emptyDir`, `ephemeral`, `persistentVolumeClaim`, \
         `projected` and `secret`",
    ),
    (
        "Privilege Escalation",
        "`allowPrivilegeEscalation: false` in every container",
    ),
    (
        "Running as Non-root",
        "`runAsNonRoot: true` in the pod template or in every container, and nowhere `false`",
    ),
    ("Running as Non-root user", "no `runAsUser: 0`"),
    (
        "Seccomp",
        "`seccompProfile.type: RuntimeDefault` or `Localhost` in the pod template or in every \
         container",
    ),
    (
        "Capabilities",
        "`capabilities.drop: [ALL]` in every container, and nothing added but `NET_BIND_SERVICE`",
    ),
];

const VOLUME_TYPES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// What a Pod does not do of that.
pub(super) fn missing(pod: &Value, permissions: &Permissions) -> Vec<Denied> {
    let mut found = Vec::new();
    for (path, volume) in select(pod, "spec.volumes[*]") {
        for source in volume.as_object().into_iter().flat_map(|map| map.keys()) {
            let host = source == "hostPath" && permissions.allows(Flag::HostPath, volume);
            if source != "name" && !VOLUME_TYPES.contains(&source.as_str()) && !host {
                let message =
                    format!("{source} is a type of volume outside the restricted profile");
                found.push(denied(path.key(source), message));
            }
        }
    }
    let shared = pod.pointer("/spec/securityContext");
    if let Some(Value::Number(user)) = shared.and_then(|shared| shared.get("runAsUser"))
        && user.as_i64() == Some(0)
    {
        let path = FieldPath::parse("spec.securityContext.runAsUser");
        found.push(denied(
            path,
            "the restricted profile wants another user than root",
        ));
    }
    for (path, container) in select(pod, "spec.containers[*]") {
        of_container(
            &path.key("securityContext"),
            container,
            shared,
            permissions,
            &mut found,
        );
    }
    found
}

fn of_container(
    path: &FieldPath,
    container: &Value,
    shared: Option<&Value>,
    permissions: &Permissions,
    found: &mut Vec<Denied>,
) {
    let context = container.get("securityContext");
    let own = |pointer: &str| context.and_then(|context| context.pointer(pointer));
    let either = |pointer: &str| own(pointer).or_else(|| shared?.pointer(pointer));
    let mut demand = |field: &str, is_met: bool, wanted: &str| {
        if !is_met {
            let at = field
                .split('.')
                .fold(path.clone(), |path, key| path.key(key));
            let message = format!("the restricted profile wants {field} to be {wanted}");
            found.push(denied(at, message));
        }
    };
    let escalation = own("/allowPrivilegeEscalation");
    demand(
        "allowPrivilegeEscalation",
        escalation == Some(&Value::Bool(false)),
        "false",
    );
    let non_root = either("/runAsNonRoot");
    demand("runAsNonRoot", non_root == Some(&Value::Bool(true)), "true");
    let user = own("/runAsUser").and_then(Value::as_i64);
    demand("runAsUser", user != Some(0), "another user than root");
    let profile = either("/seccompProfile/type").and_then(Value::as_str);
    demand(
        "seccompProfile.type",
        matches!(profile, Some("RuntimeDefault" | "Localhost")),
        "RuntimeDefault or Localhost",
    );
    let named = |pointer: &str| -> Vec<String> {
        let list = own(pointer).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(capability).collect()
    };
    let drops_all = named("/capabilities/drop").contains(&"ALL".to_owned());
    demand("capabilities.drop", drops_all, "[ALL]");
    let added = named("/capabilities/add");
    let is_free = |name: &String| {
        name == "NET_BIND_SERVICE"
            || permissions.allows(Flag::Capability, &Value::from(name.as_str()))
    };
    demand(
        "capabilities.add",
        added.iter().all(is_free),
        "NET_BIND_SERVICE at most",
    );
}

fn denied(path: FieldPath, message: impl Into<String>) -> Denied {
    Denied {
        path,
        message: message.into(),
        advice: "set it in the file, or run without --restricted".to_owned(),
        flag: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::missing;
    use crate::plan::permissions::Permissions;

    fn fields(pod: &Value) -> Vec<String> {
        let found = missing(pod, &Permissions::default()).into_iter();
        found
            .map(|denied| {
                denied
                    .path
                    .to_string()
                    .replace("spec.containers[0].securityContext.", "")
            })
            .collect()
    }

    #[test]
    fn a_container_without_settings_meets_no_demand_but_that_of_the_user() {
        assert_eq!(
            fields(&json!({"spec": {"containers": [{"name": "a"}]}})),
            [
                "allowPrivilegeEscalation",
                "runAsNonRoot",
                "seccompProfile.type",
                "capabilities.drop",
            ]
        );
    }

    #[test]
    fn settings_of_the_pod_count_where_the_container_has_none() {
        let context = json!({
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["all"], "add": ["NET_BIND_SERVICE"]},
        });
        let mut pod = json!({"spec": {
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": "v", "emptyDir": {}}],
            "containers": [{"name": "a", "securityContext": context}],
        }});
        assert!(fields(&pod).is_empty());
        pod["spec"]["containers"][0]["securityContext"]["runAsNonRoot"] = json!(false);
        pod["spec"]["containers"][0]["securityContext"]["runAsUser"] = json!(0);
        pod["spec"]["containers"][0]["securityContext"]["capabilities"]["add"] = json!(["CHOWN"]);
        pod["spec"]["volumes"][0] = json!({"name": "v", "hostPath": {"path": "/x"}});
        assert_eq!(
            fields(&pod),
            [
                "spec.volumes[0].hostPath",
                "runAsNonRoot",
                "runAsUser",
                "capabilities.add"
            ]
        );
    }
}
