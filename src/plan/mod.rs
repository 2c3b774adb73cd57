//! What a run will do: a static graph of owned data, and the pure rules around it.

mod build;
mod check;
mod graph;
mod inputs;
mod matrix;
mod model;
pub mod partial;
mod step;
mod task_run;
mod timeouts;
pub mod when;
mod workspaces;

pub use build::{RunRequest, build};
pub use graph::{Graph, GraphFault};
pub use inputs::{Change, Input, Inputs, first_change, inputs, result_inputs};
pub use matrix::{Combination, fan_out, has_empty_array, matrix_type_fault};
pub use model::{Body, Identity, Overrides, Plan, PlannedTask, Requested};
pub use step::step_result_value;
pub use task_run::{BoundTask, BoundWorkspace, TaskRunRequest, bind, truncated};
pub use timeouts::{Timeouts, standalone as standalone_timeout};
pub use workspaces::{join_sub_path, wanted_workspaces};
