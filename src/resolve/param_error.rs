//! What can be wrong with the parameters of a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::status::Reason;
use crate::substitution::TooLarge;

/// How deep defaults may refer to each other (`pkg/reconciler/pipelinerun/resources/apply.go`).
pub(super) const MAX_DEPTH: usize = 10;

/// What is wrong with the parameters of a run, in the order Tekton checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParamError {
    /// Required ones without a value.
    Missing(Vec<String>),
    /// Values of another type than declared.
    Type(Vec<String>),
    /// A value that is not in the `enum`: the parameter and the value.
    Enum(String, String),
    /// Object parameters and the keys they lack.
    Keys(BTreeMap<String, Vec<String>>),
    /// A default that cannot be resolved.
    Default(DefaultError),
    /// A default that becomes too large: the parameter, and why.
    TooLarge(String, TooLarge),
}

/// Why a default cannot be resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefaultError {
    /// The defaults refer to each other.
    #[error("circular dependency detected in param \"params.{0}\"")]
    Circular(String),
    /// Defaults refer to each other too deeply.
    #[error("maximum recursion depth ({MAX_DEPTH}) exceeded for param \"params.{0}\"")]
    TooDeep(String),
    /// It refers to a parameter that does not exist.
    #[error("param \"params.{by}\" references undefined param \"params.{name}\"")]
    Undefined {
        /// The parameter that refers.
        by: String,
        /// The one that does not exist.
        name: String,
    },
}

/// Go's `map[o:[k l]]`.
fn go_map(map: &BTreeMap<String, Vec<String>>) -> String {
    let mut text = String::from("map[");
    for (position, (name, keys)) in map.iter().enumerate() {
        let gap = if position == 0 { "" } else { " " };
        let _ = write!(text, "{gap}{name}:[{}]", keys.join(" "));
    }
    text + "]"
}

impl ParamError {
    /// The first parameter it is about.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Missing(names) | Self::Type(names) => names.first().map(String::as_str),
            Self::Keys(keys) => keys.keys().next().map(String::as_str),
            Self::Enum(name, _)
            | Self::TooLarge(name, _)
            | Self::Default(
                DefaultError::Circular(name)
                | DefaultError::TooDeep(name)
                | DefaultError::Undefined { by: name, .. },
            ) => Some(name),
        }
    }

    /// As a task says it (`pkg/reconciler/taskrun/validate_taskrun.go`).
    pub fn of_task(&self) -> String {
        match self {
            Self::Missing(names) => format!(
                "missing values for these params which have no default values: [{}]",
                names.join(" ")
            ),
            Self::Type(names) => format!(
                "param types don't match the user-specified type: [{}]",
                names.join(" ")
            ),
            Self::Enum(name, value) => {
                format!("param `{name}` value: {value} is not in the enum list")
            }
            Self::Keys(keys) => format!(
                "missing keys for these params which are required in ParamSpec's properties {}",
                go_map(keys)
            ),
            Self::Default(error) => format!("parameter resolution failed: {error}"),
            Self::TooLarge(name, error) => format!("default of param \"{name}\": {error}"),
        }
    }

    /// The reason of a PipelineRun (`pkg/reconciler/pipelinerun/pipelinerun.go`).
    pub const fn reason_of_run(&self) -> Reason {
        match self {
            Self::Missing(_) => Reason::ParameterMissing,
            Self::Type(_) => Reason::ParameterTypeMismatch,
            Self::Enum(..) => Reason::InvalidParamValue,
            Self::Keys(_) => Reason::ObjectParameterMissKeys,
            Self::Default(_) | Self::TooLarge(..) => Reason::PipelineValidationFailed,
        }
    }

    /// As a PipelineRun says it.
    pub fn of_run(&self, run: &str, pipeline: &str) -> String {
        match self {
            Self::Missing(names) => format!(
                "PipelineRun {run} is missing some parameters required by Pipeline {pipeline}: pipelineRun missing parameters: [{}]",
                names.join(" ")
            ),
            Self::Type(names) => format!(
                "PipelineRun {run} parameters have mismatching types with Pipeline {pipeline}'s parameters: parameters have inconsistent types : [{}]",
                names.join(" ")
            ),
            Self::Enum(name, value) => format!(
                "PipelineRun {run} parameters have invalid value: param `{name}` value: {value} is not in the enum list"
            ),
            Self::Keys(keys) => format!(
                "PipelineRun {run} parameters is missing object keys required by Pipeline {pipeline}'s parameters: pipelineRun missing object keys for parameters: {}",
                go_map(keys)
            ),
            Self::Default(_) | Self::TooLarge(..) => format!(
                "Failed to apply parameters to Pipeline {pipeline}: {}",
                self.of_task()
            ),
        }
    }
}
