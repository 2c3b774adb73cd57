//! What a run can reach, and what of it is not run here without leave.
//!
//! References by name are followed from the run's document through everything that was read, so
//! that a refusal can point at the line, and comes before anything is started.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::diagnostic::{Diagnostic, Diagnostics, DocumentId, FieldPath, Segment};
use crate::manifest::{Catalog, Document};
use crate::spec::Object;

/// What the command line allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Permissions {
    /// `--allow-host-path`
    pub(crate) host_path: bool,
    /// `--allow-privileged`
    pub(crate) privileged: bool,
}

/// The documents of `catalog` that can be reached from an object, which may be none of them.
pub(crate) fn reachable(catalog: &Catalog, from: &Object) -> BTreeSet<DocumentId> {
    let mut reached = BTreeSet::new();
    let mut left = vec![from];
    while let Some(object) = left.pop() {
        walk(&json(object), &FieldPath::root(), &mut |path, value| {
            let target = referred(path, value).and_then(|(kind, name)| catalog.find(kind, name));
            if let Some(document) = target.filter(|document| reached.insert(document.id)) {
                left.push(&document.object);
            }
        });
    }
    reached
}

/// What in a document needs leave that was not given.
pub(crate) fn refusals(document: &Document, permissions: Permissions) -> Diagnostics {
    let mut found = Diagnostics::default();
    walk(
        &json(&document.object),
        &FieldPath::root(),
        &mut |path, value| {
            let refusal = if !permissions.privileged && is_privileged(path, value) {
                Diagnostic::error("a privileged container has all rights on the engine's machine")
                    .hint("allow it with --allow-privileged")
            } else if !permissions.host_path && is_host_path(path) {
                Diagnostic::error("hostPath binds a directory of the engine's machine")
                    .hint("allow it with --allow-host-path")
            } else if let Some(owner) = other_owner(path, value) {
                Diagnostic::error(format!(
                    "this run is managed by {owner:?}, not by Tekton's controller: it is not run"
                ))
                .hint("remove managedBy, or set it to tekton.dev/pipeline")
            } else {
                return;
            };
            found.push(refusal.at(document.id, path.clone()));
        },
    );
    found
}

fn is_privileged(path: &FieldPath, value: &Value) -> bool {
    ends_with(path, &["securityContext", "privileged"]) && *value == Value::Bool(true)
}

/// `volumes[i].hostPath`.
fn is_host_path(path: &FieldPath) -> bool {
    matches!(
        path.0.as_slice(),
        [.., Segment::Key(volumes), Segment::Index(_), Segment::Key(source)]
            if volumes == "volumes" && source == "hostPath"
    )
}

fn other_owner<'a>(path: &FieldPath, value: &'a Value) -> Option<&'a str> {
    let owner = value
        .as_str()
        .filter(|_| path.to_string() == "spec.managedBy")?;
    (!matches!(owner, "" | "tekton.dev/pipeline")).then_some(owner)
}

/// Kind and name of what a reference at this place means, if it is one by name.
fn referred<'a>(path: &FieldPath, value: &'a Value) -> Option<(&'static str, &'a str)> {
    let Some(Segment::Key(key)) = path.0.last() else {
        return None;
    };
    let kind = match key.as_str() {
        "pipelineRef" => "Pipeline",
        "taskRef" => "Task",
        "ref" => "StepAction",
        _ => return None,
    };
    let by_name = || value.get("name").and_then(Value::as_str);
    let name = match value.get("resolver").and_then(Value::as_str) {
        None => by_name(),
        Some("cluster") => value
            .get("params")
            .and_then(Value::as_array)?
            .iter()
            .find(|param| param["name"] == "name")
            .and_then(|param| param["value"].as_str()),
        Some(_) => None,
    };
    Some((kind, name?))
}

fn ends_with(path: &FieldPath, keys: &[&str]) -> bool {
    let tail = path.0.len().checked_sub(keys.len());
    tail.is_some_and(|start| {
        path.0[start..]
            .iter()
            .zip(keys)
            .all(|(segment, key)| matches!(segment, Segment::Key(own) if own == key))
    })
}

fn walk<'a>(value: &'a Value, at: &FieldPath, visit: &mut impl FnMut(&FieldPath, &'a Value)) {
    visit(at, value);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                walk(value, &at.key(key), visit);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &at.index(index), visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn json(object: &Object) -> Value {
    fn value(object: &impl Serialize) -> Value {
        serde_json::to_value(object).unwrap_or_default()
    }
    match object {
        Object::Pipeline(object) => value(object),
        Object::PipelineRun(object) => value(object),
        Object::Task(object) => value(object),
        Object::TaskRun(object) => value(object),
        Object::StepAction(object) => value(object),
        // Nothing is run of these.
        Object::ConfigMap(_)
        | Object::Secret(_)
        | Object::PersistentVolumeClaim(_)
        | Object::ServiceAccount(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::{Permissions, reachable, refusals};
    use crate::manifest::{Catalog, ManifestInput, ReadOptions, load};

    const FILES: &str = "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: r}
spec:
  managedBy: example.dev/x
  pipelineRef: {name: p}
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec:
  tasks:
    - name: a
      taskRef: {name: t}
    - name: b
      taskSpec:
        steps: [{ref: {name: s}}]
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t}
spec:
  volumes: [{name: v, hostPath: {path: /etc}}]
  steps:
    - image: i
      securityContext: {privileged: true}
---
apiVersion: tekton.dev/v1beta1
kind: StepAction
metadata: {name: s}
spec: {image: i}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: unused}
spec: {steps: [{image: i}]}
";

    fn catalog() -> Catalog {
        let input = ManifestInput::Text {
            name: "f".to_owned(),
            bytes: FILES.as_bytes().to_vec(),
        };
        let (catalog, diagnostics) = load(&[input], ReadOptions::default());
        assert!(!diagnostics.has_errors(), "{diagnostics:?}");
        catalog
    }

    #[test]
    fn references_are_followed_to_their_ends() {
        let catalog = catalog();
        let reached = reachable(&catalog, &catalog.documents()[0].object);
        let names: Vec<&str> = catalog
            .documents()
            .iter()
            .filter(|document| reached.contains(&document.id))
            .map(|document| document.object.metadata().name.as_str())
            .collect();
        assert_eq!(names, ["p", "t", "s"]);
    }

    #[test]
    fn pipeline_145_task_121_157_what_needs_leave_is_refused_at_its_place() {
        let catalog = catalog();
        let places = |permissions| -> Vec<String> {
            catalog
                .documents()
                .iter()
                .flat_map(|document| refusals(document, permissions).0)
                .map(|diagnostic| diagnostic.path.to_string())
                .collect()
        };
        let host_path = "spec.volumes[0].hostPath";
        let privileged = "spec.steps[0].securityContext.privileged";
        for (permissions, mut expected) in [
            (Permissions::default(), vec![host_path, privileged]),
            (
                Permissions {
                    host_path: true,
                    privileged: false,
                },
                vec![privileged],
            ),
            (
                Permissions {
                    host_path: true,
                    privileged: true,
                },
                vec![],
            ),
        ] {
            let mut found = places(permissions);
            assert_eq!(found.remove(0), "spec.managedBy");
            found.sort();
            expected.sort_unstable();
            assert_eq!(found, expected);
        }
    }
}
