//! CEL expressions: compiled, and bounded before they are evaluated.
//!
//! The interpreter cannot be interrupted, so what an evaluation can cost at most is computed from
//! the expression. There are no variables, everything is made of literals, so the bound is known
//! in advance, as for the expressions of Kubernetes' API server
//! (`k8s.io/apiserver/pkg/cel/limits.go`, `PerCallLimit`).

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue};
use cel::{Context, Program, Value};

use super::limits::MAX_CEL_BYTES;

/// The stack of the thread that reads and evaluates, in bytes; what is not used costs nothing.
const STACK: usize = 128 << 20;
/// What one evaluation may cost, in steps: a step reads or makes one value, or one byte of text.
const MAX_COST: u64 = 1_000_000;
/// How long a number may be as text.
const NUMBER_TEXT: u64 = 330;

/// A CEL expression that gives no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CelError {
    /// It cannot be read or evaluated.
    #[error("{0}")]
    Evaluation(String),
    /// Its value is not true or false.
    #[error("The CEL expression {0} is not evaluated to a boolean")]
    NotBool(String),
    /// It is longer than an expression may be.
    #[error("the expression is longer than {MAX_CEL_BYTES} bytes")]
    TooLong,
    /// Evaluating it could take too long.
    #[error(
        "the expression can take {} steps, and {MAX_COST} are allowed: comprehensions inside one \
         another multiply",
        shown(*.0)
    )]
    TooCostly(u64),
}

fn shown(cost: u64) -> String {
    if cost == u64::MAX {
        "endlessly many".to_owned()
    } else {
        cost.to_string()
    }
}

/// Reads an expression whose evaluation is bounded.
pub fn compile(expression: &str) -> Result<Program, CelError> {
    if expression.len() > MAX_CEL_BYTES {
        return Err(CelError::TooLong);
    }
    deeply(|| bounded(expression))
}

/// Runs what recurses as deep as an expression does: deeper than other threads can.
fn deeply<T: Send>(work: impl FnOnce() -> Result<T, CelError> + Send) -> Result<T, CelError> {
    let failed = |text: &str| CelError::Evaluation(text.to_owned());
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let Ok(thread) = thread.spawn_scoped(scope, work) else {
            return Err(failed("there is no thread to evaluate it on"));
        };
        let ended = thread.join();
        ended.unwrap_or_else(|_| Err(failed("the interpreter cannot handle it")))
    })
}

fn bounded(expression: &str) -> Result<Program, CelError> {
    let program =
        Program::compile(expression).map_err(|error| CelError::Evaluation(error.to_string()))?;
    let mut estimate = Estimate::default();
    estimate.value(program.expression());
    if estimate.cost > MAX_COST {
        return Err(CelError::TooCostly(estimate.cost));
    }
    Ok(program)
}

/// Evaluates an expression, with no variables known.
pub fn evaluate(expression: &str) -> Result<bool, CelError> {
    let program = compile(expression)?;
    deeply(|| {
        let value = program.execute(&Context::default());
        match value.map_err(|error| CelError::Evaluation(error.to_string()))? {
            Value::Bool(value) => Ok(value),
            _ => Err(CelError::NotBool(expression.to_owned())),
        }
    })
}

/// How large a value can be.
#[derive(Debug, Clone, Copy)]
struct Size {
    /// How many items or characters it has.
    items: u64,
    /// The weight of its largest item.
    item: u64,
    /// How many values and bytes it is made of.
    weight: u64,
}

impl Size {
    const ONE: Self = Self::of_weight(1);

    const fn of_weight(weight: u64) -> Self {
        Self {
            items: weight,
            item: weight,
            weight,
        }
    }

    fn sum(self, other: Self) -> Self {
        Self {
            items: self.items.saturating_add(other.items),
            item: self.item.max(other.item),
            weight: self.weight.saturating_add(other.weight),
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            items: self.items.max(other.items),
            item: self.item.max(other.item),
            weight: self.weight.max(other.weight),
        }
    }

    /// What it has become after growing `times` times from `start` to itself.
    fn grown(self, start: Self, times: u64) -> Self {
        let grow = |from: u64, to: u64| {
            from.saturating_add(to.saturating_sub(from).saturating_mul(times))
                .max(to)
        };
        Self {
            items: grow(start.items, self.items),
            item: self.item,
            weight: grow(start.weight, self.weight),
        }
    }
}

/// The upper bound of what an evaluation costs.
struct Estimate<'e> {
    cost: u64,
    /// How often the present part is evaluated.
    times: u64,
    /// The variables of the comprehensions around it.
    variables: Vec<(&'e str, Size)>,
}

impl Default for Estimate<'_> {
    fn default() -> Self {
        Self {
            cost: 0,
            times: 1,
            variables: Vec::new(),
        }
    }
}

impl<'e> Estimate<'e> {
    fn charge(&mut self, steps: u64) {
        self.cost = self.cost.saturating_add(self.times.saturating_mul(steps));
    }

    fn value(&mut self, expr: &'e IdedExpr) -> Size {
        let size = match &expr.expr {
            Expr::Literal(literal) => of_literal(literal),
            Expr::Ident(name) => self.variable(name),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(inner) => self.comprehension(inner),
            Expr::List(list) => self.collection(list.elements.iter()),
            Expr::Map(map) => {
                self.collection(map.entries.iter().flat_map(|entry| parts(&entry.expr)))
            }
            Expr::Struct(fields) => {
                self.collection(fields.entries.iter().flat_map(|entry| parts(&entry.expr)))
            }
            Expr::Select(select) => {
                let weight = self.value(&select.operand).weight;
                Size::of_weight(weight)
            }
            Expr::Unspecified => Size::ONE,
        };
        self.charge(size.weight.max(1));
        size
    }

    fn variable(&self, name: &str) -> Size {
        let known = self
            .variables
            .iter()
            .rev()
            .find(|(known, _)| *known == name);
        known.map_or(Size::ONE, |(_, size)| *size)
    }

    fn collection(&mut self, elements: impl Iterator<Item = &'e IdedExpr>) -> Size {
        let mut size = Size {
            items: 0,
            item: 0,
            weight: 1,
        };
        for element in elements {
            let weight = self.value(element).weight;
            size = size.sum(Size {
                items: 1,
                item: weight,
                weight,
            });
        }
        size
    }

    fn call(&mut self, call: &'e CallExpr) -> Size {
        let operands = call.target.as_deref().into_iter().chain(&call.args);
        let sizes: Vec<Size> = operands.map(|operand| self.value(operand)).collect();
        let all = sizes.iter().copied().reduce(Size::sum);
        let all = all.unwrap_or(Size::ONE);
        match (call.func_name.as_str(), sizes.as_slice()) {
            ("_?_:_", [_, yes, no]) => yes.max(*no),
            ("_[_]" | "_[?_]", [from, _]) => Size::of_weight(from.item),
            ("_+_" | "dyn", _) => all,
            ("string" | "bytes", _) => Size::of_weight(all.weight.max(NUMBER_TEXT)),
            ("matches", [text, pattern]) => {
                self.charge(text.weight.saturating_mul(pattern.weight));
                Size::ONE
            }
            (
                "_&&_"
                | "_||_"
                | "!_"
                | "-_"
                | "_-_"
                | "_*_"
                | "_/_"
                | "_%_"
                | "_==_"
                | "_!=_"
                | "_<_"
                | "_<=_"
                | "_>_"
                | "_>=_"
                | "@in"
                | "@not_strictly_false"
                | "size"
                | "contains"
                | "startsWith"
                | "endsWith"
                | "int"
                | "uint"
                | "double"
                | "bool"
                | "type"
                | "duration"
                | "timestamp",
                _,
            ) => {
                self.charge(all.weight);
                Size::ONE
            }
            // What an unknown function makes can be as long as all of its operands multiplied.
            _ => {
                let product = sizes.iter().fold(NUMBER_TEXT, |all, size| {
                    all.saturating_mul(size.weight.max(1))
                });
                Size::of_weight(product)
            }
        }
    }

    fn comprehension(&mut self, inner: &'e ComprehensionExpr) -> Size {
        let range = self.value(&inner.iter_range);
        let start = self.value(&inner.accu_init);
        let around = (self.variables.len(), self.times);
        self.variables.push((&inner.accu_var, start));
        let item = Size::of_weight(range.item.max(1));
        self.variables.push((&inner.iter_var, item));
        let second = inner.iter_var2.as_deref();
        self.variables.extend(second.map(|name| (name, item)));
        self.times = self.times.saturating_mul(range.items);
        self.value(&inner.loop_cond);
        let step = self.value(&inner.loop_step);
        let end = step.grown(start, range.items);
        // Each round may read what the rounds before it have made.
        self.charge(end.weight);
        self.times = around.1;
        self.variables.truncate(around.0);
        self.variables.push((&inner.accu_var, end));
        let result = self.value(&inner.result);
        self.variables.truncate(around.0);
        result
    }
}

fn parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}

fn of_literal(literal: &LiteralValue) -> Size {
    let len = match literal {
        LiteralValue::String(text) => text.inner().len(),
        LiteralValue::Bytes(bytes) => bytes.inner().len(),
        LiteralValue::Boolean(_)
        | LiteralValue::Double(_)
        | LiteralValue::Int(_)
        | LiteralValue::Null
        | LiteralValue::UInt(_) => 0,
    };
    let len = u64::try_from(len).unwrap_or(u64::MAX);
    Size {
        items: len,
        item: 1,
        weight: len.saturating_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::{CelError, MAX_COST, compile, evaluate};

    /// A list of ten, mapped `depth` deep into itself.
    fn nested(depth: usize) -> String {
        let list = "[1,2,3,4,5,6,7,8,9,10]";
        (0..depth).fold(list.to_owned(), |inner, level| {
            format!("{list}.map(x{level}, {inner})")
        })
    }

    #[test]
    fn cel_must_be_a_bool() {
        assert_eq!(
            evaluate("'a' == 'a' && 'release'.startsWith('rel')"),
            Ok(true)
        );
        assert_eq!(
            evaluate("1 + 2"),
            Err(CelError::NotBool("1 + 2".to_owned()))
        );
        assert!(matches!(evaluate("a == b"), Err(CelError::Evaluation(_))));
        assert!(matches!(evaluate("'"), Err(CelError::Evaluation(_))));
    }

    #[test]
    fn ordinary_expressions_fit_the_budget() {
        for expression in [
            "[1, 2, 3].map(x, [4, 5, 6].map(y, x * y)).exists(l, 18 in l)",
            "'main,dev'.matches('^(main|dev|release-[0-9]+),')",
            "{'a': [1, 2], 'b': [3]}.all(k, k != 'c')",
            "[1, 2, 3].filter(x, x > 1) == [2, 3]",
        ] {
            assert!(compile(expression).is_ok(), "{expression}");
        }
        assert_eq!(evaluate(&format!("size({}) == 10", nested(2))), Ok(true));
    }

    #[test]
    fn what_would_run_for_ages_is_refused_before_it_runs() {
        let cost = |expression: &str| match compile(expression) {
            Err(CelError::TooCostly(cost)) => cost,
            Err(other) => panic!("{expression}: {other}"),
            Ok(_) => 0,
        };
        assert!(cost(&nested(6)) > MAX_COST);
        assert_eq!(cost(&nested(40)), u64::MAX);
        let doubled = (0..30).fold("'xxxxxxxxxx'".to_owned(), |text, level| {
            format!("[{text}].map(y{level}, y{level} + y{level})[0]")
        });
        assert!(cost(&format!("size({doubled}) > 0")) > MAX_COST);
        let list = format!("[{}0]", "0,".repeat(300));
        let pairs = format!("{list}.all(x, {list}.all(y, {list}.exists(z, z == x)))");
        assert!(cost(&pairs) > MAX_COST);
    }

    #[test]
    fn long_and_deep_expressions_are_no_danger() {
        assert_eq!(evaluate(&"1+".repeat(10_000)), Err(CelError::TooLong));
        let sum = format!("{}1 == 1000", "1+".repeat(999));
        assert_eq!(evaluate(&sum), Ok(true));
        let nested = |open: &str, close: &str, depth: usize| {
            format!("{}true{}", open.repeat(depth), close.repeat(depth))
        };
        assert_eq!(evaluate(&nested("(", ")", 50)), Ok(true));
        for (open, close) in [("(", ")"), ("[", "]"), ("{", "}"), ("[", "")] {
            assert!(evaluate(&nested(open, close, 1000)).is_err());
        }
        for open in ["!", "-", "true?", "a.", "true&&"] {
            let text = nested(open, "", 2000 / open.len());
            assert_ne!(evaluate(&text), Ok(false), "it ends, somehow");
        }
    }
}
