//! What a run will do: a static graph of owned data, and the pure rules around it.
//!
//! In come a PipelineRun or TaskRun and the [`Library`](crate::resolve::Library); out comes a
//! [`Job`]: a [`Plan`], whose tasks are resolved, checked and put in order, or a
//! [`TaskRunRequest`]. What keeps a run from starting is a [`PlanError`] with the reason and the
//! words of Tekton, the field and what to do. While a plan is executed, [`bind()`] settles one TaskRun
//! of it at a time. [`reuse`] decides what of an earlier run stands, and compares what TaskRuns are
//! given by their fingerprints ([`inputs`]).
//!
//! Never in here: a terminal, an engine, a clock, or anything that waits. Of files only [`FileTree`]
//! knows, which takes the fingerprint of a directory.

mod bind;
mod build;
mod check;
mod children;
mod container_names;
mod error;
mod fingerprint;
mod identity;
mod job;
mod missing;
mod model;
mod overrides;
pub mod permissions;
mod pod;
mod pod_template;
mod problem;
pub mod reuse;
mod run_request;
mod standalone;
mod step;
mod step_action;
mod step_template;
mod substituted;
mod task;
mod task_run;
mod texts;
mod workspaces;

pub use bind::{BoundTask, BoundWorkspace, bind};
pub use build::{build, plan};
pub use children::too_many as too_many_child_runs;
pub use container_names::truncated;
pub use error::{Holder, Place, PlanError};
pub use fingerprint::digest as input_digest;
pub use fingerprint::{
    Change, FileTree, LAST_USED_BY, TaskInput, TaskInputs, content_inputs, first_change, inputs,
    result_inputs,
};
pub use identity::Identity;
pub use job::Job;
pub use missing::{MissingObject, missing_objects};
pub use model::{Body, Plan, PlannedTask, Requested};
pub use overrides::Overrides;
pub use pod::{Origin, Pod, sidecar_resources, step_resources};
pub use run_request::RunRequest;
pub use standalone::standalone;
pub use task_run::TaskRunRequest;
pub use workspaces::{join_sub_path, wanted_workspaces};
