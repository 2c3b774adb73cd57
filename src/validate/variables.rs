//! The `$(prefix.name)` the webhook looks at, found as it finds them.
//!
//! Its detection (`braceMatchingRegex` of `pkg/substitution/substitution.go`) is laxer than that
//! of references in general: whatever stands between the prefix and the next `)` counts as a name.

use std::collections::BTreeSet;

use super::checker::{Checker, meant};
use crate::diagnostic::FieldPath;

/// One `$(prefix…)` of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variable<'t> {
    /// All of it: `$(params.a[0])`.
    pub(super) whole: &'t str,
    /// What follows the prefix, without dot or brackets: `a[0]`.
    pub(super) inner: &'t str,
    /// True for `$(params.a)`, false for `$(params["a"])`.
    pub(super) dotted: bool,
}

impl<'t> Variable<'t> {
    /// What is named, without index and key.
    pub(super) fn name(&self) -> &'t str {
        let name = if self.dotted {
            self.inner.split('.').next().unwrap_or_default()
        } else {
            self.inner
        };
        without_index(name)
    }

    /// The key of the object that is named: `k` of `$(params.o.k)`.
    pub(super) fn key(&self) -> Option<&'t str> {
        let (_, key) = self.inner.split_once('.').filter(|_| self.dotted)?;
        Some(without_index(key.split('.').next().unwrap_or_default()))
    }

    /// True when it is all of an array or object: no index, no key.
    pub(super) fn is_whole(&self) -> bool {
        self.inner.strip_suffix("[*]").unwrap_or(self.inner) == self.name()
    }

    /// True when it has more parts than a reference can have.
    pub(super) fn is_too_long(&self) -> bool {
        self.dotted && self.inner.split('.').count() > 2
    }
}

fn without_index(name: &str) -> &str {
    match name.split_once('[') {
        Some((head, tail)) => {
            let inner = tail.strip_suffix(']').unwrap_or(tail);
            let index = inner == "*" || inner.bytes().all(|b| b.is_ascii_digit());
            if tail.ends_with(']') && index {
                head
            } else {
                name
            }
        }
        None => name,
    }
}

/// The variables of a text that have a prefix such as `params` or `context.pipelineRun`.
pub(super) fn find<'t>(text: &'t str, prefix: &str) -> Vec<Variable<'t>> {
    let opening = format!("$({prefix}");
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find(&opening).map(|offset| from + offset) {
        let rest = &text[start + opening.len()..];
        from = start + opening.len();
        let Some((skip, close, dotted)) = [
            (".", ")", true),
            ("[\"", "\"])", false),
            ("['", "'])", false),
        ]
        .into_iter()
        .find(|(open, _, _)| rest.starts_with(open))
        .map(|(open, close, dotted)| (open.len(), close, dotted)) else {
            continue;
        };
        let body = &rest[skip..];
        let line = body.find('\n').map_or(body, |end| &body[..end]);
        if let Some(len) = line.find(close) {
            let end = start + opening.len() + skip + len + close.len();
            found.push(Variable {
                whole: &text[start..end],
                inner: &line[..len],
                dotted,
            });
            from = end;
        }
    }
    found
}

/// Faults the variables of a prefix that do not name one of `known`.
pub(super) fn unknown(
    check: &mut Checker,
    at: &FieldPath,
    text: &str,
    prefix: &str,
    known: &BTreeSet<&str>,
) {
    for variable in find(text, prefix) {
        if variable.is_too_long() {
            too_long(check, at, text, &variable, prefix);
        } else if !known.contains(variable.name()) {
            let hint = meant(variable.name(), known.iter().copied());
            nonexistent(check, at, text, &variable, hint);
        }
    }
}

pub(super) fn nonexistent(
    check: &mut Checker,
    at: &FieldPath,
    text: &str,
    variable: &Variable<'_>,
    hint: Option<String>,
) {
    let shown = excerpt(text, variable.whole);
    check.fault_with(at, format_args!("non-existent variable in {shown:?}"), hint);
}

pub(super) fn too_long(
    check: &mut Checker,
    at: &FieldPath,
    text: &str,
    variable: &Variable<'_>,
    prefix: &str,
) {
    let shown = excerpt(text, variable.whole);
    check.fault_with(
        at,
        format_args!(
            "Invalid referencing of parameters in \"{shown}\"! Only two dot-separated components \
             after the prefix \"{prefix}\" are allowed."
        ),
        Some(format!("a name with dots is written $({prefix}[\"…\"])")),
    );
}

/// What to show of a text: all of it when it is short, else the line the variable is on.
pub(super) fn excerpt<'t>(text: &'t str, whole: &str) -> &'t str {
    if text.len() <= 80 && !text.trim_end().contains('\n') {
        return text;
    }
    text.lines()
        .find(|line| line.contains(whole))
        .map_or(text, str::trim)
}

#[cfg(test)]
mod tests {
    use super::{excerpt, find};

    #[test]
    fn finds_what_the_webhook_finds() {
        let found = |text, prefix| {
            find(text, prefix)
                .into_iter()
                .map(|v| {
                    (
                        v.name().to_owned(),
                        v.key().map(str::to_owned),
                        v.is_whole(),
                    )
                })
                .collect::<Vec<_>>()
        };
        let one = |name: &str, key: Option<&str>, whole| {
            vec![(name.to_owned(), key.map(str::to_owned), whole)]
        };
        assert_eq!(found("$(params.a)", "params"), one("a", None, true));
        assert_eq!(found("x$(params.a[*])y", "params"), one("a", None, true));
        assert_eq!(found("$(params.a[10])", "params"), one("a", None, false));
        assert_eq!(found("$(params.o.k)", "params"), one("o", Some("k"), false));
        assert_eq!(
            found("$(params[\"a.b\"])", "params"),
            one("a.b", None, true)
        );
        assert_eq!(found("$(params['a.b'])", "params"), one("a.b", None, true));
        assert_eq!(found("$(params.)", "params"), one("", None, true));
        assert_eq!(
            found("$(params.o[\"k\"])", "params"),
            one("o[\"k\"]", None, true)
        );
        assert_eq!(found("$(context.pipelineRun.name)", "context.pipeline"), []);
        assert_eq!(found("$(params.a\n)", "params"), []);
        assert_eq!(found("$(params", "params"), []);
    }

    #[test]
    fn long_texts_are_shown_by_the_line() {
        assert_eq!(
            excerpt("set -e\n  echo $(params.x)\n", "$(params.x)"),
            "echo $(params.x)"
        );
        assert_eq!(
            excerpt("echo $(params.x)", "$(params.x)"),
            "echo $(params.x)"
        );
    }
}
