//! Everything that was read, to look things up in and to point into.

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

use super::node::{LargeMaps, Node, Span};
use super::source::{Position, SourceFile};
use crate::diagnostic::{DocumentId, FieldPath};
use crate::name::nearest_namespace;
use crate::spec::{Object, Pipeline};

/// A document this runner understands.
#[derive(Debug)]
pub struct Document {
    /// Its place in the input.
    pub id: DocumentId,
    /// The version it was written in, before it became `tekton.dev/v1`.
    pub api_version: String,
    /// What it says, without what was at fault in it.
    pub object: Object,
}

/// The text a document was read from: also of one that could not be understood.
#[derive(Debug)]
struct Place {
    source: usize,
    root: Node,
    /// Where the keys of large maps are.
    large: OnceLock<LargeMaps>,
    /// The nodes before v1beta1 became v1: what was refused is only here.
    written: Option<Node>,
    /// Paths of which the key is meant and not the value.
    keys: BTreeSet<FieldPath>,
}

/// Where something stands.
#[derive(Debug, Clone, Copy)]
pub struct Location<'a> {
    /// The text.
    pub source: &'a SourceFile,
    /// Line and column of its beginning, counted from one.
    pub position: Position,
    /// Its bytes.
    pub span: Span,
}

/// All sources and documents of an invocation, in the order given.
#[derive(Debug, Default)]
pub struct Catalog {
    sources: Vec<SourceFile>,
    places: Vec<Place>,
    documents: Vec<Document>,
    /// From kind and name to the documents of that name, the first first.
    names: HashMap<(&'static str, String), Vec<usize>>,
}

impl Catalog {
    /// The documents in the order read.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// The sources in the order given.
    pub fn sources(&self) -> &[SourceFile] {
        &self.sources
    }

    /// A document; `None` for one that is not understood.
    pub fn document(&self, id: DocumentId) -> Option<&Document> {
        self.documents
            .binary_search_by_key(&id, |document| document.id)
            .ok()
            .map(|index| &self.documents[index])
    }

    /// PipelineRuns and TaskRuns in the order read.
    pub fn runs(&self) -> impl Iterator<Item = &Document> {
        self.documents.iter().filter(|document| {
            matches!(document.object, Object::PipelineRun(_) | Object::TaskRun(_))
        })
    }

    /// The document of a kind and name that is meant in a namespace.
    pub fn find(&self, kind: &'static str, name: &str, namespace: &str) -> Option<&Document> {
        let found = self.names.get(&(kind, name.to_owned()))?;
        let mut same = found.iter().filter_map(|place| self.documents.get(*place));
        let namespaces = same.clone();
        let namespaces = namespaces.map(|found| found.object.metadata().namespace.as_str());
        let nearest = nearest_namespace(namespace, namespaces)?;
        same.nth(nearest)
    }

    /// The names of all documents of a kind, for suggestions, in the order read.
    pub fn names(&self, kind: &str) -> impl Iterator<Item = &str> {
        self.documents
            .iter()
            .filter(move |document| document.object.kind() == kind)
            .map(|document| document.object.metadata().name.as_str())
    }

    /// The Pipeline of this name that is meant in a namespace.
    pub fn pipeline(&self, name: &str, namespace: &str) -> Option<(&Pipeline, DocumentId)> {
        let document = self.find("Pipeline", name, namespace)?;
        match &document.object {
            Object::Pipeline(pipeline) => Some((pipeline, document.id)),
            _ => None,
        }
    }

    /// Where a field stands; of one that does not exist, the nearest thing around it that does.
    /// `None` only for a document this catalog does not have.
    pub fn locate(&self, document: DocumentId, path: &FieldPath) -> Option<Location<'_>> {
        let span = self.span(document, path)?;
        let place = self.places.get(document.0)?;
        let source = self.sources.get(place.source)?;
        Some(Location {
            source,
            position: source.position(span.start),
            span,
        })
    }

    /// The bytes that [`Catalog::locate`] points at.
    pub fn span(&self, document: DocumentId, path: &FieldPath) -> Option<Span> {
        let place = self.places.get(document.0)?;
        let source = self.sources.get(place.source)?;
        Some(place.span(source, path))
    }

    pub(super) fn add_source(&mut self, source: SourceFile) -> usize {
        self.sources.push(source);
        self.sources.len() - 1
    }

    pub(super) fn add_place(&mut self, source: usize, root: Node) -> DocumentId {
        self.places.push(Place {
            source,
            root,
            large: OnceLock::new(),
            written: None,
            keys: BTreeSet::new(),
        });
        DocumentId(self.places.len() - 1)
    }

    pub(super) fn settle(
        &mut self,
        id: DocumentId,
        root: Node,
        written: Option<Node>,
        keys: BTreeSet<FieldPath>,
    ) {
        if let Some(place) = self.places.get_mut(id.0) {
            place.root = root;
            place.large = OnceLock::new();
            place.written = written;
            place.keys = keys;
        }
    }

    /// Adds a document, which must come after all others. When there is one of its kind, name and
    /// namespace, that one is returned and stays the one that counts.
    pub(super) fn add_document(&mut self, document: Document) -> Option<DocumentId> {
        let metadata = document.object.metadata();
        let mut earlier = None;
        if !metadata.name.is_empty() {
            let key = (document.object.kind(), metadata.name.clone());
            let same = self.names.entry(key).or_default();
            earlier = same.iter().find_map(|index| {
                let other: &Document = self.documents.get(*index)?;
                let namespace = &other.object.metadata().namespace;
                (*namespace == metadata.namespace).then_some(other.id)
            });
            same.push(self.documents.len());
        }
        self.documents.push(document);
        earlier
    }
}

impl Place {
    /// A place that is short enough to underline: a value of one line, else its key.
    fn span(&self, source: &SourceFile, path: &FieldPath) -> Span {
        let large = self.large.get_or_init(|| LargeMaps::of(&self.root));
        let mut found = self.root.find_in(path, large);
        if !found.complete
            && let Some(written) = &self.written
        {
            found = Some(written.find(path))
                .filter(|written| written.complete)
                .unwrap_or(found);
        }
        let span = found.node.span;
        let one_line = !source.slice(span).contains('\n');
        match found.key {
            Some(key) if !found.complete || !one_line || self.keys.contains(path) => key,
            _ if one_line => span,
            _ => match found.node.entries() {
                Some([first, ..]) => first.key_span,
                _ => first_line(source, span),
            },
        }
    }
}

fn first_line(source: &SourceFile, span: Span) -> Span {
    let text = source.slice(span);
    let len = text.find('\n').unwrap_or(text.len());
    Span {
        start: span.start,
        end: span.start + len,
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::{DocumentId, FieldPath};
    use crate::manifest::{Catalog, ManifestInput, ReadOptions, load};

    const YAML: &str = "\
apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: t
spec:
  params:
  - name: a
    default: [x]
  steps:
  - name: s
    script: |
      echo
    imag: i
---
apiVersion: v1
kind: ConfigMap
metadata: {name: t}
";

    fn catalog() -> Catalog {
        let input = ManifestInput::Text {
            name: "f".to_owned(),
            bytes: YAML.into(),
        };
        load(&[input], ReadOptions::default()).0
    }

    fn underlined(path: &str) -> String {
        let catalog = catalog();
        let place = catalog
            .locate(DocumentId(0), &FieldPath::parse(path))
            .unwrap();
        place.source.slice(place.span).to_owned()
    }

    #[test]
    fn places_are_short_and_near() {
        for (path, text) in [
            ("metadata.name", "t"),
            ("spec.params[0].default", "[x]"),
            ("spec.params[a].default[0]", "x"),
            ("spec.steps", "steps"),
            ("spec.steps[0]", "name"),
            ("spec.steps[0].script", "script"),
            ("spec.steps[0].image", "name"),
            ("spec.steps[0].imag", "imag"),
            ("spec.nope.deeper", "spec"),
            ("status", "apiVersion"),
            ("", "apiVersion"),
        ] {
            assert_eq!(underlined(path), text, "{path}");
        }
    }

    #[test]
    fn names_lead_to_documents() {
        let catalog = catalog();
        let found = |kind, name| catalog.find(kind, name, "").map(|document| document.id);
        assert_eq!(found("Task", "t"), Some(DocumentId(0)));
        assert_eq!(found("ConfigMap", "t"), Some(DocumentId(1)));
        assert_eq!(found("Task", "u"), None);
        assert!(catalog.pipeline("t", "").is_none());
        assert_eq!(catalog.names("Task").collect::<Vec<_>>(), ["t"]);
        assert!(catalog.document(DocumentId(7)).is_none());
        assert_eq!(catalog.runs().count(), 0);
    }
}
