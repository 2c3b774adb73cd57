//! Running a plan.

mod admission;
mod artifacts;
mod carry_over;
mod credentials;
mod emitter;
mod heartbeat;
pub mod images;
mod options;
mod pipeline_run;
mod pod;
mod prestart;
mod rejection;
pub mod run;
mod sandboxes;
mod schedule;
mod standalone;
mod task_run;
#[cfg(test)]
mod tests;

pub use admission::{PodFault, Rejections, permission_faults, rejections, tasks_ahead};
pub use carry_over::Copied;
pub use images::{Progress, Silent};
pub use options::{Files, Options};
pub use pipeline_run::foresee::foresee;
pub use pod::layout::workspace_dir;
pub use pod::settings::{PodFinding, pod_findings};
pub use rejection::rejected;
pub use run::{Ended, ExecuteError, Interrupt, run};
