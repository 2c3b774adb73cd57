//! Fan-outs (`pkg/apis/pipeline/v1/matrix_types.go`).

use super::checker::Checker;
use super::params;
use crate::diagnostic::FieldPath;
use crate::language::limits::MAX_MATRIX_COMBINATIONS;
use crate::language::product_len;
use crate::spec::{Matrix, Param, ParamValue, PipelineTask};

/// True when a task fans out.
pub(super) fn is_matrixed(task: &PipelineTask) -> bool {
    task.matrix
        .as_ref()
        .is_some_and(|matrix| !matrix.params.is_empty() || !matrix.include.is_empty())
}

pub(super) fn of_task(check: &mut Checker, at: &FieldPath, task: &PipelineTask) {
    let Some(matrix) = &task.matrix else {
        return;
    };
    let count = combinations(matrix);
    if count > MAX_MATRIX_COMBINATIONS {
        check.fault(
            &at.key("matrix"),
            format_args!("expected 0 <= {count} <= {MAX_MATRIX_COMBINATIONS}"),
        );
    }
    let place = at.key("matrix");
    for (index, include) in matrix.include.iter().enumerate() {
        let place = place.key("include").index(index).key("params");
        params::distinct(check, &place, &include.params);
    }
    params::distinct(check, &place.key("params"), &matrix.params);
    in_both(check, at, task, matrix);
}

fn in_both(check: &mut Checker, at: &FieldPath, task: &PipelineTask, matrix: &Matrix) {
    let fanned: Vec<&str> = matrix
        .all_params()
        .map(|param| param.name.as_str())
        .collect();
    for (index, param) in task.params.iter().enumerate() {
        if fanned.contains(&param.name.as_str()) {
            let name = &param.name;
            check.fault_at(
                &at.key("params").index(index),
                format!("expected exactly one, got both: {at}.matrix[{name}], {at}.params[{name}]"),
            );
        }
    }
}

/// How many combinations the values written here make; a value still to come counts as one.
fn combinations(matrix: &Matrix) -> usize {
    if matrix.params.is_empty() {
        return matrix.include.len();
    }
    let added: usize = matrix
        .include
        .iter()
        .map(|include| new_combinations(matrix, &include.params))
        .sum();
    product_len(&matrix.params).saturating_add(added)
}

/// What one entry of `include` adds (`countNewCombinationsFromInclude`).
fn new_combinations(matrix: &Matrix, include: &[Param]) -> usize {
    include
        .iter()
        .filter_map(|param| {
            let fanned = matrix.params.iter().find(|m| m.name == param.name)?;
            let value = param.value.as_str().unwrap_or_default();
            Some(items(fanned).iter().any(|item| item == value))
        })
        .take_while(|exists| !exists)
        .count()
}

fn items(param: &Param) -> &[String] {
    match &param.value {
        ParamValue::Array(items) => items,
        ParamValue::String(_) | ParamValue::Object(_) => &[],
    }
}

#[cfg(test)]
mod tests {
    use crate::validate::testing::{errors, table, tasks};

    #[test]
    fn a_matrix_has_at_most_256_combinations() {
        let list = |n: usize| vec!["x"; n].join(", ");
        for (first, second, wrong) in [(16, 16, false), (16, 17, true), (257, 1, true)] {
            let yaml = tasks(&format!(
                "[{{name: a, taskRef: {{name: t}}, matrix: {{params: [{{name: m, value: [{}]}}, \
                 {{name: k, value: [{}]}}]}}}}]",
                list(first),
                list(second)
            ));
            let message = format!(
                "expected 0 <= {} <= 256: spec.tasks[0].matrix",
                first * second
            );
            let expected: Vec<String> = Some(message).filter(|_| wrong).into_iter().collect();
            assert_eq!(errors(&yaml), expected);
        }
    }

    #[test]
    fn names_of_a_matrix_occur_once() {
        table(
            |fields| tasks(&format!("[{{name: a, taskRef: {{name: t}}, {fields}}}]")),
            &[
                (
                    "matrix: {params: [{name: m, value: [a]}, {name: m, value: [b]}]}",
                    "parameter names must be unique, the parameter \"m\" is also defined at: \
                     spec.tasks[0].matrix.params[1].name",
                ),
                (
                    "params: [{name: m, value: a}], matrix: {params: [{name: m, value: [b]}]}",
                    "expected exactly one, got both: spec.tasks[0].matrix[m], \
                     spec.tasks[0].params[m]",
                ),
                (
                    "params: [{name: m, value: a}], matrix: {include: [{params: [{name: m, value: b}]}]}",
                    "expected exactly one, got both: spec.tasks[0].matrix[m], \
                     spec.tasks[0].params[m]",
                ),
            ],
        );
    }
}
