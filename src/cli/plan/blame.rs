//! Showing an error of a plan at its field in the files.

use crate::cli::load::select::{Run, Selected};
use crate::diagnostic::{Diagnostic, DocumentId, FieldPath};
use crate::manifest::Catalog;
use crate::plan::{Holder, Place, PlanError};
use crate::spec::Object;

/// A run that cannot start, as an error of the files.
pub(crate) fn blame(catalog: &Catalog, selected: &Selected, error: &PlanError) -> Diagnostic {
    let (document, path) = locate(catalog, selected, error.place());
    let diagnostic = Diagnostic::error(error.to_string()).at(document, path);
    match error.hint() {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

/// The document that has the field, and where; the whole `spec` of what was selected when no
/// document does.
fn locate(catalog: &Catalog, selected: &Selected, place: &Place) -> (DocumentId, FieldPath) {
    let spec = FieldPath::root().key("spec");
    let namespace = selected.run.metadata().namespace.as_str();
    let (holder, spec) = match &place.holder {
        Holder::Run => (run(catalog, selected), spec),
        Holder::Pipeline(None) => (run(catalog, selected), spec.key("pipelineSpec")),
        Holder::Task(None) => (run(catalog, selected), spec.key("taskSpec")),
        Holder::Pipeline(Some(name)) => {
            let found = of_files(selected)
                .then(|| catalog.pipeline(name, namespace))
                .flatten();
            (found.map(|(_, document)| document), spec)
        }
        Holder::Task(Some(name)) => {
            let found = catalog.find("Task", name, namespace);
            (found.map(|document| document.id), spec)
        }
    };
    match holder {
        Some(document) => {
            let path = spec.0.into_iter().chain(place.path.0.iter().cloned());
            (document, FieldPath(path.collect()))
        }
        None => (selected.document, FieldPath::root().key("spec")),
    }
}

/// The document of the run; a lone Pipeline or Task has none.
fn run(catalog: &Catalog, selected: &Selected) -> Option<DocumentId> {
    let document = catalog.document(selected.document)?;
    let is_run = matches!(document.object, Object::PipelineRun(_) | Object::TaskRun(_));
    is_run.then_some(document.id)
}

/// False when `--resolve` supplies the Pipeline: one of its name in the files is another.
fn of_files(selected: &Selected) -> bool {
    let Run::Pipeline(run) = &selected.run else {
        return true;
    };
    let reference = run.spec.pipeline_ref.as_ref();
    reference.is_none_or(|reference| matches!(reference.resolver.as_str(), "" | "cluster"))
}
