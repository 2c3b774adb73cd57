//! The conditions of TaskRuns whose pod, containers or images cannot be had.

use crate::plan::TaskRunRequest;
use crate::status::{Condition, Reason};

/// The condition of a TaskRun whose container cannot be created
/// (`pkg/reconciler/taskrun/taskrun.go`).
pub(crate) fn config_fault(
    request: &TaskRunRequest,
    role: &str,
    name: &str,
    text: &str,
) -> Condition {
    Condition::failed(
        Reason::CreateContainerConfigError,
        format!(
            "the {role} \"{name}\" in TaskRun \"{}\" failed to start. The pod errored with the message: \"{text}.\"",
            request.identity.name
        ),
    )
}

/// The condition of a TaskRun whose pod cannot be made.
pub(crate) fn pod_fault(request: &TaskRunRequest, text: &str) -> Condition {
    Condition::failed(
        Reason::PodCreationFailed,
        format!(
            "failed to create task run pod \"{}\": {text}",
            request.identity.name
        ),
    )
}

/// The condition of a TaskRun whose image cannot be had.
pub(crate) fn image_fault(
    request: &TaskRunRequest,
    role: &str,
    name: &str,
    image: &str,
    text: &str,
) -> Condition {
    Condition::failed(
        Reason::TaskRunImagePullFailed,
        format!(
            "the {role} \"{name}\" in TaskRun \"{}\" failed to pull the image \"{image}\". The pod errored with the message: \"{text}.\"",
            request.identity.name
        ),
    )
}
