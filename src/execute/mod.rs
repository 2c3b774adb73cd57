//! Running a plan.

mod attempt;
mod context;
pub mod credentials;
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
mod sidecars;
mod step;
mod task_run;
pub mod verdict;
pub mod volumes;
