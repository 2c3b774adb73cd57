//! The rules of Tekton's admission webhook, on one document at a time.
//!
//! Every fault is collected, with its place and Tekton's wording. What needs more than the
//! document (does the Task exist, does it declare this parameter) is said when the run is planned.
//! All that Tekton has behind feature flags is on. Where the webhook has a quirk that nobody could
//! want, the reasonable rule stands here instead; the comments say so.

mod cel;
mod checker;
mod graph;
mod kubernetes;
mod matrix;
mod names;
mod object;
mod params;
mod partial;
mod pipeline;
mod pipeline_run;
mod pipeline_task;
mod references;
mod refs;
mod results;
mod sidecar;
mod step;
mod step_action;
mod support;
mod table;
mod task;
mod task_run;
#[cfg(test)]
mod testing;
mod texts;
mod timeouts;
mod usage;
mod variables;
mod volumes;
mod when;
mod workspaces;

pub use kubernetes::{Invalid, pod, select};
pub use object::document;
pub use support::support;
pub use table::compatibility_table;
