//! What is wrong with an input, where, and what to do about it.

use std::fmt;

/// One step of a [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A key of a map.
    Key(String),
    /// A place in a list.
    Index(usize),
}

/// Where in a document: `spec.tasks[0].runAfter[1]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FieldPath(pub Vec<Segment>);

impl FieldPath {
    /// The document itself.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// The member `key` of this place.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        let mut path = self.clone();
        path.0.push(Segment::Key(key.into()));
        path
    }

    /// The item `index` of this place.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        let mut path = self.clone();
        path.0.push(Segment::Index(index));
        path
    }

    /// Reads `spec.tasks[0].name`. Keys with dots cannot be written this way.
    pub fn parse(text: &str) -> Self {
        let mut path = Self::root();
        for part in text.split('.').filter(|part| !part.is_empty()) {
            let mut pieces = part.split('[');
            if let Some(key) = pieces.next().filter(|key| !key.is_empty()) {
                path = path.key(key);
            }
            for piece in pieces {
                path = match piece.trim_end_matches(']').parse() {
                    Ok(index) => path.index(index),
                    Err(_) => path.key(piece.trim_end_matches(']')),
                };
            }
        }
        path
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if position == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// How much a [`Diagnostic`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; `--strict` makes it an error.
    Notice,
    /// Probably not what was meant.
    Warning,
    /// Nothing starts.
    Error,
}

/// A document of the input, in the order read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId(pub usize);

/// One thing to say about an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in Tekton's words where Tekton says it too.
    pub message: String,
    /// The document it is about; `None` when it is about the input as a whole.
    pub document: Option<DocumentId>,
    /// Where in the document.
    pub path: FieldPath,
    /// What to do about it: a sentence fragment such as `did you mean "runAfter"?`.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A fault of the input.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message)
    }

    /// Something suspicious.
    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    /// Something that differs from a cluster.
    pub fn notice(message: impl Into<String>) -> Self {
        Self::new(Severity::Notice, message)
    }

    fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self {
            severity,
            message: message.into(),
            document: None,
            path: FieldPath::root(),
            hint: None,
        }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, document: DocumentId, path: FieldPath) -> Self {
        self.document = Some(document);
        self.path = path;
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// All that is to be said, in the order found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds those of another stage.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Makes each an error, as `--strict` wants it.
    pub fn forgive_nothing(&mut self) {
        for diagnostic in &mut self.0 {
            diagnostic.severity = Severity::Error;
        }
    }

    /// True when something must not start.
    pub fn has_errors(&self) -> bool {
        self.0
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// The closest of `candidates` to `word`, when it is close enough to be a slip of the keyboard.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let folded = word.to_lowercase();
    let furthest = |candidate: &str| (candidate.len().max(word.len()) / 3).max(1);
    candidates
        .into_iter()
        // The distance is at least the difference in length, and takes long to compute.
        .filter(|candidate| {
            let (own, other) = (word.chars().count(), candidate.chars().count());
            own.abs_diff(other) <= furthest(candidate)
        })
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&folded, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= furthest(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::{FieldPath, did_you_mean};

    #[test]
    fn paths_read_and_print_alike() {
        for text in ["spec.tasks[0].runAfter[1]", "metadata.name", ""] {
            assert_eq!(FieldPath::parse(text).to_string(), text);
        }
    }

    #[test]
    fn suggestions_are_slips_not_guesses() {
        assert_eq!(
            did_you_mean("runafter", ["runAfter", "retries"]),
            Some("runAfter")
        );
        assert_eq!(did_you_mean("biuld", ["build", "test"]), Some("build"));
        assert_eq!(did_you_mean("deploy", ["build", "test"]), None);
    }
}
