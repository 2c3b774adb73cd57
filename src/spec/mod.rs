//! `tekton.dev/v1` as written: types that mirror the YAML, without I/O and without policy.

pub mod core;
pub mod duration;
pub mod param;
pub mod pipeline;
pub mod schema;
pub mod task;
pub mod when;
pub mod workspace;

pub use self::core::{
    ConfigMap, ObjectMeta, PersistentVolumeClaim, PodTemplate, Scalar, Secret, ServiceAccount,
};
pub use self::duration::GoDuration;
pub use self::param::{Param, ParamSpec, ParamType, ParamValue, PropertySpec};
pub use self::pipeline::{
    EmbeddedTask, Matrix, Pipeline, PipelineRun, PipelineRunSpec, PipelineSpec, PipelineTask,
};
pub use self::schema::{ObjectSchema, Schema, Support};
pub use self::task::{
    Sidecar, Step, StepAction, StepActionSpec, StepTemplate, Task, TaskResult, TaskRun,
    TaskRunSpec, TaskSpec,
};
pub use self::when::WhenExpression;
pub use self::workspace::{WorkspaceBinding, WorkspaceDeclaration};

/// A document this runner understands.
#[derive(Debug, Clone, PartialEq)]
pub enum Object {
    /// A Pipeline.
    Pipeline(Box<Pipeline>),
    /// A PipelineRun.
    PipelineRun(Box<PipelineRun>),
    /// A Task.
    Task(Box<Task>),
    /// A TaskRun.
    TaskRun(Box<TaskRun>),
    /// A StepAction.
    StepAction(Box<StepAction>),
    /// A ConfigMap.
    ConfigMap(Box<ConfigMap>),
    /// A Secret.
    Secret(Box<Secret>),
    /// A PersistentVolumeClaim.
    PersistentVolumeClaim(Box<PersistentVolumeClaim>),
    /// A ServiceAccount.
    ServiceAccount(Box<ServiceAccount>),
}

impl Object {
    /// Its kind, as in YAML.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Pipeline(_) => "Pipeline",
            Self::PipelineRun(_) => "PipelineRun",
            Self::Task(_) => "Task",
            Self::TaskRun(_) => "TaskRun",
            Self::StepAction(_) => "StepAction",
            Self::ConfigMap(_) => "ConfigMap",
            Self::Secret(_) => "Secret",
            Self::PersistentVolumeClaim(_) => "PersistentVolumeClaim",
            Self::ServiceAccount(_) => "ServiceAccount",
        }
    }

    /// Its metadata.
    pub const fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Pipeline(object) => &object.metadata,
            Self::PipelineRun(object) => &object.metadata,
            Self::Task(object) => &object.metadata,
            Self::TaskRun(object) => &object.metadata,
            Self::StepAction(object) => &object.metadata,
            Self::ConfigMap(object) => &object.metadata,
            Self::Secret(object) => &object.metadata,
            Self::PersistentVolumeClaim(object) => &object.metadata,
            Self::ServiceAccount(object) => &object.metadata,
        }
    }
}
