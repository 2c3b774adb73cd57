//! Rules of the Tekton language that validation and planning share.

pub mod cel;
mod dag;
mod matrix;
pub mod paths;
mod timeouts;
pub mod when;

pub use dag::{Graph, GraphFault};
pub use matrix::{Combination, fan_out, has_empty_array, matrix_type_fault, product_len};
pub use timeouts::{Timeouts, standalone as standalone_timeout};
