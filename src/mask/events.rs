//! Masking what happened.

use serde_json::Value;

use super::masker::Masker;
use crate::event::Event;
use crate::plan::input_digest;

/// Fields that say which object is meant or what state it is in. Without them a record cannot be
/// read; no Secret's value belongs there.
const STRUCTURE: &[&str] = &[
    "apiVersion",
    "at",
    "child",
    "completionTime",
    "container",
    "creationTimestamp",
    "event",
    "finishedAt",
    "kind",
    "name",
    "operator",
    "parent",
    "podName",
    "reason",
    "reusedFrom",
    "run",
    "startTime",
    "startedAt",
    "status",
    "steps",
    "task",
    "taskRun",
    "tasks",
    "terminationReason",
    "type",
    "uid",
];

impl Masker {
    /// The event without the values of Secrets.
    pub(super) fn event(&self, event: &Event) -> Event {
        let Ok(mut value) = serde_json::to_value(event) else {
            return event.clone();
        };
        self.value(&mut value);
        // All that has a type of its own is structure, so it can be read back.
        serde_json::from_value(value).unwrap_or_else(|_| event.clone())
    }

    /// Masks every text in a value but what makes its structure.
    pub fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) if self.finds(text.as_bytes()) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(map) => {
                for (key, value) in map {
                    if key == "inputs" {
                        self.inputs(value);
                    } else if !is_structure(key, value) {
                        self.value(value);
                    }
                }
            }
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Inputs are compared by a resume: the digest of a value stands for it.
    fn inputs(&self, value: &mut Value) {
        match value {
            Value::String(text) if self.finds(text.as_bytes()) => {
                *text = input_digest(text.as_bytes());
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.inputs(item)),
            Value::Object(map) => map.values_mut().for_each(|value| self.inputs(value)),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// A field of that name which holds objects is looked into.
fn is_structure(key: &str, value: &Value) -> bool {
    let is_plain = match value {
        Value::Array(items) => items.iter().all(Value::is_string),
        Value::Object(_) => false,
        _ => true,
    };
    is_plain && STRUCTURE.contains(&key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Masker;
    use crate::event::Event;

    #[test]
    fn texts_of_an_event_are_masked_and_its_structure_is_not() {
        let masker = Masker::new([&b"Secret-1"[..], b"Succeeded", b"ci-t"]);
        let event = |value: &str, message: &str| -> Event {
            serde_json::from_value(json!({
                "at": "2026-01-01T00:00:00Z", "run": "ci", "event": "taskRunFinished",
                "taskRun": "ci-t", "artifacts": null,
                "condition": {"type": "Succeeded", "status": "True", "reason": "Succeeded",
                    "message": message},
                "results": [{"name": "Secret-1", "type": "string", "value": value}],
            }))
            .unwrap()
        };
        assert_eq!(
            masker.event(&event("a Secret-1", "it Succeeded")),
            event("a ***", "it ***")
        );
    }
}
