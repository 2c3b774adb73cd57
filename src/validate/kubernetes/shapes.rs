//! The table of rules for fields that depend on each other.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::invalid::Invalid;
use super::probes;
use super::select::select;
use super::syntax;
use super::volumes;
use crate::diagnostic::FieldPath;

/// An object of a Pod with its path, and the Pod it is in.
pub(super) struct Part<'a> {
    pub(super) path: FieldPath,
    pub(super) fields: &'a Map<String, Value>,
    pub(super) pod: &'a Value,
}

/// A rule for some objects.
pub(super) struct Shape {
    /// The objects, as patterns of paths.
    pub(super) objects: &'static [&'static str],
    pub(super) check: fn(&Part<'_>, &mut Vec<Invalid>),
}

const fn shape(objects: &'static [&'static str], check: fn(&Part<'_>, &mut Vec<Invalid>)) -> Shape {
    Shape { objects, check }
}

pub(super) const SHAPES: &[Shape] = &[
    shape(&["metadata"], keys_of_metadata),
    shape(&["spec"], of_pod),
    shape(&["spec.containers[*]"], container),
    shape(&["spec.containers[*].env[*]"], variable),
    shape(&["spec.containers[*].env[*].valueFrom"], value_from),
    shape(&["spec.containers[*].envFrom[*]"], env_from),
    shape(&["spec.containers[*].ports[*]"], port),
    shape(&["spec.containers[*].volumeMounts[*]"], mount),
    shape(&["spec.containers[*].resources"], resources),
    shape(&["spec.containers[*].securityContext"], escalation),
    shape(
        &[
            "spec.securityContext.seccompProfile",
            "spec.securityContext.appArmorProfile",
            "spec.containers[*].securityContext.seccompProfile",
            "spec.containers[*].securityContext.appArmorProfile",
        ],
        profile,
    ),
    shape(
        &[
            "spec.containers[*].livenessProbe",
            "spec.containers[*].startupProbe",
        ],
        probes::that_succeeds_once,
    ),
    shape(&["spec.containers[*].readinessProbe"], probes::probe),
    shape(
        &[
            "spec.containers[*].lifecycle.postStart",
            "spec.containers[*].lifecycle.preStop",
        ],
        probes::handler,
    ),
    shape(&["spec.volumes[*]"], volumes::volume),
    shape(
        &["spec.volumes[*].projected.sources[*]"],
        volumes::projection,
    ),
    shape(&["spec.volumes[*].projected"], volumes::projected),
    shape(
        &[
            "spec.volumes[*].downwardAPI.items[*]",
            "spec.volumes[*].projected.sources[*].downwardAPI.items[*]",
        ],
        volumes::downward_file,
    ),
    shape(
        &[
            "spec.volumes[*].configMap.items[*]",
            "spec.volumes[*].secret.items[*]",
            "spec.volumes[*].projected.sources[*].configMap.items[*]",
            "spec.volumes[*].projected.sources[*].secret.items[*]",
        ],
        volumes::item,
    ),
    shape(&["spec.dnsConfig"], dns_config),
    shape(&["spec.tolerations[*]"], toleration),
];

impl Part<'_> {
    pub(super) fn text(&self, field: &str) -> &str {
        let value = self.fields.get(field).and_then(Value::as_str);
        value.unwrap_or_default()
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// A field that must be there.
    pub(super) fn require(&self, field: &str, found: &mut Vec<Invalid>) {
        if !self.has(field) || self.fields[field] == "" {
            found.push(Invalid::required(self.path.key(field), ""));
        }
    }
}

fn keys_of_metadata(part: &Part<'_>, found: &mut Vec<Invalid>) {
    for map in ["labels", "annotations"] {
        let entries = part.fields.get(map).and_then(Value::as_object);
        for (key, value) in entries.into_iter().flatten() {
            // Kubernetes takes keys of annotations in any case.
            let name = if map == "annotations" {
                key.to_lowercase()
            } else {
                key.clone()
            };
            if let Some(why) = syntax::qualified_name(&name) {
                let key = Value::from(key.as_str());
                found.push(Invalid::value(part.path.key(map), &key, why));
            }
            if map == "labels" {
                let why = value.as_str().and_then(syntax::label_value);
                found.extend(why.map(|why| Invalid::value(part.path.key(map), value, why)));
            }
        }
    }
}

/// Names that may occur once.
fn distinct(part: &Part<'_>, pattern: &str, found: &mut Vec<Invalid>) {
    let tree = Value::Object(part.fields.clone());
    let mut seen = BTreeSet::new();
    for (path, value) in select(&tree, pattern) {
        if value
            .as_str()
            .is_some_and(|name| !seen.insert(name.to_owned()))
        {
            let path = FieldPath([part.path.0.as_slice(), &path.0].concat());
            found.push(Invalid::duplicate(path, value));
        }
    }
}

fn of_pod(part: &Part<'_>, found: &mut Vec<Invalid>) {
    distinct(part, "containers[*].name", found);
    distinct(part, "volumes[*].name", found);
    distinct(part, "securityContext.sysctls[*].name", found);
    let servers = part.pod.pointer("/spec/dnsConfig/nameservers");
    let none = servers.and_then(Value::as_array).is_none_or(Vec::is_empty);
    if part.text("dnsPolicy") == "None" && none {
        let path = part.path.key("dnsConfig").key("nameservers");
        let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        found.push(Invalid::required(path, why));
    }
}

fn container(part: &Part<'_>, found: &mut Vec<Invalid>) {
    part.require("image", found);
    distinct(part, "ports[*].name", found);
    let tree = Value::Object(part.fields.clone());
    let mut seen = BTreeSet::new();
    for (path, value) in select(&tree, "volumeMounts[*].mountPath") {
        if value.as_str().is_some_and(|at| !seen.insert(at.to_owned())) {
            let path = FieldPath([part.path.0.as_slice(), &path.0].concat());
            found.push(Invalid::value(path, value, "must be unique"));
        }
    }
}

fn variable(part: &Part<'_>, found: &mut Vec<Invalid>) {
    part.require("name", found);
    if part.has("valueFrom") && !part.text("value").is_empty() {
        let why = "may not be specified when `value` is not empty";
        let path = part.path.key("valueFrom");
        found.push(Invalid::value(path, &Value::from(""), why));
    }
}

fn value_from(part: &Part<'_>, found: &mut Vec<Invalid>) {
    let why = match part.fields.len() {
        0 => {
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        }
        1 => "",
        _ => "may not have more than one field specified at a time",
    };
    if !why.is_empty() {
        found.push(Invalid::value(part.path.clone(), &Value::from(""), why));
    }
    for reference in ["configMapKeyRef", "secretKeyRef"] {
        let source = part.fields.get(reference);
        if source.is_some_and(|source| source.get("key").is_none()) {
            found.push(Invalid::required(part.path.key(reference).key("key"), ""));
        }
    }
    if let Some(field) = part.fields.get("fieldRef") {
        let path = part.path.key("fieldRef").key("fieldPath");
        volumes::field(path, field.get("fieldPath"), FIELDS_OF_VARIABLES, found);
    }
    if let Some(source) = part.fields.get("resourceFieldRef") {
        resource_field(&part.path.key("resourceFieldRef"), source, found);
    }
}

const FIELDS_OF_VARIABLES: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

const RESOURCES: &[&str] = &[
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

fn resource_field(path: &FieldPath, source: &Value, found: &mut Vec<Invalid>) {
    let path = path.key("resource");
    match source.get("resource") {
        None => found.push(Invalid::required(path, "")),
        Some(value) => {
            let name = value.as_str().unwrap_or_default();
            let pages = name.contains(".hugepages-");
            if !RESOURCES.contains(&name) && !pages {
                found.push(Invalid::unsupported(path, value, RESOURCES));
            }
        }
    }
}

fn env_from(part: &Part<'_>, found: &mut Vec<Invalid>) {
    let sources: Vec<&str> = ["configMapRef", "secretRef"]
        .into_iter()
        .filter(|source| part.has(source))
        .collect();
    let why = match sources.len() {
        0 => "must specify one of: `configMapRef` or `secretRef`",
        1 => "",
        _ => "may not have more than one field specified at a time",
    };
    if !why.is_empty() {
        found.push(Invalid::value(part.path.clone(), &Value::from(""), why));
    }
    for source in sources {
        if part.fields[source].get("name").is_none() {
            found.push(Invalid::required(part.path.key(source).key("name"), ""));
        }
    }
}

fn port(part: &Part<'_>, found: &mut Vec<Invalid>) {
    part.require("containerPort", found);
}

fn mount(part: &Part<'_>, found: &mut Vec<Invalid>) {
    part.require("name", found);
    part.require("mountPath", found);
    let volumes = select(part.pod, "spec.volumes[*].name");
    let name = part.text("name");
    let known = volumes.iter().any(|(_, own)| own.as_str() == Some(name));
    if !name.is_empty() && !known {
        found.push(Invalid::not_found(
            part.path.key("name"),
            &part.fields["name"],
        ));
    }
    if !part.text("subPath").is_empty() && !part.text("subPathExpr").is_empty() {
        let path = part.path.key("subPathExpr");
        let why = "subPathExpr and subPath are mutually exclusive";
        found.push(Invalid::value(path, &part.fields["subPathExpr"], why));
    }
}

fn resources(part: &Part<'_>, found: &mut Vec<Invalid>) {
    let map = |side: &str| part.fields.get(side).and_then(Value::as_object);
    for side in ["limits", "requests"] {
        for name in map(side).into_iter().flat_map(Map::keys) {
            let standard = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage")
                || name.starts_with("hugepages-");
            let path = || part.path.key(side);
            let value = Value::from(name.as_str());
            if let Some(why) = syntax::qualified_name(name) {
                found.push(Invalid::value(path(), &value, why));
            } else if !standard && !name.contains('/') {
                let why = "must be a standard resource for containers";
                found.push(Invalid::value(path(), &value, why));
            }
        }
    }
    for (name, request) in map("requests").into_iter().flatten() {
        let limit = map("limits").and_then(|limits| limits.get(name));
        let amount = |value: &Value| syntax::quantity(value.as_str()?).ok();
        let (Some(limit), Some(wanted)) = (limit, amount(request)) else {
            continue;
        };
        if amount(limit).is_some_and(|limit| wanted > limit) {
            let limit = limit.as_str().unwrap_or_default();
            let why = format!("must be less than or equal to {name} limit of {limit}");
            found.push(Invalid::value(part.path.key("requests"), request, why));
        }
    }
}

fn escalation(part: &Part<'_>, found: &mut Vec<Invalid>) {
    if part.fields.get("allowPrivilegeEscalation") != Some(&Value::Bool(false)) {
        return;
    }
    let added = part.fields.get("capabilities");
    let added = added.and_then(|capabilities| capabilities.get("add")?.as_array());
    let adds_admin = added.is_some_and(|added| added.contains(&Value::from("CAP_SYS_ADMIN")));
    let why = if part.fields.get("privileged") == Some(&Value::Bool(true)) {
        "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
    } else if adds_admin {
        "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
    } else {
        return;
    };
    found.push(Invalid::value(part.path.clone(), &Value::from(""), why));
}

fn profile(part: &Part<'_>, found: &mut Vec<Invalid>) {
    part.require("type", found);
    let path = part.path.key("localhostProfile");
    let local = part.text("type") == "Localhost";
    match part.fields.get("localhostProfile") {
        None if local => {
            let why = "must be set when the type is Localhost";
            found.push(Invalid::required(path, why));
        }
        Some(value) if !local => {
            let why = "can only be set when the type is Localhost";
            found.push(Invalid::value(path, value, why));
        }
        Some(_) | None => {}
    }
}

/// Limits of `dnsConfig`.
const MAX_SERVERS: usize = 3;
const MAX_SEARCHES: usize = 32;
const MAX_SEARCH_LENGTH: usize = 2048;

fn dns_config(part: &Part<'_>, found: &mut Vec<Invalid>) {
    let list = |field: &str| part.fields.get(field).and_then(Value::as_array);
    let servers = list("nameservers").map_or(0, Vec::len);
    if servers > MAX_SERVERS {
        let why = format!("must not have more than {MAX_SERVERS} nameservers");
        let path = part.path.key("nameservers");
        found.push(Invalid::value(path, &part.fields["nameservers"], why));
    }
    let searches: Vec<&str> = list("searches")
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let path = part.path.key("searches");
    if searches.len() > MAX_SEARCHES {
        let why = format!("must not have more than {MAX_SEARCHES} search paths");
        found.push(Invalid::value(path.clone(), &part.fields["searches"], why));
    }
    if searches.join(" ").len() > MAX_SEARCH_LENGTH {
        let why = format!(
            "must not have more than {MAX_SEARCH_LENGTH} characters (including spaces) in the search list"
        );
        found.push(Invalid::value(path, &part.fields["searches"], why));
    }
    for (index, option) in list("options").into_iter().flatten().enumerate() {
        if option.get("name").is_none() {
            let path = part.path.key("options").index(index).key("name");
            found.push(Invalid::required(path, "must not be empty"));
        }
    }
}

fn toleration(part: &Part<'_>, found: &mut Vec<Invalid>) {
    let operator = part.text("operator");
    let key = part.text("key");
    if let Some(why) = Some(key)
        .filter(|key| !key.is_empty())
        .and_then(syntax::qualified_name)
    {
        found.push(Invalid::value(
            part.path.key("key"),
            &part.fields["key"],
            why,
        ));
    }
    if key.is_empty() && operator != "Exists" {
        let why = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        let path = part.path.key("operator");
        found.push(Invalid::value(path, &Value::from(operator), why));
    }
    if operator == "Exists" && !part.text("value").is_empty() {
        let why = "value must be empty when `operator` is 'Exists'";
        found.push(Invalid::value(
            part.path.key("operator"),
            &part.fields["value"],
            why,
        ));
    }
    if part.has("tolerationSeconds") && part.text("effect") != "NoExecute" {
        let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        let effect = Value::from(part.text("effect"));
        found.push(Invalid::value(part.path.key("effect"), &effect, why));
    }
}
