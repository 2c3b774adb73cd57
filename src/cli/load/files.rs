//! All files of an invocation: those that were named, and those that stand for remote references.

use super::diagnose;
use super::prepare::sort;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::diagnostic::{Diagnostic, Diagnostics, DocumentId, FieldPath, Segment, Severity};
use crate::manifest::{Catalog, Document};
use crate::spec::Object;

/// A file that stands for what a resolver would fetch: `--resolve KEY=FILE`.
#[derive(Debug)]
pub(crate) struct Served {
    /// What `--resolve` calls it.
    pub(crate) key: String,
    /// The file, as messages call it.
    pub(crate) file: String,
    /// What is in it.
    pub(crate) catalog: Catalog,
    /// What in it means something else here than on a cluster.
    pub(crate) differences: Diagnostics,
}

/// The catalogs of an invocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files<'a> {
    /// The files that were named.
    pub(crate) own: &'a Catalog,
    /// The files that stand for remote references.
    pub(crate) served: &'a [Served],
}

/// A place in one of the catalogs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The index of a served file; `None` for the files that were named.
    pub(crate) served: Option<usize>,
    /// The document.
    pub(crate) document: DocumentId,
    /// The field.
    pub(crate) path: FieldPath,
}

impl Place {
    /// A place in the files that were named.
    pub(crate) const fn own(document: DocumentId, path: FieldPath) -> Self {
        Self {
            served: None,
            document,
            path,
        }
    }

    /// A field below this one.
    pub(crate) fn below(self, rest: &FieldPath) -> Self {
        let path: Vec<Segment> = self.path.0.iter().chain(&rest.0).cloned().collect();
        Self {
            path: FieldPath(path),
            ..self
        }
    }
}

impl Files<'_> {
    /// Every document with the catalog it is in.
    pub(crate) fn documents(&self) -> impl Iterator<Item = (Option<usize>, &Document)> {
        let own = self.own.documents().iter().map(|document| (None, document));
        let served = self.served.iter().enumerate();
        own.chain(served.flat_map(|(index, served)| {
            let documents = served.catalog.documents().iter();
            documents.map(move |document| (Some(index), document))
        }))
    }

    /// The first document of which `path` finds a field.
    pub(crate) fn find(&self, path: impl Fn(&Object) -> Option<FieldPath>) -> Option<Place> {
        self.documents().find_map(|(served, document)| {
            Some(Place {
                served,
                document: document.id,
                path: path(&document.object)?,
            })
        })
    }
}

/// Diagnostics by the catalog they point into.
#[derive(Debug, Default)]
pub(crate) struct ByCatalog {
    /// Of the files that were named.
    pub(crate) own: Diagnostics,
    /// Of served files, by their index.
    pub(crate) served: Vec<(usize, Diagnostics)>,
}

impl ByCatalog {
    /// Adds one at its place, unless it was said already.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic, place: Place) {
        let Place {
            served,
            document,
            path,
        } = place;
        let list = self.list(served);
        let diagnostic = diagnostic.at(document, path);
        if !list.0.contains(&diagnostic) {
            list.push(diagnostic);
        }
    }

    /// True when something must not start.
    pub(crate) fn has_errors(&self) -> bool {
        let mut served = self.served.iter();
        self.own.has_errors() || served.any(|(_, served)| served.has_errors())
    }

    /// Prints everything, each file in the order of its text. The answer is how many errors.
    pub(crate) fn print(self, context: &mut Context, files: &Files<'_>) -> Result<u64, CliError> {
        let served = self.served.into_iter();
        let served = served.map(|(index, said)| (said, &files.served[index].catalog));
        let mut errors = 0;
        for (mut said, catalog) in std::iter::once((self.own, files.own)).chain(served) {
            sort(&mut said, catalog);
            let is_error = |said: &&Diagnostic| said.severity == Severity::Error;
            errors += said.0.iter().filter(is_error).count() as u64;
            diagnose::print(context, &said, catalog)?;
        }
        Ok(errors)
    }

    /// Those of a catalog.
    pub(crate) fn list(&mut self, served: Option<usize>) -> &mut Diagnostics {
        let Some(index) = served else {
            return &mut self.own;
        };
        let known = self.served.iter().position(|(own, _)| *own == index);
        let place = known.unwrap_or_else(|| {
            self.served.push((index, Diagnostics::default()));
            self.served.len() - 1
        });
        &mut self.served[place].1
    }
}
