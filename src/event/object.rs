//! What the objects of runs and TaskRuns have in common: one condition, and a status beside the
//! spec.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::status::{Condition, ConditionStatus, Timestamp};

/// `object` as the API server would show it.
pub(super) fn with_status(object: &Value, status: &impl Serialize, created_at: Timestamp) -> Value {
    let mut object = match object {
        Value::Object(object) => object.clone(),
        _ => Map::new(),
    };
    let metadata = object
        .entry("metadata")
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(metadata) = metadata {
        metadata
            .entry("creationTimestamp")
            .or_insert_with(|| Value::String(created_at.to_string()));
    }
    let status = serde_json::to_value(status).unwrap_or_default();
    object.insert("status".to_owned(), status);
    Value::Object(object)
}

/// True when the condition in `conditions` is final.
pub(super) fn ended(conditions: &[Condition]) -> bool {
    conditions
        .first()
        .is_some_and(|condition| condition.status != ConditionStatus::Unknown)
}

/// Replaces the one condition. The time of its last transition changes with its status, reason
/// or message only.
pub(super) fn set_condition(conditions: &mut Vec<Condition>, new: Condition, at: Timestamp) {
    let since = conditions.first().and_then(|old| {
        let same = old.status == new.status && old.reason == new.reason;
        (same && old.message == new.message)
            .then_some(old.last_transition_time)
            .flatten()
    });
    let last_transition_time = new.last_transition_time.or(since).or(Some(at));
    *conditions = vec![Condition {
        last_transition_time,
        ..new
    }];
}
