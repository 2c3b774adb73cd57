//! Nodes as JSON, as sigs.k8s.io/yaml writes it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

use super::node::{Entry, Node, NodeValue, Scalar, ScalarKind};
use super::scalar::go_float;

/// The node as a JSON value. Whole floats become integers, as Go's JSON has one kind of number.
pub(super) fn to_value(node: &Node) -> Value {
    match &node.value {
        NodeValue::Scalar(scalar) => scalar_value(scalar),
        NodeValue::List(items) => items.iter().map(to_value).collect(),
        NodeValue::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.clone(), to_value(&entry.value)))
            .collect::<Map<_, _>>()
            .into(),
    }
}

fn scalar_value(scalar: &Scalar) -> Value {
    match scalar.kind {
        ScalarKind::String => Value::String(scalar.text.clone()),
        ScalarKind::Null => Value::Null,
        ScalarKind::Bool(value) => Value::Bool(value),
        ScalarKind::Int(value) => value.into(),
        ScalarKind::Uint(value) => value.into(),
        ScalarKind::Float(value) => integer(value).map_or_else(
            || Number::from_f64(value).map_or(Value::Null, Value::Number),
            Into::into,
        ),
    }
}

/// How long the node is as JSON, in bytes, as far as it matters: escapes count as one.
pub(super) fn json_len(node: &Node) -> usize {
    match &node.value {
        NodeValue::Scalar(scalar) => scalar.text.len() + 2,
        NodeValue::List(items) => 2 + items.iter().map(|item| json_len(item) + 1).sum::<usize>(),
        NodeValue::Map(entries) => {
            let entries = entries.iter();
            2 + entries
                .map(|entry| entry.key.len() + 4 + json_len(&entry.value))
                .sum::<usize>()
        }
    }
}

/// The whole number a scalar is, if it is one that Go's `int64` holds.
pub(super) fn as_integer(scalar: &Scalar) -> Option<i64> {
    match scalar.kind {
        ScalarKind::Int(value) => Some(value),
        ScalarKind::Float(value) => integer(value),
        _ => None,
    }
}

/// Go prints floats below 1e21 without an exponent, and reads whole ones back as integers.
fn integer(value: f64) -> Option<i64> {
    go_float(value).parse().ok()
}

/// The JSON text Tekton makes a string param of: keys sorted, no spaces, `<`, `>` and `&` escaped,
/// as Go's encoder does.
pub(super) fn go_text(node: &Node) -> String {
    let mut text = String::new();
    write_node(node, &mut text);
    text
}

fn write_node(node: &Node, out: &mut String) {
    match &node.value {
        NodeValue::Scalar(scalar) => write_scalar(scalar, out),
        NodeValue::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_node(item, out);
            }
            out.push(']');
        }
        NodeValue::Map(entries) => {
            let sorted: BTreeMap<&str, &Node> = entries
                .iter()
                .map(|Entry { key, value, .. }| (key.as_str(), value))
                .collect();
            out.push('{');
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_node(value, out);
            }
            out.push('}');
        }
    }
}

fn write_scalar(scalar: &Scalar, out: &mut String) {
    match scalar.kind {
        ScalarKind::String => write_string(&scalar.text, out),
        ScalarKind::Null => out.push_str("null"),
        ScalarKind::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        ScalarKind::Int(value) => out.push_str(&value.to_string()),
        ScalarKind::Uint(value) => out.push_str(&value.to_string()),
        ScalarKind::Float(value) => out.push_str(&go_float(value)),
    }
}

fn write_string(text: &str, out: &mut String) {
    for c in Value::from(text).to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{go_text, to_value};
    use crate::manifest::yaml;

    #[test]
    fn json_text_is_gos() {
        for (yaml, json) in [
            ("[yes, 2]", "[true,2]"),
            ("{b: 1.0, a: 010}", r#"{"a":8,"b":1}"#),
            ("[1e3, 'a<b', null]", r#"[1000,"a\u003cb",null]"#),
            ("[1e20, 1e21, .5]", "[100000000000000000000,1e+21,0.5]"),
        ] {
            let node = yaml::parse(yaml).remove(0).unwrap();
            assert_eq!(go_text(&node), json, "{yaml}");
        }
    }

    #[test]
    fn whole_floats_are_integers() {
        let node = yaml::parse("[1.0, 1.5, 1e3]").remove(0).unwrap();
        assert_eq!(to_value(&node), serde_json::json!([1, 1.5, 1000]));
    }
}
