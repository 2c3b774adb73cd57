//! The name a run goes by.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::spec::core::ObjectMeta;

/// Who a run is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`, `default` when the file says none.
    pub namespace: String,
    /// A fresh UUID.
    pub uid: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Identity {
    /// A fresh identity: a name is generated where only `generateName` is given, and annotations
    /// of Tekton Chains are dropped, as at creation on a cluster.
    pub fn new(metadata: &ObjectMeta) -> Self {
        let name = if metadata.name.is_empty() {
            crate::name::generate(&metadata.generate_name)
        } else {
            metadata.name.clone()
        };
        let namespace = if metadata.namespace.is_empty() {
            "default"
        } else {
            metadata.namespace.as_str()
        };
        let mut annotations = metadata.annotations.clone();
        annotations.retain(|key, _| !key.starts_with("chains.tekton.dev/"));
        Self {
            name,
            namespace: namespace.to_owned(),
            uid: crate::name::uid(),
            labels: metadata.labels.clone(),
            annotations,
        }
    }

    /// `namespace/name`.
    pub fn qualified(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The metadata of an object of this identity, as JSON.
    pub fn metadata(&self) -> Value {
        let mut metadata = json!({
            "name": self.name,
            "namespace": self.namespace,
            "uid": self.uid,
        });
        for (key, map) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            if !map.is_empty() {
                metadata[key] = json!(map);
            }
        }
        metadata
    }

    /// The object of this identity, without status.
    pub fn object(&self, kind: &str, spec: &Value) -> Value {
        json!({
            "apiVersion": "tekton.dev/v1",
            "kind": kind,
            "metadata": self.metadata(),
            "spec": spec,
        })
    }

    /// Takes over labels and annotations of the Pipeline or Task that is run; its own win.
    pub(super) fn adopt(
        &mut self,
        labels: &BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
    ) {
        for (key, value) in labels {
            let label = self.labels.entry(key.clone());
            label.or_insert_with(|| value.clone());
        }
        for (key, value) in annotations {
            if key != "kubectl.kubernetes.io/last-applied-configuration" {
                let annotation = self.annotations.entry(key.clone());
                annotation.or_insert_with(|| value.clone());
            }
        }
    }
}
