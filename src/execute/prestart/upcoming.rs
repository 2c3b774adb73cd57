//! The TaskRuns of a run, as far as they are known before it starts.

use std::sync::Arc;

use crate::execute::pipeline_run::drafts::{DraftBuilder, Storage, TaskRunDraft};
use crate::execute::schedule::{Action, Scheduler};
use crate::plan::{self, Body, Job, Plan, TaskRunRequest};
use crate::resolve::{Library, ResolvedTask};

/// How many TaskRuns are looked at before the run starts.
const MAX_UPCOMING: usize = 10_000;

/// A TaskRun to be. References to results are still in its texts.
pub(crate) struct Upcoming {
    /// Its task's place in the root run's plan; 0 for a lone TaskRun.
    pub(crate) task: usize,
    /// It is one of a child run, whose own `when` expressions and failures are not looked at here.
    pub(crate) of_child: bool,
    pub(crate) draft: TaskRunDraft,
}

/// All TaskRuns, those of child runs included, less those of disabled tasks; of very many, the
/// first.
pub(crate) fn upcoming(job: &Job, library: &Library) -> Vec<Upcoming> {
    match job {
        Job::Pipeline(plan) => of_plan(plan, library, MAX_UPCOMING),
        Job::Task(request) => vec![Upcoming {
            task: 0,
            of_child: false,
            draft: alone(request),
        }],
    }
}

fn alone(request: &TaskRunRequest) -> TaskRunDraft {
    TaskRunDraft {
        request: request.clone(),
        storage: Storage::new(),
        display_name: String::new(),
        combination: Vec::new(),
    }
}

fn of_plan(plan: &Plan, library: &Library, most: usize) -> Vec<Upcoming> {
    let mut found = Vec::new();
    for (task, planned) in plan.tasks.iter().enumerate() {
        let left = most.saturating_sub(found.len());
        if left == 0 {
            break;
        }
        if plan.reuse.disabled(&planned.name).is_some() {
            continue;
        }
        match &planned.body {
            Body::Task(resolved) => {
                let drafts = of_task(plan, task, resolved).into_iter();
                found.extend(drafts.map(|draft| Upcoming {
                    task,
                    of_child: false,
                    draft,
                }));
            }
            Body::Pipeline => {
                // A child that cannot be planned is reported when its turn comes, as on a cluster.
                let child = child(plan, task, library);
                let drafts = child.map(|child| of_plan(&child, library, left));
                found.extend(drafts.into_iter().flatten().map(|run| Upcoming {
                    task,
                    of_child: true,
                    ..run
                }));
            }
            Body::Absent(_) => {}
        }
    }
    found
}

/// The TaskRuns of one task: one for each combination of a matrix that is known already.
pub(crate) fn of_task(plan: &Plan, task: usize, resolved: &Arc<ResolvedTask>) -> Vec<TaskRunDraft> {
    let storage = Storage::new();
    if plan.tasks[task].source.matrix.is_some() {
        let mut scheduler = Scheduler::new(Arc::new(plan.clone()));
        if let Ok(Action::Start(start)) = scheduler.start(task, Vec::new()) {
            let scope = scheduler.scope();
            let storage = &storage;
            return DraftBuilder {
                plan,
                scope,
                storage,
            }
            .task_runs(&start, resolved);
        }
    }
    vec![first_look(plan, &storage).single(task, resolved)]
}

fn first_look<'a>(plan: &'a Plan, storage: &'a Storage) -> DraftBuilder<'a> {
    DraftBuilder {
        plan,
        scope: &plan.scope,
        storage,
    }
}

fn child(plan: &Plan, task: usize, library: &Library) -> Option<Plan> {
    let storage = Storage::new();
    let builder = first_look(plan, &storage);
    let (request, _) = builder.child(&builder.early(task));
    plan::plan(&request, library).ok()
}
