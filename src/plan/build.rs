//! From a PipelineRun to its plan, checking in Tekton's order
//! (`pkg/reconciler/pipelinerun/pipelinerun.go`, `reconcile`): the first error decides, and has
//! the reason and message it has on a cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::check::Checks;
use super::children;
use super::error::{Place, PlanError};
use super::identity::Identity;
use super::model::{Plan, Requested};
use super::problem::Problem;
use super::reuse::ReusePlan;
use super::run_request::RunRequest;
use super::substituted::substituted;
use super::task::TaskPlanner;
use crate::diagnostic::FieldPath;
use crate::language::{Graph, Timeouts};
use crate::resolve::{Library, ParamError, ResolvedPipeline, pipeline_params};
use crate::substitution::{Scope, dependencies};

/// Plans a run, or says why it ends before anything starts.
pub fn plan(request: &RunRequest, library: &Library) -> Result<Plan, PlanError> {
    let pipeline = request.pipeline(library)?;
    build(request, &pipeline, library)
}

/// Plans a run of a pipeline that has been found: `pipeline` is what
/// [`RunRequest::pipeline`] gives.
pub fn build(
    request: &RunRequest,
    pipeline: &ResolvedPipeline,
    library: &Library,
) -> Result<Plan, PlanError> {
    let spec = &request.spec;
    let name = pipeline.name.as_ref().unwrap_or(&request.identity.name);
    let identity = adopted(&request.identity, pipeline, name);
    let builder = Builder {
        request,
        pipeline,
        identity: &identity,
        name,
    };
    let graph = builder.graph()?;
    let scope = builder.scope()?;
    let checks = Checks {
        identity: &identity,
        pipeline,
        name,
        run: spec,
        scope: &scope,
    };
    checks.before_the_tasks()?;
    if request.ancestors.is_empty() {
        children::check(&identity, name, pipeline, library)?;
    }
    let pipeline_spec = substituted(pipeline, &scope).map_err(|(path, task, error)| {
        let pipeline = format!("{}/{name}", identity.namespace);
        let problem = Problem::TaskTooLarge {
            pipeline,
            task,
            error,
        };
        PlanError::new(problem, builder.in_pipeline(path))
    })?;
    let mut ancestors = request.ancestors.clone();
    ancestors.push(name.clone());
    let timeouts = Timeouts::new(spec.timeouts.as_ref());
    let tasks = TaskPlanner {
        library,
        scope: &scope,
        request,
        pipeline,
        identity: &identity,
        ancestors: &ancestors,
        timeouts: &timeouts,
    }
    .tasks()?;
    checks.of_tasks(&tasks)?;
    Ok(Plan {
        object: identity.object("PipelineRun", &serde_json::json!(spec)),
        pipeline_spec,
        pipeline_name: name.clone(),
        ancestors,
        tasks,
        graph,
        results: pipeline.spec.results.clone(),
        bindings: spec.workspaces.clone(),
        timeouts,
        requested: requested(&spec.status),
        reuse: ReusePlan::default(),
        contents: BTreeMap::new(),
        scope,
        identity,
    })
}

/// The identity of the run with the labels and annotations it takes over from its Pipeline.
fn adopted(own: &Identity, pipeline: &ResolvedPipeline, name: &str) -> Identity {
    let mut identity = own.clone();
    identity.adopt(&pipeline.labels, &pipeline.annotations);
    identity
        .labels
        .insert("tekton.dev/pipeline".to_owned(), name.to_owned());
    identity
}

fn requested(status: &str) -> Option<Requested> {
    match status {
        "PipelineRunPending" => Some(Requested::Pending),
        "Cancelled" => Some(Requested::Cancelled),
        "CancelledRunFinally" => Some(Requested::CancelledRunFinally),
        "StoppedRunFinally" => Some(Requested::StoppedRunFinally),
        _ => None,
    }
}

struct Builder<'a> {
    request: &'a RunRequest,
    pipeline: &'a ResolvedPipeline,
    identity: &'a Identity,
    /// `context.pipeline.name`.
    name: &'a str,
}

impl Builder<'_> {
    fn graph(&self) -> Result<Graph, PlanError> {
        let tasks = &self.pipeline.spec.tasks;
        let names: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
        let on: Vec<BTreeSet<String>> = tasks.iter().map(dependencies).collect();
        Graph::new(&names, &on).map_err(|error| {
            let tasks = FieldPath::root().key("tasks");
            let task = names.iter().position(|name| *name == error.task());
            let place = self.in_pipeline(task.map_or(tasks.clone(), |index| tasks.index(index)));
            let run = self.identity.qualified();
            PlanError::new(Problem::Graph { run, error }, place)
        })
    }

    fn scope(&self) -> Result<Scope, PlanError> {
        let run = &self.request.spec;
        let mut scope = self.request.context();
        scope.set("context.pipeline.name", self.name);
        for workspace in &self.pipeline.spec.workspaces {
            scope.set(format!("workspaces.{}.bound", workspace.name), "false");
        }
        for binding in &run.workspaces {
            scope.set(format!("workspaces.{}.bound", binding.name), "true");
        }
        let declared = &self.pipeline.spec.params;
        let values = pipeline_params(declared, &run.params, &scope).map_err(|error| {
            let place = self.place_of_param(&error);
            let problem = Problem::RunParams {
                run: self.identity.qualified(),
                pipeline: format!("{}/{}", self.identity.namespace, self.name),
                error,
            };
            PlanError::new(problem, place)
        })?;
        for (name, value) in &values {
            scope.set_param(name, value);
        }
        Ok(scope)
    }

    /// The value that is wrong; the declaration of a param that has none.
    fn place_of_param(&self, error: &ParamError) -> Place {
        let name = error.param().unwrap_or_default();
        let params = FieldPath::root().key("params");
        let mut given = self.request.spec.params.iter();
        let given = given.position(|param| param.name == name);
        let mut declared = self.pipeline.spec.params.iter();
        let declared = declared.position(|spec| spec.name == name);
        match (error, given, declared) {
            (ParamError::Default(_) | ParamError::TooLarge(..), _, Some(index)) => {
                self.in_pipeline(params.index(index).key("default"))
            }
            (_, Some(index), _) => Place::of_run(params.index(index).key("value")),
            (_, None, Some(index)) => self.in_pipeline(params.index(index).key("name")),
            (_, None, None) => Place::of_run(params),
        }
    }

    fn in_pipeline(&self, path: FieldPath) -> Place {
        Place::of_pipeline(self.pipeline.name.as_deref(), path)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::plan;
    use crate::plan::{Holder, PlanError, RunRequest};
    use crate::resolve::Library;
    use crate::spec::{Object, PipelineRun};
    use crate::status::Reason;

    /// The error of a run of a Pipeline `p` that has this spec, with a Task `t` beside it.
    fn error(pipeline: &Value, run: Value) -> PlanError {
        let object = |spec: &Value, name: &str| json!({"metadata": {"name": name}, "spec": spec});
        let task = json!({
            "params": [{"name": "list", "type": "array", "default": []}],
            "results": [{"name": "r"}],
            "workspaces": [{"name": "w", "optional": true}],
            "steps": [{"name": "s", "image": "i"}],
        });
        let objects = [
            Object::Pipeline(serde_json::from_value(object(pipeline, "p")).unwrap()),
            Object::Task(serde_json::from_value(object(&task, "t")).unwrap()),
        ];
        let mut spec = json!({"pipelineRef": {"name": "p"}});
        if let (Value::Object(spec), Value::Object(more)) = (&mut spec, run) {
            spec.extend(more);
        }
        let run: PipelineRun = serde_json::from_value(object(&spec, "r")).unwrap();
        plan(&RunRequest::from(&run), &Library::new(&objects)).unwrap_err()
    }

    fn of_tasks(tasks: &Value) -> PlanError {
        error(&json!({"tasks": tasks}), json!({}))
    }

    #[test]
    fn every_error_has_its_reason_and_its_field_in_the_pipeline() {
        for (tasks, reason, path) in [
            (
                json!([{"name": "a", "taskRef": {"name": "t"}}, {"name": "b", "taskRef": {"name": "x"}}]),
                Reason::CouldntGetTask,
                "tasks[1].taskRef",
            ),
            (
                json!([{"name": "a", "taskSpec": {"steps": [{"name": "s", "image": "i"}, {"name": "q", "ref": {"name": "x"}}]}}]),
                Reason::CouldntGetTask,
                "tasks[0].taskSpec.steps[1].ref",
            ),
            (
                json!([{"name": "a", "pipelineRef": {"name": "x"}}]),
                Reason::CouldntGetPipeline,
                "tasks[0].pipelineRef",
            ),
            (
                json!([{"name": "a", "pipelineRef": {"name": "p"}}]),
                Reason::CreateRunFailed,
                "tasks[0].pipelineRef",
            ),
            (
                json!([{"name": "a", "taskRef": {"name": "t"}, "onError": "x"}]),
                Reason::PipelineValidationFailed,
                "tasks[0].onError",
            ),
            (
                json!([{"name": "a", "taskRef": {"name": "t"}, "runAfter": ["a"]}]),
                Reason::PipelineInvalidGraph,
                "tasks[0]",
            ),
            (
                json!([{"name": "a", "taskRef": {"name": "t"}, "params": [{"name": "list", "value": "x"}]}]),
                Reason::PipelineValidationFailed,
                "tasks[0].params[0]",
            ),
            (
                json!([{"name": "a", "taskRef": {"name": "t"}}, {"name": "b", "taskRef": {"name": "t"}, "params": [
                    {"name": "x", "value": "x"}, {"name": "y", "value": "$(tasks.a.results.q)"},
                ]}]),
                Reason::InvalidTaskResultReference,
                "tasks[1].params[1].value",
            ),
            (
                json!([{"name": "a", "taskRef": {"name": "t"}, "matrix": {"params": [{"name": "m", "value": "x"}]}}]),
                Reason::InvalidMatrixParameterTypes,
                "tasks[0].matrix.params[0].value",
            ),
            (
                json!([{"name": "a", "taskSpec": {"workspaces": [{"name": "w"}], "steps": [{"name": "s", "image": "i"}]},
                    "workspaces": [{"name": "w"}]}]),
                Reason::CreateRunFailed,
                "tasks[0].workspaces[0]",
            ),
        ] {
            let error = of_tasks(&tasks);
            assert_eq!(error.reason(), reason, "{error}");
            assert_eq!(error.place().path.to_string(), path, "{error}");
            let pipeline = Holder::Pipeline(Some("p".to_owned()));
            assert_eq!(error.place().holder, pipeline, "{error}");
        }
    }

    #[test]
    fn what_a_run_lacks_is_shown_at_its_declaration_and_what_it_gives_at_the_run() {
        let tasks = json!([{"name": "a", "taskRef": {"name": "t"}}]);
        let pipeline =
            json!({"params": [{"name": "x"}], "workspaces": [{"name": "w"}], "tasks": tasks});
        let given = json!([{"name": "x", "value": "1"}]);
        for (run, reason, path, of_run) in [
            (json!({}), Reason::ParameterMissing, "params[0].name", false),
            (
                json!({"params": [{"name": "x", "value": ["1"]}]}),
                Reason::ParameterTypeMismatch,
                "params[0].value",
                true,
            ),
            (
                json!({"params": given}),
                Reason::InvalidWorkspaceBindings,
                "workspaces[0].name",
                false,
            ),
            (
                json!({"params": given, "workspaces": [{"name": "w"}], "taskRunSpecs": [{"pipelineTaskName": "z"}]}),
                Reason::InvalidTaskRunSpecs,
                "taskRunSpecs[0].pipelineTaskName",
                true,
            ),
            (
                json!({"pipelineRef": {"name": "q"}}),
                Reason::CouldntGetPipeline,
                "pipelineRef",
                true,
            ),
        ] {
            let error = error(&pipeline, run);
            assert_eq!(error.reason(), reason, "{error}");
            assert_eq!(error.place().path.to_string(), path, "{error}");
            assert_eq!(error.place().holder == Holder::Run, of_run, "{error}");
        }
    }
}
