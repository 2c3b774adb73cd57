//! What a run will do: a static graph of owned data, and the pure rules around it.

mod build;
mod check;
mod children;
mod fingerprint;
mod model;
pub mod permissions;
mod pod;
pub mod reuse;
mod step;
mod task_run;
mod workspaces;

pub use build::{RunRequest, build};
pub use children::{MAX_CHILD_RUNS, too_many as too_many_child_runs};
pub use fingerprint::digest as input_digest;
pub use fingerprint::{
    Change, FileTree, TaskInput, TaskInputs, content_inputs, first_change, inputs, result_inputs,
};
pub use model::{Body, Identity, Overrides, Plan, PlannedTask, Requested};
pub use pod::{Origin, Pod, sidecar_resources, step_resources};
pub use step::step_result_value;
pub use task_run::{BoundTask, BoundWorkspace, TaskRunRequest, bind, truncated};
pub use workspaces::{join_sub_path, wanted_workspaces};
