//! The place in the files that a run's refusal is about.

use super::job::Rejected;
use crate::cli::load::select::{Run, Selected};
use crate::diagnostic::{Diagnostic, DocumentId, FieldPath};
use crate::manifest::Catalog;
use crate::spec::{Object, PipelineSpec};

const GIVE_PARAM: &str = "give a value with -p NAME=VALUE";
const GIVE_WORKSPACE: &str = "give one with -w, such as -w name=NAME,emptyDir=";

/// A run that cannot start, as a fault of the files.
pub(crate) fn blame(catalog: &Catalog, selected: &Selected, rejected: &Rejected) -> Diagnostic {
    let condition = &rejected.condition;
    let (document, path) = place(catalog, selected, &condition.reason, &condition.message);
    let diagnostic = Diagnostic::error(condition.message.clone()).at(document, path);
    match hint(&condition.reason, &condition.message) {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

fn hint(reason: &str, message: &str) -> Option<&'static str> {
    match reason {
        "ParameterMissing" => Some(GIVE_PARAM),
        "InvalidWorkspaceBindings" => Some(GIVE_WORKSPACE),
        "TaskRunValidationFailed" if message.contains("has not been bound") => Some(GIVE_WORKSPACE),
        "TaskRunValidationFailed" if message.contains("missing values") => Some(GIVE_PARAM),
        "CouldntGetTask" | "CouldntGetPipeline" | "TaskRunResolutionFailed"
            if message.contains("not found in the given files")
                && !message.contains("did you mean") =>
        {
            Some("give the file or directory that holds it as well")
        }
        _ => None,
    }
}

fn place(
    catalog: &Catalog,
    selected: &Selected,
    reason: &str,
    message: &str,
) -> (DocumentId, FieldPath) {
    let spec = FieldPath::root().key("spec");
    let whole = (selected.document, spec.clone());
    let Run::Pipeline(run) = &selected.run else {
        return match reason {
            "TaskRunResolutionFailed" => (selected.document, spec.key("taskRef")),
            _ => whole,
        };
    };
    if reason == "CouldntGetPipeline" && !message.contains("child Pipelines") {
        return (selected.document, spec.key("pipelineRef"));
    }
    let referred = run
        .spec
        .pipeline_ref
        .as_ref()
        .and_then(|reference| catalog.pipeline(&reference.name));
    let (pipeline, document, at) = match (&run.spec.pipeline_spec, referred) {
        (Some(pipeline), _) => (pipeline, selected.document, spec.key("pipelineSpec")),
        (None, Some((pipeline, document))) => (&pipeline.spec, document, spec),
        (None, None) => return whole,
    };
    let found = match reason {
        "CouldntGetTask" => task_place(pipeline, message),
        "ParameterMissing" => param_place(pipeline, message),
        _ => None,
    };
    match found {
        Some(path) => (
            document,
            FieldPath(at.0.into_iter().chain(path.0).collect()),
        ),
        None if is_run(catalog, selected) => whole,
        None => (document, at),
    }
}

fn is_run(catalog: &Catalog, selected: &Selected) -> bool {
    let document = catalog.document(selected.document);
    document.is_some_and(|document| {
        matches!(document.object, Object::PipelineRun(_) | Object::TaskRun(_))
    })
}

/// The task whose reference leads nowhere: its name stands between quotes.
fn task_place(pipeline: &PipelineSpec, message: &str) -> Option<FieldPath> {
    let (_, rest) = message.split_once("Couldn't retrieve Task \"")?;
    let (name, _) = rest.split_once('"')?;
    [("tasks", &pipeline.tasks), ("finally", &pipeline.finally)]
        .into_iter()
        .find_map(|(side, tasks)| {
            let index = tasks.iter().position(|task| {
                let reference = task.task_ref.as_ref();
                reference.is_some_and(|reference| reference.name == name)
            })?;
            Some(FieldPath::root().key(side).index(index).key("taskRef"))
        })
}

/// The declaration of the first parameter without a value: its name stands in the last brackets.
fn param_place(pipeline: &PipelineSpec, message: &str) -> Option<FieldPath> {
    let (_, names) = message.rsplit_once('[')?;
    let first = names.trim_end_matches(']').split(' ').next()?;
    let index = pipeline.params.iter().position(|spec| spec.name == first)?;
    Some(FieldPath::root().key("params").index(index).key("name"))
}
