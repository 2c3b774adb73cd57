//! From nodes to typed objects, with every fault named.
//!
//! The walk follows the schema the types are made of, as strictly as Tekton's webhook ("disallow
//! unknown fields") and Kubernetes' API server, and collects all faults instead of the first.
//! What is at fault is left out, so an object comes out all the same and can be referred to.
//!
//! Some of what a cluster refuses has one meaning only. With [`Options::lenient`] that is a
//! warning: a number or boolean where text is wanted (its source text is taken), a v1 name in a
//! v1beta1 document (it is read as in v1), and the fields of [`advice::STRAY`], which Tekton's own tests
//! contain and no cluster ever saw. With [`Options::allow_unknown_fields`], unknown fields and
//! repeated keys are notices.

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
        } else if let Some(why) = advice::stray(&self.path, key, schema, self.options.lenient) {
            if !self.told.insert((schema.name, key.to_owned())) {
                return None;
            }
            let message = format!("unknown field \"{}\" is ignored", self.path);
            self.push_key(Diagnostic::warning(message).hint(why));
        } else {
            self.unknown_field(advice::for_unknown(key, schema, self.beta));
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
