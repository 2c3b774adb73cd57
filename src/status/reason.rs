//! Why a run is in the state it is in.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The reason of a condition; displays as the word it has on a cluster
        /// (`pkg/apis/pipeline/v1/pipelinerun_types.go`, `taskrun_types.go`).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// The reason with this word; `None` for one that this version does not know.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

reasons! {
    /// The run was created; nothing of it has run yet.
    Started,
    /// It runs.
    Running,
    /// Every task, or step, succeeded.
    Succeeded,
    /// It succeeded, and some tasks were skipped.
    Completed,
    /// A task failed.
    Failed,
    /// It failed, and its pipeline continues: `onError: continue`.
    FailureIgnored,
    /// An attempt failed; another follows.
    ToBeRetried,
    /// The PipelineRun was cancelled.
    Cancelled,
    /// The container engine failed, and with it the run. No cluster has this reason.
    EngineFailed,
    /// The PipelineRun was cancelled; its finally tasks run.
    CancelledRunningFinally,
    /// The PipelineRun was stopped; its finally tasks run.
    StoppedRunningFinally,
    /// `status: PipelineRunPending` of the file.
    PipelineRunPending,
    /// A task failed or was cancelled; what runs is waited for.
    PipelineRunStopping,
    /// The time of the PipelineRun, or of its tasks, is up.
    PipelineRunTimeout,
    /// The time of the tasks is up; the finally tasks run.
    PipelineRunTimeoutRunningFinally,
    /// `status: TaskRunPending` of the file.
    TaskRunPending,
    /// The TaskRun was cancelled.
    TaskRunCancelled,
    /// The time of the TaskRun is up.
    TaskRunTimeout,
    /// An image of the TaskRun cannot be pulled.
    TaskRunImagePullFailed,
    /// The Task, or a StepAction of it, cannot be found.
    TaskRunResolutionFailed,
    /// What the TaskRun is given does not fit its Task.
    TaskRunValidationFailed,
    /// A step failed.
    StepFailed,
    /// A step ran out of memory.
    StepOOM,
    /// A sidecar failed.
    SidecarFailed,
    /// A sidecar ran out of memory.
    SidecarOOM,
    /// A container cannot be created from what its step says.
    CreateContainerConfigError,
    /// The pod cannot be created from what the Task says.
    PodCreationFailed,
    /// The Pipeline, or that of a child, cannot be found.
    CouldntGetPipeline,
    /// A result of the pipeline refers to a result that no task has.
    CouldntGetPipelineResult,
    /// A Task of the pipeline cannot be found.
    CouldntGetTask,
    /// A TaskRun or child PipelineRun cannot be created.
    CreateRunFailed,
    /// A CEL expression of a `when` has no value.
    CELEvaluationFailed,
    /// A param of a matrix has the wrong type.
    InvalidMatrixParameterTypes,
    /// The value of a param is not in its `enum`.
    InvalidParamValue,
    /// A result of the pipeline refers to a result its task does not declare.
    InvalidPipelineResultReference,
    /// A task refers to a result its producer does not declare.
    InvalidTaskResultReference,
    /// `taskRunSpecs` has an entry for a task the pipeline does not have.
    InvalidTaskRunSpecs,
    /// A workspace of the pipeline is not bound.
    InvalidWorkspaceBindings,
    /// An object param lacks keys.
    ObjectParameterMissKeys,
    /// A reference to an item that an array param does not have.
    ParamArrayIndexingInvalid,
    /// A param of the pipeline has no value.
    ParameterMissing,
    /// The value of a param has the wrong type.
    ParameterTypeMismatch,
    /// The tasks of the pipeline have no order.
    PipelineInvalidGraph,
    /// The pipeline is invalid with the values it is given.
    PipelineValidationFailed,
    /// An optional workspace is bound to one that its Task requires.
    RequiredWorkspaceMarkedOptional,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq<Reason> for String {
    fn eq(&self, other: &Reason) -> bool {
        self == other.as_str()
    }
}
