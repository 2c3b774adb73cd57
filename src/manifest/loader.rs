//! Reading inputs: files, directories and text handed in.
//!
//! A directory stands for its `.yaml`, `.yml` and `.json` files in the order of their names,
//! without those of its sub-directories, as for `kubectl apply -f`. A file named twice is read
//! once. What is no object of Kubernetes is an error in a file that was named, and a notice in
//! one that merely lies in a directory.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::catalog::{Catalog, Document};
use super::decode::{Options, decode};
use super::json::json_len;
use super::kind::{Class, classify, maker_hint};
use super::node::{Node, NodeValue, Span};
use super::source::SourceFile;
use super::yaml::{self, Problem};
use crate::diagnostic::{Diagnostic, Diagnostics, FieldPath, Segment, Severity};

/// The largest file that is read, in bytes.
const MAX_SIZE: u64 = 16 << 20;
/// How much is read in all, in bytes.
const MAX_TOTAL: usize = 64 << 20;
/// The largest object, in bytes of JSON: the store of a cluster holds no larger one (etcd's
/// `--max-request-bytes`).
const MAX_OBJECT: usize = 3 << 19;

pub use super::decode::Options as ReadOptions;

/// Something to read documents from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestInput {
    /// A file or directory.
    Path(PathBuf),
    /// Text that was read elsewhere, such as standard input.
    Text {
        /// What to call it in messages.
        name: String,
        /// What it says.
        bytes: Vec<u8>,
    },
}

/// Reads all inputs. Whatever cannot be read or understood is in the diagnostics; the catalog
/// holds the rest.
pub fn load(inputs: &[ManifestInput], options: ReadOptions) -> (Catalog, Diagnostics) {
    let mut loader = Loader {
        catalog: Catalog::default(),
        diagnostics: Diagnostics::default(),
        options,
        files: HashSet::new(),
        read: 0,
    };
    for input in inputs {
        match input {
            ManifestInput::Path(path) if path.is_dir() => loader.directory(path),
            ManifestInput::Path(path) => loader.file(path, Named::Itself),
            ManifestInput::Text { name, bytes } => {
                loader.text(name, None, bytes, Named::Itself);
            }
        }
    }
    (loader.catalog, loader.diagnostics)
}

/// How an input came to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Itself,
    ByDirectory,
}

struct Loader {
    catalog: Catalog,
    diagnostics: Diagnostics,
    options: Options,
    files: HashSet<PathBuf>,
    /// How many bytes were read.
    read: usize,
}

impl Loader {
    fn directory(&mut self, path: &Path) {
        match manifests(path) {
            Ok(files) if files.is_empty() => {
                let message = format!("{}: no manifests in this directory", path.display());
                let hint = "it needs .yaml, .yml or .json files; sub-directories are not searched";
                self.diagnostics.push(Diagnostic::error(message).hint(hint));
            }
            Ok(files) => {
                for file in files {
                    self.file(&file, Named::ByDirectory);
                }
            }
            Err(error) => self.unreadable(path, &error),
        }
    }

    fn file(&mut self, path: &Path, named: Named) {
        let identity = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if !self.files.insert(identity) {
            return;
        }
        match read(path) {
            Ok(bytes) if bytes.len() as u64 > MAX_SIZE => {
                let message = format!("{}: larger than {MAX_SIZE} bytes", path.display());
                let hint = "a cluster does not store objects of this size";
                self.diagnostics.push(Diagnostic::error(message).hint(hint));
            }
            Ok(bytes) => {
                let name = path.display().to_string();
                self.text(&name, Some(path.to_owned()), &bytes, named);
            }
            Err(error) => self.unreadable(path, &error),
        }
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        let message = format!("cannot read {}: {error}", path.display());
        let mut diagnostic = Diagnostic::error(message);
        diagnostic.hint = match error.kind() {
            io::ErrorKind::NotFound => similar_file(path)
                .map(|name| format!("did you mean {name:?}?"))
                .or_else(|| Some("check the path; `-` is standard input".to_owned())),
            io::ErrorKind::PermissionDenied => Some("make it readable for this user".to_owned()),
            _ => None,
        };
        self.diagnostics.push(diagnostic);
    }

    fn text(&mut self, name: &str, path: Option<PathBuf>, bytes: &[u8], named: Named) {
        self.read = self.read.saturating_add(bytes.len());
        if self.read > MAX_TOTAL {
            let message = format!("{name}: the files hold more than {MAX_TOTAL} bytes together");
            let hint = "give the files of one run instead of the directory";
            return self.diagnostics.push(Diagnostic::error(message).hint(hint));
        }
        let before = self.catalog.documents().len() + self.diagnostics.0.len();
        let (text, fault) = decode_text(bytes);
        let parsed = match &fault {
            Some(_) => Vec::new(),
            None => yaml::parse(&text),
        };
        let source = self.catalog.add_source(SourceFile::new(name, path, text));
        let unrelated = named == Named::ByDirectory && !speaks_of_tekton(bytes);
        let template = template(bytes);
        if let Some(problem) = fault {
            self.problem(source, problem, None, unrelated);
        }
        for document in parsed {
            match document {
                Ok(root) => self.document(source, root, named),
                Err(problems) => {
                    for problem in problems {
                        self.problem(source, problem, template.as_deref(), unrelated);
                    }
                }
            }
        }
        let after = self.catalog.documents().len() + self.diagnostics.0.len();
        if before == after && named == Named::Itself {
            let message = format!("{name}: the file holds no object");
            let hint = "a run starts with apiVersion: tekton.dev/v1 and kind: PipelineRun";
            self.diagnostics.push(Diagnostic::error(message).hint(hint));
        }
    }

    /// A problem stands for the document it spoils, so that it can be pointed at.
    /// A file that merely lies in a directory and does not speak of Tekton stops nothing.
    fn problem(
        &mut self,
        source: usize,
        problem: Problem,
        template: Option<&str>,
        unrelated: bool,
    ) {
        let mut root = Node::null(problem.span.start);
        root.span = problem.span;
        let id = self.catalog.add_place(source, root);
        let mut diagnostic = Diagnostic::error(problem.message).at(id, FieldPath::root());
        let hint = template.or(problem.hint);
        diagnostic.hint = hint.map(str::to_owned);
        if unrelated {
            diagnostic.severity = Severity::Warning;
        }
        self.diagnostics.push(diagnostic);
    }

    fn document(&mut self, source: usize, mut root: Node, named: Named) {
        let (kind, api_version) = match classify(&root) {
            Class::Read { kind, api_version } => (kind, api_version),
            Class::List => return self.list(source, root, named),
            other => return self.not_ours(source, root, other, named),
        };
        if json_len(&root) > MAX_OBJECT {
            return self.too_large(source, root);
        }
        // The place comes first, so that documents are numbered in the order read.
        let id = self.catalog.add_place(source, Node::null(root.span.start));
        let written = (api_version == "tekton.dev/v1beta1").then(|| root.clone());
        let decoded = decode(&mut root, kind, &api_version, id, self.options);
        self.catalog.settle(id, root, written, decoded.keys);
        self.diagnostics.extend(decoded.diagnostics);
        if let Some(object) = decoded.object {
            self.object(Document {
                id,
                api_version,
                object,
            });
        }
    }

    fn too_large(&mut self, source: usize, root: Node) {
        let path = heaviest(&root);
        let id = self.catalog.add_place(source, root);
        let message = "this object is larger than 1.5 MiB: a cluster does not store it";
        let hint = "most of it is in the field shown; aliases count as what they stand for";
        self.diagnostics
            .push(Diagnostic::error(message).at(id, path).hint(hint));
    }

    fn object(&mut self, document: Document) {
        let id = document.id;
        let what = format!(
            "{} {:?}",
            document.object.kind(),
            document.object.metadata().name
        );
        let name = FieldPath::parse("metadata.name");
        let Some(first) = self.catalog.add_document(document) else {
            return;
        };
        let place = self.catalog.locate(first, &name).map(|location| {
            let (source, at) = (location.source.name(), location.position);
            format!("the first is at {source}:{}:{}", at.line, at.column)
        });
        let mut diagnostic =
            Diagnostic::error(format!("{what} is defined more than once")).at(id, name);
        diagnostic.hint = place.map(|place| format!("{place}; rename or remove one"));
        self.diagnostics.push(diagnostic);
    }

    fn list(&mut self, source: usize, root: Node, named: Named) {
        let NodeValue::Map(entries) = root.value else {
            return;
        };
        let items = entries.into_iter().rfind(|entry| entry.key == "items");
        let Some(items) = items.filter(|entry| !entry.value.is_null()) else {
            return;
        };
        match items.value.value {
            NodeValue::List(items) => {
                for item in items {
                    self.document(source, item, named);
                }
            }
            _ => self.problem(
                source,
                Problem {
                    message: format!(
                        "items: invalid type: {}, expected a list",
                        items.value.noun()
                    ),
                    span: items.key_span,
                    hint: None,
                },
                None,
                false,
            ),
        }
    }

    fn not_ours(&mut self, source: usize, root: Node, class: Class, named: Named) {
        let kustomization = is_kustomization(&root);
        let id = self.catalog.add_place(source, root);
        let path = FieldPath::root();
        let diagnostic = match class {
            Class::NoObject if kustomization => kustomized(named).at(id, path),
            Class::Ignored { kind, api_version } => {
                let message = format!("{kind} ({api_version}) is not used in a local run");
                // A notice is one line: what to do is part of it.
                let message = match maker_hint(&kind) {
                    Some(hint) => format!("{message}: {hint}"),
                    None => message,
                };
                Diagnostic::notice(message).at(id, path.key("kind"))
            }
            Class::Fault {
                field,
                message,
                hint,
            } => {
                let mut diagnostic = Diagnostic::error(message).at(id, path.key(field));
                diagnostic.hint = hint;
                diagnostic
            }
            Class::NoObject | Class::List | Class::Read { .. } => no_object(named).at(id, path),
        };
        self.diagnostics.push(diagnostic);
    }
}

/// The field that holds most of an object.
fn heaviest(root: &Node) -> FieldPath {
    let mut path = FieldPath::root();
    let mut node = root;
    loop {
        let half = json_len(node) / 2;
        let next = match &node.value {
            NodeValue::Scalar(_) => None,
            NodeValue::List(items) => items
                .iter()
                .position(|item| json_len(item) > half)
                .map(|place| (Segment::Index(place), &items[place])),
            NodeValue::Map(entries) => entries
                .iter()
                .find(|entry| json_len(&entry.value) > half)
                .map(|entry| (Segment::Key(entry.key.clone()), &entry.value)),
        };
        let Some((segment, heavy)) = next else {
            return path;
        };
        path.0.push(segment);
        node = heavy;
    }
}

/// True for text in which `tekton.dev` stands somewhere.
fn speaks_of_tekton(bytes: &[u8]) -> bool {
    let word = b"tekton.dev";
    bytes.windows(word.len()).any(|part| part == word)
}

/// What makes a manifest of a file that is the template of one.
fn template(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let helm = [
        "{{ .Values",
        "{{.Values",
        "{{- ",
        "{{ include",
        "{{ .Release",
    ];
    if helm.iter().any(|sign| text.contains(sign)) {
        return Some(
            "this is a template of a Helm chart: helm template CHART | tkn-local run -".to_owned(),
        );
    }
    let jinja = text.contains("{% ") || text.contains("{%- ");
    (jinja || text.contains("{{ ")).then(|| {
        "this looks like a template, such as one of Jinja or Go: render it first, and give what \
         comes out: RENDER FILE | tkn-local run -"
            .to_owned()
    })
}

/// A `kustomization.yaml` may leave out its `apiVersion` and `kind`.
fn is_kustomization(root: &Node) -> bool {
    [
        "resources",
        "bases",
        "patches",
        "configMapGenerator",
        "secretGenerator",
    ]
    .iter()
    .any(|key| root.get(key).is_some_and(|value| value.items().is_some()))
}

fn kustomized(named: Named) -> Diagnostic {
    let message = "a kustomization names other files: it holds no object itself";
    match named {
        Named::Itself => Diagnostic::error(message),
        Named::ByDirectory => Diagnostic::notice(message),
    }
    .hint("build it first: kubectl kustomize DIRECTORY | tkn-local run -")
}

fn no_object(named: Named) -> Diagnostic {
    let message = "not a Kubernetes object: apiVersion and kind are missing";
    match named {
        Named::Itself => Diagnostic::error(message)
            .hint("a run starts with apiVersion: tekton.dev/v1 and kind: PipelineRun"),
        Named::ByDirectory => Diagnostic::notice(message),
    }
}

fn manifests(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in directory.read_dir()? {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("yaml" | "yml" | "json")) && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_SIZE + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A manifest beside the missing one whose name is nearly the same.
fn similar_file(path: &Path) -> Option<String> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let names: Vec<String> = manifests(directory)
        .ok()?
        .iter()
        .filter_map(|file| Some(file.file_name()?.to_str()?.to_owned()))
        .collect();
    let wanted = path.file_name()?.to_str()?;
    let name = crate::diagnostic::did_you_mean(wanted, names.iter().map(String::as_str))?;
    Some(path.with_file_name(name).display().to_string())
}

/// Text without its byte order mark, and what is wrong with its encoding.
fn decode_text(bytes: &[u8]) -> (String, Option<Problem>) {
    let fault = |message: &str, span: Span| Problem {
        message: message.to_owned(),
        span,
        hint: Some("save the file as UTF-8"),
    };
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let problem = fault("UTF-16 is not supported", Span::default());
        return (String::new(), Some(problem));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(error) => {
            let start = error.valid_up_to();
            let span = Span {
                start,
                end: start + char::REPLACEMENT_CHARACTER.len_utf8(),
            };
            let problem = fault("not valid UTF-8", span);
            (String::from_utf8_lossy(bytes).into_owned(), Some(problem))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{ManifestInput, load};
    use crate::diagnostic::{Diagnostics, Severity};
    use crate::manifest::{Catalog, ReadOptions};

    const RUN: &str = "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {name: NAME}\n";

    fn run(name: &str) -> String {
        RUN.replace("NAME", name)
    }

    fn of_text(bytes: impl Into<Vec<u8>>) -> (Catalog, Diagnostics) {
        let input = ManifestInput::Text {
            name: "-".to_owned(),
            bytes: bytes.into(),
        };
        load(&[input], ReadOptions::default())
    }

    fn of_paths(paths: &[&Path]) -> (Catalog, Diagnostics) {
        let inputs: Vec<_> = paths
            .iter()
            .map(|path| ManifestInput::Path((*path).to_owned()))
            .collect();
        load(&inputs, ReadOptions::default())
    }

    fn names(catalog: &Catalog) -> Vec<&str> {
        let runs = catalog.runs();
        runs.map(|run| &*run.object.metadata().name).collect()
    }

    #[test]
    fn directories_are_read_in_order_and_files_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("b.yml"), run("b")).unwrap();
        fs::write(path("a.yaml"), run("a")).unwrap();
        fs::write(path("c.json"), r#"{"services": {}}"#).unwrap();
        fs::write(path("README.md"), "# no manifest").unwrap();
        fs::create_dir(path("sub.yaml")).unwrap();
        let (catalog, diagnostics) = of_paths(&[directory.path(), &path("a.yaml")]);
        assert_eq!(names(&catalog), ["a", "b"]);
        let severities: Vec<_> = diagnostics.0.iter().map(|found| found.severity).collect();
        assert_eq!(severities, [Severity::Notice]);
        let (_, diagnostics) = of_paths(&[&path("c.json")]);
        assert!(diagnostics.has_errors());
        let (_, diagnostics) = of_paths(&[&path("sub.yaml")]);
        assert!(diagnostics.0[0].message.contains("no manifests in this"));
    }

    #[test]
    fn a_missing_file_is_reported_with_the_next_step() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("pipeline.yaml"), "").unwrap();
        let wrong = directory.path().join("pipelin.yaml");
        let (_, diagnostics) = of_paths(&[&wrong]);
        let [found] = &diagnostics.0[..] else {
            panic!("{diagnostics:?}");
        };
        assert!(found.message.starts_with("cannot read"), "{found:?}");
        assert!(found.hint.as_deref().unwrap().contains("pipeline.yaml"));
    }

    #[test]
    fn a_broken_document_costs_itself_only() {
        let text = format!("{}---\nkind: [\n---\n{}", run("a"), run("b"));
        let (catalog, diagnostics) = of_text(text);
        assert_eq!(names(&catalog), ["a", "b"]);
        let [found] = &diagnostics.0[..] else {
            panic!("{diagnostics:?}");
        };
        let place = catalog
            .locate(found.document.unwrap(), &found.path)
            .unwrap();
        assert!(place.position.line >= 5, "{:?}", place.position);
    }

    #[test]
    fn lists_are_their_items() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: tekton.dev/v1, kind: TaskRun, \
                    metadata: {name: a}}\n- {apiVersion: v1, kind: Node}\n";
        let (catalog, diagnostics) = of_text(text);
        assert_eq!(names(&catalog), ["a"]);
        assert_eq!(diagnostics.0[0].severity, Severity::Notice);
        assert!(diagnostics.0[0].message.contains("Node"));
        let (_, diagnostics) = of_text("{apiVersion: v1, kind: List, items: {}}");
        assert!(diagnostics.has_errors());
    }

    #[test]
    fn one_name_belongs_to_one_object() {
        let (catalog, diagnostics) = of_text(format!("{}---\n{}", run("a"), run("a")));
        assert_eq!(names(&catalog), ["a", "a"]);
        let [found] = &diagnostics.0[..] else {
            panic!("{diagnostics:?}");
        };
        assert_eq!(found.message, "TaskRun \"a\" is defined more than once");
        assert!(found.hint.as_deref().unwrap().contains("-:3:18"));
        let elsewhere = run("a").replace("{name: a}", "{name: a, namespace: other}");
        let (_, diagnostics) = of_text(format!("{}---\n{elsewhere}", run("a")));
        assert_eq!(diagnostics, Diagnostics::default());
        let generated = run("a").replace("name:", "generateName:");
        let (_, diagnostics) = of_text(format!("{generated}---\n{generated}"));
        assert_eq!(diagnostics, Diagnostics::default());
    }

    #[test]
    fn encodings_are_utf_8_or_refused() {
        let (catalog, diagnostics) = of_text(format!("\u{feff}{}", run("a")));
        assert_eq!(names(&catalog), ["a"]);
        assert_eq!(diagnostics, Diagnostics::default());
        let (_, diagnostics) = of_text([0xff, 0xfe, b'a', 0]);
        assert_eq!(diagnostics.0[0].message, "UTF-16 is not supported");
        let (catalog, diagnostics) = of_text(*b"a: 1\nb: \xff\n");
        let found = &diagnostics.0[0];
        assert_eq!(found.message, "not valid UTF-8");
        let place = catalog
            .locate(found.document.unwrap(), &found.path)
            .unwrap();
        assert_eq!((place.position.line, place.position.column), (2, 4));
    }

    #[test]
    fn nothing_is_not_enough() {
        for text in ["", "# only a comment\n", "---\n---\n"] {
            let (_, diagnostics) = of_text(text);
            assert!(diagnostics.has_errors(), "{text:?}");
        }
    }

    #[test]
    fn an_object_larger_than_a_cluster_stores_is_refused_at_its_largest_field() {
        let task = |script: &str| {
            format!(
                "apiVersion: tekton.dev/v1\nkind: Task\nmetadata: {{name: t}}\nspec:\n  steps:\n  - image: i\n    script: {script}\n"
            )
        };
        let (catalog, diagnostics) = of_text(task(&"x".repeat(1 << 20)));
        assert!(!diagnostics.has_errors(), "{diagnostics:?}");
        assert_eq!(catalog.documents().len(), 1);
        let (catalog, diagnostics) = of_text(task(&"x".repeat(2 << 20)));
        assert_eq!(catalog.documents().len(), 0);
        assert_eq!(diagnostics.0[0].path.to_string(), "spec.steps[0].script");
        assert!(diagnostics.0[0].message.contains("larger than 1.5 MiB"));

        let anchor =
            "&a xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
        let copies = "*a, ".repeat(30_000);
        let (_, diagnostics) = of_text(task(&format!("{anchor}\n    args: [{copies}]")));
        assert_eq!(diagnostics.0[0].path.to_string(), "spec.steps[0].args");
    }
}
