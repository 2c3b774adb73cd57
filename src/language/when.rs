//! Guards (`pkg/apis/pipeline/v1/when_types.go`).

use cel::{Context, Program, Value};

use crate::spec::when::WhenExpression;

/// The longest expression that is compiled, in bytes: the compiler recurses.
const MAX_CEL: usize = 2048;

/// A CEL expression that gives no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CelFault {
    /// It cannot be read or evaluated.
    #[error("{0}")]
    Evaluation(String),
    /// Its value is not true or false.
    #[error("The CEL expression {0} is not evaluated to a boolean")]
    NotBool(String),
}

/// True when all conditions hold; their references have been replaced.
pub fn holds(when: &[WhenExpression]) -> Result<bool, CelFault> {
    for condition in when {
        if !condition_holds(condition)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn condition_holds(condition: &WhenExpression) -> Result<bool, CelFault> {
    if !condition.cel.is_empty() {
        return cel(&condition.cel);
    }
    let contained = condition.values.contains(&condition.input);
    Ok(contained == (condition.operator == "in"))
}

/// Evaluates a CEL expression, with no variables known.
pub fn cel(expression: &str) -> Result<bool, CelFault> {
    if expression.len() > MAX_CEL {
        return Err(CelFault::Evaluation(format!(
            "the expression is longer than {MAX_CEL} bytes"
        )));
    }
    let failed = |error: &dyn std::fmt::Display| CelFault::Evaluation(error.to_string());
    let program = Program::compile(expression).map_err(|error| failed(&error))?;
    match program
        .execute(&Context::default())
        .map_err(|error| failed(&error))?
    {
        Value::Bool(value) => Ok(value),
        _ => Err(CelFault::NotBool(expression.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::{CelFault, cel, holds};
    use crate::spec::when::WhenExpression;

    fn when(input: &str, operator: &str, values: &[&str]) -> WhenExpression {
        WhenExpression {
            input: input.to_owned(),
            operator: operator.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            cel: String::new(),
        }
    }

    #[test]
    fn pipeline_75_76_78_comparison_is_of_bytes() {
        assert_eq!(holds(&[when("a", "in", &["a"])]), Ok(true));
        assert_eq!(holds(&[when("A", "in", &["a"])]), Ok(false));
        assert_eq!(holds(&[when("a\n", "in", &["a"])]), Ok(false));
        assert_eq!(
            holds(&[when("a", "in", &["a"]), when("a", "notin", &["a"])]),
            Ok(false)
        );
        assert_eq!(holds(&[when("a", "in", &[])]), Ok(false));
        assert_eq!(holds(&[when("a", "notin", &[])]), Ok(true));
        assert_eq!(holds(&[]), Ok(true));
    }

    #[test]
    fn pipeline_81_task_86_cel_must_be_a_bool() {
        assert_eq!(cel("'a' == 'a' && 'release'.startsWith('rel')"), Ok(true));
        assert_eq!(cel("1 + 2"), Err(CelFault::NotBool("1 + 2".to_owned())));
        assert!(matches!(cel("a == b"), Err(CelFault::Evaluation(_))));
        assert!(matches!(cel("'"), Err(CelFault::Evaluation(_))));
    }
}
