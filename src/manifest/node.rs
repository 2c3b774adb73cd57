//! A YAML document as a tree in which everything knows its place in the text.

use std::collections::HashMap;

use crate::diagnostic::{FieldPath, Segment};

/// A range of bytes of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// What a scalar is after Kubernetes' YAML rules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScalarKind {
    /// Text.
    String,
    /// Nothing: empty, `~`, `null`.
    Null,
    /// `true`, `yes`, `on`, … and their opposites.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number beyond [`i64::MAX`].
    Uint(u64),
    /// A number with a fraction or exponent.
    Float(f64),
}

impl ScalarKind {
    /// The word for it in a message.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Int(_) | Self::Uint(_) | Self::Float(_) => "number",
        }
    }
}

/// A leaf.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// What it is.
    pub kind: ScalarKind,
    /// Its text, quotes and escapes resolved.
    pub text: String,
    /// True when it was written without quotes and not as a block.
    pub plain: bool,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeValue {
    /// A leaf.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A map in the order written. A key may stand twice: the last one counts, and the decoder
    /// says so.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key as Kubernetes sees it: `y: 1` has the key `true`.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where.
    pub span: Span,
    /// What.
    pub value: NodeValue,
}

/// What a [`FieldPath`] leads to.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The node, or the last one on the way that exists.
    pub node: &'a Node,
    /// The key it is the value of; `None` for an item of a list and for the document.
    pub key: Option<Span>,
    /// False when the path leads on.
    pub complete: bool,
}

/// How many entries a map has that is indexed.
const LARGE: usize = 64;

/// The places of the keys of large maps: looking thousands of them up one by one takes too long.
#[derive(Debug, Default)]
pub(super) struct LargeMaps(HashMap<Span, HashMap<String, usize>>);

impl LargeMaps {
    pub(super) fn of(root: &Node) -> Self {
        let mut found = Self::default();
        found.add(root);
        found
    }

    fn add(&mut self, node: &Node) {
        match &node.value {
            NodeValue::Scalar(_) => {}
            NodeValue::List(items) => items.iter().for_each(|item| self.add(item)),
            NodeValue::Map(entries) => {
                if entries.len() >= LARGE {
                    let keys = entries.iter().enumerate();
                    let keys = keys.map(|(place, entry)| (entry.key.clone(), place));
                    self.0.insert(node.span, keys.collect());
                }
                entries.iter().for_each(|entry| self.add(&entry.value));
            }
        }
    }

    fn entry<'n>(&self, node: &'n Node, key: &str) -> Option<&'n Entry> {
        let entries = node.entries()?;
        let indexed = self.0.get(&node.span).filter(|_| entries.len() >= LARGE);
        let known = indexed.and_then(|keys| entries.get(*keys.get(key)?));
        // Two maps can stand at one place, after a conversion.
        match known.filter(|entry| entry.key == key) {
            Some(entry) => Some(entry),
            None => node.entry(key),
        }
    }
}

impl Node {
    /// A null that takes up no space.
    pub const fn null(at: usize) -> Self {
        Self {
            span: Span { start: at, end: at },
            value: NodeValue::Scalar(Scalar {
                kind: ScalarKind::Null,
                text: String::new(),
                plain: true,
            }),
        }
    }

    /// True for an empty scalar, `~` and `null`.
    pub const fn is_null(&self) -> bool {
        matches!(
            self.value,
            NodeValue::Scalar(Scalar {
                kind: ScalarKind::Null,
                ..
            })
        )
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            NodeValue::Scalar(scalar) if scalar.kind == ScalarKind::String => Some(&scalar.text),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn items(&self) -> Option<&[Self]> {
        match &self.value {
            NodeValue::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a map.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            NodeValue::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entries of a map, to change.
    pub const fn entries_mut(&mut self) -> Option<&mut Vec<Entry>> {
        match &mut self.value {
            NodeValue::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entry of a map with this key; the last one when it stands twice.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()?.iter().rev().find(|entry| entry.key == key)
    }

    /// The value of a map's key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The word for it in a message.
    pub const fn noun(&self) -> &'static str {
        match &self.value {
            NodeValue::Scalar(scalar) => scalar.kind.noun(),
            NodeValue::List(_) => "list",
            NodeValue::Map(_) => "map",
        }
    }

    /// Follows a path as far as it goes. In a list, a key stands for the item of that name, as in
    /// Tekton's `spec.params[image]`.
    pub fn find(&self, path: &FieldPath) -> Found<'_> {
        self.find_in(path, &LargeMaps::default())
    }

    /// The same, with the large maps of the document indexed.
    pub(super) fn find_in(&self, path: &FieldPath, large: &LargeMaps) -> Found<'_> {
        let mut found = Found {
            node: self,
            key: None,
            complete: true,
        };
        for segment in &path.0 {
            let next = match segment {
                Segment::Key(key) if found.node.items().is_some() => {
                    found.node.named(key).map(|node| (node, None))
                }
                Segment::Key(key) => large
                    .entry(found.node, key)
                    .map(|entry| (&entry.value, Some(entry.key_span))),
                Segment::Index(index) => found
                    .node
                    .items()
                    .and_then(|items| items.get(*index))
                    .map(|node| (node, None)),
            };
            let Some((node, key)) = next else {
                found.complete = false;
                return found;
            };
            found.node = node;
            found.key = key;
        }
        found
    }

    fn named(&self, name: &str) -> Option<&Self> {
        self.items()?
            .iter()
            .find(|item| item.get("name").and_then(Self::as_str) == Some(name))
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Node, NodeValue, Scalar, ScalarKind, Span};
    use crate::diagnostic::FieldPath;

    fn text(text: &str) -> Node {
        Node {
            value: NodeValue::Scalar(Scalar {
                kind: ScalarKind::String,
                text: text.to_owned(),
                plain: true,
            }),
            ..Node::null(0)
        }
    }

    fn map(entries: Vec<(&str, Node)>) -> Node {
        Node {
            value: NodeValue::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry {
                        key: key.to_owned(),
                        key_span: Span::default(),
                        value,
                    })
                    .collect(),
            ),
            ..Node::null(0)
        }
    }

    #[test]
    fn paths_lead_by_key_index_and_name() {
        let params = Node {
            value: NodeValue::List(vec![
                map(vec![("name", text("a")), ("value", text("1"))]),
                map(vec![("name", text("b")), ("value", text("2"))]),
            ]),
            ..Node::null(0)
        };
        let root = map(vec![("spec", map(vec![("params", params)]))]);
        for (path, expected) in [
            ("spec.params[1].value", Some("2")),
            ("spec.params[b].value", Some("2")),
            ("spec.params[a].name", Some("a")),
        ] {
            let found = root.find(&FieldPath::parse(path));
            assert!(found.complete, "{path}");
            assert_eq!(found.node.as_str(), expected, "{path}");
        }
        let found = root.find(&FieldPath::parse("spec.params[7].value"));
        assert!(!found.complete);
        assert_eq!(found.node.noun(), "list");
    }

    #[test]
    fn the_last_of_two_equal_keys_counts() {
        let root = map(vec![("a", text("1")), ("a", text("2"))]);
        assert_eq!(root.get("a").and_then(Node::as_str), Some("2"));
    }
}
