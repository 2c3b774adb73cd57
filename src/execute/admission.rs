//! Holds the Pods that a run would have against what they may be, before it starts.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::execute::prestart::upcoming::{Upcoming, upcoming};
use crate::plan::Job;
use crate::plan::permissions::Permissions;
use crate::plan::{BoundTask, Origin, Pod, TaskRunRequest, bind};
use crate::resolve::{Library, ResolvedTask};

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
