//! From a task of the pipeline that starts to the TaskRuns and child runs it becomes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::execute::pod::layout::workspace_dir;
use crate::execute::schedule::Start;
use crate::language::Combination;
use crate::plan::{
    Body, Identity, Plan, PlannedTask, RunRequest, TaskRunRequest, join_sub_path, wanted_workspaces,
};
use crate::resolve::ResolvedTask;
use crate::spec::core::ClaimVolume;
use crate::spec::param::Param;
use crate::spec::pipeline::{PipelineRunSpec, PipelineTaskRunTemplate};
use crate::spec::workspace::{WorkspaceBinding, WorkspacePipelineTaskBinding};
use crate::substitution::{Scope, fields};

/// The directories of the run's volume that back emptyDir workspaces, by workspace.
pub(crate) type Storage = BTreeMap<String, String>;

/// The directories of a root run's workspaces.
pub(crate) fn storage_of(plan: &Plan) -> Storage {
    plan.bindings
        .iter()
        .filter(|binding| binding.empty_dir.is_some())
        .map(|binding| (binding.name.clone(), workspace_dir(&binding.name)))
        .collect()
}

/// The claims a root run's templates become, and their directories in the run's volume.
pub(crate) fn run_claims(plan: &Plan) -> BTreeMap<String, String> {
    plan.bindings
        .iter()
        .filter_map(|binding| {
            Some((
                claim_of_template(binding, &plan.identity)?,
                workspace_dir(&binding.name),
            ))
        })
        .collect()
}

/// The name of the claim a binding's template becomes.
pub(crate) fn claim_of_template(binding: &WorkspaceBinding, identity: &Identity) -> Option<String> {
    let template = binding.volume_claim_template.as_ref()?;
    Some(crate::name::claim(
        &template.metadata.name,
        &binding.name,
        &identity.uid,
    ))
}

/// One TaskRun to be of a task that starts.
#[derive(Clone)]
pub(crate) struct TaskRunDraft {
    /// What to run.
    pub request: TaskRunRequest,
    /// Its emptyDir workspaces.
    pub storage: Storage,
    /// Its display name.
    pub display_name: String,
    /// Its matrix params.
    pub combination: Vec<Param>,
}

/// What units are made from.
pub(crate) struct DraftBuilder<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Params, context and results.
    pub scope: &'a Scope,
    /// The run's emptyDir workspaces.
    pub storage: &'a Storage,
}

impl DraftBuilder<'_> {
    /// The TaskRuns of a task that starts.
    pub(crate) fn task_runs(&self, start: &Start, task: &Arc<ResolvedTask>) -> Vec<TaskRunDraft> {
        let single = [Combination::default()];
        let combinations = start.combinations.as_deref().unwrap_or(&single);
        let count = combinations.len();
        let drafts = combinations.iter().enumerate();
        drafts
            .map(|(index, combination)| self.draft(start, task, combination, index, count))
            .collect()
    }

    fn draft(
        &self,
        start: &Start,
        task: &Arc<ResolvedTask>,
        combination: &Combination,
        index: usize,
        count: usize,
    ) -> TaskRunDraft {
        let planned = &self.plan.tasks[start.task];
        let mut params = combination.params.clone();
        params.extend(start.params.iter().cloned());
        let (workspaces, storage) = self.workspaces(planned, task);
        let mut own = Scope::new();
        for param in &combination.params {
            own.set_param(&param.name, &param.value);
        }
        let display_name = if combination.display_name.is_empty() {
            own.text(&start.display_name)
        } else {
            own.text(&combination.display_name)
        };
        let request = TaskRunRequest {
            identity: self.identity(planned, task, index, count),
            pipeline_task: planned.name.clone(),
            pipeline_run: Some(self.plan.identity.name.clone()),
            task: Arc::clone(task),
            params,
            outer: if task.name.is_none() {
                self.scope.clone()
            } else {
                Scope::new()
            },
            workspaces,
            retries: planned.retries,
            timeout: planned.timeout,
            overrides: planned.overrides.clone(),
            breakpoints: None,
            ignore_failure: planned.continue_on_error,
            pending: false,
        }
        .with_settled_pod_template();
        TaskRunDraft {
            request,
            storage,
            display_name,
            combination: combination.params.clone(),
        }
    }

    /// Labels and annotations as in `pkg/reconciler/pipelinerun/pipelinerun.go`,
    /// `combineTaskRunAndTaskSpecLabels`.
    fn identity(
        &self,
        planned: &PlannedTask,
        task: &ResolvedTask,
        index: usize,
        count: usize,
    ) -> Identity {
        let run = &self.plan.identity;
        let metadata = planned
            .source
            .task_spec
            .as_ref()
            .map(|spec| spec.metadata.clone())
            .unwrap_or_default();
        let mut labels = metadata.labels;
        labels.extend(task.labels.clone());
        labels.extend(run.labels.clone());
        let member = if planned.finally { "finally" } else { "tasks" };
        for (key, value) in [
            ("tekton.dev/pipelineRun", run.name.as_str()),
            ("tekton.dev/pipelineRunUID", run.uid.as_str()),
            ("tekton.dev/pipelineTask", planned.name.as_str()),
            ("tekton.dev/memberOf", member),
            ("tekton.dev/pipeline", self.plan.pipeline_name.as_str()),
            ("app.kubernetes.io/managed-by", "tekton-pipelines"),
        ] {
            labels.insert(key.to_owned(), value.to_owned());
        }
        if let Some(name) = &task.name {
            labels.insert("tekton.dev/task".to_owned(), name.clone());
        }
        labels.extend(planned.overrides.labels.clone());
        let mut annotations = metadata.annotations;
        annotations.extend(task.annotations.clone());
        annotations.extend(run.annotations.clone());
        if planned.continue_on_error {
            annotations.insert(
                "pipeline.tekton.dev/pipeline-task-on-error".to_owned(),
                "continue".to_owned(),
            );
        }
        annotations.extend(planned.overrides.annotations.clone());
        Identity {
            name: crate::name::task_run(&run.name, &planned.name, index, count),
            namespace: run.namespace.clone(),
            uid: crate::name::uid(),
            labels,
            annotations,
        }
    }

    /// The bindings of a task, and the directories of those that are the run's emptyDirs.
    fn workspaces(
        &self,
        planned: &PlannedTask,
        task: &ResolvedTask,
    ) -> (Vec<WorkspaceBinding>, Storage) {
        self.bindings(&wanted_workspaces(&planned.source, task))
    }

    fn bindings(
        &self,
        wanted: &[WorkspacePipelineTaskBinding],
    ) -> (Vec<WorkspaceBinding>, Storage) {
        let mut bindings = Vec::new();
        let mut storage = Storage::new();
        for usage in wanted {
            let source = usage.source();
            let Some(binding) = self.plan.binding(source) else {
                continue;
            };
            let mut bound = binding.clone();
            fields::binding(&mut bound, &mut &*self.scope);
            bound.name.clone_from(&usage.name);
            let own = self.scope.text(&usage.sub_path);
            // A path that leaves the workspace is kept as it is: laying out refuses it.
            bound.sub_path = join_sub_path(&bound.sub_path, &own)
                .unwrap_or_else(|| format!("{}/{own}", bound.sub_path));
            if let Some(claim_name) = claim_of_template(binding, &self.plan.identity) {
                bound.volume_claim_template = None;
                bound.persistent_volume_claim = Some(ClaimVolume {
                    claim_name,
                    read_only: false,
                });
            }
            if let Some(dir) = self.storage.get(source) {
                storage.insert(usage.name.clone(), dir.clone());
            }
            bindings.push(bound);
        }
        (bindings, storage)
    }

    /// The child run of a task that is a pipeline
    /// (`pkg/reconciler/pipelinerun/pipelinerun.go`, `createChildPipelineRun`).
    pub(crate) fn child(&self, start: &Start) -> (RunRequest, Storage) {
        let planned = &self.plan.tasks[start.task];
        let (workspaces, storage) = self.bindings(&planned.source.workspaces);
        let resolved = ResolvedTask::default();
        let mut identity = self.identity(planned, &resolved, 0, 1);
        identity.labels.remove("tekton.dev/pipeline");
        let spec = PipelineRunSpec {
            pipeline_ref: planned.source.pipeline_ref.clone(),
            pipeline_spec: planned.source.pipeline_spec.as_deref().cloned(),
            params: start.params.clone(),
            workspaces,
            task_run_template: PipelineTaskRunTemplate {
                pod_template: Some(planned.overrides.pod_template.clone()),
                service_account_name: planned.overrides.service_account.clone(),
            },
            ..PipelineRunSpec::default()
        };
        (
            RunRequest {
                identity,
                spec,
                ancestors: self.plan.ancestors.clone(),
                ..RunRequest::default()
            },
            storage,
        )
    }

    /// A TaskRun of a task as far as it is known before its turn; `None` for what has no single one.
    pub(crate) fn preview(&self, task: usize) -> Option<TaskRunDraft> {
        let planned = &self.plan.tasks[task];
        match &planned.body {
            Body::Task(resolved) if planned.source.matrix.is_none() => {
                Some(self.single(task, resolved))
            }
            Body::Task(_) | Body::Pipeline | Body::Absent(_) => None,
        }
    }

    /// What a task starts with as far as it is known before its turn, without its matrix.
    pub(crate) fn early(&self, task: usize) -> Start {
        let source = &self.plan.tasks[task].source;
        Start {
            task,
            when: Vec::new(),
            params: self.scope.params(&source.params),
            combinations: None,
            display_name: source.display_name.clone(),
        }
    }

    /// A TaskRun of a task before its turn, without the params of a matrix.
    pub(crate) fn single(&self, task: usize, resolved: &Arc<ResolvedTask>) -> TaskRunDraft {
        let combination = Combination::default();
        self.draft(&self.early(task), resolved, &combination, 0, 1)
    }
}
