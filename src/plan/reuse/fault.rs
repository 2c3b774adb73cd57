//! What can be wrong with a request.

use std::fmt;

use crate::spec::param::ParamType;

/// What is wrong with a request; nothing starts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartialFault {
    /// A task that the pipeline does not have.
    #[error("{list}: the pipeline has no task \"{task}\"{}", meant(.near.as_deref()))]
    UnknownTask {
        /// Where it was named.
        list: &'static str,
        /// The name.
        task: String,
        /// A name that is close.
        near: Option<String>,
    },
    /// The same task twice.
    #[error("{list}: \"{task}\" is named more than once; name it once")]
    Duplicate {
        /// Where.
        list: &'static str,
        /// The name.
        task: String,
    },
    /// Enabled and disabled.
    #[error("\"{0}\" is both enabled and disabled; keep one of the two")]
    Both(String),
    /// `enableTasks` without a source.
    #[error(
        "enableTasks has no meaning without resumeFrom: nothing is reused; go on with an earlier run by --resume-from RUN"
    )]
    EnableWithoutSource,
    /// A result of a task that is not disabled.
    #[error(
        "result {task}.{result} is given, but \"{task}\" is not disabled; add --disable {task}"
    )]
    ResultOfEnabled {
        /// The task.
        task: String,
        /// The result.
        result: String,
    },
    /// A result the Task does not declare.
    #[error("task \"{task}\" declares no result \"{result}\"{}", meant(.near.as_deref()))]
    UndeclaredResult {
        /// The task.
        task: String,
        /// The result.
        result: String,
        /// A name that is close.
        near: Option<String>,
    },
    /// A value of another type than declared.
    #[error("result {task}.{result} is of type {declared}, the value given is of type {given}")]
    ResultType {
        /// The task.
        task: String,
        /// The result.
        result: String,
        /// The type it is declared with.
        declared: ParamType,
        /// The type of the value.
        given: ParamType,
    },
    /// A result that is needed and nobody gives.
    #[error(
        "task \"{needed_by}\" needs result {task}.{result} of a disabled task; give it with --result {task}.{result}=VALUE"
    )]
    MissingResult {
        /// The disabled task.
        task: String,
        /// The result.
        result: String,
        /// Who needs it.
        needed_by: String,
    },
    /// Not one task in common with the source.
    #[error(
        "run \"{0}\" is of another pipeline: no task name in common; --force resumes it all the same"
    )]
    OtherPipeline(String),
}

fn meant(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean \"{near}\"?"))
        .unwrap_or_default()
}

/// All that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<PartialFault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
