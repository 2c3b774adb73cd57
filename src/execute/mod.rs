//! Running a plan.

mod ahead;
mod attempt;
mod breakpoints;
mod carry_over;
mod context;
mod credentials;
mod deciding;
mod emitter;
mod env;
#[doc(hidden)]
pub mod fake;
mod foresee;
mod group;
pub mod images;
mod laid_out;
mod layout;
mod mounts;
mod opening;
mod pipeline_results;
mod pipeline_run;
mod pipeline_start;
mod pipeline_stop;
mod pod;
mod prestart;
mod probes;
mod quantity;
mod rejection;
mod results;
pub mod run;
pub mod sandbox;
mod scheduler;
mod security;
mod sidecar_life;
mod sidecars;
mod starting;
mod step;
mod step_end;
mod task_run;
#[cfg(test)]
mod tests;
mod units;
mod upcoming;
mod verdict;
mod volumes;

pub use carry_over::Copied;
pub use context::{Files, Options};
pub use foresee::foresee;
pub use images::Progress;
pub use layout::workspace_dir;
pub use pod::{PodFinding, pod_findings};
pub use rejection::rejected;
pub use run::{Ended, ExecuteError, Interrupt, Job, run};
