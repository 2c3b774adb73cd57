//! The types of results (`pkg/apis/pipeline/v1/result_types.go`).

use crate::spec::param::{ParamType, ParamValue};
use crate::spec::task::{StepResult, TaskResult};

/// The type a Task declares for a result: without a `type`, `properties` make it an object.
pub fn declared_type(result: &TaskResult) -> ParamType {
    ParamType::parse(&result.result_type).unwrap_or(if result.properties.is_empty() {
        ParamType::String
    } else {
        ParamType::Object
    })
}

/// The type that consumers see of a result of a task of a pipeline: a matrix makes arrays.
pub fn consumed_type(result: &TaskResult, fans_out: bool) -> ParamType {
    if fans_out {
        ParamType::Array
    } else {
        declared_type(result)
    }
}

/// The value of a step's result for later steps: the text as it is when the result is declared a
/// string, or not at all; else by the shape of the text.
pub fn step_result_value(declared: Option<&StepResult>, text: &str) -> ParamValue {
    match declared.map_or("", |result| result.result_type.as_str()) {
        "" | "string" => ParamValue::from(text),
        _ => ParamValue::from_result_text(text),
    }
}
