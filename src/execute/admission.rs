//! Holds the Pods that a run would have against what they may be, before it starts.

use std::sync::Arc;

use super::pod::admit::invalid_pod;
use super::rejection::certain;
use crate::diagnostic::{Diagnostic, Diagnostics, DocumentId, FieldPath, Severity, did_you_mean};
use crate::execute::prestart::upcoming::{Upcoming, upcoming};
use crate::plan::Job;
use crate::plan::permissions::Permissions;
use crate::plan::{
    BoundTask, MissingObject, Origin, PlanError, Pod, TaskRunRequest, bind, missing_objects,
};
use crate::resolve::{Library, ResolvedTask};
use crate::spec::{Matrix, Object, Param, ParamValue, TaskRun};
use crate::status::Reason;
use crate::substitution::{Scope, references};
use crate::validate;

/// Something about a Pod of a run that must be said before the run starts.
#[derive(Debug, Clone, PartialEq)]
pub struct PodFault {
    /// The task of the root pipeline; the TaskRun's own name for one that has no pipeline.
    pub root_task: String,
    /// The task of the pipeline it is in, which may be a child.
    pub task: String,
    /// What it runs.
    pub resolved: Arc<ResolvedTask>,
    /// Where the field was written.
    pub origin: Option<Origin>,
    /// It is about a ConfigMap or Secret that is not in the given files.
    pub lacks: bool,
    /// What is to be said, without its place.
    pub diagnostic: Diagnostic,
}

/// What the Pods of a run ask for and may not have, as far as it is known before the start. Tasks
/// that are disabled ask for nothing.
pub fn permission_faults(job: &Job, library: &Library, permissions: &Permissions) -> Vec<PodFault> {
    let mut found: Vec<PodFault> = Vec::new();
    for run in upcoming(job, library) {
        let request = &run.draft.request;
        let Ok(pod) = Pod::new(&bound(request), request) else {
            continue;
        };
        for denied in permissions.denied(pod.value()) {
            let diagnostic = Diagnostic::error(denied.message).hint(denied.advice);
            let fault = fault(job, &run, pod.origin(&denied.path), diagnostic);
            if !found.contains(&fault) {
                found.push(fault);
            }
        }
    }
    found
}

/// What an API server, or Tekton's webhook, rejects of a run before it has run anything.
#[derive(Debug, Default)]
pub struct Rejections {
    /// What is to be said.
    pub faults: Vec<PodFault>,
    /// Why the run cannot start.
    pub error: Option<PlanError>,
}

/// Holds every TaskRun of a run against the rules that it meets when it is created: those of
/// Tekton's webhook, which sees an embedded Task once more with all its params, and those of
/// Kubernetes for its Pod. A Pod of a task that may be skipped, or whose failure is forgiven, is
/// warned of: it fails in its turn.
pub fn rejections(job: &Job, library: &Library) -> Rejections {
    let certain = match job {
        Job::Pipeline(plan) => certain(plan),
        Job::Task(_) => vec![true],
    };
    let mut found = Rejections::default();
    for run in upcoming(job, library) {
        let request = &run.draft.request;
        let embedded = second_admission(job, &run);
        if embedded.0.is_empty() {
            let Ok(bound) = bind(request, 0) else {
                continue;
            };
            let is_certain = certain[run.task] && !run.of_child && !request.ignore_failure;
            found.pod(job, &run, (&bound, library), is_certain);
        }
        for diagnostic in embedded.0 {
            let text = format!(
                "admission webhook \"validation.webhook.pipeline.tekton.dev\" denied the request: \
                 validation failed: {}",
                diagnostic.message
            );
            found.reject(Reason::CreateRunFailed, text);
            let origin = below_task(&diagnostic.path).map(Origin::Task);
            found.add(fault(job, &run, origin, diagnostic));
        }
    }
    found
}

impl Rejections {
    /// The same without what may be in a cluster, if it is not in the given files.
    #[must_use]
    pub fn without_missing(mut self) -> Self {
        self.faults.retain(|fault| !fault.lacks);
        self
    }

    fn add(&mut self, fault: PodFault) {
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    fn reject(&mut self, reason: Reason, message: String) {
        let error = || PlanError::rejected(reason, message);
        self.error.get_or_insert_with(error);
    }

    fn pod(
        &mut self,
        job: &Job,
        run: &Upcoming,
        (bound, library): (&BoundTask, &Library),
        is_certain: bool,
    ) {
        let request = &run.draft.request;
        let Ok(pod) = Pod::new(bound, request) else {
            return;
        };
        for invalid in validate::pod(pod.value(), false) {
            let condition = invalid_pod(request, 0, std::slice::from_ref(&invalid));
            let diagnostic = Diagnostic::error(condition.message);
            let fault = fault(job, run, pod.origin(&invalid.path), diagnostic);
            self.fails(job, fault, Reason::PodCreationFailed, is_certain);
        }
        for missing in missing_objects(pod.value(), library) {
            let (what, hint) = told(&missing);
            let diagnostic = Diagnostic::error(what).hint(hint);
            let mut fault = fault(job, run, pod.origin(&missing.path), diagnostic);
            fault.lacks = true;
            self.fails(job, fault, Reason::CreateContainerConfigError, is_certain);
        }
    }

    /// A TaskRun that fails as soon as its Pod is made, and its run with it.
    fn fails(&mut self, job: &Job, mut fault: PodFault, reason: Reason, is_certain: bool) {
        if is_certain {
            let reason = match job {
                Job::Task(_) => reason,
                Job::Pipeline(_) => Reason::Failed,
            };
            self.reject(reason, fault.diagnostic.message.clone());
        } else {
            fault.diagnostic.severity = Severity::Warning;
        }
        self.add(fault);
    }
}

/// What is missing, and what to do about it.
fn told(missing: &MissingObject) -> (String, String) {
    let MissingObject {
        kind, name, key, ..
    } = missing;
    match key {
        Some(key) => (
            format!("{kind} \"{name}\" has no key \"{key}\""),
            format!("add the key to its file, or give --{kind} {name}.{key}=VALUE"),
        ),
        None => (
            format!("{kind} \"{name}\" is not in the given files"),
            format!("give the file that holds it as well, or --{kind} {name}.KEY=VALUE"),
        ),
    }
}

/// What Tekton's webhook says of the TaskRun that is created of an embedded Task: a reference that
/// nothing replaced is an error there.
fn second_admission(job: &Job, run: &Upcoming) -> Diagnostics {
    let request = &run.draft.request;
    let Job::Pipeline(plan) = job else {
        return Diagnostics::default();
    };
    if request.task.name.is_some() || run.of_child {
        return Diagnostics::default();
    }
    let Ok(mut task_run) = serde_json::from_value::<TaskRun>(request.object()) else {
        return Diagnostics::default();
    };
    // The rows of a matrix are not known yet: their params are.
    let matrix = plan.tasks[run.task].source.matrix.iter();
    for param in matrix.flat_map(Matrix::all_params) {
        if !task_run
            .spec
            .params
            .iter()
            .any(|own| own.name == param.name)
        {
            task_run.spec.params.push(Param {
                name: param.name.clone(),
                value: ParamValue::from(""),
            });
        }
    }
    let object = Object::TaskRun(Box::new(task_run));
    let mut said = validate::document(&object, DocumentId(0), "tekton.dev/v1");
    said.0.retain(|diagnostic| {
        diagnostic.severity == Severity::Error && below_task(&diagnostic.path).is_some()
    });
    for diagnostic in said.0.iter_mut().filter(|said| said.hint.is_none()) {
        diagnostic.hint = meant(&plan.scope, &diagnostic.message);
    }
    said
}

/// The param of the run that a message may be about.
fn meant(scope: &Scope, message: &str) -> Option<String> {
    let names = scope.param_names();
    references(message).into_iter().find_map(|reference| {
        let name = reference.strip_prefix("params.")?;
        let near = did_you_mean(name, names.iter().map(String::as_str))?;
        Some(format!("did you mean {near:?}?"))
    })
}

/// A path below `spec.taskSpec`.
fn below_task(path: &FieldPath) -> Option<FieldPath> {
    let task = FieldPath::root().key("spec").key("taskSpec");
    let rest = path.0.strip_prefix(task.0.as_slice())?;
    Some(FieldPath(rest.to_vec()))
}

/// The Tasks that a run will run, as far as it is known before the start, each with the name it
/// has in its pipeline.
pub fn tasks_ahead(job: &Job, library: &Library) -> Vec<(String, Arc<ResolvedTask>)> {
    let runs = upcoming(job, library).into_iter();
    runs.map(|run| {
        let request = run.draft.request;
        (request.pipeline_task, request.task)
    })
    .collect()
}

fn fault(job: &Job, run: &Upcoming, origin: Option<Origin>, diagnostic: Diagnostic) -> PodFault {
    let request = &run.draft.request;
    let root_task = match job {
        Job::Pipeline(plan) => plan.tasks[run.task].name.clone(),
        Job::Task(request) => request.pipeline_task.clone(),
    };
    PodFault {
        root_task,
        task: request.pipeline_task.clone(),
        resolved: Arc::clone(&request.task),
        origin,
        lacks: false,
        diagnostic,
    }
}

/// What cannot be bound before results are known is looked at as it is written.
fn bound(request: &TaskRunRequest) -> BoundTask {
    bind(request, 0).unwrap_or_else(|_| BoundTask {
        task: Arc::clone(&request.task),
        scope: request.outer.clone(),
        workspaces: Vec::new(),
    })
}
