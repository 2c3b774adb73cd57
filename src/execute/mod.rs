//! Running a plan.

pub mod credentials;
pub mod env;
pub mod layout;
pub mod quantity;
pub mod sandbox;
pub mod scheduler;
pub mod verdict;
pub mod volumes;
