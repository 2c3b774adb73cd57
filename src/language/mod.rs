//! Rules of the Tekton language that validation, planning and execution share, so that each of them
//! exists once: what waits for what, what a matrix makes, when a `when` holds, what CEL may look
//! like, the types of results, the clocks and the limits.
//!
//! Pure functions from `spec` types, whose references are replaced already, to values and typed
//! errors. Nothing here knows a document, a library or a run, and nothing here words an error for
//! more than its own rule: who calls it says for which task or run.

pub mod cel;
mod dag;
pub mod limits;
mod matrix;
pub mod paths;
mod results;
mod timeouts;
pub mod when;

pub use dag::{Graph, GraphError};
pub use matrix::{Combination, MatrixTypeError, fan_out, has_empty_array, product_len};
pub use results::{consumed_type, declared_type, step_result_value};
pub use timeouts::{Timeouts, standalone as standalone_timeout};
