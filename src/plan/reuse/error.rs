//! What can be wrong with a request to run part of a pipeline.

use std::fmt;

use crate::spec::param::ParamType;

/// What is wrong with a request; nothing starts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartialError {
    /// A task that the pipeline does not have.
    #[error("{list}: the pipeline has no task \"{task}\"")]
    UnknownTask {
        /// Where it was named.
        list: &'static str,
        /// The name.
        task: String,
        /// A name that is close.
        near: Option<String>,
    },
    /// The same task twice.
    #[error("{list}: \"{task}\" is listed more than once")]
    Duplicate {
        /// Where.
        list: &'static str,
        /// The name.
        task: String,
    },
    /// Enabled and disabled.
    #[error("\"{0}\" is both enabled and disabled")]
    Both(String),
    /// `enableTasks` without a source.
    #[error("enableTasks has no meaning without resumeFrom: nothing is reused")]
    EnableWithoutSource,
    /// A result of a task that is not disabled.
    #[error("result {task}.{result} is given, but \"{task}\" is not disabled")]
    ResultOfEnabled {
        /// The task.
        task: String,
        /// The result.
        result: String,
    },
    /// A result the Task does not declare.
    #[error("task \"{task}\" declares no result \"{result}\"")]
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
    /// A result that is needed and is not given.
    #[error("task \"{needed_by}\" needs result {task}.{result} of a disabled task")]
    MissingResult {
        /// The disabled task.
        task: String,
        /// The result.
        result: String,
        /// The task that needs it.
        needed_by: String,
    },
    /// A key or item of a result that is needed, and that the value given lacks.
    #[error(
        "task \"{needed_by}\" needs {task}.{result}{part}, which the value given for result {task}.{result} lacks"
    )]
    MissingPart {
        /// The disabled task.
        task: String,
        /// The result.
        result: String,
        /// The part: `.key` or `[1]`.
        part: String,
        /// The task that needs it.
        needed_by: String,
    },
    /// Not one task in common with the source.
    #[error("run \"{0}\" is of another pipeline: no task name in common")]
    OtherPipeline(String),
}

impl PartialError {
    /// What to do about it.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::UnknownTask { near, .. } | Self::UndeclaredResult { near, .. } => {
                let near = near.as_ref()?;
                Some(format!("did you mean \"{near}\"?"))
            }
            Self::Duplicate { .. } => Some("name it once".to_owned()),
            Self::Both(_) => Some("keep one of the two".to_owned()),
            Self::EnableWithoutSource => {
                Some("resume an earlier run: --resume-from RUN".to_owned())
            }
            Self::ResultOfEnabled { task, .. } => Some(format!("add --disable {task}")),
            Self::ResultType { .. } => None,
            Self::MissingPart { task, result, .. } => Some(format!(
                "give a value that has it with --result {task}.{result}=JSON"
            )),
            Self::MissingResult { task, result, .. } => {
                Some(format!("give it with --result {task}.{result}=VALUE"))
            }
            Self::OtherPipeline(_) => Some("resume it all the same with --force".to_owned()),
        }
    }
}

/// All that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialErrors(pub Vec<PartialError>);

impl fmt::Display for PartialErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for PartialErrors {}
