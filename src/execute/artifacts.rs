//! Artifacts as steps report them, and as references to them read.

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub(super) fn list(artifacts: &Value, side: &str) -> Vec<Value> {
    artifacts
        .get(side)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

/// The artifacts of one side by name, each as a reference to it reads: compact JSON of its values,
/// their keys as Go would write them (`pkg/apis/pipeline/v1/artifact_types.go`).
pub(super) fn artifact_texts(artifacts: &Value, side: &str) -> Vec<(String, String)> {
    list(artifacts, side)
        .iter()
        .filter_map(|artifact| {
            let name = artifact["name"].as_str()?;
            Some((name.to_owned(), values_text(&artifact["values"])))
        })
        .collect()
}

fn values_text(values: &Value) -> String {
    let values: Vec<ArtifactValue> = serde_json::from_value(values.clone()).unwrap_or_default();
    json!(values).to_string()
}

/// Where an artifact is, and what it is.
#[derive(Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
struct ArtifactValue {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    digest: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    uri: String,
}
