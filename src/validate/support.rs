//! Nothing in silence: what a document uses that means something else here.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::diagnostic::{Diagnostic, Diagnostics, DocumentId, FieldPath};
use crate::spec::schema::Field;
use crate::spec::{
    ConfigMap, Object, ObjectSchema, PersistentVolumeClaim, Pipeline, PipelineRun, Schema, Secret,
    ServiceAccount, StepAction, Support, Task, TaskRun,
};

/// The schemas of the documents that are read.
pub(super) const DOCUMENTS: [&ObjectSchema; 9] = [
    PipelineRun::SCHEMA,
    Pipeline::SCHEMA,
    TaskRun::SCHEMA,
    Task::SCHEMA,
    StepAction::SCHEMA,
    ConfigMap::SCHEMA,
    Secret::SCHEMA,
    PersistentVolumeClaim::SCHEMA,
    ServiceAccount::SCHEMA,
];

/// Fields whose lack of effect nobody can notice: text for people is not listed, its reason says
/// so.
const UNNOTICEABLE: [(&str, &str); 6] = [
    // What refers to the claim is emulated and says so.
    ("PersistentVolumeClaim", "spec"),
    ("PipelineRef", "apiVersion"),
    ("ObjectFieldSelector", "apiVersion"),
    ("ContainerPort", "protocol"),
    ("ConfigMap", "immutable"),
    ("Secret", "immutable"),
];

/// Reports the fields a document uses that are not honoured as on a cluster: a notice for each
/// field that is emulated or has no effect, once however often it is used, and an error wherever
/// a field is used that cannot be honoured.
///
/// What carries no meaning for a run is passed over: metadata, a stored status, text for people.
pub fn support(object: &Object, document: DocumentId) -> Diagnostics {
    let Some((schema, value)) = serialized(object) else {
        return Diagnostics::default();
    };
    let mut walk = Walk {
        document,
        said: BTreeSet::new(),
        found: Diagnostics::default(),
    };
    for (key, value) in value.as_object().into_iter().flatten() {
        let Some(field) = schema.field(key) else {
            continue;
        };
        if !matches!(field.name, "metadata" | "status") {
            walk.field(&FieldPath::root(), schema, field, value);
        }
    }
    walk.found
}

fn serialized(object: &Object) -> Option<(&'static ObjectSchema, Value)> {
    fn value(object: &impl Serialize) -> Option<Value> {
        serde_json::to_value(object).ok()
    }
    let (schema, value) = match object {
        Object::Pipeline(object) => (Pipeline::SCHEMA, value(object)),
        Object::PipelineRun(object) => (PipelineRun::SCHEMA, value(object)),
        Object::Task(object) => (Task::SCHEMA, value(object)),
        Object::TaskRun(object) => (TaskRun::SCHEMA, value(object)),
        Object::StepAction(object) => (StepAction::SCHEMA, value(object)),
        Object::ConfigMap(object) => (ConfigMap::SCHEMA, value(object)),
        Object::Secret(object) => (Secret::SCHEMA, value(object)),
        Object::PersistentVolumeClaim(object) => (PersistentVolumeClaim::SCHEMA, value(object)),
        Object::ServiceAccount(object) => (ServiceAccount::SCHEMA, value(object)),
    };
    Some((schema, value?))
}

struct Walk {
    document: DocumentId,
    said: BTreeSet<(&'static str, &'static str)>,
    found: Diagnostics,
}

impl Walk {
    fn value(&mut self, at: &FieldPath, schema: &Schema, value: &Value) {
        match (schema, value) {
            (Schema::Object(object), Value::Object(map)) => {
                for (key, value) in map {
                    if let Some(field) = object.field(key) {
                        self.field(at, object, field, value);
                    }
                }
            }
            (Schema::Map(item), Value::Object(map)) => {
                for (key, value) in map {
                    self.value(&at.key(key), item, value);
                }
            }
            (Schema::List(item), Value::Array(list)) => {
                for (index, value) in list.iter().enumerate() {
                    self.value(&at.index(index), item, value);
                }
            }
            _ => {}
        }
    }

    /// What is below a field that has no effect is not looked at: it has none either.
    fn field(
        &mut self,
        at: &FieldPath,
        object: &'static ObjectSchema,
        field: &'static Field,
        value: &Value,
    ) {
        let at = at.key(field.name);
        if let Some(owner) = other_owner(object, field, value) {
            let message = format!(
                "this run is managed by {owner:?}, not by Tekton's controller: it is not run"
            );
            let hint = "remove managedBy, or set it to tekton.dev/pipeline";
            let refused = Diagnostic::error(message).hint(hint);
            self.found.push(refused.at(self.document, at));
            return;
        }
        if let Some(custom) = custom_task(object, field, value) {
            let message = format!("custom task {custom} is not supported");
            let help = "a custom task needs a controller, and none runs here";
            self.found
                .push(Diagnostic::error(message).at(self.document, at).hint(help));
            return;
        }
        match field.support {
            Support::Honoured => self.value(&at, &(field.schema)(), value),
            Support::Emulated(why) => {
                if !as_on_a_cluster(object, field, value) {
                    self.once(&at, object, field, &format!("is emulated: {why}"));
                }
                self.value(&at, &(field.schema)(), value);
            }
            Support::NoEffect(why) => {
                if !is_unnoticeable(object, field, value, why) {
                    self.once(&at, object, field, &format!("has no effect here: {why}"));
                }
            }
            Support::Refused(_) if is_refused_by_another(object, field) => {}
            Support::Refused(why) => {
                let message = format!("{} is not supported: {why}", field.name);
                self.found
                    .push(Diagnostic::error(message).at(self.document, at));
            }
        }
    }

    fn once(
        &mut self,
        at: &FieldPath,
        object: &'static ObjectSchema,
        field: &'static Field,
        what: &str,
    ) {
        if self.said.insert((object.name, field.name)) {
            let message = format!("{} {what}", field.name);
            self.found
                .push(Diagnostic::notice(message).at(self.document, at.clone()));
        }
    }
}

/// What a task of a pipeline refers to, when that is no Task: API and kind.
fn custom_task(object: &ObjectSchema, field: &Field, value: &Value) -> Option<String> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let (version, kind) = (text("apiVersion"), text("kind"));
    let plain_kind = matches!(kind, "" | "Task");
    let of_tekton = version.starts_with("tekton.dev/") && plain_kind;
    let custom = (object.name, field.name) == ("PipelineTask", "taskRef")
        && !version.is_empty()
        && !of_tekton;
    custom.then(|| format!("{version} {}", if plain_kind { "Task" } else { kind }))
}

/// Who else runs a run.
fn other_owner<'a>(object: &ObjectSchema, field: &Field, value: &'a Value) -> Option<&'a str> {
    let is_run = matches!(object.name, "PipelineRunSpec" | "TaskRunSpec");
    let owner = value
        .as_str()
        .filter(|_| is_run && field.name == "managedBy")?;
    (!matches!(owner, "" | "tekton.dev/pipeline")).then_some(owner)
}

/// A custom task is refused once, not for each of the three fields that make it one.
fn is_refused_by_another(object: &ObjectSchema, field: &Field) -> bool {
    object.name == "EmbeddedTask" && field.name != "apiVersion"
}

/// True for a value that means the same here after all.
fn as_on_a_cluster(object: &ObjectSchema, field: &Field, value: &Value) -> bool {
    match (object.name, field.name) {
        ("ResourceRequirements", "limits") => value.as_object().is_some_and(|map| {
            map.keys()
                .all(|key| matches!(key.as_str(), "cpu" | "memory"))
        }),
        ("HTTPGetAction", "scheme") => value == "HTTP",
        (_, "serviceAccountName") => value == "default",
        _ => false,
    }
}

fn is_unnoticeable(object: &ObjectSchema, field: &Field, value: &Value, why: &str) -> bool {
    why == "text for people"
        || *value == Value::Bool(false)
        || object.name == "ObjectMeta"
        || UNNOTICEABLE.contains(&(object.name, field.name))
}

#[cfg(test)]
mod tests {
    use super::support;
    use crate::diagnostic::Severity;
    use crate::manifest::{ManifestInput, ReadOptions, load};
    use crate::validate::testing::{pipeline_run, task};

    fn said(yaml: &str) -> Vec<String> {
        let input = ManifestInput::Text {
            name: "test.yaml".to_owned(),
            bytes: yaml.as_bytes().to_vec(),
        };
        let (catalog, _) = load(&[input], ReadOptions::default());
        catalog
            .documents()
            .iter()
            .flat_map(|document| support(&document.object, document.id).0)
            .map(|found| format!("{:?} {} @{}", found.severity, found.message, found.path))
            .collect()
    }

    #[test]
    fn each_field_is_reported_once() {
        assert_eq!(
            said(&task(
                "{steps: [{image: i, computeResources: {requests: {cpu: 1}}}, \
                 {image: i, computeResources: {requests: {cpu: 1}, limits: {cpu: 2}}}]}"
            )),
            [
                "Notice requests has no effect here: a request never delays a start on one machine \
              @spec.steps[0].computeResources.requests"
            ]
        );
    }

    #[test]
    fn what_cannot_be_honoured_is_an_error_wherever_it_is() {
        let found = said(&task(
            "{steps: [{image: i}], volumes: [{name: a, nfs: {server: s}}, {name: b, nfs: {server: s}}]}",
        ));
        assert_eq!(
            found,
            [0, 1].map(|index| format!(
                "{:?} nfs is not supported: network volumes are not mounted locally \
                 @spec.volumes[{index}].nfs",
                Severity::Error
            ))
        );
    }

    #[test]
    fn custom_tasks_are_refused_by_name() {
        let refers = |reference: &str| {
            said(&format!(
                "apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {{name: p}}\n\
                 spec: {{tasks: [{{name: a, taskRef: {reference}}}]}}\n"
            ))
        };
        assert_eq!(
            refers("{apiVersion: acme.io/v1, kind: Scan, name: s}"),
            ["Error custom task acme.io/v1 Scan is not supported @spec.tasks[0].taskRef"]
        );
        assert_eq!(
            refers("{apiVersion: tekton.dev/v1, kind: Task, name: s}"),
            [""; 0]
        );
    }

    #[test]
    fn what_nobody_misses_is_passed_over() {
        let quiet = "{description: d, displayName: d, steps: [{image: i, computeResources: \
                     {limits: {memory: 1Gi}}}]}";
        assert_eq!(said(&task(quiet)), [""; 0]);
        assert_eq!(
            said(&pipeline_run(
                "{pipelineRef: {name: p}, taskRunTemplate: {serviceAccountName: default, \
                 podTemplate: {automountServiceAccountToken: false, nodeSelector: {a: b}}}}"
            )),
            [
                "Notice nodeSelector has no effect here: everything runs on one machine \
              @spec.taskRunTemplate.podTemplate.nodeSelector"
            ]
        );
    }
}
