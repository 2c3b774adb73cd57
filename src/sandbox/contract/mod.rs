//! What every engine must do: one suite of tests that each of them runs.
//!
//! An engine brings a [`Subject`]; [`engine_contract!`] makes a test of
//! each function in here. What only one engine can do (images, links, the kernel) is tested where
//! that engine is. Nothing here names an engine, and nothing here is used outside of tests.

mod containers;
mod programs;
mod subject;
mod volumes;

pub use containers::*;
pub use programs::*;
pub use subject::{Act, Opened, Ran, Subject};
pub use volumes::*;

#[macro_export]
#[doc(hidden)]
macro_rules! _engine_contract {
    ($test:meta, $subject:expr) => {
        $crate::sandbox::contract::engine_contract! { @each $test, $subject,
            output_and_exit_status_are_those_of_the_program,
            a_container_with_nothing_to_run_succeeds,
            files_are_seen_through_mounts_until_they_are_removed,
            a_read_only_mount_cannot_be_written,
            what_a_program_leaves_is_read,
            a_program_is_ended_by_its_timeout,
            a_program_that_is_told_to_end_is_cancelled,
            a_program_that_ignores_sigterm_is_killed_after_its_grace,
            containers_start_side_by_side_and_wait,
            a_probe_passes_while_its_program_runs,
            a_container_lost_while_it_runs_is_reported,
            a_container_lost_while_it_waits_can_be_started_again,
            closing_ends_what_runs_and_can_be_repeated,
            engine_and_sandbox_answer,
            a_sweep_spares_what_is_alive,
            a_volume_outlives_its_sandbox,
            a_volume_is_made_once,
            two_sandboxes_share_one_volume,
            paths_are_copied_from_another_volume,
        }
    };
    (@each $test:meta, $subject:expr, $($name:ident,)*) => {
        $(
            #[$test]
            async fn $name() {
                $crate::sandbox::contract::$name(&$subject).await;
            }
        )*
    };
}

/// Makes a test of each promise, with this attribute and this subject.
#[doc(inline)]
pub use _engine_contract as engine_contract;
