//! What an API server says of a field it rejects.

use std::fmt;

use serde_json::Value;

use crate::diagnostic::FieldPath;

/// A field that an API server rejects (`k8s.io/apimachinery/pkg/util/validation/field`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The field.
    pub path: FieldPath,
    /// What is wrong, without the path: `Invalid value: 70000: must be …`.
    pub message: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl Invalid {
    /// A value of the wrong form.
    pub(super) fn value(path: FieldPath, value: &Value, why: impl fmt::Display) -> Self {
        Self {
            path,
            message: format!("Invalid value: {value}: {why}"),
        }
    }

    /// A value that must be there.
    pub(super) fn required(path: FieldPath, why: &str) -> Self {
        let message = match why {
            "" => "Required value".to_owned(),
            why => format!("Required value: {why}"),
        };
        Self { path, message }
    }

    /// A value that may not be there.
    pub(super) fn forbidden(path: FieldPath, why: &str) -> Self {
        Self {
            path,
            message: format!("Forbidden: {why}"),
        }
    }

    /// A value that stands there twice.
    pub(super) fn duplicate(path: FieldPath, value: &Value) -> Self {
        Self {
            path,
            message: format!("Duplicate value: {value}"),
        }
    }

    /// A name of something that does not exist.
    pub(super) fn not_found(path: FieldPath, value: &Value) -> Self {
        Self {
            path,
            message: format!("Not found: {value}"),
        }
    }

    /// A value that is not one of a few.
    pub(super) fn unsupported(path: FieldPath, value: &Value, supported: &[&str]) -> Self {
        let supported: Vec<String> = supported.iter().map(|name| format!("{name:?}")).collect();
        Self {
            path,
            message: format!(
                "Unsupported value: {value}: supported values: {}",
                supported.join(", ")
            ),
        }
    }
}
