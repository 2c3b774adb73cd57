//! From a run's object to what the executor runs.

use serde_json::{Value, json};

use crate::cli::load::select::Run;
use crate::event::RunKind;
use crate::plan::{self, Identity, Job, PlanError, RunRequest, standalone};
use crate::resolve::Library;
use crate::status::Condition;

/// A run that cannot start.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rejected {
    /// What it is.
    pub(crate) kind: RunKind,
    /// Its object without status.
    pub(crate) object: Value,
    /// Why.
    pub(crate) error: PlanError,
}

impl Rejected {
    /// What to call it.
    pub(crate) fn title(&self) -> String {
        let text = |pointer| self.object.pointer(pointer).and_then(Value::as_str);
        let text = |pointer| text(pointer).unwrap_or_default();
        format!("{} {}", text("/kind"), text("/metadata/name"))
    }

    /// How it ends.
    pub(crate) fn condition(&self) -> Condition {
        self.error.clone().into()
    }
}

/// Plans a run.
pub(crate) fn plan(run: &Run, library: &Library) -> Result<Job, Box<Rejected>> {
    match run {
        Run::Pipeline(run) => {
            let request = RunRequest::from(run.as_ref());
            plan::plan(&request, library)
                .map(|plan| Job::Pipeline(Box::new(plan)))
                .map_err(|error| Box::new(rejected(&request, error)))
        }
        Run::Task(run) => {
            let identity = Identity::new(&run.metadata);
            let object = identity.object("TaskRun", &json!(run.spec));
            standalone(identity, run, library)
                .map(|request| Job::Task(Box::new(request)))
                .map_err(|error| {
                    Box::new(Rejected {
                        kind: RunKind::TaskRun,
                        object,
                        error,
                    })
                })
        }
    }
}

/// A PipelineRun that cannot start.
pub(crate) fn rejected(request: &RunRequest, error: PlanError) -> Rejected {
    Rejected {
        kind: RunKind::PipelineRun,
        object: request.object(),
        error,
    }
}

/// What it is.
pub(crate) const fn kind_of(job: &Job) -> RunKind {
    match job {
        Job::Pipeline(_) => RunKind::PipelineRun,
        Job::Task(_) => RunKind::TaskRun,
    }
}

/// The name of the Pipeline or Task; `None` for one written in place.
pub(crate) fn definition_of(object: &Value) -> Option<String> {
    ["/spec/pipelineRef/name", "/spec/taskRef/name"]
        .into_iter()
        .find_map(|pointer| object.pointer(pointer)?.as_str())
        .map(str::to_owned)
}
