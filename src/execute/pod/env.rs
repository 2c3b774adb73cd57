//! The environment of a container, as a kubelet makes it.

use std::collections::{BTreeMap, HashMap};

use super::quantity::Quantity;
use crate::resolve::{Library, config_map_text, secret_data};
use crate::spec::core::{EnvFromSource, EnvVar, ResourceRequirements};

/// What a container can learn of the pod it would be in.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PodFacts {
    /// The pod's name, also the host name.
    pub(crate) name: String,
    /// The namespace.
    pub(crate) namespace: String,
    /// The uid of the TaskRun.
    pub(crate) uid: String,
    /// The labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// The annotations.
    pub(crate) annotations: BTreeMap<String, String>,
    /// The service account.
    pub(crate) service_account: String,
}

impl PodFacts {
    /// The value of a `fieldRef`; `None` for a field that there is not.
    pub(crate) fn field(&self, path: &str) -> Option<String> {
        let subscript = |field: &str| {
            path.strip_prefix(field)?
                .strip_prefix("['")?
                .strip_suffix("']")
                .map(str::to_owned)
        };
        if let Some(key) = subscript("metadata.labels") {
            return Some(self.labels.get(&key).cloned().unwrap_or_default());
        }
        if let Some(key) = subscript("metadata.annotations") {
            return Some(self.annotations.get(&key).cloned().unwrap_or_default());
        }
        Some(match path {
            "metadata.name" => self.name.clone(),
            "metadata.namespace" => self.namespace.clone(),
            "metadata.uid" => self.uid.clone(),
            "metadata.labels" => listed(&self.labels),
            "metadata.annotations" => listed(&self.annotations),
            "spec.serviceAccountName" => self.service_account.clone(),
            "spec.nodeName" => "localhost".to_owned(),
            "status.podIP" | "status.hostIP" | "status.podIPs" | "status.hostIPs" => {
                "127.0.0.1".to_owned()
            }
            _ => return None,
        })
    }
}

fn listed(map: &BTreeMap<String, String>) -> String {
    map.iter()
        .map(|(key, value)| format!("{key}={value:?}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The sources a container's environment is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EnvSources<'a> {
    /// Whole ConfigMaps and Secrets.
    pub(crate) env_from: &'a [EnvFromSource],
    /// The variables, those of the pod template last.
    pub(crate) env: &'a [EnvVar],
    /// Where ConfigMaps and Secrets are.
    pub(crate) library: &'a Library,
    /// The pod.
    pub(crate) pod: &'a PodFacts,
    /// The container's own resources.
    pub(crate) resources: &'a ResourceRequirements,
}

/// The variables of a container in order, later ones of a name winning. The error is what a
/// kubelet says of a ConfigMap, Secret or key that is not there.
pub(crate) fn environment(sources: &EnvSources<'_>) -> Result<Vec<(String, String)>, String> {
    let mut known: HashMap<String, String> = HashMap::new();
    let mut list = Vec::new();
    let mut add = |known: &mut HashMap<String, String>, name: String, value: String| {
        known.insert(name.clone(), value.clone());
        list.push((name, value));
    };
    for source in sources.env_from {
        for (key, value) in whole(source, sources.library)? {
            add(&mut known, key, value);
        }
    }
    for var in sources.env {
        let value = match &var.value_from {
            Some(_) => match from_source(var, sources)? {
                Some(value) => value,
                None => continue,
            },
            None => expand(&var.value, |name| known.get(name).cloned()),
        };
        add(&mut known, var.name.clone(), value);
    }
    Ok(list)
}

fn whole(source: &EnvFromSource, library: &Library) -> Result<Vec<(String, String)>, String> {
    let (data, reference, kind) = match (&source.config_map_ref, &source.secret_ref) {
        (Some(reference), _) => (
            library
                .config_map(&reference.name)
                .map(|it| config_map_text(it)),
            reference,
            "configmap",
        ),
        (None, Some(reference)) => (
            library.secret(&reference.name).map(|it| secret_data(it)),
            reference,
            "secret",
        ),
        (None, None) => return Ok(Vec::new()),
    };
    match data {
        Some(data) => Ok(data
            .into_iter()
            .map(|(key, value)| (format!("{}{key}", source.prefix), value))
            // A kubelet looks at the name with its prefix.
            .filter(|(name, _)| is_variable_name(name))
            .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
            .collect()),
        None if reference.optional => Ok(Vec::new()),
        None => Err(format!("{kind} \"{}\" not found", reference.name)),
    }
}

fn is_variable_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(allowed)
}

fn from_source(var: &EnvVar, sources: &EnvSources<'_>) -> Result<Option<String>, String> {
    let Some(source) = &var.value_from else {
        return Ok(None);
    };
    let (data, key, kind) = match (&source.config_map_key_ref, &source.secret_key_ref) {
        (Some(key), _) => (
            sources
                .library
                .config_map(&key.name)
                .map(|it| config_map_text(it)),
            key,
            "configmap",
        ),
        (None, Some(key)) => (
            sources.library.secret(&key.name).map(|it| secret_data(it)),
            key,
            "secret",
        ),
        (None, None) => {
            if let Some(field) = &source.field_ref {
                return Ok(Some(
                    sources.pod.field(&field.field_path).unwrap_or_default(),
                ));
            }
            let resource = source.resource_field_ref.as_ref();
            return Ok(resource.map(|field| {
                resource_field(&field.resource, &field.divisor.0, sources.resources)
            }));
        }
    };
    match data.as_ref().map(|data| data.get(&key.key)) {
        Some(Some(value)) => Ok(Some(String::from_utf8_lossy(value).into_owned())),
        _ if key.optional => Ok(None),
        Some(None) => Err(format!(
            "couldn't find key {} in {} {}",
            key.key,
            capitalised(kind),
            key.name
        )),
        None => Err(format!("{kind} \"{}\" not found", key.name)),
    }
}

fn capitalised(kind: &str) -> &'static str {
    if kind == "secret" {
        "Secret"
    } else {
        "ConfigMap"
    }
}

fn resource_field(resource: &str, divisor: &str, resources: &ResourceRequirements) -> String {
    let (side, name) = resource.split_once('.').unwrap_or(("limits", resource));
    let map = if side == "requests" {
        &resources.requests
    } else {
        &resources.limits
    };
    let amount = map
        .get(name)
        .and_then(|scalar| Quantity::parse(&scalar.0))
        .unwrap_or_default();
    let divided = Quantity::parse(divisor).and_then(|divisor| amount.in_units_of(divisor));
    let whole = divided.or_else(|| amount.in_units_of(Quantity::ONE));
    whole.unwrap_or_default().to_string()
}

/// Kubernetes' own expansion: `$(NAME)` of what is known, `$$` for a dollar, the rest as it is.
pub(crate) fn expand(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else if let Some(end) = rest.strip_prefix('(').and_then(|tail| tail.find(')')) {
            let name = &rest[1..=end];
            match value(name) {
                Some(value) => out.push_str(&value),
                None => {
                    out.push_str("$(");
                    out.push_str(name);
                    out.push(')');
                }
            }
            rest = &rest[end + 2..];
        } else {
            out.push('$');
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{EnvSources, PodFacts, environment, expand};
    use crate::resolve::Library;
    use crate::spec::Object;
    use crate::spec::core::ResourceRequirements;

    fn env(env: Value, env_from: Value) -> Result<Vec<(String, String)>, String> {
        let map = Object::ConfigMap(Box::new(
            serde_json::from_value(json!({
                "metadata": {"name": "m"},
                "data": {"K": "v", "9bad": "x"},
                "binaryData": {"B": "AAE="},
            }))
            .unwrap(),
        ));
        let secret = Object::Secret(Box::new(
            serde_json::from_value(json!({"metadata": {"name": "s"}, "data": {"p": "cHc="}, "stringData": {"q": "plain"}})).unwrap(),
        ));
        environment(&EnvSources {
            env_from: &serde_json::from_value::<Vec<_>>(env_from).unwrap(),
            env: &serde_json::from_value::<Vec<_>>(env).unwrap(),
            library: &Library::new([&map, &secret]),
            pod: &PodFacts {
                name: "pod".into(),
                labels: [("a".into(), "b".into())].into(),
                ..PodFacts::default()
            },
            resources: &ResourceRequirements::default(),
        })
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn only_known_names_expand() {
        let value = |name: &str| (name == "FOO").then(|| "1".to_owned());
        assert_eq!(
            expand("$(FOO) $$(FOO) $(NOPE) $ $$ $(", value),
            "1 $(FOO) $(NOPE) $ $ $("
        );
        let vars = env(
            json!([{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"}, {"name": "C", "value": "$(Z)"}]),
            json!([]),
        );
        assert_eq!(vars, Ok(pairs(&[("A", "1"), ("B", "12"), ("C", "$(Z)")])));
    }

    #[test]
    fn whole_maps_come_first_and_must_exist() {
        let from = json!([{"prefix": "P_", "configMapRef": {"name": "m"}}]);
        assert_eq!(
            env(json!([{"name": "P_K", "value": "own"}]), from),
            Ok(pairs(&[("P_9bad", "x"), ("P_K", "v"), ("P_K", "own")]))
        );
        let absent = |optional| {
            env(
                json!([]),
                json!([{"secretRef": {"name": "no", "optional": optional}}]),
            )
        };
        assert_eq!(absent(false), Err("secret \"no\" not found".to_owned()));
        assert_eq!(absent(true), Ok(Vec::new()));
    }

    #[test]
    fn the_prefix_is_part_of_the_name_that_is_checked() {
        let from = json!([
            {"configMapRef": {"name": "m"}},
            {"prefix": "P_", "configMapRef": {"name": "m"}},
            {"prefix": "9.", "configMapRef": {"name": "m"}},
        ]);
        assert_eq!(
            env(json!([]), from),
            Ok(pairs(&[("K", "v"), ("P_9bad", "x"), ("P_K", "v")]))
        );
    }

    #[test]
    fn values_come_from_secrets_maps_and_the_pod() {
        let vars = env(
            json!([
                {"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "p"}}},
                {"name": "Q", "valueFrom": {"secretKeyRef": {"name": "s", "key": "q"}}},
                {"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "L", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a']"}}},
                {"name": "O", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "no", "optional": true}}},
            ]),
            json!([]),
        );
        assert_eq!(
            vars,
            Ok(pairs(&[
                ("P", "pw"),
                ("Q", "plain"),
                ("N", "pod"),
                ("L", "b")
            ]))
        );
        let missing = env(
            json!([{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "no"}}}]),
            json!([]),
        );
        assert_eq!(
            missing,
            Err("couldn't find key no in ConfigMap m".to_owned())
        );
        let binary = env(
            json!([{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "B"}}}]),
            json!([]),
        );
        assert_eq!(binary, Err("couldn't find key B in ConfigMap m".to_owned()));
    }
}
