//! `tekton.dev/v1beta1` to v1, on the tree and before the schema check.
//!
//! Fields move and keep their places in the text, so whatever is said later still points at what
//! was written. The rules are those of `pkg/apis/pipeline/v1beta1/*_conversion.go` and
//! `*_validation.go`, but for two of their gaps: `pipelineRef` and `pipelineSpec` of a pipeline
//! task, and `managedBy`, are kept.

use super::node::{Entry, Node, NodeValue};
use crate::diagnostic::{FieldPath, Segment};
use crate::spec::schema::{Field, ObjectSchema, Schema};
use crate::spec::{Sidecar, StepTemplate};

/// Something v1beta1 does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A name only v1 has.
    Unknown {
        /// Where.
        path: FieldPath,
        /// What v1beta1 calls it.
        instead: &'static str,
        /// True when it was kept all the same.
        kept: bool,
    },
    /// Fields Tekton reads only to refuse them, alone or together.
    Disallowed {
        /// Which.
        paths: Vec<FieldPath>,
        /// What to write.
        hint: &'static str,
    },
}

/// `(object of v1, field of v1beta1, field of v1)`.
const RENAMED: [(&str, &str, &str); 10] = [
    ("Step", "resources", "computeResources"),
    ("StepTemplate", "resources", "computeResources"),
    ("Sidecar", "resources", "computeResources"),
    ("TaskRunStepSpec", "resources", "computeResources"),
    ("TaskRunSpec", "stepOverrides", "stepSpecs"),
    ("TaskRunSpec", "sidecarOverrides", "sidecarSpecs"),
    (
        "PipelineTaskRunSpec",
        "taskServiceAccountName",
        "serviceAccountName",
    ),
    ("PipelineTaskRunSpec", "taskPodTemplate", "podTemplate"),
    ("PipelineTaskRunSpec", "stepOverrides", "stepSpecs"),
    ("PipelineTaskRunSpec", "sidecarOverrides", "sidecarSpecs"),
];

/// What a v1beta1 PipelineRun has outside of `taskRunTemplate`.
const OF_TEMPLATE: [&str; 2] = ["serviceAccountName", "podTemplate"];

/// Objects whose `resources` were PipelineResources.
const WITH_PIPELINE_RESOURCES: [&str; 6] = [
    "TaskSpec",
    "EmbeddedTask",
    "TaskRunSpec",
    "PipelineSpec",
    "PipelineTask",
    "PipelineRunSpec",
];

/// Fields of v1beta1 steps and step templates that never had an effect. A sidecar has them still.
const DEPRECATED: [&str; 10] = [
    "ports",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "stdin",
    "stdinOnce",
    "tty",
];

/// The shape of a field that v1beta1 has and that means nothing.
pub fn deprecated(object: &ObjectSchema, field: &str) -> Option<Schema> {
    match object.name {
        "StepTemplate" if field == "name" => Some(Schema::String),
        "Step" | "StepTemplate" if DEPRECATED.contains(&field) => {
            Sidecar::SCHEMA.field(field).map(|field| (field.schema)())
        }
        _ => None,
    }
}

/// True for a field that the types keep for v1beta1's sake only.
pub fn absent_from_v1(object: &ObjectSchema, field: &str) -> bool {
    matches!(object.name, "TaskRef" | "PipelineRef") && field == "bundle"
}

/// What v1 calls a field of v1beta1.
pub fn name_in_v1(object: &ObjectSchema, field: &str) -> Option<&'static str> {
    RENAMED
        .iter()
        .find(|(name, old, _)| *name == object.name && *old == field)
        .map(|(.., new)| *new)
}

/// Turns a document of v1beta1 into one of v1, and says what v1beta1 refuses. With
/// `keep_v1_names`, what already has its name of v1 stays, unless it has both.
pub fn convert(
    root: &mut Node,
    schema: &'static ObjectSchema,
    keep_v1_names: bool,
) -> Vec<Refusal> {
    let mut conversion = Conversion {
        keep_v1_names,
        path: FieldPath::root(),
        refusals: Vec::new(),
    };
    conversion.object(root, schema);
    conversion.refusals
}

struct Conversion {
    keep_v1_names: bool,
    path: FieldPath,
    refusals: Vec<Refusal>,
}

impl Conversion {
    fn object(&mut self, node: &mut Node, schema: &'static ObjectSchema) {
        let Some(entries) = node.entries_mut() else {
            return;
        };
        self.rename(entries, schema);
        if WITH_PIPELINE_RESOURCES.contains(&schema.name) {
            let hint = "PipelineResources were removed from Tekton; use workspaces and params";
            self.disallow(entries, "resources", hint);
        }
        if matches!(schema.name, "TaskRef" | "PipelineRef") {
            let hint = "use resolver: bundles with the params bundle, name and kind";
            self.disallow(entries, "bundle", hint);
        }
        if schema.name == "PipelineRunSpec" {
            self.run_template(entries);
            self.timeout(entries);
        }
        for entry in entries {
            if let Some(Field { schema, .. }) = schema.field(&entry.key) {
                self.path.0.push(Segment::Key(entry.key.clone()));
                self.value(&mut entry.value, &schema());
                self.path.0.pop();
            }
        }
    }

    fn value(&mut self, node: &mut Node, schema: &Schema) {
        match (schema, &mut node.value) {
            (Schema::Object(object), _) => self.object(node, object),
            (Schema::List(item), NodeValue::List(items)) => {
                for (index, node) in items.iter_mut().enumerate() {
                    self.path.0.push(Segment::Index(index));
                    self.value(node, item);
                    self.path.0.pop();
                }
            }
            _ => {}
        }
    }

    fn rename(&mut self, entries: &mut Vec<Entry>, schema: &ObjectSchema) {
        for (_, old, new) in RENAMED.iter().filter(|(name, ..)| *name == schema.name) {
            self.refuse_v1_name(entries, new, &[old], old);
        }
        for (_, old, new) in RENAMED.iter().filter(|(name, ..)| *name == schema.name) {
            for entry in entries.iter_mut().filter(|entry| entry.key == *old) {
                (*new).clone_into(&mut entry.key);
            }
        }
    }

    fn refuse_v1_name(
        &mut self,
        entries: &mut Vec<Entry>,
        name: &str,
        old: &[&str],
        instead: &'static str,
    ) {
        if !entries.iter().any(|entry| entry.key == name) {
            return;
        }
        let both = entries.iter().any(|entry| old.contains(&&*entry.key));
        if both || !self.keep_v1_names {
            entries.retain(|entry| entry.key != name);
        }
        self.refusals.push(Refusal::Unknown {
            path: self.path.key(name),
            instead,
            kept: self.keep_v1_names && !both,
        });
    }

    fn disallow(&mut self, entries: &mut Vec<Entry>, field: &str, hint: &'static str) {
        let set = take(entries, field).is_some_and(|entry| !is_unset(&entry.value));
        if set {
            self.refusals.push(Refusal::Disallowed {
                paths: vec![self.path.key(field)],
                hint,
            });
        }
    }

    /// `serviceAccountName` and `podTemplate` lie in `taskRunTemplate` in v1.
    fn run_template(&mut self, entries: &mut Vec<Entry>) {
        self.refuse_v1_name(
            entries,
            "taskRunTemplate",
            &OF_TEMPLATE,
            "serviceAccountName and podTemplate",
        );
        let moved: Vec<Entry> = OF_TEMPLATE
            .into_iter()
            .filter_map(|field| take(entries, field))
            .collect();
        wrap(entries, "taskRunTemplate", moved);
    }

    /// `timeout` is `timeouts.pipeline` in v1.
    fn timeout(&mut self, entries: &mut Vec<Entry>) {
        let is_set = |field: &str| {
            let mut hits = entries.iter().filter(|entry| entry.key == field);
            hits.any(|entry| !entry.value.is_null())
        };
        if is_set("timeout") && is_set("timeouts") {
            self.refusals.push(Refusal::Disallowed {
                paths: vec![self.path.key("timeout"), self.path.key("timeouts")],
                hint: "keep timeouts.pipeline and drop timeout",
            });
            take(entries, "timeout");
            return;
        }
        let Some(mut timeout) = take(entries, "timeout") else {
            return;
        };
        "pipeline".clone_into(&mut timeout.key);
        if !timeout.value.is_null() {
            take(entries, "timeouts");
            wrap(entries, "timeouts", vec![timeout]);
        }
    }
}

/// Removes a field and returns it as it counts: the last one.
fn take(entries: &mut Vec<Entry>, field: &str) -> Option<Entry> {
    let at = entries.iter().rposition(|entry| entry.key == field)?;
    let taken = entries.remove(at);
    entries.retain(|entry| entry.key != field);
    Some(taken)
}

/// Puts entries into a map of their own, which stands where the first of them stood.
fn wrap(entries: &mut Vec<Entry>, field: &str, moved: Vec<Entry>) {
    let Some(first) = moved.first() else {
        return;
    };
    let (key_span, span) = (first.key_span, first.value.span);
    entries.push(Entry {
        key: field.to_owned(),
        key_span,
        value: Node {
            span,
            value: NodeValue::Map(moved),
        },
    });
}

fn is_unset(node: &Node) -> bool {
    node.is_null() || node.items().is_some_and(<[Node]>::is_empty) || node.as_str() == Some("")
}

/// The names a document of v1beta1 may use in an object, for suggestions.
pub fn field_names(object: &ObjectSchema) -> Vec<&'static str> {
    let renamed = RENAMED.iter().filter(|(name, ..)| *name == object.name);
    let old: Vec<_> = renamed.clone().map(|(_, old, _)| *old).collect();
    let new: Vec<_> = renamed.map(|(.., new)| *new).collect();
    let kept = object.fields.iter().map(|field| field.name);
    let mut names: Vec<_> = kept.filter(|name| !new.contains(name)).collect();
    names.extend(old);
    if object.name == "PipelineRunSpec" {
        names.retain(|name| *name != "taskRunTemplate");
        names.extend(["serviceAccountName", "podTemplate", "timeout"]);
    }
    if object.name == StepTemplate::SCHEMA.name {
        names.push("name");
    }
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Refusal, convert};
    use crate::manifest::json::to_value;
    use crate::manifest::yaml;
    use crate::spec::{ObjectSchema, PipelineRun, Task, TaskRun};

    fn converted(
        schema: &'static ObjectSchema,
        yaml: &str,
        lenient: bool,
    ) -> (serde_json::Value, Vec<Refusal>) {
        let mut root = yaml::parse(yaml).remove(0).unwrap();
        let refusals = convert(&mut root, schema, lenient);
        (to_value(&root)["spec"].clone(), refusals)
    }

    fn disallowed(refusals: &[Refusal]) -> Vec<String> {
        let paths = refusals.iter().flat_map(|refusal| match refusal {
            Refusal::Disallowed { paths, .. } => paths.clone(),
            Refusal::Unknown { .. } => Vec::new(),
        });
        paths.map(|path| path.to_string()).collect()
    }

    #[test]
    fn timeout_becomes_the_pipelines() {
        let (spec, refusals) = converted(
            PipelineRun::SCHEMA,
            "spec: {timeout: 10m, serviceAccountName: sa, podTemplate: {hostNetwork: true}}",
            false,
        );
        assert_eq!(refusals, []);
        assert_eq!(
            spec,
            json!({
                "taskRunTemplate": {
                    "serviceAccountName": "sa",
                    "podTemplate": {"hostNetwork": true},
                },
                "timeouts": {"pipeline": "10m"},
            })
        );
    }

    #[test]
    fn timeout_and_timeouts_exclude_each_other() {
        let (_, refusals) = converted(
            PipelineRun::SCHEMA,
            "spec: {timeout: 10m, timeouts: {pipeline: 1h}}",
            false,
        );
        assert_eq!(disallowed(&refusals), ["spec.timeout", "spec.timeouts"]);
    }

    #[test]
    fn task_run_specs_get_their_names_of_v1() {
        let (spec, refusals) = converted(
            PipelineRun::SCHEMA,
            "spec: {taskRunSpecs: [{pipelineTaskName: a, taskServiceAccountName: sa, \
             taskPodTemplate: {}, stepOverrides: [{name: s, resources: {limits: {cpu: 1}}}]}]}",
            false,
        );
        assert_eq!(refusals, []);
        assert_eq!(
            spec["taskRunSpecs"][0],
            json!({
                "pipelineTaskName": "a",
                "serviceAccountName": "sa",
                "podTemplate": {},
                "stepSpecs": [{"name": "s", "computeResources": {"limits": {"cpu": 1}}}],
            })
        );
    }

    #[test]
    fn pipeline_resources_are_refused() {
        let (_, refusals) = converted(
            PipelineRun::SCHEMA,
            "spec: {resources: [{name: a}], pipelineSpec: {tasks: [{resources: {inputs: []}}]}}",
            false,
        );
        assert_eq!(
            disallowed(&refusals),
            ["spec.resources", "spec.pipelineSpec.tasks[0].resources"]
        );
    }

    #[test]
    fn resources_move_wherever_a_step_stands() {
        let (spec, refusals) = converted(
            PipelineRun::SCHEMA,
            "spec: {pipelineSpec: {tasks: [{taskSpec: {stepTemplate: {resources: {}}, \
             steps: [{resources: {}}], sidecars: [{resources: {}}]}, \
             pipelineRef: {name: p}}]}}",
            false,
        );
        assert_eq!(refusals, []);
        let task = &spec["pipelineSpec"]["tasks"][0];
        assert_eq!(
            task["taskSpec"],
            json!({
                "stepTemplate": {"computeResources": {}},
                "steps": [{"computeResources": {}}],
                "sidecars": [{"computeResources": {}}],
            })
        );
        assert_eq!(task["pipelineRef"]["name"], "p");
        let (_, refusals) = converted(TaskRun::SCHEMA, "spec: {resources: {}}", false);
        assert_eq!(disallowed(&refusals), ["spec.resources"]);
    }

    #[test]
    fn names_of_v1_are_unknown_unless_forgiven() {
        let yaml = "spec: {steps: [{computeResources: {}}]}";
        let (spec, refusals) = converted(Task::SCHEMA, yaml, false);
        assert_eq!(spec["steps"][0], json!({}));
        assert!(matches!(
            &refusals[..],
            [Refusal::Unknown { kept: false, .. }]
        ));
        let (spec, refusals) = converted(Task::SCHEMA, yaml, true);
        assert_eq!(spec["steps"][0], json!({"computeResources": {}}));
        assert!(matches!(
            &refusals[..],
            [Refusal::Unknown { kept: true, .. }]
        ));
    }
}
