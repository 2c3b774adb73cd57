//! Which runs the files hold, and which of them are meant.

use crate::cli::error::CliError;
use crate::diagnostic::{DocumentId, did_you_mean};
use crate::manifest::Catalog;
use crate::spec::pipeline::PipelineRef;
use crate::spec::task::TaskRef;
use crate::spec::{Object, ObjectMeta, PipelineRun, TaskRun};

/// A run to make.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Selected {
    /// The document that asks for it: the run, or the lone Pipeline or Task.
    pub(crate) document: DocumentId,
    /// What it is.
    pub(crate) run: Run,
}

/// A PipelineRun or TaskRun.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Run {
    /// A PipelineRun.
    Pipeline(Box<PipelineRun>),
    /// A TaskRun.
    Task(Box<TaskRun>),
}

impl Run {
    /// Its metadata.
    pub(crate) const fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Pipeline(run) => &run.metadata,
            Self::Task(run) => &run.metadata,
        }
    }

    /// What its files call it.
    pub(crate) fn origin(&self) -> &str {
        shown_name(self.metadata())
    }

    /// Makes it a run of the same name with a fresh suffix. What its file says of an earlier run
    /// was said of another than the one that is resumed now.
    pub(crate) fn begin_anew(&mut self) {
        let metadata = match self {
            Self::Pipeline(run) => {
                run.spec.resume_from = None;
                &mut run.metadata
            }
            Self::Task(run) => &mut run.metadata,
        };
        if !metadata.name.is_empty() {
            metadata.generate_name = format!("{}-", std::mem::take(&mut metadata.name));
        }
    }

    /// What to call it before it has its name.
    pub(crate) fn title(&self) -> String {
        let kind = match self {
            Self::Pipeline(_) => "PipelineRun",
            Self::Task(_) => "TaskRun",
        };
        format!("{kind} {}", shown_name(self.metadata()))
    }
}

/// The runs of the files in their order, or the one that is called `only`. Without a run, the
/// lone Pipeline or Task is run.
pub(crate) fn select(catalog: &Catalog, only: Option<&str>) -> Result<Vec<Selected>, CliError> {
    if let Some(name) = only {
        return named(catalog, name).map(|selected| vec![selected]);
    }
    let runs: Vec<Selected> = catalog
        .runs()
        .filter_map(|document| of_object(document.id, &document.object))
        .collect();
    if !runs.is_empty() {
        return Ok(runs);
    }
    for kind in ["Pipeline", "Task"] {
        let mut found = catalog
            .documents()
            .iter()
            .filter(|document| document.object.kind() == kind);
        match (found.next(), found.next()) {
            (Some(document), None) => {
                return Ok(of_object(document.id, &document.object)
                    .into_iter()
                    .collect());
            }
            (Some(_), Some(_)) => return Err(ambiguous(catalog, kind)),
            (None, _) => {}
        }
    }
    Err(CliError::invalid("nothing to run in the files")
        .hint("the files must hold a PipelineRun, a TaskRun, or a single Pipeline or Task"))
}

fn ambiguous(catalog: &Catalog, kind: &'static str) -> CliError {
    let names: Vec<&str> = catalog.names(kind).collect();
    CliError::invalid(format!(
        "the files hold no PipelineRun or TaskRun, and more than one {kind}: {}",
        names.join(", ")
    ))
    .hint(format!("choose one with `--only-run {}`", names[0]))
}

/// The first run of this name; else the Pipeline, else the Task of this name.
fn named(catalog: &Catalog, name: &str) -> Result<Selected, CliError> {
    let documents = catalog.documents();
    let of_kinds = |kinds: &[&str]| {
        documents
            .iter()
            .filter(|document| kinds.contains(&document.object.kind()))
            .find(|document| shown_name(document.object.metadata()) == name)
            .and_then(|document| of_object(document.id, &document.object))
    };
    [&["PipelineRun", "TaskRun"][..], &["Pipeline"], &["Task"]]
        .into_iter()
        .find_map(of_kinds)
        .ok_or_else(|| unknown(catalog, name))
}

fn unknown(catalog: &Catalog, name: &str) -> CliError {
    let names: Vec<&str> = catalog
        .documents()
        .iter()
        .filter(|document| {
            matches!(
                document.object,
                Object::PipelineRun(_) | Object::TaskRun(_) | Object::Pipeline(_) | Object::Task(_)
            )
        })
        .map(|document| shown_name(document.object.metadata()))
        .collect();
    let error = CliError::invalid(format!("no run {name:?} in the files"));
    match did_you_mean(name, names.iter().copied()) {
        Some(near) => error.hint(format!("did you mean {near:?}?")),
        None if names.is_empty() => error,
        None => error.hint(format!("the files hold {}", names.join(", "))),
    }
}

fn shown_name(metadata: &ObjectMeta) -> &str {
    if metadata.name.is_empty() {
        &metadata.generate_name
    } else {
        &metadata.name
    }
}

fn of_object(document: DocumentId, object: &Object) -> Option<Selected> {
    let run = match object {
        Object::PipelineRun(run) => Run::Pipeline(run.clone()),
        Object::TaskRun(run) => Run::Task(run.clone()),
        Object::Pipeline(pipeline) => {
            let mut run = PipelineRun {
                metadata: generated(&pipeline.metadata),
                ..PipelineRun::default()
            };
            run.spec.pipeline_ref = Some(PipelineRef {
                name: pipeline.metadata.name.clone(),
                ..PipelineRef::default()
            });
            Run::Pipeline(Box::new(run))
        }
        Object::Task(task) => {
            let mut run = TaskRun {
                metadata: generated(&task.metadata),
                ..TaskRun::default()
            };
            run.spec.task_ref = Some(TaskRef {
                name: task.metadata.name.clone(),
                ..TaskRef::default()
            });
            Run::Task(Box::new(run))
        }
        Object::StepAction(_)
        | Object::ConfigMap(_)
        | Object::Secret(_)
        | Object::PersistentVolumeClaim(_)
        | Object::ServiceAccount(_) => return None,
    };
    Some(Selected { document, run })
}

/// The end of the `generateName` of a run of a lone Pipeline or Task, as `tkn pipeline start` has it.
pub(crate) const GENERATED: &str = "-run-";

fn generated(definition: &ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        generate_name: format!("{}{GENERATED}", definition.name),
        namespace: definition.namespace.clone(),
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Run, select};
    use crate::manifest::{Catalog, ManifestInput, ReadOptions, load};

    fn catalog(objects: &[(&str, &str)]) -> Catalog {
        let text: Vec<String> = objects
            .iter()
            .map(|(kind, metadata)| {
                if *kind == "ConfigMap" {
                    return format!("{{apiVersion: v1, kind: {kind}, metadata: {{{metadata}}}}}");
                }
                let spec = match *kind {
                    "Pipeline" => "{tasks: [{name: a, taskRef: {name: t}}]}",
                    "PipelineRun" => "{pipelineRef: {name: p}}",
                    "TaskRun" => "{taskRef: {name: t}}",
                    _ => "{steps: [{image: i}]}",
                };
                format!("{{apiVersion: tekton.dev/v1, kind: {kind}, metadata: {{{metadata}}}, spec: {spec}}}")
            })
            .collect();
        let input = ManifestInput::Text {
            name: "f".to_owned(),
            bytes: text.join("\n---\n").into_bytes(),
        };
        let (catalog, diagnostics) = load(&[input], ReadOptions::default());
        assert!(!diagnostics.has_errors(), "{diagnostics:?}");
        catalog
    }

    fn titles(objects: &[(&str, &str)], only: Option<&str>) -> Result<Vec<String>, String> {
        select(&catalog(objects), only)
            .map(|runs| runs.iter().map(|selected| selected.run.title()).collect())
            .map_err(|error| format!("{} | {}", error.message, error.hints.join(" | ")))
    }

    #[test]
    fn runs_are_run_in_file_order_and_lone_definitions_get_one() {
        let pipeline = ("Pipeline", "name: p");
        let task = ("Task", "name: t");
        let first = ("TaskRun", "name: first");
        let second = ("PipelineRun", "generateName: second-");
        for (objects, only, expected) in [
            (
                vec![pipeline, first, second],
                None,
                vec!["TaskRun first", "PipelineRun second-"],
            ),
            (
                vec![first, second],
                Some("second-"),
                vec!["PipelineRun second-"],
            ),
            (vec![task, pipeline], None, vec!["PipelineRun p-run-"]),
            (vec![task], None, vec!["TaskRun t-run-"]),
            (
                vec![task, first, pipeline],
                Some("p"),
                vec!["PipelineRun p-run-"],
            ),
        ] {
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(titles(&objects, only), Ok(expected), "{objects:?} {only:?}");
        }
    }

    #[test]
    fn what_is_not_clear_is_asked_for() {
        let pipelines = [("Pipeline", "name: build"), ("Pipeline", "name: test")];
        assert_eq!(
            titles(&pipelines, None).unwrap_err(),
            "the files hold no PipelineRun or TaskRun, and more than one Pipeline: build, test | choose one with `--only-run build`"
        );
        assert_eq!(
            titles(&pipelines, Some("biuld")).unwrap_err(),
            "no run \"biuld\" in the files | did you mean \"build\"?"
        );
        let nothing = titles(&[("ConfigMap", "name: c")], None).unwrap_err();
        assert!(nothing.starts_with("nothing to run"), "{nothing}");
    }

    #[test]
    fn a_lone_definition_is_run_by_reference() {
        let catalog = catalog(&[("Task", "name: t, namespace: space")]);
        let runs = select(&catalog, None).unwrap();
        let Run::Task(run) = &runs[0].run else {
            panic!("a Task makes a TaskRun");
        };
        assert_eq!(run.metadata.namespace, "space");
        assert_eq!(run.spec.task_ref.as_ref().unwrap().name, "t");
    }
}
