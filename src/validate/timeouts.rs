//! The clocks of a PipelineRun (`pkg/apis/pipeline/v1/pipelinerun_validation.go`).

use super::checker::Checker;
use crate::diagnostic::FieldPath;
use crate::spec::GoDuration;
use crate::spec::pipeline::TimeoutFields;

/// What a PipelineRun gets that says nothing (`default-timeout-minutes`).
const DEFAULT: GoDuration = GoDuration::from_mins(60);

/// A duration that may not be negative; says whether it is not.
pub(super) fn not_negative(
    check: &mut Checker,
    at: &FieldPath,
    timeout: Option<GoDuration>,
) -> bool {
    match timeout {
        Some(timeout) if timeout.0 < 0 => {
            check.invalid(at, format_args!("{timeout} should be >= 0"));
            false
        }
        _ => true,
    }
}

/// Checks that tasks and finally fit into the whole. Where the whole has no limit everything
/// fits; the webhook forgets that for the sum.
pub(super) fn of_run(check: &mut Checker, at: &FieldPath, timeouts: &TimeoutFields) {
    not_negative(check, &at.key("tasks"), timeouts.tasks);
    not_negative(check, &at.key("finally"), timeouts.finally);
    not_negative(check, &at.key("pipeline"), timeouts.pipeline);
    let whole = timeouts.pipeline.unwrap_or(DEFAULT);
    if whole.0 == 0 {
        return;
    }
    for (field, part) in [("tasks", timeouts.tasks), ("finally", timeouts.finally)] {
        let at = at.key(field);
        match part {
            Some(GoDuration(0)) => {
                check.invalid(&at, "0s (no timeout) should be <= pipeline duration");
            }
            Some(part) if part > whole => {
                check.invalid(&at, format_args!("{part} should be <= pipeline duration"));
            }
            _ => {}
        }
    }
    if let (Some(tasks), Some(finally)) = (timeouts.tasks, timeouts.finally)
        && tasks.0.saturating_add(finally.0) > whole.0
    {
        let message = format!("{tasks} + {finally} should be <= pipeline duration");
        check.fault_among(
            &[at.key("tasks"), at.key("finally")],
            format_args!("invalid value: {message}"),
        );
    }
}

/// Checks the timeout of one task against those of the run (`validateTaskRunSpecTimeout`).
pub(super) fn of_task(
    check: &mut Checker,
    at: &FieldPath,
    timeout: Option<GoDuration>,
    run: Option<&TimeoutFields>,
) {
    let Some(timeout) = timeout else {
        return;
    };
    if !not_negative(check, at, Some(timeout)) {
        return;
    }
    let (limit, source) = match run.and_then(|run| run.tasks) {
        Some(tasks) => (tasks, "pipeline tasks duration"),
        None => (
            run.and_then(|run| run.pipeline).unwrap_or(DEFAULT),
            "pipeline duration",
        ),
    };
    if limit.0 > 0 && timeout > limit {
        check.invalid(at, format_args!("{timeout} should be <= {source} {limit}"));
    }
}
