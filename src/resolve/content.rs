//! What a ConfigMap or Secret holds, whichever way it is written.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::spec::core::{ConfigMap, Secret};

/// The files of a ConfigMap, by key.
pub fn config_map_data(object: &ConfigMap) -> BTreeMap<String, Vec<u8>> {
    let binary = object
        .binary_data
        .iter()
        .map(|(key, value)| (key.clone(), decoded(value)));
    config_map_text(object).into_iter().chain(binary).collect()
}

/// What variables can be made of: a kubelet does not look at the binary data for them.
pub fn config_map_text(object: &ConfigMap) -> BTreeMap<String, Vec<u8>> {
    object
        .data
        .iter()
        .map(|(key, value)| (key.clone(), value.clone().into_bytes()))
        .collect()
}

/// The content of a Secret, by key; `stringData` wins, as when it is stored.
pub fn secret_data(object: &Secret) -> BTreeMap<String, Vec<u8>> {
    let data = object
        .data
        .iter()
        .map(|(key, value)| (key.clone(), decoded(value)));
    let text = object
        .string_data
        .iter()
        .map(|(key, value)| (key.clone(), value.clone().into_bytes()));
    data.chain(text).collect()
}

fn decoded(text: &str) -> Vec<u8> {
    let compact: String = text.split_whitespace().collect();
    STANDARD
        .decode(compact)
        .unwrap_or_else(|_| text.as_bytes().to_vec())
}
