//! The leaves of a document: text, numbers, durations, quantities and params.

use serde_json::{Map, Value};

use super::decode::Decoder;
use super::json::{as_integer, go_text, to_value};
use super::node::{Node, NodeValue, Scalar, ScalarKind};
use super::scalar;
use crate::diagnostic::{Diagnostic, Segment};
use crate::spec::GoDuration;
use crate::spec::schema::Schema;

impl Decoder {
    pub(super) fn string(&mut self, node: &Node) -> Option<Value> {
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
                "quote it: a cluster rejects it unless it is {text:?}"
            ))
        } else {
            let message = format!("invalid type: {noun}, expected a string");
            Diagnostic::error(message).hint(format!("quote it: {text:?}"))
        };
        self.push(diagnostic);
    }

    pub(super) fn bool(&mut self, node: &Node) -> Option<Value> {
        match &node.value {
            NodeValue::Scalar(Scalar {
                kind: ScalarKind::Bool(value),
                ..
            }) => Some(Value::Bool(*value)),
            _ => self.wrong_type(node, "true or false"),
        }
    }

    pub(super) fn integer(&mut self, node: &Node) -> Option<Value> {
        if let NodeValue::Scalar(scalar) = &node.value
            && let Some(value) = as_integer(scalar)
        {
            return Some(value.into());
        }
        self.wrong_type(node, "a whole number")
    }

    pub(super) fn duration(&mut self, node: &Node) -> Option<Value> {
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

    pub(super) fn int_or_string(&mut self, node: &Node) -> Option<Value> {
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
            let message = format!("{text:?} is not a quantity");
            let hint = "quantities look like 2, 500m, 1.5, 64Mi or 1G";
            self.push(Diagnostic::error(message).hint(hint));
            return None;
        }
        Some(Value::String(text))
    }

    pub(super) fn wrong_type(&mut self, node: &Node, expected: &str) -> Option<Value> {
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
        NodeValue::Map(_) if expected == "a string" => {
            Some("quote text that contains a colon and a space".to_owned())
        }
        NodeValue::Scalar(_) if expected == "a list" => {
            Some("write a list of one as an item: `- …` or `[…]`".to_owned())
        }
        NodeValue::Scalar(scalar)
            if scalar.kind == ScalarKind::String
                && matches!(
                    (expected, scalar::resolve(&scalar.text)),
                    ("true or false", ScalarKind::Bool(_)) | ("a whole number", ScalarKind::Int(_))
                ) =>
        {
            Some(format!("write {} without quotes", scalar.text))
        }
        _ => None,
    }
}

/// The value of a param, in the shape Tekton gives it (`param_types.go`, `UnmarshalJSON`).
pub(super) fn param_value(node: &Node) -> Value {
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

/// Go's zero value.
pub(super) fn zero(schema: &Schema) -> Value {
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
