//! CEL expressions: that they parse, refer to nothing, and compare like with like.
//!
//! Tekton compiles them with cel-go's type checker in an empty environment. The interpreter used
//! here has no checker, so this is the part of one that matters without variables: everything is
//! a literal or made of literals.

use std::fmt;

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue};

use crate::language::cel::{CelError, compile};

/// Deeper ones are not checked further.
const DEEPEST: usize = 200;

/// Types whose names are values in CEL.
const TYPE_NAMES: [&str; 10] = [
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Dyn,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Null,
    List,
    Map,
    Kind,
    Duration,
    Timestamp,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dyn => "dyn",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Null => "null",
            Self::List => "list(dyn)",
            Self::Map => "map(dyn, dyn)",
            Self::Kind => "type(dyn)",
            Self::Duration => "google.protobuf.Duration",
            Self::Timestamp => "google.protobuf.Timestamp",
        })
    }
}

impl Type {
    const fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }

    const fn is_ordered(self) -> bool {
        self.is_number()
            || matches!(
                self,
                Self::Bool | Self::String | Self::Bytes | Self::Duration | Self::Timestamp
            )
    }
}

/// Checks an expression before any variable is replaced in it.
pub(super) fn check(source: &str) -> Result<(), CelError> {
    let program = compile(source)?;
    infer(program.expression(), &mut Vec::new(), 0).map(|_| ())
}

fn infer<'e>(expr: &'e IdedExpr, names: &mut Vec<&'e str>, depth: usize) -> Result<Type, CelError> {
    if depth > DEEPEST {
        return Ok(Type::Dyn);
    }
    let depth = depth + 1;
    match &expr.expr {
        Expr::Literal(literal) => Ok(of_literal(literal)),
        Expr::Ident(name) => of_name(name, names),
        Expr::Call(call) => of_call(call, names, depth),
        Expr::Comprehension(inner) => of_comprehension(inner, names, depth),
        Expr::List(list) => {
            for element in &list.elements {
                infer(element, names, depth)?;
            }
            Ok(Type::List)
        }
        Expr::Select(select) => infer(&select.operand, names, depth).map(|_| Type::Dyn),
        Expr::Map(_) => Ok(Type::Map),
        Expr::Struct(_) | Expr::Unspecified => Ok(Type::Dyn),
    }
}

const fn of_literal(literal: &LiteralValue) -> Type {
    match literal {
        LiteralValue::Boolean(_) => Type::Bool,
        LiteralValue::Bytes(_) => Type::Bytes,
        LiteralValue::Double(_) => Type::Double,
        LiteralValue::Int(_) => Type::Int,
        LiteralValue::Null => Type::Null,
        LiteralValue::String(_) => Type::String,
        LiteralValue::UInt(_) => Type::Uint,
    }
}

fn of_name(name: &str, names: &[&str]) -> Result<Type, CelError> {
    if name.starts_with('@') || names.contains(&name) {
        Ok(Type::Dyn)
    } else if TYPE_NAMES.contains(&name) || name == "google" {
        Ok(Type::Kind)
    } else {
        Err(undeclared(name))
    }
}

fn of_comprehension<'e>(
    inner: &'e ComprehensionExpr,
    names: &mut Vec<&'e str>,
    depth: usize,
) -> Result<Type, CelError> {
    infer(&inner.iter_range, names, depth)?;
    infer(&inner.accu_init, names, depth)?;
    let outer = names.len();
    names.push(&inner.accu_var);
    names.push(&inner.iter_var);
    names.extend(inner.iter_var2.as_deref());
    let checked = [&inner.loop_cond, &inner.loop_step, &inner.result]
        .into_iter()
        .try_for_each(|part| infer(part, names, depth).map(|_| ()));
    names.truncate(outer);
    checked.map(|()| Type::Dyn)
}

fn of_call<'e>(
    call: &'e CallExpr,
    names: &mut Vec<&'e str>,
    depth: usize,
) -> Result<Type, CelError> {
    let mut types = Vec::with_capacity(call.args.len() + 1);
    for operand in call.target.as_deref().into_iter().chain(&call.args) {
        types.push(infer(operand, names, depth)?);
    }
    let function = call.func_name.as_str();
    let result = match types.as_slice() {
        [left, right] if function.starts_with('_') || function == "@in" => {
            binary(function, *left, *right)
        }
        [one] if matches!(function, "!_" | "-_") => unary(function, *one),
        [condition, ..] if function == "_?_:_" => {
            of_type(*condition, Type::Bool).then_some(types.get(1).copied().unwrap_or(Type::Dyn))
        }
        _ if function.starts_with(['_', '@']) => Some(Type::Dyn),
        _ => return named(function),
    };
    result.ok_or_else(|| {
        let types: Vec<String> = types.iter().map(ToString::to_string).collect();
        CelError::Evaluation(format!(
            "found no matching overload for '{function}' applied to '({})'",
            types.join(", ")
        ))
    })
}

fn of_type(found: Type, wanted: Type) -> bool {
    found == wanted || found == Type::Dyn
}

fn unary(function: &str, one: Type) -> Option<Type> {
    match function {
        "!_" => of_type(one, Type::Bool).then_some(Type::Bool),
        _ => matches!(one, Type::Dyn | Type::Int | Type::Double).then_some(one),
    }
}

fn binary(function: &str, left: Type, right: Type) -> Option<Type> {
    let dynamic = left == Type::Dyn || right == Type::Dyn;
    let alike = dynamic || left == right;
    match function {
        "_&&_" | "_||_" => {
            (of_type(left, Type::Bool) && of_type(right, Type::Bool)).then_some(Type::Bool)
        }
        "_==_" | "_!=_" => alike.then_some(Type::Bool),
        "_<_" | "_<=_" | "_>_" | "_>=_" => {
            (dynamic || (alike && left.is_ordered())).then_some(Type::Bool)
        }
        "@in" => matches!(right, Type::Dyn | Type::List | Type::Map).then_some(Type::Bool),
        "_[_]" => matches!(left, Type::Dyn | Type::List | Type::Map).then_some(Type::Dyn),
        "_+_" | "_-_" | "_*_" | "_/_" | "_%_" => arithmetic(function, left, right, dynamic),
        _ => Some(Type::Dyn),
    }
}

fn arithmetic(function: &str, left: Type, right: Type, dynamic: bool) -> Option<Type> {
    if dynamic {
        return Some(Type::Dyn);
    }
    match (function, left, right) {
        ("_+_" | "_-_", Type::Timestamp, Type::Duration)
        | ("_+_", Type::Duration, Type::Timestamp) => Some(Type::Timestamp),
        ("_-_", Type::Timestamp, Type::Timestamp)
        | ("_+_" | "_-_", Type::Duration, Type::Duration) => Some(Type::Duration),
        ("_+_", Type::String | Type::Bytes | Type::List, _) if left == right => Some(left),
        ("_%_", Type::Double, _) => None,
        _ => (left == right && left.is_number()).then_some(left),
    }
}

/// The type of a call of a function of CEL's standard library.
fn named(function: &str) -> Result<Type, CelError> {
    Ok(match function {
        "contains" | "startsWith" | "endsWith" | "matches" | "bool" | "has" => Type::Bool,
        "size" | "int" | "getFullYear" | "getMonth" | "getDate" | "getDayOfMonth"
        | "getDayOfWeek" | "getDayOfYear" | "getHours" | "getMinutes" | "getSeconds"
        | "getMilliseconds" => Type::Int,
        "uint" => Type::Uint,
        "double" => Type::Double,
        "string" => Type::String,
        "bytes" => Type::Bytes,
        "type" => Type::Kind,
        "dyn" => Type::Dyn,
        "duration" => Type::Duration,
        "timestamp" => Type::Timestamp,
        _ => return Err(undeclared(function)),
    })
}

fn undeclared(name: &str) -> CelError {
    CelError::Evaluation(format!(
        "undeclared reference to '{name}' (in container '')"
    ))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_tekton_compiles_compiles() {
        for source in [
            "'$(params.a)' == 'x'",
            "'x'.startsWith('a') && size('abc') > 2",
            "[1,2].exists(x, x > 1) ? true : false",
            "'a' in ['a', 'b']",
            "{'a': 1}['a'] == 1",
            "type(1) == int",
            "duration('1h') + duration('1m') > duration('1s')",
        ] {
            assert_eq!(check(source), Ok(()), "{source}");
        }
    }

    #[test]
    fn what_cannot_be_true_is_refused() {
        for (source, wrong) in [
            ("params.x == 1", "undeclared reference to 'params'"),
            (
                "1 == 'a'",
                "found no matching overload for '_==_' applied to '(int, string)'",
            ),
            ("'a' && true", "found no matching overload for '_&&_'"),
            ("1 < 'a'", "found no matching overload for '_<_'"),
            ("!'a'", "found no matching overload for '!_'"),
            (
                "'a'.lowerAscii() == 'a'",
                "undeclared reference to 'lowerAscii'",
            ),
            ("[1].exists(x, y > 1)", "undeclared reference to 'y'"),
        ] {
            let found = check(source).unwrap_err().to_string();
            assert!(found.contains(wrong), "{source}: {found}");
        }
        assert!(check("'a' == ").is_err());
        assert!(check(&"1+".repeat(10_000)).is_err());
    }

    #[test]
    fn deep_expressions_do_not_overflow() {
        let deep = format!("{}1 == 1", "1+".repeat(1000));
        assert_eq!(check(&deep), Ok(()));
    }
}
