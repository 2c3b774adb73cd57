//! The values of Secrets, kept out of everything a run writes.
//!
//! Masking sits where messages leave the executor, before the recorder, the terminal and the
//! stream of events: [`Mask::message`]. What is not masked: values shorter than [`SHORTEST`] bytes,
//! values a step has transformed in another way than those of [`Patterns`](patterns::Patterns),
//! and names, states and digests, by which a record is read.

mod events;
mod masker;
mod patterns;
mod stream;

pub use self::masker::Masker;
pub use self::patterns::SHORTEST;
pub use self::stream::Mask;

/// What stands for a value.
pub const MASK: &str = "***";

/// Whether something in a recorded value was masked: then the value is not known any more.
pub fn is_masked(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains(MASK),
        serde_json::Value::Array(items) => items.iter().any(is_masked),
        serde_json::Value::Object(map) => map.values().any(is_masked),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
            false
        }
    }
}
