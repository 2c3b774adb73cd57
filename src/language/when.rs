//! `when` expressions (`pkg/apis/pipeline/v1/when_types.go`).

use super::cel::{CelError, evaluate};
use crate::spec::when::WhenExpression;

/// True when all expressions hold; their references have been replaced.
pub fn holds(when: &[WhenExpression]) -> Result<bool, CelError> {
    for expression in when {
        if !expression_holds(expression)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn expression_holds(expression: &WhenExpression) -> Result<bool, CelError> {
    if !expression.cel.is_empty() {
        return evaluate(&expression.cel);
    }
    let contained = expression.values.contains(&expression.input);
    Ok(contained == (expression.operator == "in"))
}

#[cfg(test)]
mod tests {
    use super::holds;
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
    fn comparison_is_of_bytes() {
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
}
