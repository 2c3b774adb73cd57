//! Running a plan.

pub mod sandbox;
pub mod scheduler;
pub mod verdict;
