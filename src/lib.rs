//! tkn-local: a whole Tekton PipelineRun in one container sandbox, without Kubernetes.

pub mod cli;
pub mod diagnostic;
pub mod docker;
pub mod event;
pub mod execute;
pub mod language;
pub mod manifest;
pub mod mask;
pub mod name;
pub mod plan;
pub mod process;
pub mod report;
pub mod resolve;
pub mod sandbox;
pub mod spec;
pub mod state;
pub mod status;
pub mod substitution;
pub mod terminal;
pub mod validate;
