//! ConfigMaps and Secrets that a Pod needs and that are not in the given files.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::diagnostic::FieldPath;
use crate::resolve::{Library, config_map_data, config_map_text, secret_data};
use crate::validate::select;

/// A ConfigMap or Secret, or a key of one, that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingObject {
    /// The field of the Pod that names it.
    pub path: FieldPath,
    /// `secret` or `configmap`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The key, when it is there without it.
    pub key: Option<String>,
}

/// What a use of an object takes of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Files: the keys that are listed, or all.
    Files,
    /// One variable.
    Variable,
    /// All variables.
    Variables,
}

/// Fields that name an object: the pattern, the member with the name, and the kind.
const USES: &[(&str, &str, &str, Use)] = &[
    ("spec.volumes[*].secret", "secretName", "secret", Use::Files),
    ("spec.volumes[*].configMap", "name", "configmap", Use::Files),
    (
        "spec.volumes[*].projected.sources[*].secret",
        "name",
        "secret",
        Use::Files,
    ),
    (
        "spec.volumes[*].projected.sources[*].configMap",
        "name",
        "configmap",
        Use::Files,
    ),
    (
        "spec.containers[*].env[*].valueFrom.secretKeyRef",
        "name",
        "secret",
        Use::Variable,
    ),
    (
        "spec.containers[*].env[*].valueFrom.configMapKeyRef",
        "name",
        "configmap",
        Use::Variable,
    ),
    (
        "spec.containers[*].envFrom[*].secretRef",
        "name",
        "secret",
        Use::Variables,
    ),
    (
        "spec.containers[*].envFrom[*].configMapRef",
        "name",
        "configmap",
        Use::Variables,
    ),
];

/// What a Pod needs and is not there. A name that is known later is passed over.
pub fn missing_objects(pod: &Value, library: &Library) -> Vec<MissingObject> {
    let mut found = Vec::new();
    for (pattern, member, kind, how) in USES {
        for (path, source) in select(pod, pattern) {
            let optional = source.get("optional") == Some(&Value::Bool(true));
            let name = source.get(member).and_then(Value::as_str);
            let name = name.filter(|name| !optional && !name.contains("$("));
            let Some(name) = name else { continue };
            let missing = |key: Option<&str>| MissingObject {
                path: path.key(*member),
                kind,
                name: name.to_owned(),
                key: key.map(str::to_owned),
            };
            match content(library, kind, name, *how) {
                None => found.push(missing(None)),
                Some(content) => {
                    let keys = keys(source, *how).into_iter();
                    let absent = keys.filter(|key| !content.contains_key(*key));
                    found.extend(absent.map(|key| missing(Some(key))));
                }
            }
        }
    }
    found
}

fn content(
    library: &Library,
    kind: &str,
    name: &str,
    how: Use,
) -> Option<BTreeMap<String, Vec<u8>>> {
    if kind == "secret" {
        return library.secret(name).map(|secret| secret_data(secret));
    }
    let map = library.config_map(name)?;
    Some(match how {
        Use::Files => config_map_data(map),
        Use::Variable | Use::Variables => config_map_text(map),
    })
}

fn keys(source: &Value, how: Use) -> Vec<&str> {
    let known = |key: &&str| !key.contains("$(");
    match how {
        Use::Files => {
            let items = source.get("items").and_then(Value::as_array);
            let items = items.into_iter().flatten();
            items
                .filter_map(|item| item.get("key")?.as_str())
                .filter(known)
                .collect()
        }
        Use::Variable => {
            let key = source.get("key").and_then(Value::as_str);
            key.into_iter().filter(known).collect()
        }
        Use::Variables => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::missing_objects;
    use crate::resolve::Library;
    use crate::spec::Object;

    #[test]
    fn objects_and_keys_that_are_not_there_are_named() {
        let map = json!({"metadata": {"name": "map"}, "data": {"a": "x"}});
        let map = Object::ConfigMap(serde_json::from_value(map).unwrap());
        let pod = json!({"spec": {
            "volumes": [
                {"name": "v", "secret": {"secretName": "absent"}},
                {"name": "w", "secret": {"secretName": "wanted", "optional": true}},
                {"name": "x", "configMap": {"name": "map", "items": [{"key": "b", "path": "b"}]}},
                {"name": "y", "configMap": {"name": "$(tasks.a.results.r)"}},
            ],
            "containers": [{
                "env": [
                    {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "map", "key": "a"}}},
                    {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "map", "key": "c"}}},
                ],
                "envFrom": [{"configMapRef": {"name": "none"}}, {"configMapRef": {"name": "map"}}],
            }],
        }});
        let found = missing_objects(&pod, &Library::new([&map]));
        let found: Vec<(&str, &str, Option<&str>)> = found
            .iter()
            .map(|missing| (missing.kind, missing.name.as_str(), missing.key.as_deref()))
            .collect();
        assert_eq!(
            found,
            [
                ("secret", "absent", None),
                ("configmap", "map", Some("b")),
                ("configmap", "map", Some("c")),
                ("configmap", "none", None),
            ]
        );
    }
}
