//! The `$(prefix.name)` the webhook looks at, found as it finds them.
//!
//! Its detection (`braceMatchingRegex` of `pkg/substitution/substitution.go`) is laxer than that
//! of references in general: whatever stands between the prefix and the next `)` counts as a name.

use std::collections::{BTreeSet, HashSet};

use super::checker::{Checker, meant};
use crate::diagnostic::FieldPath;

/// The longest excerpt of a text that is quoted, in bytes.
const LONGEST_SHOWN: usize = 120;

/// One `$(prefix…)` of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variable<'t> {
    /// All of it: `$(params.a[0])`.
    pub(super) whole: &'t str,
    /// What follows the prefix, without dot or brackets: `a[0]`.
    pub(super) inner: &'t str,
    /// The line it is on.
    line: &'t str,
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

    /// What to show of its text: all of it when it is short, else the line it is on, else only
    /// itself.
    pub(super) fn excerpt(&self, text: &'t str) -> &'t str {
        let line = self.line.trim();
        if text.len() <= LONGEST_SHOWN && self.line.len() == text.len() {
            text
        } else if line.len() <= LONGEST_SHOWN {
            line
        } else {
            self.whole
        }
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

/// What may follow the prefix, what ends it then, and whether that is the dotted form.
const FORMS: [(&str, &str, bool); 3] = [
    (".", ")", true),
    ("[\"", "\"])", false),
    ("['", "'])", false),
];

/// The variables of a text that have a prefix such as `params` or `context.pipelineRun`, each at
/// its first place.
pub(super) fn find<'t>(text: &'t str, prefix: &str) -> Vec<Variable<'t>> {
    let opening = format!("$({prefix}");
    let mut found = Vec::new();
    for line in text.split('\n') {
        in_line(line, &opening, &mut found);
    }
    let mut seen = HashSet::new();
    found.retain(|variable| seen.insert(variable.whole));
    found
}

fn in_line<'t>(line: &'t str, opening: &str, found: &mut Vec<Variable<'t>>) {
    // A form that is not closed from here on is not closed further on: looking again each time
    // would take quadratic time.
    let mut closable = [true; FORMS.len()];
    let mut from = 0;
    while let Some(start) = line[from..].find(opening).map(|offset| from + offset) {
        from = start + opening.len();
        let form = FORMS
            .iter()
            .position(|(open, _, _)| line[from..].starts_with(open));
        let Some(form) = form.filter(|form| closable[*form]) else {
            continue;
        };
        let (open, close, dotted) = FORMS[form];
        let body = from + open.len();
        match line[body..].find(close) {
            Some(len) => {
                from = body + len + close.len();
                found.push(Variable {
                    whole: &line[start..from],
                    inner: &line[body..body + len],
                    line,
                    dotted,
                });
            }
            None => closable[form] = false,
        }
    }
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
    let shown = variable.excerpt(text);
    let among = shown.matches("$(").count() > 1;
    let named = among.then(|| format!("{} is not known", variable.whole));
    let hint = match (named, hint) {
        (Some(named), Some(hint)) => Some(format!("{named}; {hint}")),
        (named, hint) => named.or(hint),
    };
    check.fault_with(at, format_args!("non-existent variable in {shown:?}"), hint);
}

pub(super) fn too_long(
    check: &mut Checker,
    at: &FieldPath,
    text: &str,
    variable: &Variable<'_>,
    prefix: &str,
) {
    let shown = variable.excerpt(text);
    check.fault_with(
        at,
        format_args!(
            "Invalid referencing of parameters in \"{shown}\"! Only two dot-separated components \
             after the prefix \"{prefix}\" are allowed."
        ),
        Some(format!("a name with dots is written $({prefix}[\"…\"])")),
    );
}

#[cfg(test)]
mod tests {
    use super::find;

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
        for text in ["set -e\n  echo $(params.x)\n", "echo $(params.x)"] {
            assert_eq!(find(text, "params")[0].excerpt(text), "echo $(params.x)");
        }
    }

    #[test]
    fn a_form_that_is_never_closed_hides_no_other() {
        let text = "$(params['a $(params['b $(params[\"c $(params.d)";
        let names: Vec<_> = find(text, "params")
            .iter()
            .map(|v| v.name().to_owned())
            .collect();
        assert_eq!(names, ["d"]);
        let hostile = "$(params.".repeat(200_000);
        assert_eq!(find(&hostile, "params"), []);
    }
}
