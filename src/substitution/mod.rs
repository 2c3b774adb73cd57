//! The `$(…)` language: finding references, and replacing them once.
//!
//! Values are data. One [`Scope`] holds everything known at a moment, and a text is scanned from
//! left to right exactly once: what a value contains is never looked at again. (Tekton makes
//! several passes and does look again; see the compatibility notes.)

mod edges;
pub mod fields;
mod ledger;
mod reference;
mod scope;

pub use edges::{dependencies, result_refs};
pub use ledger::{MAX_OBJECT, TooLarge};
pub use reference::{Access, ResultRef, references, whole_reference};
pub use scope::Scope;
