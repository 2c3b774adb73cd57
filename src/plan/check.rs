//! Checks of a run against its pipeline, with the reasons they have on a cluster.

use std::collections::{BTreeSet, HashMap};

use super::error::{Place, PlanError};
use super::identity::Identity;
use super::model::{Body, PlannedTask};
use super::problem::Problem;
use super::texts::texts;
use super::workspaces::wanted_workspaces;
use crate::diagnostic::FieldPath;
use crate::language::MatrixTypeError;
use crate::resolve::{ParamError, ResolvedPipeline, ResolvedTask, task_params};
use crate::spec::param::{Param, ParamType, ParamValue};
use crate::spec::pipeline::{Matrix, PipelineRunSpec, PipelineTask};
use crate::substitution::{ResultRef, Scope, references};

/// The tasks of the plan.
type ByName<'p> = HashMap<&'p str, &'p PlannedTask>;

/// What the checks look at.
pub(super) struct Checks<'a> {
    pub(super) identity: &'a Identity,
    pub(super) pipeline: &'a ResolvedPipeline,
    /// `context.pipeline.name`.
    pub(super) name: &'a str,
    pub(super) run: &'a PipelineRunSpec,
    pub(super) scope: &'a Scope,
}

impl Checks<'_> {
    /// Rows 13 to 15 of the order of checks.
    pub(super) fn before_the_tasks(&self) -> Result<(), PlanError> {
        self.array_indexes()?;
        self.workspaces()?;
        self.task_run_specs()
    }

    /// Rows 19 to 25: what each task is given and refers to.
    pub(super) fn of_tasks(&self, tasks: &[PlannedTask]) -> Result<(), PlanError> {
        let planned = || {
            let places = self.places().map(|(at, _)| at);
            tasks.iter().zip(places)
        };
        for (task, at) in planned() {
            self.params(task, &at)?;
        }
        let mut by_name = ByName::with_capacity(tasks.len());
        for task in tasks {
            by_name.entry(task.name.as_str()).or_insert(task);
        }
        for (task, at) in planned() {
            for reference in &task.result_refs {
                self.result_reference(task, &at, reference, &by_name)?;
            }
        }
        self.pipeline_results(&by_name)?;
        for (task, at) in planned() {
            self.optional_workspaces(task, &at)?;
            self.matrix_types(task, &at)?;
        }
        for (task, at) in planned() {
            self.bound_workspaces(task, &at)?;
        }
        Ok(())
    }

    /// The tasks in the order of the plan, each with its place.
    fn places(&self) -> impl Iterator<Item = (FieldPath, &PipelineTask)> {
        let spec = &self.pipeline.spec;
        let sides = [("tasks", &spec.tasks), ("finally", &spec.finally)];
        sides.into_iter().flat_map(|(side, tasks)| {
            let side = FieldPath::root().key(side);
            let tasks = tasks.iter().enumerate();
            tasks.map(move |(index, task)| (side.index(index), task))
        })
    }

    fn qualified_pipeline(&self) -> String {
        format!("{}/{}", self.identity.namespace, self.name)
    }

    fn error(&self, problem: Problem, path: FieldPath) -> PlanError {
        let place = Place::of_pipeline(self.pipeline.name.as_deref(), path);
        PlanError::new(problem, place)
    }

    /// Row 13: an item that an array does not have.
    fn array_indexes(&self) -> Result<(), PlanError> {
        let mut first = None;
        let mut wrong = BTreeSet::new();
        for (at, task) in self.places() {
            for (at, text) in texts(task, &at) {
                let found = references(text).into_iter();
                let found: Vec<&str> = found
                    .filter(|reference| self.scope.is_out_of_bounds(reference))
                    .collect();
                if !found.is_empty() {
                    first.get_or_insert(at);
                }
                wrong.extend(found.iter().map(|reference| format!("$({reference})")));
            }
        }
        let Some(path) = first else {
            return Ok(());
        };
        let problem = Problem::ArrayIndex {
            run: self.identity.qualified(),
            pipeline: self.qualified_pipeline(),
            references: wrong.into_iter().collect(),
        };
        Err(self.error(problem, path))
    }

    /// Row 14: a workspace the pipeline needs and the run does not give.
    fn workspaces(&self) -> Result<(), PlanError> {
        let bindings = self.run.workspaces.iter();
        let bound: BTreeSet<&str> = bindings.map(|binding| binding.name.as_str()).collect();
        let mut declared = self.pipeline.spec.workspaces.iter().enumerate();
        let missing = declared
            .find(|(_, workspace)| !workspace.optional && !bound.contains(workspace.name.as_str()));
        let Some((index, workspace)) = missing else {
            return Ok(());
        };
        let problem = Problem::WorkspaceNotBound {
            run: self.identity.qualified(),
            pipeline: self.qualified_pipeline(),
            workspace: workspace.name.clone(),
        };
        let at = FieldPath::root().key("workspaces").index(index);
        Err(self.error(problem, at.key("name")))
    }

    fn is_bound(&self, workspace: &str) -> bool {
        let mut bindings = self.run.workspaces.iter();
        bindings.any(|binding| binding.name == workspace)
    }

    /// Row 15: settings for a task that is not there.
    fn task_run_specs(&self) -> Result<(), PlanError> {
        let known: BTreeSet<&str> = self.places().map(|(_, task)| task.name.as_str()).collect();
        let mut entries = self.run.task_run_specs.iter().enumerate();
        let wrong = entries.find(|(_, entry)| !known.contains(entry.pipeline_task_name.as_str()));
        let Some((index, entry)) = wrong else {
            return Ok(());
        };
        let problem = Problem::UnknownTaskRunSpec {
            run: self.identity.qualified(),
            task: entry.pipeline_task_name.clone(),
        };
        let at = FieldPath::root().key("taskRunSpecs").index(index);
        let place = Place::of_run(at.key("pipelineTaskName"));
        Err(PlanError::new(problem, place))
    }

    fn params(&self, task: &PlannedTask, at: &FieldPath) -> Result<(), PlanError> {
        let Body::Task(resolved) = &task.body else {
            return Ok(());
        };
        let matrix = task.source.matrix.as_ref();
        let fanned = matrix.into_iter().flat_map(Matrix::all_params);
        let mut given = self.scope.params(&task.source.params);
        for param in fanned {
            let mut declared = resolved.spec.params.iter();
            let declared = declared.find(|spec| spec.name == param.name);
            if declared.is_some_and(|spec| spec.kind() != ParamType::String) {
                let error = ParamError::Type(vec![param.name.clone()]);
                return Err(self.params_of_task(task, resolved, error, at.key("matrix")));
            }
            if !given.iter().any(|other| other.name == param.name) {
                given.push(Param {
                    name: param.name.clone(),
                    value: ParamValue::from("$(matrix)"),
                });
            }
        }
        task_params(&resolved.spec.params, &given, &Scope::new())
            .map(drop)
            .map_err(|error| {
                let mut params = task.source.params.iter();
                let place = params.position(|param| error.param() == Some(&param.name));
                let place = place.map(|index| at.key("params").index(index));
                self.params_of_task(task, resolved, error, place.unwrap_or_else(|| at.clone()))
            })
    }

    fn params_of_task(
        &self,
        task: &PlannedTask,
        resolved: &ResolvedTask,
        error: ParamError,
        path: FieldPath,
    ) -> PlanError {
        let problem = Problem::ParamsOfTask {
            run: self.identity.name.clone(),
            task: resolved.name.as_ref().unwrap_or(&task.name).clone(),
            error,
        };
        self.error(problem, path)
    }

    fn result_reference(
        &self,
        task: &PlannedTask,
        at: &FieldPath,
        reference: &ResultRef,
        tasks: &ByName<'_>,
    ) -> Result<(), PlanError> {
        if !lacks_result(reference, tasks) {
            return Ok(());
        }
        let named = |text: &str| ResultRef::find_in(text).any(|found| found == *reference);
        let field = texts(&task.source, at)
            .into_iter()
            .find(|(_, text)| named(text))
            .map(|(at, _)| at);
        let problem = Problem::ResultReference {
            task: task.name.clone(),
            result: reference.result.clone(),
            producer: reference.task.clone(),
        };
        Err(self.error(problem, field.unwrap_or_else(|| at.clone())))
    }

    fn pipeline_results(&self, tasks: &ByName<'_>) -> Result<(), PlanError> {
        for (index, result) in self.pipeline.spec.results.iter().enumerate() {
            let texts = result.value.texts().into_iter();
            let wrong = texts
                .flat_map(ResultRef::find_in)
                .find(|reference| lacks_result(reference, tasks));
            if let Some(reference) = wrong {
                let problem = Problem::PipelineResultReference {
                    run: self.identity.name.clone(),
                    name: result.name.clone(),
                    result: reference.result,
                    producer: reference.task,
                };
                let at = FieldPath::root().key("results").index(index);
                return Err(self.error(problem, at.key("value")));
            }
        }
        Ok(())
    }

    fn optional_workspaces(&self, task: &PlannedTask, at: &FieldPath) -> Result<(), PlanError> {
        let Body::Task(resolved) = &task.body else {
            return Ok(());
        };
        for (index, usage) in task.source.workspaces.iter().enumerate() {
            let mut of_pipeline = self.pipeline.spec.workspaces.iter();
            let optional = of_pipeline
                .any(|workspace| workspace.optional && workspace.name == usage.workspace);
            let mut of_task = resolved.spec.workspaces.iter();
            let required =
                of_task.any(|declared| !declared.optional && declared.name == usage.name);
            if optional && required {
                let problem = Problem::OptionalWorkspace {
                    workspace: usage.workspace.clone(),
                    task: task.name.clone(),
                };
                return Err(self.error(problem, at.key("workspaces").index(index)));
            }
        }
        Ok(())
    }

    /// What can be said of a matrix before results are there; the rest is checked when they are.
    fn matrix_types(&self, task: &PlannedTask, at: &FieldPath) -> Result<(), PlanError> {
        let Some(matrix) = &task.source.matrix else {
            return Ok(());
        };
        for (index, param) in self.scope.params(&matrix.params).iter().enumerate() {
            let late = param.value.as_str().is_some_and(|text| text.contains("$("));
            if !late && param.value.kind() != ParamType::Array {
                let error = MatrixTypeError::new(ParamType::Array, param, &task.name);
                let at = at.key("matrix").key("params").index(index).key("value");
                return Err(self.error(Problem::MatrixType(error), at));
            }
        }
        Ok(())
    }

    /// Row 25: a workspace of a task that is bound to nothing.
    fn bound_workspaces(&self, task: &PlannedTask, at: &FieldPath) -> Result<(), PlanError> {
        let Body::Task(resolved) = &task.body else {
            return Ok(());
        };
        let optional = |name: &str| {
            let mut declared = resolved.spec.workspaces.iter();
            declared.any(|declared| declared.optional && declared.name == name)
        };
        let wanted = wanted_workspaces(&task.source, resolved);
        let unbound = wanted
            .iter()
            .position(|usage| !self.is_bound(usage.source()) && !optional(&usage.name));
        let Some(index) = unbound else {
            return Ok(());
        };
        let problem = Problem::TaskWorkspaceNotBound {
            workspace: wanted[index].source().to_owned(),
            task: task.name.clone(),
        };
        // Those a Task written in place mentions come after those that are listed.
        let path = if index < task.source.workspaces.len() {
            at.key("workspaces").index(index)
        } else {
            at.clone()
        };
        Err(self.error(problem, path))
    }
}

/// True when the Task that makes a result is known and does not declare it.
fn lacks_result(reference: &ResultRef, tasks: &ByName<'_>) -> bool {
    let producer = tasks.get(reference.task.as_str());
    let Some(Body::Task(resolved)) = producer.map(|producer| &producer.body) else {
        return false;
    };
    let mut declared = resolved.spec.results.iter();
    !declared.any(|result| result.name == reference.result)
}
