//! What a Pod asks for beyond the baseline profile.

use std::fmt;

use serde_json::Value;

use super::table::{Flag, Row, TABLE, capability, sysctl};
use crate::diagnostic::{FieldPath, Segment};
use crate::validate::select;

const APP_ARMOR_ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";

/// Something a Pod asks for and may not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// The field of the Pod.
    pub path: FieldPath,
    /// What is asked for and what that does.
    pub message: String,
    /// What to do about it.
    pub advice: String,
    /// The flag that allows it; `None` for what only the restricted profile demands.
    pub flag: Option<Flag>,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.path, self.message, self.advice)
    }
}

/// Everything that the baseline profile does not allow, with its value.
pub(super) fn beyond_baseline(pod: &Value) -> impl Iterator<Item = (Denied, &Value)> {
    TABLE.iter().flat_map(move |row| {
        row.fields
            .iter()
            .flat_map(|field| select(pod, field))
            .filter(|(path, value)| is_of(row, path) && !(row.baseline)(value))
            .map(|(path, value)| (denied(row, path, value), value))
    })
}

/// Of all annotations only those of AppArmor are meant.
fn is_of(row: &Row, path: &FieldPath) -> bool {
    let is_annotation = row.fields.contains(&"metadata.annotations.*");
    let name = match path.0.last() {
        Some(Segment::Key(key)) => key.as_str(),
        _ => "",
    };
    !is_annotation || name.starts_with(APP_ARMOR_ANNOTATION)
}

fn denied(row: &Row, path: FieldPath, value: &Value) -> Denied {
    let written = match (value, path.0.last()) {
        (Value::String(text), _) => text.clone(),
        (Value::Bool(_) | Value::Number(_), Some(Segment::Key(field))) => {
            format!("{field}: {value}")
        }
        (_, Some(Segment::Key(field))) => field.clone(),
        _ => value.to_string(),
    };
    let name = match row.flag {
        Flag::Capability => format!(" {}", capability(&written)),
        Flag::Sysctl => format!(" {}", sysctl(&written)),
        _ => String::new(),
    };
    Denied {
        path,
        message: format!("{written} {}", row.effect),
        advice: format!("allow it with {}{name}", row.flag.name()),
        flag: Some(row.flag),
    }
}
