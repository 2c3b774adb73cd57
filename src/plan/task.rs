//! Planning the tasks of a pipeline: what each of them is, and its own settings.

use std::sync::Arc;

use super::error::{Place, PlanError};
use super::identity::Identity;
use super::model::{Body, PlannedTask};
use super::overrides::overrides;
use super::problem::Problem;
use super::run_request::RunRequest;
use crate::diagnostic::FieldPath;
use crate::language::Timeouts;
use crate::resolve::{
    Library, ResolveError, ResolvedPipeline, ResolvedTask, resolve_pipeline, resolve_task,
};
use crate::spec::pipeline::PipelineTask;
use crate::substitution::{Scope, result_refs};

/// What planning a task needs to know of its run.
pub(super) struct TaskPlanner<'a> {
    pub(super) library: &'a Library,
    pub(super) scope: &'a Scope,
    pub(super) request: &'a RunRequest,
    pub(super) pipeline: &'a ResolvedPipeline,
    pub(super) identity: &'a Identity,
    /// The pipelines this run is inside of, its own last.
    pub(super) ancestors: &'a [String],
    pub(super) timeouts: &'a Timeouts,
}

impl TaskPlanner<'_> {
    /// The tasks in the order of the pipeline, finally tasks last.
    pub(super) fn tasks(&self) -> Result<Vec<PlannedTask>, PlanError> {
        let spec = &self.pipeline.spec;
        let sides = [("tasks", &spec.tasks), ("finally", &spec.finally)];
        let mut planned = Vec::new();
        for (side, tasks) in sides {
            for (index, source) in tasks.iter().enumerate() {
                let at = FieldPath::root().key(side).index(index);
                planned.push(self.task(source, side == "finally", &at)?);
            }
        }
        Ok(planned)
    }

    fn task(
        &self,
        source: &PipelineTask,
        finally: bool,
        at: &FieldPath,
    ) -> Result<PlannedTask, PlanError> {
        let on_error = self.scope.text(&source.on_error);
        if !matches!(on_error.as_str(), "" | "continue" | "stopAndFail") {
            let problem = Problem::OnError {
                run: self.identity.qualified(),
                task: source.name.clone(),
            };
            return Err(self.error(problem, at.key("onError")));
        }
        let (overrides, own_timeout) = overrides(&self.request.spec, &source.name);
        Ok(PlannedTask {
            name: source.name.clone(),
            finally,
            body: self.body(source, at)?,
            retries: usize::try_from(source.retries).unwrap_or(0),
            timeout: self
                .timeouts
                .attempt(own_timeout.or(source.timeout), finally),
            continue_on_error: on_error == "continue",
            overrides,
            result_refs: result_refs(source),
            source: source.clone(),
        })
    }

    fn body(&self, source: &PipelineTask, at: &FieldPath) -> Result<Body, PlanError> {
        if self.request.disabled.contains(&source.name) {
            return Ok(Body::Absent(self.resolve(source).ok().map(Arc::new)));
        }
        if source.pipeline_ref.is_some() || source.pipeline_spec.is_some() {
            return self.child(source, at).map(|()| Body::Pipeline);
        }
        self.resolve(source)
            .map(|task| Body::Task(Arc::new(task)))
            .map_err(|error| self.not_found(source, at, error))
    }

    fn resolve(&self, source: &PipelineTask) -> Result<ResolvedTask, ResolveError> {
        match (&source.task_ref, &source.task_spec) {
            (Some(reference), _) => resolve_task(reference, self.library, self.scope),
            (None, Some(embedded)) => {
                ResolvedTask::embedded(embedded.to_task_spec(), self.library, self.scope)
            }
            (None, None) => Ok(ResolvedTask::default()),
        }
    }

    fn not_found(&self, source: &PipelineTask, at: &FieldPath, error: ResolveError) -> PlanError {
        let reference = source.task_ref.as_ref();
        let (task, step) = match &error {
            ResolveError::StepAction { task, index, .. } => (task.clone(), *index),
            _ => {
                let problem = Problem::TaskNotFound {
                    pipeline: self.qualified_pipeline(),
                    name: reference.map_or_else(String::new, |it| it.name.clone()),
                    error,
                };
                return self.error(problem, at.key("taskRef"));
            }
        };
        let path = |spec: FieldPath| spec.key("steps").index(step).key("ref");
        let place = match &task {
            Some(name) => Place::of_task(Some(name), path(FieldPath::root())),
            None => self.in_pipeline(path(at.key("taskSpec"))),
        };
        let run = self.identity.qualified();
        PlanError::new(Problem::StepActionNotFound { run, error }, place)
    }

    /// A child pipeline must exist and not be one this run is already inside of.
    fn child(&self, source: &PipelineTask, at: &FieldPath) -> Result<(), PlanError> {
        let reference = source.pipeline_ref.as_ref();
        let embedded = source.pipeline_spec.as_deref();
        let found = resolve_pipeline(reference, embedded, self.library, self.scope);
        let child = found.map_err(|error| {
            let pipeline = self.qualified_pipeline();
            self.error(
                Problem::ChildNotFound { pipeline, error },
                at.key("pipelineRef"),
            )
        })?;
        match child.name {
            Some(name) if self.ancestors.contains(&name) => {
                let ancestors = self.ancestors.to_vec();
                let problem = Problem::RunsItself { name, ancestors };
                Err(self.error(problem, at.key("pipelineRef")))
            }
            _ => Ok(()),
        }
    }

    fn qualified_pipeline(&self) -> String {
        let name = self.ancestors.last().map_or("", String::as_str);
        format!("{}/{name}", self.identity.namespace)
    }

    fn error(&self, problem: Problem, path: FieldPath) -> PlanError {
        PlanError::new(problem, self.in_pipeline(path))
    }

    fn in_pipeline(&self, path: FieldPath) -> Place {
        Place::of_pipeline(self.pipeline.name.as_deref(), path)
    }
}
