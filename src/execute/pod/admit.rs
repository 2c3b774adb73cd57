//! Holds the Pod of a TaskRun against what an API server would reject and what it may ask for.

use super::failure::pod_fault;
use crate::plan::permissions::Permissions;
use crate::plan::{BoundTask, Pod, TaskRunRequest};
use crate::status::Condition;
use crate::validate::{self, Invalid};

/// Admits a Pod whose values are all known. Before the start this was done for every Pod that was
/// known; this one may have values that were not.
pub(crate) fn admit(
    bound: &BoundTask,
    request: &TaskRunRequest,
    attempt: usize,
    permissions: &Permissions,
) -> Result<(), Condition> {
    let pod = Pod::new(bound, request)?;
    if let Some(denied) = permissions.denied(pod.value()).first() {
        return Err(pod_fault(request, &denied.to_string()));
    }
    let invalid = validate::pod(pod.value(), true);
    if invalid.is_empty() {
        return Ok(());
    }
    Err(invalid_pod(request, attempt, &invalid))
}

/// The condition of a TaskRun whose Pod an API server rejects.
pub(crate) fn invalid_pod(
    request: &TaskRunRequest,
    attempt: usize,
    invalid: &[Invalid],
) -> Condition {
    let each: Vec<String> = invalid.iter().map(ToString::to_string).collect();
    let all = match each.as_slice() {
        [one] => one.clone(),
        all => format!("[{}]", all.join(", ")),
    };
    let pod = crate::name::pod(&request.identity.name, attempt);
    pod_fault(request, &format!("Pod \"{pod}\" is invalid: {all}"))
}
