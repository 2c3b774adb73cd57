//! Running a plan.

pub mod sandbox;
