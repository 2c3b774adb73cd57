//! The condition of a run.

use serde::{Deserialize, Serialize};

use super::reason::Reason;

/// An instant as Kubernetes writes it: RFC 3339 in UTC, here with milliseconds.
pub type Timestamp = jiff::Timestamp;

/// True, false, or not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// Succeeded.
    True,
    /// Did not succeed.
    False,
    /// Still running, or not started.
    Unknown,
}

/// The one condition of a run, `Succeeded`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Always `Succeeded`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it did.
    pub status: ConditionStatus,
    /// One of Tekton's reasons: the text of a [`Reason`], except in the record of another version.
    pub reason: String,
    /// Text for people, in Tekton's words.
    pub message: String,
    /// When this became so.
    #[serde(
        rename = "lastTransitionTime",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub last_transition_time: Option<Timestamp>,
}

impl Condition {
    /// A condition without its time.
    pub fn new(status: ConditionStatus, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            kind: "Succeeded".to_owned(),
            status,
            reason: reason.to_string(),
            message: message.into(),
            last_transition_time: None,
        }
    }

    /// A failure.
    pub fn failed(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(ConditionStatus::False, reason, message)
    }

    /// A success.
    pub fn succeeded(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(ConditionStatus::True, reason, message)
    }

    /// True when it succeeded.
    pub fn is_true(&self) -> bool {
        self.status == ConditionStatus::True
    }
}
