//! Running a plan.

mod context;
mod emitter;
pub mod env;
pub mod images;
pub mod laid_out;
pub mod layout;
mod prestart;
pub mod quantity;
pub mod results;
pub mod sandbox;
pub mod scheduler;
pub mod security;
pub mod verdict;
pub mod volumes;
