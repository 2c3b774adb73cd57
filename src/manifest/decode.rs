//! From nodes to typed objects, with every fault named.
//!
//! The walk follows the schema the types are made of, as strictly as Tekton's webhook ("disallow
//! unknown fields") and Kubernetes' API server, and collects all faults instead of the first.
//! What is at fault is left out, so an object comes out all the same and can be referred to.
//!
//! Some of what a cluster refuses has one meaning only. With [`Options::lenient`] that is a
//! warning: a number or boolean where text is wanted (its source text is taken), a v1 name in a
//! v1beta1 document (it is read as in v1), and a few fields that Tekton's own tests contain and no
//! cluster ever saw (`value` of a declared param, `type` of a passed one). With
//! [`Options::allow_unknown_fields`], unknown fields and repeated keys are notices.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value};

use super::advice;
use super::json::to_value;
use super::kind::Kind;
use super::leaf;
use super::node::{Entry, Node, NodeValue};
use super::v1beta1::{self, Refusal};
use crate::diagnostic::{Diagnostic, Diagnostics, DocumentId, FieldPath, Segment, Severity};
use crate::spec::Object;
use crate::spec::schema::{ObjectSchema, Schema};

/// How much is forgiven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Unknown fields and repeated keys are notices instead of errors.
    pub allow_unknown_fields: bool,
    /// What a cluster refuses, but has one meaning only, is a warning instead of an error.
    pub lenient: bool,
}

/// A decoded document.
#[derive(Debug)]
pub(super) struct Decoded {
    /// The object, without what was at fault in it.
    pub(super) object: Option<Object>,
    /// What was found.
    pub(super) diagnostics: Diagnostics,
    /// Places of which the key is at fault and not the value.
    pub(super) keys: BTreeSet<FieldPath>,
}

/// Fields whose content the API server does not look at: their schema is open.
const OPEN: [&str; 3] = ["pipelineSpec", "taskSpec", "volumes"];
/// For how many unknown fields of a document it is worked out what was meant.
const MOST_ADVISED: usize = 1000;

/// Objects whose `value` Tekton cannot do without: it cannot write them back as JSON.
const NEEDS_VALUE: [&str; 2] = ["Param", "PipelineResult"];

/// Decodes a document, which becomes one of v1 if it is one of v1beta1.
pub(super) fn decode(
    root: &mut Node,
    kind: Kind,
    api_version: &str,
    document: DocumentId,
    options: Options,
) -> Decoded {
    let mut decoder = Decoder {
        document,
        options,
        beta: api_version == "tekton.dev/v1beta1",
        path: FieldPath::root(),
        diagnostics: Diagnostics::default(),
        keys: BTreeSet::new(),
        unknown: 0,
        told: HashSet::new(),
    };
    decoder.repeated_keys(root);
    if decoder.beta && kind != Kind::StepAction {
        for refusal in v1beta1::convert(root, kind.schema(), options.lenient) {
            decoder.refusal(refusal);
        }
        adopt_v1(root);
    }
    let value = decoder.object(root, kind.schema()).unwrap_or_default();
    let object = match kind.object(value) {
        Ok(object) => Some(object),
        Err(error) => {
            decoder.push(Diagnostic::error(error.to_string()));
            None
        }
    };
    Decoded {
        object,
        diagnostics: decoder.diagnostics,
        keys: decoder.keys,
    }
}

fn adopt_v1(root: &mut Node) {
    let entries = root.entries_mut().into_iter().flatten();
    for entry in entries.filter(|entry| entry.key == "apiVersion") {
        if let NodeValue::Scalar(scalar) = &mut entry.value.value {
            "tekton.dev/v1".clone_into(&mut scalar.text);
        }
    }
}

pub(super) struct Decoder {
    document: DocumentId,
    pub(super) options: Options,
    beta: bool,
    pub(super) path: FieldPath,
    diagnostics: Diagnostics,
    keys: BTreeSet<FieldPath>,
    /// How many unknown fields were found.
    unknown: usize,
    /// Stray fields that were spoken of: once is enough.
    told: HashSet<(&'static str, String)>,
}

impl Decoder {
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        let path = self.path.clone();
        self.diagnostics.push(diagnostic.at(self.document, path));
    }

    /// Says something about the key at the present path.
    fn push_key(&mut self, diagnostic: Diagnostic) {
        self.keys.insert(self.path.clone());
        self.push(diagnostic);
    }

    fn within<T>(&mut self, segment: Segment, work: impl FnOnce(&mut Self) -> T) -> T {
        self.path.0.push(segment);
        let result = work(self);
        self.path.0.pop();
        result
    }

    fn repeated_keys(&mut self, node: &Node) {
        match &node.value {
            NodeValue::Scalar(_) => {}
            NodeValue::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.within(Segment::Index(index), |this| this.repeated_keys(item));
                }
            }
            NodeValue::Map(entries) => {
                let mut seen = HashSet::with_capacity(entries.len());
                for Entry { key, value, .. } in entries {
                    let new = seen.insert(key.as_str());
                    self.within(Segment::Key(key.clone()), |this| {
                        if !new {
                            this.repeated_key(key);
                        }
                        this.repeated_keys(value);
                    });
                }
            }
        }
    }

    fn repeated_key(&mut self, key: &str) {
        let mut diagnostic = Diagnostic::error(format!("key {key:?} already set in map"))
            .hint("keep one of them; where repeated keys are let pass, the last one counts");
        if self.options.allow_unknown_fields {
            diagnostic.severity = Severity::Notice;
        }
        self.push_key(diagnostic);
    }

    fn refusal(&mut self, refusal: Refusal) {
        match refusal {
            Refusal::Unknown {
                path,
                instead,
                kept,
            } => {
                let hint = format!("tekton.dev/v1beta1 has {instead}; this is a name of v1");
                self.path = path;
                if kept {
                    let message = format!("unknown field \"{}\" is read as in v1", self.path);
                    self.push_key(Diagnostic::warning(message).hint(hint));
                } else {
                    self.unknown_field(Some(hint));
                }
            }
            Refusal::Disallowed { paths, hint } => {
                let names: Vec<String> = paths.iter().map(ToString::to_string).collect();
                self.path = paths.into_iter().next().unwrap_or_default();
                let message = format!("must not set the field(s): {}", names.join(", "));
                self.push_key(Diagnostic::error(message).hint(hint));
            }
        }
        self.path = FieldPath::root();
    }

    fn unknown_field(&mut self, hint: Option<String>) {
        let mut diagnostic = Diagnostic::error(format!("unknown field \"{}\"", self.path));
        diagnostic.hint = hint;
        if self.options.allow_unknown_fields {
            diagnostic.severity = Severity::Notice;
        }
        self.push_key(diagnostic);
    }

    /// The value of a field; `None` when it is null or at fault.
    fn value(&mut self, node: &Node, schema: &Schema) -> Option<Value> {
        if let Schema::ParamValue = schema {
            return Some(leaf::param_value(node));
        }
        if node.is_null() {
            return None;
        }
        match schema {
            Schema::String => self.string(node),
            Schema::Bool => self.bool(node),
            Schema::Integer => self.integer(node),
            Schema::Duration => self.duration(node),
            Schema::IntOrString => self.int_or_string(node),
            Schema::ParamValue | Schema::Any => Some(to_value(node)),
            Schema::List(item) => self.list(node, item),
            Schema::Map(item) => self.map(node, item),
            Schema::Object(object) => self.object(node, object),
        }
    }

    fn object(&mut self, node: &Node, schema: &'static ObjectSchema) -> Option<Value> {
        let NodeValue::Map(entries) = &node.value else {
            return self.wrong_type(node, "a map");
        };
        let mut map = Map::new();
        for Entry { key, value, .. } in entries {
            self.within(Segment::Key(key.clone()), |this| {
                let known = this.in_other_case(key, schema).unwrap_or(key);
                if let Some(decoded) = this.field(known, value, schema) {
                    map.insert(known.to_owned(), decoded);
                }
            });
        }
        if NEEDS_VALUE.contains(&schema.name) && node.get("value").is_none() {
            self.missing_value();
        }
        Some(Value::Object(map))
    }

    /// The name of the field that a key means in another case. Go decodes it; the API server does
    /// not look at it where the schema of the resource is open.
    fn in_other_case(&mut self, key: &str, schema: &ObjectSchema) -> Option<&'static str> {
        let around = &self.path.0[..self.path.0.len().saturating_sub(1)];
        let open = around
            .iter()
            .any(|segment| matches!(segment, Segment::Key(key) if OPEN.contains(&key.as_str())));
        if !open || schema.field(key).is_some() {
            return None;
        }
        if self.beta && v1beta1::deprecated(schema, key).is_some() {
            return None;
        }
        let name = schema.field_in_other_case(key)?.name;
        let message = format!("field \"{}\" is read as {name}", self.path);
        let hint = format!("write {name}: some versions of Kubernetes drop a key in another case");
        self.push_key(Diagnostic::warning(message).hint(hint));
        Some(name)
    }

    fn field(&mut self, key: &str, value: &Node, schema: &'static ObjectSchema) -> Option<Value> {
        if let Some(field) = schema.field(key)
            && (self.beta || !v1beta1::absent_from_v1(schema, key))
        {
            // A null that is passed is an empty string; any other stands for nothing.
            if value.is_null() && !(key == "value" && NEEDS_VALUE.contains(&schema.name)) {
                return None;
            }
            return self.value(value, &(field.schema)());
        }
        if self.beta
            && let Some(deprecated) = v1beta1::deprecated(schema, key)
        {
            self.value(value, &deprecated);
            let message = format!("{} has no effect", self.path);
            self.push_key(Diagnostic::notice(message));
        } else if let Some(why) = advice::stray(&self.path, key, schema, self.options.lenient) {
            if !self.told.insert((schema.name, key.to_owned())) {
                return None;
            }
            let message = format!("unknown field \"{}\" is ignored", self.path);
            self.push_key(Diagnostic::warning(message).hint(why));
        } else {
            self.unknown += 1;
            let advised = self.unknown <= MOST_ADVISED;
            let advice = advised.then(|| advice::for_unknown(key, schema, self.beta));
            self.unknown_field(advice.flatten());
        }
        None
    }

    fn list(&mut self, node: &Node, item: &Schema) -> Option<Value> {
        let NodeValue::List(items) = &node.value else {
            return self.wrong_type(node, "a list");
        };
        let values = items.iter().enumerate().map(|(index, node)| {
            self.within(Segment::Index(index), |this| this.element(node, item))
        });
        Some(values.collect())
    }

    fn map(&mut self, node: &Node, item: &Schema) -> Option<Value> {
        let NodeValue::Map(entries) = &node.value else {
            return self.wrong_type(node, "a map");
        };
        let values = entries.iter().map(|Entry { key, value, .. }| {
            let decoded = self.within(Segment::Key(key.clone()), |this| this.element(value, item));
            (key.clone(), decoded)
        });
        Some(Value::Object(values.collect()))
    }

    /// An element always stands for something: for null and faults, Go's zero value.
    fn element(&mut self, node: &Node, schema: &Schema) -> Value {
        if node.is_null()
            && let Schema::Object(object) = schema
            && NEEDS_VALUE.contains(&object.name)
        {
            self.missing_value();
        }
        self.value(node, schema)
            .unwrap_or_else(|| leaf::zero(schema))
    }

    fn missing_value(&mut self) {
        self.within(Segment::Key("value".to_owned()), |this| {
            let message = format!("missing field(s): {}", this.path);
            let hint = "write value: \"\" for an empty one";
            this.push(Diagnostic::error(message).hint(hint));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::Options;
    use crate::diagnostic::{Diagnostics, DocumentId, Severity};
    use crate::manifest::{Catalog, ManifestInput, load};
    use crate::spec::{GoDuration, Object, ParamValue, PipelineRun, Task, TaskRun};

    const LENIENT: Options = Options {
        allow_unknown_fields: false,
        lenient: true,
    };

    fn read(yaml: &str, options: Options) -> (Catalog, Diagnostics) {
        let input = ManifestInput::Text {
            name: "-".to_owned(),
            bytes: yaml.as_bytes().to_vec(),
        };
        load(&[input], options)
    }

    fn task(catalog: &Catalog) -> (&Task, DocumentId) {
        let document = &catalog.documents()[0];
        match &document.object {
            Object::Task(task) => (task, document.id),
            other => panic!("{other:?}"),
        }
    }

    fn messages(yaml: &str) -> Vec<String> {
        let (_, diagnostics) = read(yaml, Options::default());
        let messages = diagnostics.0.into_iter().map(|found| found.message);
        messages.collect()
    }

    fn task_run(spec: &str) -> TaskRun {
        let yaml = format!("apiVersion: tekton.dev/v1\nkind: TaskRun\nspec:\n{spec}");
        let (catalog, diagnostics) = read(&yaml, Options::default());
        assert!(!diagnostics.has_errors(), "{diagnostics:?}");
        match &catalog.documents()[0].object {
            Object::TaskRun(run) => (**run).clone(),
            other => panic!("{other:?}"),
        }
    }

    fn param(value: &str) -> ParamValue {
        task_run(&format!("  params:\n  - name: a\n    value: {value}\n"))
            .spec
            .params[0]
            .value
            .clone()
    }

    #[test]
    fn param_values_are_typed_as_on_a_cluster() {
        for (yaml, text) in [
            ("yes", "true"),
            ("on", "true"),
            ("y", "true"),
            ("Y", "true"),
            ("True", "true"),
            ("TRUE", "true"),
            ("no", "false"),
            ("off", "false"),
            ("n", "false"),
            ("\"yes\"", "yes"),
            ("010", "8"),
            ("007", "7"),
            ("0o14", "12"),
            ("0x1F", "31"),
            ("0b101", "5"),
            ("1_000", "1000"),
            ("+1", "1"),
            ("-0", "0"),
            ("1.0", "1"),
            ("1.10", "1.1"),
            ("0.30", "0.3"),
            ("1e3", "1000"),
            (".5", "0.5"),
            ("12:30:45", "12:30:45"),
            ("2024-01-01", "2024-01-01"),
            ("1.2.3", "1.2.3"),
            ("1e400", "1e400"),
            ("", ""),
            ("~", ""),
            ("null", ""),
            ("[yes, 2]", "[true,2]"),
            ("[1, 2]", "[1,2]"),
            ("{a: 1}", "{\"a\":1}"),
        ] {
            assert_eq!(param(yaml), ParamValue::from(text), "{yaml}");
        }
    }

    #[test]
    fn lists_and_maps_of_text_keep_their_shape() {
        assert_eq!(
            param("[a, b]"),
            ParamValue::Array(vec!["a".into(), "b".into()])
        );
        assert_eq!(param("[null]"), ParamValue::Array(vec![String::new()]));
        assert_eq!(
            param("{a: \"1\"}"),
            ParamValue::Object([("a".to_owned(), "1".to_owned())].into())
        );
        let run = task_run("  taskSpec:\n    params:\n    - name: a\n      default:\n");
        let task = run.spec.task_spec.unwrap();
        assert_eq!(task.params[0].default, None);
    }

    #[test]
    fn durations_are_text() {
        assert_eq!(
            task_run("  timeout: \"0\"\n").spec.timeout,
            Some(GoDuration(0))
        );
        for (timeout, message) in [
            (
                "0",
                "invalid type: number, expected a duration such as \"1h30m\"",
            ),
            ("1d", "invalid duration \"1d\""),
            ("\"60\"", "invalid duration \"60\""),
            ("\"\"", "invalid duration \"\""),
        ] {
            let yaml = format!(
                "{{apiVersion: tekton.dev/v1, kind: TaskRun, spec: {{timeout: {timeout}}}}}"
            );
            assert_eq!(messages(&yaml), [message], "{timeout}");
        }
    }

    #[test]
    fn unknown_fields_name_their_path() {
        let yaml = "apiVersion: tekton.dev/v1\nkind: Pipeline\nspec:\n  tasks:\n  - name: a\n    \
                    runafter: [b]\n";
        let (_, diagnostics) = read(yaml, Options::default());
        let [found] = &diagnostics.0[..] else {
            panic!("{diagnostics:?}");
        };
        assert_eq!(found.message, "unknown field \"spec.tasks[0].runafter\"");
        assert_eq!(found.hint.as_deref(), Some("did you mean \"runAfter\"?"));
        let allowed = Options {
            allow_unknown_fields: true,
            lenient: false,
        };
        let (_, diagnostics) = read(yaml, allowed);
        assert_eq!(diagnostics.0[0].severity, Severity::Notice);
    }

    #[test]
    fn all_faults_are_found_at_once() {
        let yaml = "apiVersion: tekton.dev/v1\nkind: Task\nspec:\n  steps:\n  - image: [a]\n    \
                    args: x\n    env: {}\n    securityContext: {runAsUser: \"0\", privileged: 1}\n  \
                    - nope: 1\n";
        assert_eq!(
            messages(yaml),
            [
                "invalid type: list, expected a string",
                "invalid type: string, expected a list",
                "invalid type: map, expected a list",
                "invalid type: string, expected a whole number",
                "invalid type: number, expected true or false",
                "unknown field \"spec.steps[1].nope\"",
            ]
        );
    }

    #[test]
    fn what_is_not_at_fault_remains() {
        let yaml = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec:\n  steps:\n  \
                    - image: [a]\n    script: echo\n";
        let (catalog, _) = read(yaml, Options::default());
        let (task, _) = task(&catalog);
        assert_eq!(task.spec.steps[0].script, "echo");
    }

    #[test]
    fn scalars_for_text_are_refused_or_taken_from_the_source() {
        let yaml = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec:\n  steps:\n  \
                    - image: i\n    env: [{name: A, value: 010}, {name: B, value: yes}]\n";
        assert_eq!(
            messages(yaml),
            [
                "invalid type: number, expected a string",
                "invalid type: boolean, expected a string",
            ]
        );
        let (catalog, diagnostics) = read(yaml, LENIENT);
        assert!(
            diagnostics
                .0
                .iter()
                .all(|found| found.severity == Severity::Warning)
        );
        let env = &task(&catalog).0.spec.steps[0].env;
        assert_eq!((&*env[0].value, &*env[1].value), ("010", "yes"));
    }

    #[test]
    fn fields_that_tektons_tests_contain_are_forgiven_once() {
        let yaml = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec:\n  params:\n  \
                    - {name: a, value: x}\n  - {name: b, value: x}\n";
        assert_eq!(messages(yaml).len(), 2);
        let (catalog, diagnostics) = read(yaml, LENIENT);
        assert_eq!(diagnostics.0.len(), 1);
        assert_eq!(diagnostics.0[0].severity, Severity::Warning);
        assert_eq!(task(&catalog).0.spec.params[0].default, None);
    }

    #[test]
    fn repeated_keys_are_refused() {
        let yaml = "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec:\n  steps:\n  \
                    - image: a\n    image: b\n";
        assert_eq!(messages(yaml), ["key \"image\" already set in map"]);
        let allowed = Options {
            allow_unknown_fields: true,
            lenient: false,
        };
        let (catalog, diagnostics) = read(yaml, allowed);
        assert!(!diagnostics.has_errors());
        assert_eq!(task(&catalog).0.spec.steps[0].image, "b");
    }

    #[test]
    fn params_need_a_value() {
        let yaml = "apiVersion: tekton.dev/v1\nkind: Pipeline\nspec:\n  tasks: [{params: [{name: a}]}]\n  \
                    results: [null]\n";
        assert_eq!(
            messages(yaml),
            [
                "missing field(s): spec.tasks[0].params[0].value",
                "missing field(s): spec.results[0].value",
            ]
        );
    }

    #[test]
    fn quantities_are_checked_and_ports_are_not() {
        let yaml = |cpu: &str| {
            format!(
                "{{apiVersion: tekton.dev/v1, kind: TaskRun, spec: {{computeResources: \
                 {{limits: {{cpu: {cpu}}}}}}}}}"
            )
        };
        for cpu in ["1", "500m", "1.5", "64Mi", "1e3", "1E", "2Ei", ".5", "'-1'"] {
            assert_eq!(messages(&yaml(cpu)), [""; 0], "{cpu}");
        }
        for cpu in ["1x", "lots", "''", "1.2.3", "1GB", "1 Gi", "2ei"] {
            assert_eq!(messages(&yaml(cpu)).len(), 1, "{cpu}");
        }
        let probe = "apiVersion: tekton.dev/v1\nkind: Task\nspec:\n  sidecars:\n  - readinessProbe: \
                     {tcpSocket: {port: http}}\n";
        assert_eq!(messages(probe), [""; 0]);
    }

    #[test]
    fn v1beta1_fields_without_effect_are_let_pass() {
        let yaml = "apiVersion: tekton.dev/v1beta1\nkind: Task\nmetadata: {name: t}\nspec:\n  \
                    stepTemplate: {name: x}\n  steps:\n  - image: i\n    tty: true\n    resources: \
                    {limits: {cpu: 1}}\n";
        let (catalog, diagnostics) = read(yaml, Options::default());
        let notices: Vec<_> = diagnostics.0.iter().map(|found| found.severity).collect();
        assert_eq!(notices, [Severity::Notice; 2]);
        let (task, id) = task(&catalog);
        let limits = &task.spec.steps[0].compute_resources.limits;
        assert_eq!(limits["cpu"].0, "1");
        assert_eq!(task.api_version, "tekton.dev/v1");
        assert_eq!(
            catalog.document(id).unwrap().api_version,
            "tekton.dev/v1beta1"
        );
        assert_eq!(
            messages(&yaml.replace("tty: true", "tty: 1")),
            [
                "spec.stepTemplate.name has no effect",
                "invalid type: number, expected true or false",
                "spec.steps[0].tty has no effect",
            ]
        );
    }

    #[test]
    fn v1beta1_runs_become_v1() {
        let yaml = "apiVersion: tekton.dev/v1beta1\nkind: PipelineRun\nspec:\n  timeout: 10m\n  \
                    serviceAccountName: sa\n";
        let (catalog, diagnostics) = read(yaml, Options::default());
        assert_eq!(diagnostics, Diagnostics::default());
        let Object::PipelineRun(run) = &catalog.documents()[0].object else {
            panic!("no run");
        };
        let PipelineRun { spec, .. } = &**run;
        assert_eq!(
            spec.timeouts.as_ref().unwrap().pipeline,
            Some(GoDuration::from_mins(10))
        );
        assert_eq!(spec.task_run_template.service_account_name, "sa");
        assert_eq!(
            messages(&yaml.replace("serviceAccountName: sa", "timeouts: {}")),
            ["must not set the field(s): spec.timeout, spec.timeouts"]
        );
    }

    #[test]
    fn nulls_stand_for_nothing() {
        let run = task_run(
            "  taskSpec:\n    steps:\n    - image: i\n      args: [a, null]\n      env:\n      \
             timeout: ~\n    volumes: null\n",
        );
        let task = run.spec.task_spec.unwrap();
        assert_eq!(task.steps[0].args, ["a", ""]);
        assert_eq!(task.steps[0].timeout, None);
        assert!(task.volumes.is_empty() && task.steps[0].env.is_empty());
    }
}
