//! Kubernetes' own rules: what an API server rejects.

mod select;

pub use select::select;
