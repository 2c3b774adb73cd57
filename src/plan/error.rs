//! Why a run cannot start, and which field is to blame.

use super::problem::Problem;
use crate::diagnostic::FieldPath;
use crate::status::{Condition, Reason};

/// The object that has a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// The PipelineRun or TaskRun.
    Run,
    /// The Pipeline of this name; `None` for one written in the run.
    Pipeline(Option<String>),
    /// The Task of this name; `None` for one written in the TaskRun.
    Task(Option<String>),
}

/// A field of one of the objects that make up a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The object.
    pub holder: Holder,
    /// The field, below the `spec` of the object.
    pub path: FieldPath,
}

impl Place {
    /// A field of the run.
    pub(crate) const fn of_run(path: FieldPath) -> Self {
        Self {
            holder: Holder::Run,
            path,
        }
    }

    /// A field of the Pipeline.
    pub(crate) fn of_pipeline(name: Option<&str>, path: FieldPath) -> Self {
        Self {
            holder: Holder::Pipeline(name.map(str::to_owned)),
            path,
        }
    }

    /// A field of a Task.
    pub(crate) fn of_task(name: Option<&str>, path: FieldPath) -> Self {
        Self {
            holder: Holder::Task(name.map(str::to_owned)),
            path,
        }
    }
}

/// Why a run, or a TaskRun of one, cannot start. Displays in Tekton's words.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{problem}")]
pub struct PlanError {
    problem: Box<Problem>,
    place: Box<Place>,
}

impl PlanError {
    pub(crate) fn new(problem: Problem, place: Place) -> Self {
        Self {
            problem: Box::new(problem),
            place: Box::new(place),
        }
    }

    /// A run that is rejected when its TaskRuns or their Pods are created.
    pub fn rejected(reason: Reason, message: String) -> Self {
        let place = Place::of_run(FieldPath::root());
        Self::new(Problem::Rejected { reason, message }, place)
    }

    /// The reason of its condition.
    pub fn reason(&self) -> Reason {
        self.problem.reason()
    }

    /// The field it is about.
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        self.problem.hint()
    }
}

/// A condition has no hint of its own, so where a reference leads nowhere its message ends in what
/// to do.
impl From<PlanError> for Condition {
    fn from(error: PlanError) -> Self {
        let message = match error.problem.unresolved() {
            Some(unresolved) => format!("{error}; {}", unresolved.hint()),
            None => error.to_string(),
        };
        Self::failed(error.reason(), message)
    }
}
