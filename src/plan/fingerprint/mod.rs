//! The inputs of a TaskRun: all that may make it yield something else.
//!
//! Not among them: names of runs, uids, timeouts, retries, display names, descriptions, labels,
//! comments and the order of keys.

mod change;
mod collect;
mod containers;
mod content;
mod file_tree;
mod input;
mod results;
mod run_names;

pub use change::{Change, LAST_USED_BY, first_change};
pub use collect::inputs;
pub use content::content_inputs;
pub use file_tree::FileTree;
pub use input::{TaskInput, TaskInputs, digest};
pub use results::result_inputs;
