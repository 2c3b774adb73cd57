//! tkn-local: a whole Tekton PipelineRun in one container sandbox, without Kubernetes.

pub mod diagnostic;
pub mod docker;
pub mod event;
pub mod execute;
pub mod name;
pub mod spec;
pub mod status;
