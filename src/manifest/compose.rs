//! Events to nodes: keys, merges, anchors and aliases.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use granit_parser::{Event, ScalarStyle, Tag};

use super::node::{Entry, Node, NodeValue, Scalar, ScalarKind, Span};
use super::scalar::{go_float, resolve, resolve_tagged};
use super::yaml::{Parsed, Problem};

/// How deep lists and maps may lie in one another, aliases included.
const MAX_DEPTH: usize = 200;
/// How much anchors and aliases of one document may copy, in bytes of [`weight`].
const MAX_COPIED: usize = 16 << 20;
/// What a node counts as beside its text.
const NODE_WEIGHT: usize = 64;
const YAML_TAGS: &str = "tag:yaml.org,2002:";

struct Anchor {
    node: Node,
    weight: usize,
    depth: usize,
}

enum PendingKey {
    Key(String, Span),
    Merge,
    Faulty,
}

enum Shape {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        merges: Vec<Node>,
        pending: Option<PendingKey>,
    },
}

struct Frame {
    shape: Shape,
    start: usize,
    end: usize,
    anchor: usize,
}

/// Builds documents of events.
pub(super) struct Composer<'a> {
    text: &'a str,
    documents: Vec<Parsed>,
    root: Option<Node>,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Anchor>,
    copied: usize,
    /// How many values all documents so far have, those of aliases included.
    values: usize,
    /// How many they may have.
    most: usize,
    problems: Vec<Problem>,
}

impl<'a> Composer<'a> {
    pub(super) fn new(text: &'a str, most: usize) -> Self {
        Self {
            text,
            documents: Vec::new(),
            root: None,
            stack: Vec::new(),
            anchors: HashMap::new(),
            copied: 0,
            values: 0,
            most,
            problems: Vec::new(),
        }
    }

    /// True when no more can be held.
    pub(super) const fn is_full(&self) -> bool {
        self.values > self.most
    }

    pub(super) fn event(&mut self, event: Event<'_>, span: &granit_parser::Span) {
        let span = self.span(span);
        self.values += 1;
        match event {
            Event::DocumentStart(..) | Event::DocumentEnd => self.finish_document(),
            Event::Scalar(text, style, anchor, tag) => {
                let merge = tag.is_none() && style == ScalarStyle::Plain && text == "<<";
                let scalar = self.scalar(text.into_owned(), style, tag.as_deref(), span);
                let node = Node {
                    span,
                    value: NodeValue::Scalar(scalar),
                };
                self.remember(anchor, &node);
                self.add(node, merge);
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open(Shape::List(Vec::new()), span.start, anchor);
            }
            Event::MappingStart(_, anchor, _) => {
                let shape = Shape::Map {
                    entries: Vec::new(),
                    merges: Vec::new(),
                    pending: None,
                };
                self.open(shape, span.start, anchor);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(id) => self.alias(id, span),
            Event::UnresolvedAlias(name) => {
                self.problem(format!("unknown anchor '{name}' referenced"), span, None);
                self.add(Node::null(span.start), false);
            }
            _ => {}
        }
    }

    fn span(&self, span: &granit_parser::Span) -> Span {
        let (start, end) = (span.start.byte_offset(), span.end.byte_offset());
        let start = start.unwrap_or_default().min(self.text.len());
        Span {
            start,
            end: end.unwrap_or_default().clamp(start, self.text.len()),
        }
    }

    fn problem(&mut self, message: impl Into<String>, span: Span, hint: Option<&'static str>) {
        self.problems.push(Problem {
            message: message.into(),
            span,
            hint,
        });
    }

    /// The documents so far.
    pub(super) fn documents(&self) -> &[Parsed] {
        &self.documents
    }

    /// All documents.
    pub(super) fn finish(mut self) -> Vec<Parsed> {
        self.finish_document();
        self.documents
    }

    /// Gives up the present document.
    pub(super) fn abandon(&mut self, problem: Problem) {
        self.problems.push(problem);
        self.finish_document();
    }

    fn finish_document(&mut self) {
        let root = self.root.take();
        self.stack.clear();
        self.anchors.clear();
        self.copied = 0;
        if self.problems.is_empty() {
            self.documents
                .extend(root.filter(|root| !root.is_null()).map(Ok));
        } else {
            self.documents.push(Err(std::mem::take(&mut self.problems)));
        }
    }

    fn scalar(
        &mut self,
        text: String,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Span,
    ) -> Scalar {
        let plain = style == ScalarStyle::Plain;
        let tag_name = tag.and_then(|tag| tag.suffix_in_namespace(YAML_TAGS));
        let (kind, text) = match (tag, tag_name.as_deref()) {
            (None, _) if plain => (resolve(&text), text),
            (_, Some("binary")) => (ScalarKind::String, self.binary(text, span)),
            (_, Some(name)) => {
                let kind = resolve_tagged(name, &text);
                if kind.is_none() {
                    self.problem(format!("cannot decode `{text}` as a !!{name}"), span, None);
                }
                (kind.unwrap_or(ScalarKind::String), text)
            }
            _ => (ScalarKind::String, text),
        };
        if matches!(kind, ScalarKind::Float(value) if !value.is_finite()) {
            self.problem(
                format!("{text} cannot be represented in JSON"),
                span,
                Some("quote it to make it text"),
            );
        }
        Scalar { kind, text, plain }
    }

    fn binary(&mut self, text: String, span: Span) -> String {
        let packed: String = text.split_whitespace().collect();
        let bytes = base64::engine::general_purpose::STANDARD.decode(packed);
        if let Some(text) = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
            return text;
        }
        self.problem("!!binary is not text in base64", span, None);
        text
    }

    fn open(&mut self, shape: Shape, start: usize, anchor: usize) {
        self.stack.push(Frame {
            shape,
            start,
            end: start,
            anchor,
        });
        self.check_depth(0, Span { start, end: start });
    }

    fn check_depth(&mut self, below: usize, span: Span) -> bool {
        let deep = self.stack.len() + below > MAX_DEPTH;
        if deep && self.problems.is_empty() {
            self.problem(
                format!("lists and maps are nested more than {MAX_DEPTH} levels deep"),
                span,
                None,
            );
        }
        !deep
    }

    fn close(&mut self, end: Span) {
        let Some(frame) = self.stack.pop() else {
            return;
        };
        let closing = self.text.get(end.start..end.end).unwrap_or_default();
        let text_end = if closing.starts_with([']', '}']) {
            end.end
        } else {
            frame.end
        };
        let value = match frame.shape {
            Shape::List(items) => NodeValue::List(items),
            Shape::Map {
                entries, merges, ..
            } => NodeValue::Map(self.merge(entries, merges)),
        };
        let node = Node {
            span: Span {
                start: frame.start,
                end: text_end.max(frame.start),
            },
            value,
        };
        self.remember(frame.anchor, &node);
        self.add(node, false);
    }

    fn add(&mut self, node: Node, merge: bool) {
        let Some(mut frame) = self.stack.pop() else {
            self.root = Some(node);
            return;
        };
        frame.end = frame.end.max(node.span.end);
        match &mut frame.shape {
            Shape::List(items) => items.push(node),
            Shape::Map {
                entries,
                merges,
                pending,
            } => match pending.take() {
                None if merge => *pending = Some(PendingKey::Merge),
                None => *pending = Some(self.key(&node)),
                Some(PendingKey::Merge) => merges.push(node),
                Some(PendingKey::Faulty) => {}
                Some(PendingKey::Key(key, key_span)) => entries.push(Entry {
                    key,
                    key_span,
                    value: node,
                }),
            },
        }
        self.stack.push(frame);
    }

    fn key(&mut self, node: &Node) -> PendingKey {
        let NodeValue::Scalar(scalar) = &node.value else {
            self.problem(
                format!("a key must be text, not a {}", node.noun()),
                node.span,
                Some("quote text that begins with { or ["),
            );
            return PendingKey::Faulty;
        };
        let text = match scalar.kind {
            ScalarKind::String => scalar.text.clone(),
            ScalarKind::Bool(value) => value.to_string(),
            ScalarKind::Int(value) => value.to_string(),
            ScalarKind::Uint(value) => value.to_string(),
            ScalarKind::Float(value) => go_float(value),
            ScalarKind::Null => {
                self.problem("a key must not be null", node.span, Some("quote it"));
                return PendingKey::Faulty;
            }
        };
        PendingKey::Key(text, node.span)
    }

    fn merge(&mut self, mut entries: Vec<Entry>, merges: Vec<Node>) -> Vec<Entry> {
        if merges.is_empty() {
            return entries;
        }
        let mut known: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        for merged in merges {
            let span = merged.span;
            let maps = match merged.value {
                NodeValue::List(items) => items,
                _ => vec![merged],
            };
            for map in maps {
                if let NodeValue::Map(inherited) = map.value {
                    let new = inherited
                        .into_iter()
                        .filter(|entry| known.insert(entry.key.clone()));
                    entries.extend(new);
                } else {
                    self.problem("`<<` merges a map or a list of maps", span, None);
                }
            }
        }
        entries
    }

    fn remember(&mut self, anchor: usize, node: &Node) {
        if anchor == 0 {
            return;
        }
        let weight = weight(node);
        if self.charge(weight, node.span) {
            let anchor_node = Anchor {
                node: node.clone(),
                weight,
                depth: depth(node),
            };
            self.anchors.insert(anchor, anchor_node);
        }
    }

    fn alias(&mut self, id: usize, span: Span) {
        let Some(anchor) = self.anchors.get(&id) else {
            let message = "an anchor contains itself, or is too large to repeat";
            self.problem(message, span, None);
            self.add(Node::null(span.start), false);
            return;
        };
        let (weight, depth) = (anchor.weight, anchor.depth);
        let mut node = Node::null(span.start);
        if self.check_depth(depth, span)
            && self.charge(weight, span)
            && let Some(anchor) = self.anchors.get(&id)
        {
            node = anchor.node.clone();
        }
        self.add_copy(node, span);
    }

    /// A copy keeps its places, but the collection around it ends where the alias does.
    fn add_copy(&mut self, node: Node, alias: Span) {
        let end = self.stack.last().map(|frame| frame.end);
        self.add(node, false);
        if let (Some(frame), Some(end)) = (self.stack.last_mut(), end) {
            frame.end = end.max(alias.end);
        }
    }

    fn charge(&mut self, weight: usize, span: Span) -> bool {
        let fits = self.copied.saturating_add(weight) <= MAX_COPIED;
        if fits {
            self.copied += weight;
            self.values = self.values.saturating_add(weight / NODE_WEIGHT);
        } else if self.problems.is_empty() {
            self.problem("aliases repeat too much of the document", span, None);
        }
        fits
    }
}

/// What a copy of a node costs, in bytes, roughly.
fn weight(node: &Node) -> usize {
    let below = match &node.value {
        NodeValue::Scalar(scalar) => scalar.text.len(),
        NodeValue::List(items) => items.iter().map(weight).sum(),
        NodeValue::Map(entries) => entries
            .iter()
            .map(|entry| NODE_WEIGHT + entry.key.len() + weight(&entry.value))
            .sum(),
    };
    NODE_WEIGHT + below
}

fn depth(node: &Node) -> usize {
    let deepest = match &node.value {
        NodeValue::Scalar(_) => return 0,
        NodeValue::List(items) => items.iter().map(depth).max(),
        NodeValue::Map(entries) => entries.iter().map(|entry| depth(&entry.value)).max(),
    };
    1 + deepest.unwrap_or_default()
}
