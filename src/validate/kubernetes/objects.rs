//! Rules for ConfigMaps, Secrets and claims, and for the metadata of every object.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::invalid::Invalid;
use super::select::select;
use super::syntax;
use crate::diagnostic::FieldPath;
use crate::spec::core::{ClaimSpec, ConfigMap, Secret};
use crate::spec::{ObjectMeta, Scalar};

/// The most that the data of a ConfigMap or Secret may hold, in bytes.
const MAX_DATA: usize = 1024 * 1024;

/// Labels and annotations.
pub(super) fn metadata(metadata: &ObjectMeta) -> Vec<Invalid> {
    let tree = json!({"metadata": metadata});
    let mut found = Vec::new();
    for (path, labels) in select(&tree, "metadata.labels") {
        for (key, value) in labels.as_object().into_iter().flatten() {
            let name = syntax::qualified_name(key);
            let text = value.as_str().and_then(syntax::label_value);
            let name = name.map(|why| (Value::from(key.as_str()), why));
            let text = text.map(|why| (value.clone(), why));
            for (value, why) in name.into_iter().chain(text) {
                found.push(invalid_entry(&path, key, &value, &why));
            }
        }
    }
    for (path, annotations) in select(&tree, "metadata.annotations") {
        for key in annotations
            .as_object()
            .into_iter()
            .flat_map(|map| map.keys())
        {
            if let Some(why) = syntax::qualified_name(&key.to_lowercase()) {
                found.push(invalid_entry(&path, key, &Value::from(key.as_str()), &why));
            }
        }
    }
    found
}

/// Kubernetes names the map; the entry is where the mistake is.
fn invalid_entry(map: &FieldPath, key: &str, value: &Value, why: &str) -> Invalid {
    Invalid::value(map.key(key), value, why)
}

/// The data of a ConfigMap.
pub(super) fn config_map(object: &ConfigMap) -> Vec<Invalid> {
    let mut found = Vec::new();
    let data = FieldPath::root().key("data");
    let binary = FieldPath::root().key("binaryData");
    for key in object.data.keys() {
        found.extend(config_key(&data, key));
        if object.binary_data.contains_key(key) {
            let why = "duplicate of key present in binaryData";
            found.push(Invalid::value(
                data.key(key),
                &Value::from(key.as_str()),
                why,
            ));
        }
    }
    for (key, value) in &object.binary_data {
        found.extend(config_key(&binary, key));
        found.extend(base64(&binary.key(key), value));
    }
    let text: usize = object.data.values().map(String::len).sum();
    let bytes: usize = object
        .binary_data
        .values()
        .map(|value| value.len() / 4 * 3)
        .sum();
    found.extend(too_large(data, text + bytes));
    found
}

/// The data of a Secret, and what its type wants. What is said quotes no value.
pub(super) fn secret(object: &Secret) -> Vec<Invalid> {
    let mut found = Vec::new();
    let data = FieldPath::root().key("data");
    for (key, value) in &object.data {
        found.extend(config_key(&data, key));
        found.extend(base64(&data.key(key), value));
    }
    for key in object.string_data.keys() {
        found.extend(config_key(&FieldPath::root().key("stringData"), key));
    }
    let encoded: usize = object.data.values().map(|value| value.len() / 4 * 3).sum();
    let text: usize = object.string_data.values().map(String::len).sum();
    found.extend(too_large(data.clone(), encoded + text));
    let has = |key: &str| object.data.contains_key(key) || object.string_data.contains_key(key);
    for key in wanted_keys(&object.secret_type) {
        if !has(key) {
            found.push(Invalid::required(data.key(*key), ""));
        }
    }
    let basic = object.secret_type == "kubernetes.io/basic-auth";
    if basic && !has("username") && !has("password") {
        found.push(Invalid::required(data.key("username"), ""));
        found.push(Invalid::required(data.key("password"), ""));
    }
    if object.secret_type == "kubernetes.io/service-account-token" {
        let name = "kubernetes.io/service-account.name";
        if object
            .metadata
            .annotations
            .get(name)
            .is_none_or(String::is_empty)
        {
            let path = FieldPath::root()
                .key("metadata")
                .key("annotations")
                .key(name);
            found.push(Invalid::required(path, ""));
        }
    }
    for key in [".dockercfg", ".dockerconfigjson"] {
        if wanted_keys(&object.secret_type).contains(&key) && has(key) && !is_json(object, key) {
            let redacted = Value::from("<secret contents redacted>");
            found.push(Invalid::value(
                data.key(key),
                &redacted,
                "must be a JSON object",
            ));
        }
    }
    found
}

/// The keys a Secret of a type must have (`ValidateSecret`).
fn wanted_keys(secret_type: &str) -> &'static [&'static str] {
    match secret_type {
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        _ => &[],
    }
}

fn is_json(object: &Secret, key: &str) -> bool {
    let bytes = match object.string_data.get(key) {
        Some(text) => text.clone().into_bytes(),
        None => {
            let text = object.data.get(key).map(String::as_str).unwrap_or_default();
            // What is no base64 has been said.
            let Ok(bytes) = decode(text) else { return true };
            bytes
        }
    };
    serde_json::from_slice::<Value>(&bytes).is_ok_and(|value| value.is_object())
}

fn config_key(map: &FieldPath, key: &str) -> Option<Invalid> {
    let why = syntax::config_key(key)?;
    Some(Invalid::value(map.key(key), &Value::from(key), why))
}

fn too_large(data: FieldPath, size: usize) -> Option<Invalid> {
    (size > MAX_DATA).then(|| Invalid {
        path: data,
        message: format!("Too long: may not be more than {MAX_DATA} bytes"),
    })
}

/// Go's decoder skips line breaks.
fn decode(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    STANDARD.decode(text.replace(['\r', '\n'], ""))
}

fn base64(path: &FieldPath, text: &str) -> Option<Invalid> {
    use base64::DecodeError::{InvalidByte, InvalidLastSymbol, InvalidLength, InvalidPadding};
    let at = match decode(text).err()? {
        InvalidByte(at, _) | InvalidLastSymbol(at, _) | InvalidLength(at) => at,
        InvalidPadding => text.len(),
    };
    Some(Invalid {
        path: path.clone(),
        message: format!("illegal base64 data at input byte {at}"),
    })
}

const ACCESS_MODES: [&str; 4] = [
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];

/// What a claim asks for; `path` is that of its spec.
pub(super) fn claim(path: &FieldPath, spec: &ClaimSpec) -> Vec<Invalid> {
    let mut found = Vec::new();
    let modes = path.key("accessModes");
    if spec.access_modes.is_empty() {
        let why = "at least 1 access mode is required";
        found.push(Invalid::required(modes.clone(), why));
    }
    for (index, mode) in spec.access_modes.iter().enumerate() {
        if !ACCESS_MODES.contains(&mode.as_str()) {
            let mode = Value::from(mode.as_str());
            found.push(Invalid::unsupported(
                modes.index(index),
                &mode,
                &ACCESS_MODES,
            ));
        }
    }
    let once = spec
        .access_modes
        .iter()
        .any(|mode| mode == "ReadWriteOncePod");
    if once && spec.access_modes.len() > 1 {
        let why = "may not use ReadWriteOncePod with other access modes";
        found.push(Invalid::forbidden(modes, why));
    }
    let resources = path.key("resources");
    found.extend(storage(
        &resources.key("requests"),
        &spec.resources.requests,
    ));
    if !matches!(spec.volume_mode.as_str(), "" | "Block" | "Filesystem") {
        let mode = Value::from(spec.volume_mode.as_str());
        let path = path.key("volumeMode");
        found.push(Invalid::unsupported(path, &mode, &["Block", "Filesystem"]));
    }
    let class = spec
        .storage_class_name
        .as_deref()
        .filter(|name| !name.is_empty());
    if let Some((name, why)) = class.and_then(|name| Some((name, syntax::subdomain(name)?))) {
        let path = path.key("storageClassName");
        found.push(Invalid::value(path, &Value::from(name), why));
    }
    found
}

fn storage(requests: &FieldPath, given: &BTreeMap<String, Scalar>) -> Option<Invalid> {
    let path = requests.key("storage");
    let Some(amount) = given.get("storage") else {
        return Some(Invalid::required(path, ""));
    };
    let value = Value::from(amount.0.as_str());
    match syntax::quantity(&amount.0) {
        Ok(amount) if amount > 0.0 => None,
        Ok(_) => Some(Invalid::value(path, &value, "must be greater than zero")),
        Err(why) => Some(Invalid::value(path, &value, why)),
    }
}
