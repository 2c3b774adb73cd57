//! Rules for volumes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::invalid::Invalid;
use super::shapes::Part;
use crate::diagnostic::FieldPath;

/// A volume has one source. One without any is an `emptyDir` (`pkg/apis/core/v1/defaults.go`,
/// `SetDefaults_Volume`).
pub(super) fn volume(part: &Part<'_>, found: &mut Vec<Invalid>) {
    part.require("name", found);
    at_most_one_source(part, &["name"], found);
    for (source, field) in [
        ("configMap", "name"),
        ("secret", "secretName"),
        ("persistentVolumeClaim", "claimName"),
        ("hostPath", "path"),
    ] {
        require_in(part, source, field, found);
    }
}

fn at_most_one_source(part: &Part<'_>, others: &[&str], found: &mut Vec<Invalid>) {
    let sources = part.fields.keys();
    let sources = sources.filter(|key| !others.contains(&key.as_str()));
    for second in sources.skip(1) {
        let why = "may not specify more than 1 volume type";
        found.push(Invalid::forbidden(part.path.key(second), why));
    }
}

fn require_in(part: &Part<'_>, source: &str, field: &str, found: &mut Vec<Invalid>) {
    let given = part.fields.get(source);
    if given.is_some_and(|given| given.get(field).is_none()) {
        found.push(Invalid::required(part.path.key(source).key(field), ""));
    }
}

/// A source of a projected volume.
pub(super) fn projection(part: &Part<'_>, found: &mut Vec<Invalid>) {
    if part.fields.is_empty() {
        let why = "must specify a volume type";
        found.push(Invalid::required(part.path.clone(), why));
    }
    at_most_one_source(part, &[], found);
    for source in ["configMap", "secret"] {
        require_in(part, source, "name", found);
    }
    require_in(part, "serviceAccountToken", "path", found);
    let seconds = part.fields.get("serviceAccountToken");
    let seconds = seconds.and_then(|token| token.get("expirationSeconds"));
    if let Some(value) = seconds
        && value.as_i64().is_some_and(|seconds| seconds < 600)
    {
        let path = part
            .path
            .key("serviceAccountToken")
            .key("expirationSeconds");
        let why = "may not specify a duration less than 10 minutes";
        found.push(Invalid::value(path, value, why));
    }
}

/// Files of several sources may not have one path.
pub(super) fn projected(part: &Part<'_>, found: &mut Vec<Invalid>) {
    let sources = part.fields.get("sources").and_then(Value::as_array);
    let mut seen = BTreeSet::new();
    for (index, source) in sources.into_iter().flatten().enumerate() {
        for kind in ["configMap", "secret", "downwardAPI"] {
            let items = source
                .get(kind)
                .and_then(|source| source.get("items")?.as_array());
            for item in items.into_iter().flatten() {
                let path = item.get("path").and_then(Value::as_str);
                if path.is_some_and(|path| !seen.insert(path.to_owned())) {
                    let at = part.path.key("sources").index(index).key(kind);
                    let why = "conflicting duplicate paths";
                    found.push(Invalid::value(at, &item["path"], why));
                }
            }
        }
    }
}

/// One key as a file.
pub(super) fn item(part: &Part<'_>, found: &mut Vec<Invalid>) {
    part.require("key", found);
    part.require("path", found);
}

const FIELDS_OF_FILES: &[&str] = &[
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];

/// One field of the Pod as a file.
pub(super) fn downward_file(part: &Part<'_>, found: &mut Vec<Invalid>) {
    part.require("path", found);
    match (part.fields.get("fieldRef"), part.has("resourceFieldRef")) {
        (Some(_), true) => {
            let why = "fieldRef and resourceFieldRef can not be specified simultaneously";
            found.push(Invalid::value(
                part.path.clone(),
                &Value::from("resource"),
                why,
            ));
        }
        (Some(source), false) => {
            let path = part.path.key("fieldRef").key("fieldPath");
            field(path, source.get("fieldPath"), FIELDS_OF_FILES, found);
        }
        (None, true) => {}
        (None, false) => {
            let why = "one of fieldRef and resourceFieldRef is required";
            found.push(Invalid::required(part.path.clone(), why));
        }
    }
}

/// A field of the Pod: one of a few, or a label or annotation by its key.
pub(super) fn field(
    path: FieldPath,
    value: Option<&Value>,
    supported: &[&str],
    found: &mut Vec<Invalid>,
) {
    let Some(value) = value else {
        found.push(Invalid::required(path, ""));
        return;
    };
    let name = value.as_str().unwrap_or_default();
    let is_entry = ["metadata.labels['", "metadata.annotations['"]
        .iter()
        .any(|start| name.starts_with(start) && name.ends_with("']"));
    if !supported.contains(&name) && !is_entry {
        found.push(Invalid::unsupported(path, value, supported));
    }
}
