//! Running a plan.

mod ahead;
mod attempt;
mod breakpoints;
mod carry_over;
mod context;
pub mod credentials;
mod deciding;
mod emitter;
pub mod env;
#[doc(hidden)]
pub mod fake;
mod foresee;
mod group;
pub mod images;
pub mod laid_out;
pub mod layout;
mod mounts;
mod opening;
mod pipeline_results;
mod pipeline_run;
mod pipeline_stop;
mod pod;
mod prestart;
mod probes;
pub mod quantity;
mod rejection;
pub mod results;
pub mod run;
pub mod sandbox;
pub mod scheduler;
pub mod security;
mod sidecar_life;
mod sidecars;
mod starting;
mod step;
mod step_end;
mod task_run;
#[cfg(test)]
mod tests;
mod units;
pub mod verdict;
pub mod volumes;

pub use carry_over::Copied;
pub use context::{Files, Options};
pub use foresee::foresee;
pub use images::Progress;
pub use pod::{PodFinding, pod_findings};
pub use rejection::rejected;
pub use run::{Ended, ExecuteError, Interrupt, Job, run};
