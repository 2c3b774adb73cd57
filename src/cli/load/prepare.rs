//! The front half of every command that reads files: load them, hold them against the rules.

use std::collections::{HashMap, HashSet};
use std::io::Read as _;
use std::path::PathBuf;

use crate::cli::error::CliError;
use crate::diagnostic::{Diagnostics, DocumentId, FieldPath, Segment, Severity};
use crate::manifest::{Catalog, ManifestInput, ReadOptions, load};
use crate::state::Manifest;
use crate::validate;

/// How files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reading {
    /// What is a notice instead of an error.
    pub(crate) options: ReadOptions,
    /// A difference from a cluster is an error, not a notice.
    pub(crate) strict: bool,
    /// What a cluster accepts and tkn-local rejects is a warning: nothing will run.
    pub(crate) forgives_refused: bool,
}

/// What the files say, and what is wrong with them.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) catalog: Catalog,
    /// What is wrong with the documents.
    pub(crate) diagnostics: Diagnostics,
    /// What means something else here than on a cluster, or is not supported: it matters where it
    /// is used.
    pub(crate) differences: Diagnostics,
    /// Files that no longer exist and were read from the record of an earlier run.
    pub(crate) copies: Vec<Manifest>,
}

impl Prepared {
    /// Everything that is to be said of every document, whether it is used or not.
    pub(crate) fn said(&self) -> Diagnostics {
        let mut said = self.diagnostics.clone();
        said.extend(self.differences.clone());
        sort(&mut said, &self.catalog);
        said
    }
}

/// Loads the files and checks every document by itself.
pub(crate) fn prepare(files: &[String], reading: Reading) -> Result<Prepared, CliError> {
    Ok(prepare_inputs(&inputs(files)?, reading))
}

/// The same for what was found already.
pub(crate) fn prepare_inputs(inputs: &[ManifestInput], reading: Reading) -> Prepared {
    let mut all_differences = Diagnostics::default();
    let (catalog, of_reading) = load(inputs, reading.options);
    let left_out = left_out(&of_reading);
    let mut diagnostics = Diagnostics::default();
    for document in catalog.documents() {
        let mut found = validate::document(&document.object, document.id, &document.api_version);
        if let Some(left_out) = left_out.get(&document.id) {
            found.0.retain(|error| !left_out.explains(&error.path));
        }
        diagnostics.extend(found);
        let mut differences = validate::support(&document.object, document.id);
        for difference in &mut differences.0 {
            if reading.forgives_refused && difference.severity == Severity::Error {
                difference.severity = Severity::Warning;
            }
        }
        all_differences.extend(differences);
    }
    drop(left_out);
    diagnostics.0.splice(0..0, of_reading.0);
    if reading.strict {
        diagnostics.forgive_nothing();
        all_differences.forgive_nothing();
    }
    sort(&mut diagnostics, &catalog);
    Prepared {
        catalog,
        diagnostics,
        differences: all_differences,
        copies: Vec::new(),
    }
}

/// The fields that were left out as a document was read, and told of.
#[derive(Debug, Default)]
struct LeftOut<'a> {
    fields: HashSet<&'a [Segment]>,
    /// The objects they were left out of, those around them included.
    around: HashSet<&'a [Segment]>,
    /// The objects they were left out of.
    holders: HashSet<&'a [Segment]>,
}

/// What was left out, by document.
fn left_out(of_reading: &Diagnostics) -> HashMap<DocumentId, LeftOut<'_>> {
    let mut all: HashMap<DocumentId, LeftOut<'_>> = HashMap::new();
    let errors = of_reading.0.iter();
    for error in errors.filter(|error| error.severity == Severity::Error) {
        if let Some(document) = error.document {
            all.entry(document).or_default().add(&error.path.0);
        }
    }
    all
}

impl<'a> LeftOut<'a> {
    fn add(&mut self, path: &'a [Segment]) {
        self.fields.insert(path);
        self.holders.insert(&path[..path.len().saturating_sub(1)]);
        self.around.extend((0..=path.len()).map(|len| &path[..len]));
    }

    /// True for an error that may be there only because something was left out: at the field, in
    /// it, around it or beside it.
    fn explains(&self, path: &FieldPath) -> bool {
        let path = path.0.as_slice();
        self.around.contains(path)
            || self.holders.contains(&path[..path.len().saturating_sub(1)])
            || (0..=path.len()).any(|len| self.fields.contains(&path[..len]))
    }
}

fn inputs(files: &[String]) -> Result<Vec<ManifestInput>, CliError> {
    let mut inputs = Vec::new();
    let mut stdin_was_read = false;
    for file in files {
        if file != "-" {
            inputs.push(ManifestInput::Path(PathBuf::from(file)));
            continue;
        }
        if std::mem::replace(&mut stdin_was_read, true) {
            continue;
        }
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .map_err(|error| {
                CliError::invalid("cannot read standard input").cause(error.to_string())
            })?;
        inputs.push(ManifestInput::Text {
            name: "-".to_owned(),
            bytes,
        });
    }
    Ok(inputs)
}

/// In the order of the text, whoever found them; what has no place comes first.
pub(crate) fn sort(diagnostics: &mut Diagnostics, catalog: &Catalog) {
    diagnostics.0.sort_by_cached_key(|diagnostic| {
        let document = diagnostic.document;
        let place = document.and_then(|id| catalog.span(id, &diagnostic.path));
        (document, place.map(|span| span.start))
    });
}
