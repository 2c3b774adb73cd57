//! From nodes to typed objects, with every fault named.
//!
//! The walk follows the schema the types are made of, as strictly as Tekton's webhook ("disallow
//! unknown fields") and Kubernetes' API server, and collects all faults instead of the first.
//! What is at fault is left out, so an object comes out all the same and can be referred to.
//!
//! Some of what a cluster refuses has one meaning only. With [`Options::lenient`] that is a
//! warning: a number or boolean where text is wanted (its source text is taken), a v1 name in a
//! v1beta1 document (it is read as in v1), and the fields of [`STRAY`], which Tekton's own tests
//! contain and no cluster ever saw. With [`Options::allow_unknown_fields`], unknown fields and
//! repeated keys are notices.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value};

use super::json::{as_integer, go_text, to_value};
use super::kind::Kind;
use super::node::{Entry, Node, NodeValue, Scalar, ScalarKind};
use super::v1beta1::{self, Refusal};
use crate::diagnostic::{
    Diagnostic, Diagnostics, DocumentId, FieldPath, Segment, Severity, did_you_mean,
};
use crate::spec::schema::{ObjectSchema, Schema};
use crate::spec::{GoDuration, Object};

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

/// Objects whose `value` Tekton cannot do without: it cannot write them back as JSON.
const NEEDS_VALUE: [&str; 2] = ["Param", "PipelineResult"];

/// A field that is not Tekton's and can only be left out.
struct Stray {
    object: &'static str,
    field: &'static str,
    why: &'static str,
}

const STRAY: [Stray; 2] = [
    Stray {
        object: "ParamSpec",
        field: "value",
        why: "a declared param has a default, not a value; a cluster refuses this",
    },
    Stray {
        object: "Param",
        field: "type",
        why: "the type follows from the value; a cluster refuses this",
    },
];

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

struct Decoder {
    document: DocumentId,
    options: Options,
    beta: bool,
    path: FieldPath,
    diagnostics: Diagnostics,
    keys: BTreeSet<FieldPath>,
    /// Stray fields that were spoken of: once is enough.
    told: HashSet<(&'static str, String)>,
}

impl Decoder {
    fn push(&mut self, diagnostic: Diagnostic) {
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
            return Some(param_value(node));
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
                if let Some(decoded) = this.field(key, value, schema) {
                    map.insert(key.clone(), decoded);
                }
            });
        }
        if NEEDS_VALUE.contains(&schema.name) && node.get("value").is_none() {
            self.missing_value();
        }
        Some(Value::Object(map))
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
        } else if let Some(why) = self.stray(key, schema) {
            if !self.told.insert((schema.name, key.to_owned())) {
                return None;
            }
            let message = format!("unknown field \"{}\" is ignored", self.path);
            self.push_key(Diagnostic::warning(message).hint(why));
        } else {
            self.unknown_field(self.suggestion(key, schema));
        }
        None
    }

    /// Why a field that is not Tekton's is let pass; it is then left out.
    fn stray(&self, key: &str, schema: &ObjectSchema) -> Option<&'static str> {
        if schema.name == "TaskRef" && key == "version" && self.in_pipeline_task() {
            return Some("konflux-ci's tooling replaces this before a cluster sees it");
        }
        let stray = STRAY
            .iter()
            .find(|stray| stray.object == schema.name && stray.field == key);
        stray
            .filter(|_| self.options.lenient)
            .map(|stray| stray.why)
    }

    /// True below the `taskRef` of a task of a pipeline, as opposed to that of a TaskRun.
    fn in_pipeline_task(&self) -> bool {
        matches!(
            self.path.0.as_slice(),
            [.., Segment::Index(_), Segment::Key(_), Segment::Key(_)]
        )
    }

    fn suggestion(&self, key: &str, schema: &'static ObjectSchema) -> Option<String> {
        let known = if self.beta {
            v1beta1::field_names(schema)
        } else {
            schema.fields.iter().map(|field| field.name).collect()
        };
        let advice = match (schema.name, key) {
            ("Step" | "StepTemplate" | "Sidecar", "resources") => {
                "computeResources is its name in v1"
            }
            ("PipelineRunSpec", "serviceAccountName" | "podTemplate") => {
                "in v1 it lies in taskRunTemplate"
            }
            ("PipelineRunSpec", "timeout") => "timeouts.pipeline is its place in v1",
            ("TaskRef" | "PipelineRef", "bundle") => {
                "use resolver: bundles with the params bundle, name and kind"
            }
            ("ParamSpec", "value") => "a declared param has a default, not a value",
            ("TaskRef" | "PipelineRef", "version") => {
                "the version is part of the resolver's params"
            }
            ("Param", "default") => "a param that is passed has a value, not a default",
            _ => return did_you_mean(key, known).map(|name| format!("did you mean {name:?}?")),
        };
        Some(advice.to_owned())
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
        self.value(node, schema).unwrap_or_else(|| zero(schema))
    }

    fn missing_value(&mut self) {
        self.within(Segment::Key("value".to_owned()), |this| {
            let message = format!("missing field(s): {}", this.path);
            let hint = "write value: \"\" for an empty one";
            this.push(Diagnostic::error(message).hint(hint));
        });
    }

    fn string(&mut self, node: &Node) -> Option<Value> {
        let NodeValue::Scalar(scalar) = &node.value else {
            return self.wrong_type(node, "a string");
        };
        if scalar.kind != ScalarKind::String {
            self.scalar_as_text(scalar);
        }
        Some(Value::String(scalar.text.clone()))
    }

    fn scalar_as_text(&mut self, scalar: &Scalar) {
        let noun = scalar.kind.noun();
        let text = &scalar.text;
        let diagnostic = if self.options.lenient {
            Diagnostic::warning(format!("{noun} {text} is taken as text")).hint(format!(
                "quote it: a cluster refuses it unless it is {text:?}"
            ))
        } else {
            let message = format!("invalid type: {noun}, expected a string");
            Diagnostic::error(message).hint(format!("quote it: {text:?}"))
        };
        self.push(diagnostic);
    }

    fn bool(&mut self, node: &Node) -> Option<Value> {
        match &node.value {
            NodeValue::Scalar(Scalar {
                kind: ScalarKind::Bool(value),
                ..
            }) => Some(Value::Bool(*value)),
            _ => self.wrong_type(node, "true or false"),
        }
    }

    fn integer(&mut self, node: &Node) -> Option<Value> {
        if let NodeValue::Scalar(scalar) = &node.value
            && let Some(value) = as_integer(scalar)
        {
            return Some(value.into());
        }
        self.wrong_type(node, "a whole number")
    }

    fn duration(&mut self, node: &Node) -> Option<Value> {
        let Some(text) = node.as_str() else {
            return self.wrong_type(node, "a duration such as \"1h30m\"");
        };
        if GoDuration::parse(text).is_some() {
            return Some(Value::String(text.to_owned()));
        }
        let message = format!("invalid duration {text:?}");
        let hint = "durations look like 1h30m, 90s or 500ms; the units are h, m, s, ms, us and ns";
        self.push(Diagnostic::error(message).hint(hint));
        None
    }

    fn int_or_string(&mut self, node: &Node) -> Option<Value> {
        let NodeValue::Scalar(scalar) = &node.value else {
            return self.wrong_type(node, "a number or text");
        };
        let port = matches!(self.path.0.last(), Some(Segment::Key(key)) if key == "port");
        let text = match scalar.kind {
            ScalarKind::String => scalar.text.clone(),
            ScalarKind::Bool(_) | ScalarKind::Null => {
                return self.wrong_type(node, "a number or text");
            }
            _ => go_text(node),
        };
        if !port && !is_quantity(&text) {
            let message = format!("{text:?} is no quantity");
            let hint = "quantities look like 2, 500m, 1.5, 64Mi or 1G";
            self.push(Diagnostic::error(message).hint(hint));
            return None;
        }
        Some(Value::String(text))
    }

    fn wrong_type(&mut self, node: &Node, expected: &str) -> Option<Value> {
        let message = format!("invalid type: {}, expected {expected}", node.noun());
        let mut diagnostic = Diagnostic::error(message);
        diagnostic.hint = type_hint(node, expected);
        self.push(diagnostic);
        None
    }
}

fn type_hint(node: &Node, expected: &str) -> Option<String> {
    match &node.value {
        NodeValue::Scalar(scalar) if expected.starts_with("a duration") => {
            let unit = if scalar.text == "0" { "" } else { "s" };
            (scalar.kind.noun() == "number").then(|| format!("write \"{}{unit}\"", scalar.text))
        }
        NodeValue::Scalar(_) if expected == "a list" => {
            Some("a list of one is written as an item: `- …` or `[…]`".to_owned())
        }
        NodeValue::Scalar(scalar)
            if scalar.kind == ScalarKind::String
                && matches!(
                    (expected, super::scalar::resolve(&scalar.text)),
                    ("true or false", ScalarKind::Bool(_)) | ("a whole number", ScalarKind::Int(_))
                ) =>
        {
            Some(format!("write {} without quotes", scalar.text))
        }
        _ => None,
    }
}

/// The value of a param, in the shape Tekton gives it (`param_types.go`, `UnmarshalJSON`).
fn param_value(node: &Node) -> Value {
    let is_text = |node: &Node| node.is_null() || node.as_str().is_some();
    let shaped = match &node.value {
        NodeValue::Scalar(scalar) => scalar.kind == ScalarKind::String,
        NodeValue::List(items) => items.iter().all(is_text),
        NodeValue::Map(entries) => entries.iter().all(|entry| is_text(&entry.value)),
    };
    if shaped {
        to_value(node)
    } else if node.is_null() {
        Value::String(String::new())
    } else {
        Value::String(go_text(node))
    }
}

fn zero(schema: &Schema) -> Value {
    match schema {
        Schema::String | Schema::ParamValue => Value::String(String::new()),
        Schema::Bool => Value::Bool(false),
        Schema::Integer => 0.into(),
        Schema::Duration | Schema::IntOrString => Value::String("0".to_owned()),
        Schema::Any => Value::Null,
        Schema::List(_) => Value::Array(Vec::new()),
        Schema::Map(_) | Schema::Object(_) => Value::Object(Map::new()),
    }
}

/// A quantity of Kubernetes (`k8s.io/apimachinery/pkg/api/resource`, `ParseQuantity`).
fn is_quantity(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 || number.len() - digits > 1 {
        return false;
    }
    if let Some(exponent) = suffix.strip_prefix(['e', 'E'])
        && !exponent.is_empty()
    {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        return suffix == "Ei"
            || (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
    }
    matches!(
        suffix,
        "" | "n" | "u" | "m" | "k" | "M" | "G" | "T" | "P" | "E" | "Ki" | "Mi" | "Gi" | "Ti" | "Pi"
    )
}
