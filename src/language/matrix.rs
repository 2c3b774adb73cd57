//! Fan-out (`pkg/apis/pipeline/v1/matrix_types.go`).

use std::collections::BTreeMap;

use crate::spec::param::{Param, ParamType, ParamValue};
use crate::spec::pipeline::Matrix;
use crate::status::{Condition, Reason};

/// One combination of a matrix.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Combination {
    /// Its params, sorted by name.
    pub params: Vec<Param>,
    /// The names of the include entries that are part of it, joined with a space.
    pub display_name: String,
}

#[derive(Debug, Clone, Default)]
struct Partial {
    values: BTreeMap<String, String>,
    names: Vec<String>,
}

impl Partial {
    fn finish(self) -> Combination {
        let params = self
            .values
            .into_iter()
            .map(|(name, value)| Param {
                name,
                value: ParamValue::String(value),
            })
            .collect();
        Combination {
            params,
            display_name: self.names.join(" "),
        }
    }
}

/// A param of a matrix whose value has the wrong type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "[User error] Failed to validate matrix: parameters of type {wanted} only are allowed, but param \"{param}\" has type \"{given}\" in pipelineTask \"{task}\""
)]
pub struct MatrixTypeError {
    /// The type it must have.
    pub wanted: ParamType,
    /// The type it has.
    pub given: ParamType,
    /// The param.
    pub param: String,
    /// The task of the pipeline.
    pub task: String,
}

impl MatrixTypeError {
    /// A param of a task of the pipeline that has not the type `wanted`.
    pub fn new(wanted: ParamType, param: &Param, task: &str) -> Self {
        Self {
            wanted,
            given: param.value.kind(),
            param: param.name.clone(),
            task: task.to_owned(),
        }
    }
}

impl From<MatrixTypeError> for Condition {
    fn from(error: MatrixTypeError) -> Self {
        Self::failed(Reason::InvalidMatrixParameterTypes, error.to_string())
    }
}

/// How many combinations the params of a matrix make, without its include entries; a value still to
/// come counts as one.
pub fn product_len(params: &[Param]) -> usize {
    let lens = params.iter().map(|param| match &param.value {
        ParamValue::Array(items) => items.len().max(1),
        ParamValue::String(_) | ParamValue::Object(_) => 1,
    });
    lens.fold(1, usize::saturating_mul)
}

/// True when a matrix has an array without items: its task is skipped.
pub fn has_empty_array(matrix: &Matrix) -> bool {
    matrix
        .params
        .iter()
        .any(|param| matches!(&param.value, ParamValue::Array(items) if items.is_empty()))
}

/// The combinations of a matrix whose references are all replaced: the product of its params, the
/// first varying fastest, extended and then completed by the include entries.
pub fn fan_out(matrix: &Matrix) -> Vec<Combination> {
    let includes: Vec<(&str, BTreeMap<String, String>)> = matrix
        .include
        .iter()
        .map(|include| {
            (
                include.name.as_str(),
                include
                    .params
                    .iter()
                    .map(|param| (param.name.clone(), param.value.to_string()))
                    .collect(),
            )
        })
        .collect();
    let named = |name: &str| (!name.is_empty()).then(|| name.to_owned()).into_iter();
    if matrix.params.is_empty() {
        return includes
            .into_iter()
            .map(|(name, values)| {
                Partial {
                    values,
                    names: named(name).collect(),
                }
                .finish()
            })
            .collect();
    }
    let mut combinations = product(&matrix.params);
    for combination in &mut combinations {
        for (name, entry) in &includes {
            let agrees = entry
                .iter()
                .all(|(key, value)| combination.values.get(key).is_none_or(|own| own == value));
            if agrees && !entry.is_empty() {
                combination.values.extend(entry.clone());
                combination.names.extend(named(name));
            }
        }
    }
    for (name, entry) in includes {
        let part_of_some = combinations.iter().any(|combination| {
            entry
                .iter()
                .any(|(key, value)| combination.values.get(key) == Some(value))
        });
        if !part_of_some && !entry.is_empty() {
            combinations.push(Partial {
                values: entry,
                names: named(name).collect(),
            });
        }
    }
    combinations.into_iter().map(Partial::finish).collect()
}

fn product(params: &[Param]) -> Vec<Partial> {
    let mut combinations = vec![Partial::default()];
    for param in params {
        let items = match &param.value {
            ParamValue::Array(items) => items.clone(),
            ParamValue::String(text) => vec![text.clone()],
            ParamValue::Object(_) => Vec::new(),
        };
        combinations = items
            .iter()
            .flat_map(|item| {
                combinations.iter().cloned().map(|mut combination| {
                    combination.values.insert(param.name.clone(), item.clone());
                    combination
                })
            })
            .collect();
    }
    combinations
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::fan_out;

    fn rows(matrix: Value) -> Vec<String> {
        fan_out(&serde_json::from_value(matrix).unwrap())
            .into_iter()
            .map(|combination| {
                let values: Vec<String> = combination
                    .params
                    .iter()
                    .map(|param| format!("{}={}", param.name, param.value))
                    .collect();
                values.join(",")
            })
            .collect()
    }

    fn os_arch(include: &Value) -> Vec<String> {
        rows(json!({
            "params": [{"name": "os", "value": ["linux", "mac"]}, {"name": "arch", "value": ["x64", "arm"]}],
            "include": include,
        }))
    }

    fn entry(params: &Value) -> Value {
        let params: Vec<Value> = params
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        json!({"params": params})
    }

    #[test]
    fn the_first_param_varies_fastest() {
        assert_eq!(
            rows(
                json!({"params": [{"name": "os", "value": ["l", "m", "w"]}, {"name": "arch", "value": ["x", "a"]}]})
            ),
            [
                "arch=x,os=l",
                "arch=x,os=m",
                "arch=x,os=w",
                "arch=a,os=l",
                "arch=a,os=m",
                "arch=a,os=w"
            ]
        );
    }

    #[test]
    fn include_extends_adds_and_is_dropped() {
        let four = [
            "arch=x64,os=linux",
            "arch=x64,os=mac",
            "arch=arm,os=linux",
            "arch=arm,os=mac",
        ];
        assert_eq!(
            os_arch(&json!([entry(&json!({"os": "linux", "flags": "-O3"}))])),
            [
                "arch=x64,flags=-O3,os=linux",
                four[1],
                "arch=arm,flags=-O3,os=linux",
                four[3]
            ]
        );
        assert_eq!(
            os_arch(&json!([entry(&json!({"os": "bsd"}))])),
            [&four[..], &["os=bsd"]].concat()
        );
        assert_eq!(
            os_arch(&json!([entry(&json!({"os": "bsd", "arch": "riscv"}))])),
            [&four[..], &["arch=riscv,os=bsd"]].concat()
        );
        assert_eq!(
            os_arch(&json!([entry(&json!({"os": "bsd", "arch": "x64"}))])),
            four
        );
        let os = json!([{"name": "os", "value": ["linux", "mac"]}]);
        assert_eq!(
            rows(
                json!({"params": os, "include": [entry(&json!({"v": "1"})), entry(&json!({"v": "2"}))]})
            ),
            ["os=linux,v=1", "os=mac,v=1", "v=2"]
        );
        assert_eq!(
            rows(
                json!({"include": [entry(&json!({"a": "1"})), entry(&json!({"a": "2", "b": "3"}))]})
            ),
            ["a=1", "a=2,b=3"]
        );
    }
}
