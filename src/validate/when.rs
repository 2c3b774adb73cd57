//! `when` expressions (`pkg/apis/pipeline/v1/when_validation.go`).

use super::cel;
use super::checker::{Checker, meant};
use super::usage::{self, Declared, Slot};
use crate::diagnostic::FieldPath;
use crate::spec::WhenExpression;

const OPERATORS: [&str; 2] = ["in", "notin"];

/// Checks the shape of every condition.
pub(super) fn expressions(check: &mut Checker, at: &FieldPath, list: &[WhenExpression]) {
    for (index, when) in list.iter().enumerate() {
        one(check, &at.index(index), when);
    }
}

fn one(check: &mut Checker, at: &FieldPath, when: &WhenExpression) {
    let other = !when.input.is_empty() || !when.operator.is_empty() || !when.values.is_empty();
    if !when.cel.is_empty() {
        if other {
            check.fault(
                at,
                "cel and input+operator+values cannot be set in one WhenExpression",
            );
        } else if let Err(wrong) = cel::check(&when.cel) {
            check.fault_with(
                &at.key("cel"),
                format_args!("invalid cel expression: {} with err: {wrong}", when.cel),
                Some("a variable is text and stands in quotes: '$(params.x)' == 'y'".to_owned()),
            );
        }
    } else if !other {
        check.missing(at);
    } else if !OPERATORS.contains(&when.operator.as_str()) {
        check.fault_with(
            at,
            format_args!(
                "invalid value: operator {:?} is not recognized. valid operators: in,notin",
                when.operator
            ),
            meant(&when.operator, OPERATORS),
        );
    } else if when.values.is_empty() {
        check.invalid(at, "expecting non-empty values field");
    }
}

/// Checks the `$(params…)` of the `when` expressions of a task of a Pipeline.
pub(super) fn usage(
    check: &mut Checker,
    at: &FieldPath,
    list: &[WhenExpression],
    declared: &Declared,
) {
    for (index, when) in list.iter().enumerate() {
        let at = at.index(index);
        usage::usage(check, &at.key("input"), &when.input, Slot::Guard, declared);
        for (index, value) in when.values.iter().enumerate() {
            let at = at.key("values").index(index);
            usage::usage(check, &at, value, Slot::Guard, declared);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::validate::testing::{pipeline, table};

    #[test]
    fn guards_are_complete() {
        table(
            |when| {
                pipeline(&format!(
                    "{{params: [{{name: arr, type: array}}], tasks: [{{name: a, \
                     taskRef: {{name: t}}, when: [{when}]}}]}}"
                ))
            },
            &[
                ("{}", "missing field(s): spec.tasks[0].when[0]"),
                ("{operator: in, values: [a]}", ""),
                (
                    "{input: a, operator: In, values: [a]}",
                    "invalid value: operator \"In\" is not recognized. valid operators: in,notin: \
                     spec.tasks[0].when[0]",
                ),
                (
                    "{input: a, operator: in}",
                    "invalid value: expecting non-empty values field: spec.tasks[0].when[0]",
                ),
                (
                    "{cel: \"'a' == 'a'\", input: a}",
                    "cel and input+operator+values cannot be set in one WhenExpression: \
                     spec.tasks[0].when[0]",
                ),
                (
                    "{cel: 'params.x == 1'}",
                    "invalid cel expression: params.x == 1 with err: undeclared reference to \
                     'params' (in container ''): spec.tasks[0].when[0].cel",
                ),
                (
                    "{input: '$(params.arr[*])', operator: in, values: ['$(params.arr[*])']}",
                    "",
                ),
                (
                    "{input: a, operator: in, values: ['x$(params.arr[*])']}",
                    "variable type invalid in \"x$(params.arr[*])\": \
                     spec.tasks[0].when[0].values[0]",
                ),
            ],
        );
    }
}
