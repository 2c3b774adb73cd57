//! Collects what is wrong with one document.

use std::fmt::Display;

use crate::diagnostic::{Diagnostic, Diagnostics, DocumentId, FieldPath, Severity, did_you_mean};

/// How many names are searched for the one that was meant.
const MOST_COMPARED: usize = 500;

/// The faults of one document found so far.
#[derive(Debug)]
pub(super) struct Checker {
    document: DocumentId,
    beta: bool,
    found: Diagnostics,
}

impl Checker {
    /// `api_version` is what the document says: some rules differ for `v1beta1`.
    pub(super) fn new(document: DocumentId, api_version: &str) -> Self {
        Self {
            document,
            beta: api_version == "tekton.dev/v1beta1",
            found: Diagnostics::default(),
        }
    }

    /// True for a document of `v1beta1`.
    pub(super) const fn is_beta(&self) -> bool {
        self.beta
    }

    /// A fault at a place, worded as knative's `FieldError` prints: what, then where.
    pub(super) fn fault(&mut self, at: &FieldPath, what: impl Display) {
        self.fault_with(at, what, None);
    }

    /// A fault and what to do about it.
    pub(super) fn fault_with(&mut self, at: &FieldPath, what: impl Display, hint: Option<String>) {
        self.add(Diagnostic::error(format!("{what}: {at}")), at, hint);
    }

    /// A fault that several fields have together; it is shown at the first.
    pub(super) fn fault_among(&mut self, places: &[FieldPath], what: impl Display) {
        let Some(first) = places.first() else {
            return;
        };
        let listed: Vec<String> = places.iter().map(ToString::to_string).collect();
        let message = format!("{what}: {}", listed.join(", "));
        self.add(Diagnostic::error(message), first, None);
    }

    /// knative's `ErrMissingOneOf` and `ErrMultipleOneOf`: of these places one is to be filled, and
    /// `given` of them are.
    pub(super) fn exactly_one(&mut self, places: &[FieldPath], given: usize) {
        match given {
            0 => self.fault_among(places, "expected exactly one, got neither"),
            1 => {}
            _ => self.fault_among(places, "expected exactly one, got both"),
        }
    }

    /// What the rules inside find is only a warning: the webhook does not look there.
    pub(super) fn leniently(&mut self, rules: impl FnOnce(&mut Self)) {
        let before = self.found.0.len();
        rules(self);
        for diagnostic in &mut self.found.0[before..] {
            diagnostic.severity = Severity::Warning;
        }
    }

    /// A fault whose message names its places itself.
    pub(super) fn fault_at(&mut self, at: &FieldPath, message: String) {
        self.add(Diagnostic::error(message), at, None);
    }

    /// Something the webhook accepts and nobody can have meant.
    pub(super) fn warning(&mut self, at: &FieldPath, what: impl Display, hint: Option<String>) {
        self.add(Diagnostic::warning(format!("{what}: {at}")), at, hint);
    }

    pub(super) fn missing(&mut self, at: &FieldPath) {
        self.fault(at, "missing field(s)");
    }

    /// knative's `ErrInvalidValue`.
    pub(super) fn invalid(&mut self, at: &FieldPath, what: impl Display) {
        self.fault(at, format_args!("invalid value: {what}"));
    }

    /// knative's `ErrMultipleOneOf` on one field: the same thing twice.
    pub(super) fn repeated(&mut self, at: &FieldPath) {
        self.fault(at, "expected exactly one, got both");
    }

    fn add(&mut self, diagnostic: Diagnostic, at: &FieldPath, hint: Option<String>) {
        let mut diagnostic = diagnostic.at(self.document, at.clone());
        diagnostic.hint = hint;
        self.found.push(diagnostic);
    }

    /// All of it, each fault once: some rules look at a field from two sides.
    pub(super) fn finish(self) -> Diagnostics {
        let mut seen = std::collections::HashSet::new();
        let mut found = self.found;
        found
            .0
            .retain(|each| seen.insert((each.message.clone(), each.path.clone())));
        found
    }
}

/// The hint for a name that refers to nothing.
pub(super) fn meant<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    // Each comparison takes time, and a document may hold thousands of names and of faults.
    let candidates = candidates.into_iter().take(MOST_COMPARED);
    did_you_mean(word, candidates).map(|candidate| format!("did you mean {candidate:?}?"))
}
