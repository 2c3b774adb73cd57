//! Where in the files a part of a Pod was written.

use crate::cli::load::files::Files;
use crate::cli::load::select::{Run, Selected};
use crate::diagnostic::{FieldPath, Segment};
use crate::execute::PodFault;
use crate::plan::Origin;
use crate::resolve::ResolvedTask;
use crate::spec::pipeline::{PipelineRun, PipelineSpec, PipelineTask};
use crate::spec::{Object, PodTemplate};

pub(crate) use crate::cli::load::files::Place;

/// The place of the field a fault is about; the document of the run where nothing nearer is known.
pub(crate) fn of_fault(files: &Files<'_>, selected: &Selected, fault: &PodFault) -> Place {
    let own = |path: FieldPath| Place::own(selected.document, path);
    let spec = FieldPath::root().key("spec");
    let found = match &fault.origin {
        Some(Origin::Task(path)) => {
            task(files, &fault.task, &fault.resolved).map(|place| place.below(path))
        }
        Some(Origin::StepAction(index, path)) => {
            step_action(files, &fault.resolved, *index).map(|place| place.below(path))
        }
        Some(Origin::PodTemplate(path)) => {
            Some(own(pod_template(&selected.run, &fault.root_task, &path.0)))
        }
        Some(Origin::Workspace(name, path)) => Some(own(workspace(&selected.run, name, &path.0))),
        Some(Origin::TaskRun(path)) => Some(own(settings(&selected.run, &fault.root_task, path))),
        Some(Origin::Metadata(path)) => Some(metadata(files, selected, fault, path)),
        None => None,
    };
    found.unwrap_or_else(|| own(spec))
}

/// Where a Task stands, found by what it says: the path is that of its spec.
pub(crate) fn task(files: &Files<'_>, name: &str, wanted: &ResolvedTask) -> Option<Place> {
    files.find(|object| {
        let spec = FieldPath::root().key("spec");
        match object {
            Object::Task(task) => {
                let same = wanted.name.as_ref() == Some(&task.metadata.name);
                (same && task.spec == wanted.spec).then_some(spec)
            }
            Object::TaskRun(run) => {
                let own = run.spec.task_spec.as_ref();
                (own == Some(&wanted.spec)).then(|| spec.key("taskSpec"))
            }
            Object::Pipeline(pipeline) => embedded(&pipeline.spec, &spec, name, wanted),
            Object::PipelineRun(run) => {
                let pipeline = run.spec.pipeline_spec.as_ref()?;
                embedded(pipeline, &spec.key("pipelineSpec"), name, wanted)
            }
            _ => None,
        }
    })
}

fn embedded(
    pipeline: &PipelineSpec,
    at: &FieldPath,
    name: &str,
    wanted: &ResolvedTask,
) -> Option<FieldPath> {
    let sides = [("tasks", &pipeline.tasks), ("finally", &pipeline.finally)];
    sides.into_iter().find_map(|(side, tasks)| {
        let mut tasks = tasks.iter().enumerate();
        tasks.find_map(|(index, task)| {
            let at = at.key(side).index(index);
            is_embedded(task, name, wanted)
                .then(|| at.key("taskSpec"))
                .or_else(|| {
                    let child = task.pipeline_spec.as_deref()?;
                    embedded(child, &at.key("pipelineSpec"), name, wanted)
                })
        })
    })
}

fn is_embedded(task: &PipelineTask, name: &str, wanted: &ResolvedTask) -> bool {
    let spec = task.task_spec.as_ref();
    task.name == name && spec.is_some_and(|spec| spec.to_task_spec() == wanted.spec)
}

/// Where the StepAction of a step stands.
pub(crate) fn step_action(
    files: &Files<'_>,
    resolved: &ResolvedTask,
    index: usize,
) -> Option<Place> {
    let wanted = resolved.actions.get(index)?.as_ref()?;
    files.find(|object| match object {
        Object::StepAction(action) => {
            (action.spec == *wanted).then(|| FieldPath::root().key("spec"))
        }
        _ => None,
    })
}

/// Where the pod template that counts for a task has the field.
pub(crate) fn pod_template(run: &Run, task: &str, field: &[Segment]) -> FieldPath {
    let spec = FieldPath::root().key("spec");
    let template = match run {
        Run::Task(_) => spec,
        Run::Pipeline(run) => {
            let own = run.spec.task_run_specs.iter().rposition(|entry| {
                let pod = entry.pod_template.as_ref();
                entry.pipeline_task_name == task && pod.is_some_and(|pod| has(pod, field))
            });
            match own {
                Some(index) => spec.key("taskRunSpecs").index(index),
                None => spec.key("taskRunTemplate"),
            }
        }
    };
    join(&template.key("podTemplate"), field)
}

fn has(pod: &PodTemplate, field: &[Segment]) -> bool {
    let pointer: String = field
        .iter()
        .map(|segment| match segment {
            Segment::Key(key) => format!("/{key}"),
            Segment::Index(index) => format!("/{index}"),
        })
        .collect();
    serde_json::json!(pod).pointer(&pointer).is_some()
}

fn join(at: &FieldPath, rest: &[Segment]) -> FieldPath {
    FieldPath([at.0.as_slice(), rest].concat())
}

/// What the run gives to a workspace. A Pipeline may have another name for it than its Task.
fn workspace(run: &Run, name: &str, rest: &[Segment]) -> FieldPath {
    let bindings = match run {
        Run::Task(run) => &run.spec.workspaces,
        Run::Pipeline(run) => &run.spec.workspaces,
    };
    let at = FieldPath::root().key("spec").key("workspaces");
    let place = bindings.iter().position(|binding| binding.name == name);
    place.map_or(at.clone(), |index| join(&at.index(index), rest))
}

/// `stepSpecs`, `sidecarSpecs` or `computeResources` of a TaskRun.
fn settings(run: &Run, task: &str, path: &FieldPath) -> FieldPath {
    let spec = FieldPath::root().key("spec");
    let at = match run {
        Run::Task(_) => spec,
        Run::Pipeline(run) => {
            let own = run.spec.task_run_specs.iter();
            let own = own
                .clone()
                .rposition(|entry| entry.pipeline_task_name == task);
            own.map_or(spec.clone(), |index| spec.key("taskRunSpecs").index(index))
        }
    };
    join(&at, &path.0)
}

/// Annotations of a Pod are those of the run, else those of the Task or of the pipeline's task.
fn metadata(files: &Files<'_>, selected: &Selected, fault: &PodFault, path: &FieldPath) -> Place {
    let metadata = FieldPath::root().key("metadata");
    let key = match path.0.get(1) {
        Some(Segment::Key(key)) => key.as_str(),
        _ => "",
    };
    let own = selected.run.metadata();
    if own.annotations.contains_key(key) || own.labels.contains_key(key) {
        return Place::own(selected.document, join(&metadata, &path.0));
    }
    if let Run::Pipeline(run) = &selected.run
        && let Some(index) = task_run_spec_with(run, &fault.root_task, key)
    {
        let at = FieldPath::root()
            .key("spec")
            .key("taskRunSpecs")
            .index(index);
        return Place::own(selected.document, join(&at.key("metadata"), &path.0));
    }
    match task(files, &fault.task, &fault.resolved) {
        Some(place) if fault.resolved.name.is_some() => Place {
            path: join(&metadata, &path.0),
            ..place
        },
        Some(place) => {
            let at = place.path.key("metadata");
            Place {
                path: join(&at, &path.0),
                ..place
            }
        }
        None => Place::own(selected.document, metadata),
    }
}

fn task_run_spec_with(run: &PipelineRun, task: &str, key: &str) -> Option<usize> {
    run.spec.task_run_specs.iter().rposition(|entry| {
        let metadata = entry.metadata.as_ref();
        entry.pipeline_task_name == task
            && metadata.is_some_and(|metadata| {
                metadata.annotations.contains_key(key) || metadata.labels.contains_key(key)
            })
    })
}
