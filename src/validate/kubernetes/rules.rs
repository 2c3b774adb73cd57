//! The table of rules: fields of a Pod whose value alone decides.

use serde_json::Value;

use super::invalid::Invalid;
use super::syntax;
use crate::diagnostic::FieldPath;

/// What is wrong with a value at a path.
type Check = fn(FieldPath, &Value) -> Option<Invalid>;

/// A rule for the value of some fields (`pkg/apis/core/validation/validation.go`).
pub(super) struct Rule {
    /// The fields, as patterns of paths.
    pub(super) fields: &'static [&'static str],
    pub(super) check: Check,
}

const fn rule(fields: &'static [&'static str], check: Check) -> Rule {
    Rule { fields, check }
}

/// The largest id of a user or group.
const MAX_ID: i64 = 2_147_483_647;

pub(super) const RULES: &[Rule] = &[
    rule(&["spec.nodeSelector.*"], |path, value| {
        text(path, value, syntax::label_value)
    }),
    rule(&["spec.containers[*].name"], |path, value| {
        text(path, value, syntax::label)
    }),
    rule(&["spec.volumes[*].name"], |path, value| {
        text(path, value, syntax::label)
    }),
    rule(&["spec.containers[*].image"], image),
    rule(&["spec.containers[*].imagePullPolicy"], |path, value| {
        one_of(path, value, &["Always", "IfNotPresent", "Never"])
    }),
    rule(
        &[
            "spec.containers[*].env[*].name",
            "spec.containers[*].envFrom[*].prefix",
        ],
        |path, value| text(path, value, syntax::variable),
    ),
    rule(
        &[
            "spec.containers[*].env[*].valueFrom.configMapKeyRef.key",
            "spec.containers[*].env[*].valueFrom.secretKeyRef.key",
        ],
        |path, value| text(path, value, syntax::config_key),
    ),
    rule(
        &[
            "spec.containers[*].ports[*].containerPort",
            "spec.containers[*].ports[*].hostPort",
        ],
        |path, value| between(path, value, 1, 65535),
    ),
    rule(&["spec.containers[*].ports[*].name"], |path, value| {
        text(path, value, syntax::port_name)
    }),
    rule(&["spec.containers[*].ports[*].protocol"], |path, value| {
        one_of(path, value, &["SCTP", "TCP", "UDP"])
    }),
    rule(
        &["spec.containers[*].terminationMessagePolicy"],
        |path, value| one_of(path, value, &["FallbackToLogsOnError", "File"]),
    ),
    rule(
        &[
            "spec.securityContext.runAsUser",
            "spec.securityContext.runAsGroup",
            "spec.securityContext.fsGroup",
            "spec.securityContext.supplementalGroups[*]",
            "spec.containers[*].securityContext.runAsUser",
            "spec.containers[*].securityContext.runAsGroup",
        ],
        |path, value| between(path, value, 0, MAX_ID),
    ),
    rule(
        &["spec.securityContext.fsGroupChangePolicy"],
        |path, value| one_of(path, value, &["Always", "OnRootMismatch"]),
    ),
    rule(
        &["spec.securityContext.supplementalGroupsPolicy"],
        |path, value| one_of(path, value, &["Merge", "Strict"]),
    ),
    rule(
        &[
            "spec.securityContext.seccompProfile.type",
            "spec.securityContext.appArmorProfile.type",
            "spec.containers[*].securityContext.seccompProfile.type",
            "spec.containers[*].securityContext.appArmorProfile.type",
        ],
        |path, value| one_of(path, value, &["Localhost", "RuntimeDefault", "Unconfined"]),
    ),
    rule(
        &["spec.containers[*].securityContext.procMount"],
        |path, value| one_of(path, value, &["Default", "Unmasked"]),
    ),
    rule(&["spec.securityContext.sysctls[*].name"], |path, value| {
        text(path, value, syntax::sysctl)
    }),
    rule(
        &[
            "spec.volumes[*].configMap.defaultMode",
            "spec.volumes[*].secret.defaultMode",
            "spec.volumes[*].projected.defaultMode",
            "spec.volumes[*].downwardAPI.defaultMode",
            "spec.volumes[*].configMap.items[*].mode",
            "spec.volumes[*].secret.items[*].mode",
            "spec.volumes[*].downwardAPI.items[*].mode",
            "spec.volumes[*].projected.sources[*].configMap.items[*].mode",
            "spec.volumes[*].projected.sources[*].secret.items[*].mode",
            "spec.volumes[*].projected.sources[*].downwardAPI.items[*].mode",
        ],
        mode,
    ),
    rule(
        &[
            "spec.volumes[*].configMap.items[*].path",
            "spec.volumes[*].secret.items[*].path",
            "spec.volumes[*].downwardAPI.items[*].path",
            "spec.volumes[*].projected.sources[*].configMap.items[*].path",
            "spec.volumes[*].projected.sources[*].secret.items[*].path",
            "spec.volumes[*].projected.sources[*].downwardAPI.items[*].path",
            "spec.volumes[*].projected.sources[*].serviceAccountToken.path",
        ],
        |path, value| text(path, value, syntax::file_path),
    ),
    rule(&["spec.volumes[*].hostPath.path"], |path, value| {
        text(path, value, syntax::no_backsteps)
    }),
    rule(&["spec.volumes[*].hostPath.type"], |path, value| {
        let types = [
            "",
            "BlockDevice",
            "CharDevice",
            "Directory",
            "DirectoryOrCreate",
            "File",
            "FileOrCreate",
            "Socket",
        ];
        one_of(path, value, &types)
    }),
    rule(&["spec.volumes[*].emptyDir.sizeLimit"], quantity),
    rule(
        &[
            "spec.containers[*].resources.limits.*",
            "spec.containers[*].resources.requests.*",
        ],
        quantity,
    ),
    rule(
        &["spec.hostAliases[*].ip", "spec.dnsConfig.nameservers[*]"],
        |path, value| text(path, value, syntax::ip),
    ),
    rule(&["spec.hostAliases[*].hostnames[*]"], |path, value| {
        text(path, value, syntax::subdomain)
    }),
    rule(&["spec.dnsConfig.searches[*]"], |path, value| {
        let trimmed = |search: &str| match search.strip_suffix('.') {
            Some("") => None,
            Some(search) => syntax::subdomain(search),
            None => syntax::subdomain(search),
        };
        text(path, value, trimmed)
    }),
    rule(&["spec.dnsPolicy"], |path, value| {
        let policies = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
        one_of(path, value, &policies)
    }),
    rule(
        &["spec.priorityClassName", "spec.runtimeClassName"],
        |path, value| text(path, value, syntax::subdomain),
    ),
    rule(
        &[
            "spec.containers[*].volumeMounts[*].subPath",
            "spec.containers[*].volumeMounts[*].subPathExpr",
        ],
        |path, value| text(path, value, syntax::descending_path),
    ),
    rule(
        &["spec.containers[*].volumeMounts[*].mountPath"],
        |path, value| {
            let no_colon = |at: &str| at.contains(':').then(|| "must not contain ':'".to_owned());
            text(path, value, no_colon)
        },
    ),
    rule(
        &["spec.containers[*].volumeMounts[*].mountPropagation"],
        |path, value| one_of(path, value, &["Bidirectional", "HostToContainer", "None"]),
    ),
    rule(&["spec.tolerations[*].operator"], |path, value| {
        one_of(path, value, &["Equal", "Exists"])
    }),
    rule(&["spec.tolerations[*].effect"], |path, value| {
        one_of(
            path,
            value,
            &["NoSchedule", "PreferNoSchedule", "NoExecute"],
        )
    }),
];

fn text(path: FieldPath, value: &Value, check: impl Fn(&str) -> Option<String>) -> Option<Invalid> {
    let why = check(value.as_str()?)?;
    Some(Invalid::value(path, value, why))
}

fn one_of(path: FieldPath, value: &Value, supported: &[&str]) -> Option<Invalid> {
    let name = value.as_str()?;
    let known = supported.contains(&name);
    (!known).then(|| Invalid::unsupported(path, value, supported))
}

fn between(path: FieldPath, value: &Value, least: i64, most: i64) -> Option<Invalid> {
    let number = value.as_i64()?;
    let outside = !(least..=most).contains(&number);
    let why = format!("must be between {least} and {most}, inclusive");
    outside.then(|| Invalid::value(path, value, why))
}

fn mode(path: FieldPath, value: &Value) -> Option<Invalid> {
    let why = "must be a number between 0 and 0777 (octal), both inclusive";
    let outside = !(0..=0o777).contains(&value.as_i64()?);
    outside.then(|| Invalid::value(path, value, why))
}

fn image(path: FieldPath, value: &Value) -> Option<Invalid> {
    let name = value.as_str()?;
    let why = "must not have leading or trailing whitespace";
    (name.trim() != name).then(|| Invalid::value(path, value, why))
}

fn quantity(path: FieldPath, value: &Value) -> Option<Invalid> {
    let written = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match syntax::quantity(&written) {
        Ok(amount) if amount < 0.0 => {
            let why = "must be greater than or equal to 0";
            Some(Invalid::value(path, value, why))
        }
        Ok(_) => None,
        Err(why) => Some(Invalid::value(path, value, why)),
    }
}
