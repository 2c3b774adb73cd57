//! Which documents a run uses: what will not run is asked for nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::files::{Files, Place};
use crate::diagnostic::{Diagnostic, Diagnostics, DocumentId, FieldPath, Segment};
use crate::resolve::Reference;
use crate::spec::{Object, Param};

type Key = (Option<usize>, DocumentId);

/// The documents that are used, each with the places in it that are not.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    used: BTreeMap<Key, Vec<FieldPath>>,
}

impl Reach {
    /// Follows the references from a document of the files that were named. The tasks of the
    /// root pipeline that are `disabled` are left out.
    pub(crate) fn from(files: &Files<'_>, root: DocumentId, disabled: &BTreeSet<String>) -> Self {
        let mut reach = Self::default();
        let plain = files
            .documents()
            .filter(|(_, document)| is_plain(&document.object));
        reach
            .used
            .extend(plain.map(|(served, document)| ((served, document.id), Vec::new())));
        let mut left = vec![((None, root), true)];
        let run = object(files, (None, root));
        let namespace = run.map_or("", |run| run.metadata().namespace.as_str());
        while let Some((key, of_root)) = left.pop() {
            if reach.used.contains_key(&key) {
                continue;
            }
            let Some(object) = object(files, key) else {
                continue;
            };
            let value = json(object);
            let unused = if of_root {
                disabled_places(object, &value, disabled)
            } else {
                Vec::new()
            };
            let is_run = matches!(object, Object::PipelineRun(_));
            walk(&value, &FieldPath::root(), &unused, &mut |path, value| {
                let pipeline_of_run = is_run && path.to_string() == "spec.pipelineRef";
                let target = target(files, path, value, namespace);
                left.extend(target.map(|key| (key, of_root && pipeline_of_run)));
            });
            reach.used.insert(key, unused);
        }
        reach
    }

    /// Says what is used of another namespace than that of the run: a cluster would not find it.
    pub(crate) fn foreign(&self, files: &Files<'_>, run: DocumentId) -> Diagnostics {
        let run = object(files, (None, run));
        let own = match run.map_or("", |run| run.metadata().namespace.as_str()) {
            "" => "default",
            own => own,
        };
        let mut found = Diagnostics::default();
        for (served, id) in self.used.keys() {
            let used = object(files, (*served, *id)).filter(|object| !is_plain(object));
            let Some(used) = used.filter(|_| served.is_none()) else {
                continue;
            };
            let namespace = used.metadata().namespace.as_str();
            if namespace.is_empty() || namespace == own {
                continue;
            }
            let message = format!(
                "{} {} of namespace {namespace} is used by a run of namespace {own}: a cluster \
                 would not find it",
                used.kind(),
                used.metadata().name
            );
            let place = FieldPath::root().key("metadata").key("namespace");
            found.push(Diagnostic::notice(message).at(*id, place));
        }
        found
    }

    /// Adds the document of a place.
    pub(crate) fn add(&mut self, place: &Place) {
        self.used.entry((place.served, place.document)).or_default();
    }

    /// Adds what another run uses: a place is used when one of them uses it.
    pub(crate) fn extend(&mut self, other: Self) {
        for (key, unused) in other.used {
            match self.used.get_mut(&key) {
                Some(own) => own.retain(|path| unused.contains(path)),
                None => drop(self.used.insert(key, unused)),
            }
        }
    }

    /// True for something said of a place that is used.
    pub(crate) fn concerns(&self, served: Option<usize>, diagnostic: &Diagnostic) -> bool {
        let Some(document) = diagnostic.document else {
            return true;
        };
        let unused = self.used.get(&(served, document));
        unused.is_some_and(|unused| {
            let inside = |place: &FieldPath| diagnostic.path.0.starts_with(&place.0);
            !unused.iter().any(inside)
        })
    }
}

fn object<'a>(files: &Files<'a>, (served, id): Key) -> Option<&'a Object> {
    let catalog = match served {
        None => files.own,
        Some(index) => &files.served.get(index)?.catalog,
    };
    catalog.document(id).map(|document| &document.object)
}

/// Where the tasks stand that are disabled.
fn disabled_places(object: &Object, value: &Value, disabled: &BTreeSet<String>) -> Vec<FieldPath> {
    let (pipeline, at) = match object {
        Object::PipelineRun(_) => (
            value.pointer("/spec/pipelineSpec"),
            FieldPath::root().key("spec").key("pipelineSpec"),
        ),
        _ => (value.get("spec"), FieldPath::root().key("spec")),
    };
    let mut places = Vec::new();
    for side in ["tasks", "finally"] {
        let tasks = pipeline.and_then(|pipeline| pipeline.get(side)?.as_array());
        for (index, task) in tasks.into_iter().flatten().enumerate() {
            if task["name"]
                .as_str()
                .is_some_and(|name| disabled.contains(name))
            {
                places.push(at.key(side).index(index));
            }
        }
    }
    places
}

/// The document that a reference at this place means.
fn target(files: &Files<'_>, path: &FieldPath, value: &Value, namespace: &str) -> Option<Key> {
    let Some(Segment::Key(key)) = path.0.last() else {
        return None;
    };
    let kind = match key.as_str() {
        "pipelineRef" => "Pipeline",
        "taskRef" => "Task",
        "ref" => "StepAction",
        _ => return None,
    };
    let name = value
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let resolver = value
        .get("resolver")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let (resolver, params) = match resolver {
        "" if name.contains("://") => ("http", vec![url(name)]),
        _ => (resolver, params(value)),
    };
    let reference = Reference {
        name,
        resolver,
        params: &params,
    };
    if !resolver.is_empty() {
        let wanted = reference.key();
        let index = files.served.iter().rposition(|served| served.key == wanted);
        if let Some(index) = index {
            let documents = files.served[index].catalog.documents();
            let found = documents
                .iter()
                .find(|document| document.object.kind() == kind)?;
            return Some((Some(index), found.id));
        }
    }
    let name = match resolver {
        "" => name,
        "cluster" => {
            let mut params = params.iter();
            params.find(|param| param.name == "name")?.value.as_str()?
        }
        _ => return None,
    };
    Some((None, files.own.find(kind, name, namespace)?.id))
}

fn url(url: &str) -> Param {
    Param {
        name: "url".to_owned(),
        value: url.into(),
    }
}

fn params(reference: &Value) -> Vec<Param> {
    let params = reference.get("params").cloned().unwrap_or_default();
    serde_json::from_value(params).unwrap_or_default()
}

fn walk<'a>(
    value: &'a Value,
    at: &FieldPath,
    unused: &[FieldPath],
    visit: &mut impl FnMut(&FieldPath, &'a Value),
) {
    if unused.contains(at) {
        return;
    }
    visit(at, value);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                walk(value, &at.key(key), unused, visit);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &at.index(index), unused, visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What is no reference's target here: it is given for whatever needs it.
const fn is_plain(object: &Object) -> bool {
    matches!(
        object,
        Object::ConfigMap(_)
            | Object::Secret(_)
            | Object::PersistentVolumeClaim(_)
            | Object::ServiceAccount(_)
    )
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
        // They refer to nothing.
        Object::ConfigMap(_)
        | Object::Secret(_)
        | Object::PersistentVolumeClaim(_)
        | Object::ServiceAccount(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Reach;
    use crate::cli::load::files::Files;
    use crate::diagnostic::{Diagnostic, DocumentId, FieldPath};
    use crate::manifest::{Catalog, ManifestInput, ReadOptions, load};

    const FILES: &str = "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: r}
spec:
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
spec: {steps: [{image: i}]}
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

    fn used(disabled: &[&str], places: &[(usize, &str)]) -> Vec<bool> {
        let catalog = catalog();
        let files = Files {
            own: &catalog,
            served: &[],
        };
        let disabled: BTreeSet<String> = disabled.iter().map(|&name| name.to_owned()).collect();
        let reach = Reach::from(&files, DocumentId(0), &disabled);
        let said = |(document, path): &(usize, &str)| {
            let diagnostic = Diagnostic::error("x");
            diagnostic.at(DocumentId(*document), FieldPath::parse(path))
        };
        let said = places.iter().map(said);
        said.map(|said| reach.concerns(None, &said)).collect()
    }

    #[test]
    fn references_are_followed_to_their_ends() {
        let places: Vec<(usize, &str)> = (0..5).map(|document| (document, "spec")).collect();
        assert_eq!(used(&[], &places), [true, true, true, true, false]);
    }

    #[test]
    fn what_only_disabled_tasks_use_is_not_used() {
        let places = [
            (1, "spec.tasks[0].taskRef"),
            (1, "spec.tasks[1].taskSpec.steps[0]"),
            (2, "spec"),
            (3, "spec"),
        ];
        assert_eq!(used(&["a"], &places), [false, true, false, true]);
        assert_eq!(used(&["b"], &places), [true, false, true, false]);
    }
}
