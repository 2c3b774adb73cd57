//! What keeps a run from starting, worded as Tekton words it.

use super::step_action::ActionParamError;
use crate::language::limits::MAX_CHILD_RUNS;
use crate::language::{GraphError, MatrixTypeError};
use crate::resolve::{ParamError, ResolveError};
use crate::status::Reason;
use crate::substitution::TooLarge;

/// What is wrong. `run` and `pipeline` are qualified by the namespace.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("{message}")]
    Rejected { reason: Reason, message: String },
    #[error("Error retrieving pipeline for pipelinerun {run}: {error}")]
    PipelineNotFound { run: String, error: ResolveError },
    #[error("[User error] PipelineRun {run}'s Pipeline DAG is invalid: {error}")]
    Graph { run: String, error: GraphError },
    #[error("[User error] {}", .error.of_run(.run, .pipeline))]
    RunParams {
        run: String,
        pipeline: String,
        error: ParamError,
    },
    #[error(
        "[User error] PipelineRun {run} failed validation: failed to validate Pipeline {pipeline}'s parameter which has an invalid index while referring to an array: non-existent param references:[{}]",
        .references.join(" ")
    )]
    ArrayIndex {
        run: String,
        pipeline: String,
        references: Vec<String>,
    },
    #[error(
        "[User error] PipelineRun {run} doesn't bind Pipeline {pipeline}'s Workspaces correctly: pipeline requires workspace with name \"{workspace}\" be provided by pipelinerun"
    )]
    WorkspaceNotBound {
        run: String,
        pipeline: String,
        workspace: String,
    },
    #[error(
        "[User error] PipelineRun {run} doesn't define taskRunSpecs correctly: pipelineRun's taskrunSpecs defined wrong taskName: \"{task}\", does not exist in Pipeline"
    )]
    UnknownTaskRunSpec { run: String, task: String },
    #[error(
        "Pipeline {run} can't be Run; it has an invalid spec: invalid value: PipelineTask OnError must be either \"continue\" or \"stopAndFail\": tasks[{task}].onError"
    )]
    OnError { run: String, task: String },
    #[error(
        "Pipeline {pipeline} can't be Run; it contains Tasks that don't exist: Couldn't retrieve Task \"{name}\": {error}"
    )]
    TaskNotFound {
        pipeline: String,
        name: String,
        error: ResolveError,
    },
    #[error("PipelineRun {run} can't be Run; couldn't resolve all references: {error}")]
    StepActionNotFound { run: String, error: ResolveError },
    #[error(
        "Pipeline {pipeline} can't be Run; it contains child Pipelines that don't exist: {error}"
    )]
    ChildNotFound {
        pipeline: String,
        error: ResolveError,
    },
    #[error(
        "detected cycle in pipeline-in-pipeline: pipeline \"{name}\" is already running in ancestor chain [{}]",
        .ancestors.join(" ")
    )]
    RunsItself {
        name: String,
        ancestors: Vec<String>,
    },
    #[error(
        "[User error] Pipeline {pipeline} can't be Run; its pipelines in pipelines start {} child runs, and {MAX_CHILD_RUNS} are allowed",
        counted(*.count)
    )]
    TooManyChildren { pipeline: String, count: usize },
    #[error("[User error] Pipeline {pipeline} can't be Run; task \"{task}\": {error}")]
    TaskTooLarge {
        pipeline: String,
        task: String,
        error: TooLarge,
    },
    #[error(
        "[User error] Validation failed for pipelinerun {run} with error invalid input params for task {task}: {}",
        .error.of_task()
    )]
    ParamsOfTask {
        run: String,
        task: String,
        error: ParamError,
    },
    #[error(
        "[User error] invalid result reference in pipeline task \"{task}\": \"{result}\" is not a named result returned by pipeline task \"{producer}\""
    )]
    ResultReference {
        task: String,
        result: String,
        producer: String,
    },
    #[error(
        "[User error] Failed to resolve pipeline result reference for \"{run}\" with error invalid pipeline result \"{name}\": \"{result}\" is not a named result returned by pipeline task \"{producer}\""
    )]
    PipelineResultReference {
        run: String,
        name: String,
        result: String,
        producer: String,
    },
    #[error(
        "[User error] Optional workspace not supported by task: pipeline workspace \"{workspace}\" is marked optional but pipeline task \"{task}\" requires it be provided"
    )]
    OptionalWorkspace { workspace: String, task: String },
    #[error(transparent)]
    MatrixType(MatrixTypeError),
    #[error(
        "[User error] expected workspace \"{workspace}\" to be provided by pipelinerun for pipeline task \"{task}\""
    )]
    TaskWorkspaceNotBound { workspace: String, task: String },

    #[error("TaskRun \"{run}\" was cancelled. {message}")]
    TaskRunCancelled { run: String, message: String },
    #[error("error when listing tasks for taskRun {run}: {error}")]
    TaskOfRunNotFound { run: String, error: ResolveError },
    #[error("{error}")]
    StepActionOfRunNotFound { error: ResolveError },
    #[error("[User error] {}{}", params_of(.task, .error), .error.of_task())]
    TaskRunParams { task: String, error: ParamError },
    #[error("[User error] {0}")]
    TooLarge(TooLarge),
    #[error("[User error] non-existent param references:[{}]", .0.join(" "))]
    ParamReferences(Vec<String>),
    #[error("[User error] invalid StepOverride: No Step named {0}")]
    StepOverride(String),
    #[error("[User error] invalid SidecarOverride: No Sidecar named {0}")]
    SidecarOverride(String),
    #[error("[User error] workspace binding \"{0}\" does not match any declared workspace")]
    UndeclaredWorkspace(String),
    #[error("[User error] declared workspace \"{0}\" is required but has not been bound")]
    UnboundWorkspace(String),
    #[error("failed to resolve step ref for step \"{step}\" (index {index}): {error}")]
    StepActionParams {
        step: String,
        index: usize,
        error: ActionParamError,
    },
    #[error(
        "failed to create task run pod \"{task_run}\": non-existent variable in \"$({reference})\": steps[{step}].script. Maybe invalid TaskSpec"
    )]
    ResultOfStepAction {
        task_run: String,
        reference: String,
        step: usize,
    },
}

fn counted(count: usize) -> String {
    if count == usize::MAX {
        "endlessly many".to_owned()
    } else {
        count.to_string()
    }
}

/// Only the message about a value that is not in the `enum` does not name the Task.
fn params_of(task: &str, error: &ParamError) -> String {
    match error {
        ParamError::Enum(..) => String::new(),
        _ => format!("invalid input params for task {task}: "),
    }
}

impl Problem {
    /// The reason of the condition of such a run.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::PipelineNotFound { .. } | Self::ChildNotFound { .. } => {
                Reason::CouldntGetPipeline
            }
            Self::Rejected { reason, .. } => *reason,
            Self::Graph { .. } => Reason::PipelineInvalidGraph,
            Self::RunParams { error, .. } => error.reason_of_run(),
            Self::ArrayIndex { .. } => Reason::ParamArrayIndexingInvalid,
            Self::WorkspaceNotBound { .. } => Reason::InvalidWorkspaceBindings,
            Self::UnknownTaskRunSpec { .. } => Reason::InvalidTaskRunSpecs,
            Self::OnError { .. }
            | Self::ParamsOfTask { .. }
            | Self::TooManyChildren { .. }
            | Self::TaskTooLarge { .. } => Reason::PipelineValidationFailed,
            Self::TaskNotFound { .. } | Self::StepActionNotFound { .. } => Reason::CouldntGetTask,
            Self::RunsItself { .. } | Self::TaskWorkspaceNotBound { .. } => Reason::CreateRunFailed,
            Self::ResultReference { .. } => Reason::InvalidTaskResultReference,
            Self::PipelineResultReference { .. } => Reason::InvalidPipelineResultReference,
            Self::OptionalWorkspace { .. } => Reason::RequiredWorkspaceMarkedOptional,
            Self::MatrixType(_) => Reason::InvalidMatrixParameterTypes,
            Self::TaskRunCancelled { .. } => Reason::TaskRunCancelled,
            Self::TaskOfRunNotFound { .. }
            | Self::StepActionOfRunNotFound { .. }
            | Self::StepActionParams { .. } => Reason::TaskRunResolutionFailed,
            Self::TaskRunParams { error, .. } => match error {
                ParamError::Enum(..) => Reason::InvalidParamValue,
                _ => Reason::TaskRunValidationFailed,
            },
            Self::ParamReferences(_)
            | Self::TooLarge(_)
            | Self::StepOverride(_)
            | Self::SidecarOverride(_)
            | Self::UndeclaredWorkspace(_)
            | Self::UnboundWorkspace(_) => Reason::TaskRunValidationFailed,
            Self::ResultOfStepAction { .. } => Reason::PodCreationFailed,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        const GIVE_PARAM: &str = "give a value with -p NAME=VALUE";
        const GIVE_WORKSPACE: &str = "give one with -w, such as -w name=NAME,emptyDir=";
        match self {
            Self::RunParams { error, .. } | Self::TaskRunParams { error, .. } => {
                matches!(error, ParamError::Missing(_)).then(|| GIVE_PARAM.to_owned())
            }
            Self::WorkspaceNotBound { .. } | Self::UnboundWorkspace(_) => {
                Some(GIVE_WORKSPACE.to_owned())
            }
            _ => self.unresolved().map(ResolveError::hint),
        }
    }

    /// The reference that leads nowhere.
    pub(crate) const fn unresolved(&self) -> Option<&ResolveError> {
        match self {
            Self::PipelineNotFound { error, .. }
            | Self::TaskNotFound { error, .. }
            | Self::StepActionNotFound { error, .. }
            | Self::ChildNotFound { error, .. }
            | Self::TaskOfRunNotFound { error, .. }
            | Self::StepActionOfRunNotFound { error } => Some(error),
            _ => None,
        }
    }
}
