//! References in text.

/// How a result is used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Access {
    /// `$(tasks.t.results.r)`
    Whole,
    /// `$(tasks.t.results.r[*])`
    Star,
    /// `$(tasks.t.results.r[2])`
    Index(usize),
    /// `$(tasks.t.results.r.key)`
    Key(String),
}

/// A reference to a result of a task.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResultRef {
    /// True for `finally.…`, false for `tasks.…`.
    pub finally: bool,
    /// The task.
    pub task: String,
    /// The result.
    pub result: String,
    /// Which part of it.
    pub access: Access,
}

impl ResultRef {
    /// Reads the inside of `$(…)`, as `pkg/internal/resultref` does: four parts, or five for the
    /// key of an object; anything else is not a result reference.
    pub fn parse(reference: &str) -> Option<Self> {
        let (path, index) = match reference.strip_suffix(']') {
            Some(rest) => {
                let (path, index) = rest.split_once('[')?;
                (path, Some(index))
            }
            None => (reference, None),
        };
        let parts: Vec<&str> = path.split('.').collect();
        let (scope, task, word, result, key) = match parts.as_slice() {
            [scope, task, word, result] => (*scope, *task, *word, *result, None),
            [scope, task, word, result, key] => (*scope, *task, *word, *result, Some(*key)),
            _ => return None,
        };
        if word != "results" || !matches!(scope, "tasks" | "finally") {
            return None;
        }
        let access = match (key, index) {
            (None, None) => Access::Whole,
            (None, Some("*")) => Access::Star,
            (None, Some(index)) => Access::Index(index.parse().ok()?),
            (Some(key), _) => Access::Key(key.to_owned()),
        };
        Some(Self {
            finally: scope == "finally",
            task: task.to_owned(),
            result: result.to_owned(),
            access,
        })
    }

    /// On which side of the pipeline the task is, as references say it: `tasks` or `finally`.
    pub const fn side(&self) -> &'static str {
        if self.finally { "finally" } else { "tasks" }
    }

    /// The reference to the whole result: `tasks.t.results.r`.
    pub fn whole(&self) -> String {
        format!("{}.{}.results.{}", self.side(), self.task, self.result)
    }

    /// Which part of the result it is, as it stands behind the result's name; nothing for all of it.
    pub fn part(&self) -> String {
        match &self.access {
            Access::Whole | Access::Star => String::new(),
            Access::Index(index) => format!("[{index}]"),
            Access::Key(key) => format!(".{key}"),
        }
    }

    /// The result references of a text, in order.
    pub fn find_in(text: &str) -> impl Iterator<Item = Self> {
        references(text).into_iter().filter_map(Self::parse)
    }
}

/// The insides of the `$(…)` of a text that look like references: dotted names, perhaps with an
/// index. A `$(date +%s)` is none. This is Tekton's detection
/// (`pkg/apis/pipeline/v1/resultref.go`, `resultref` pattern).
pub fn references(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("$(") {
        rest = &rest[start + 2..];
        if let Some(len) = reference_len(rest) {
            found.push(&rest[..len]);
        }
    }
    found
}

fn reference_len(text: &str) -> Option<usize> {
    let name = text
        .bytes()
        .position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-')))
        .filter(|len| *len > 0)?;
    match text.as_bytes()[name] {
        b')' => Some(name),
        b'[' => {
            let index = &text[name + 1..];
            let len = index
                .bytes()
                .position(|b| !(b.is_ascii_digit() || b == b'*'))?;
            let inner = &index[..len];
            let valid = inner == "*" || (!inner.is_empty() && !inner.contains('*'));
            (valid && index[len..].starts_with("])")).then_some(name + 1 + len + 1)
        }
        _ => None,
    }
}

/// The inside of `$(…)` when the text is that and nothing else.
pub fn whole_reference(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("$(")?.strip_suffix(')')?;
    (!inner.contains(')') && !inner.contains("$(")).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::{Access, ResultRef, references, whole_reference};

    #[test]
    fn finds_what_tekton_finds() {
        assert_eq!(
            references("$(params.a) $(date +%s) $$(tasks.a.results.b[0]) $(x[*]) $(a[b]) $(open"),
            ["params.a", "tasks.a.results.b[0]", "x[*]"]
        );
        assert_eq!(references("$(echo $(params.x))"), ["params.x"]);
        assert!(references("$(params[\"a\"])").is_empty());
    }

    #[test]
    fn result_references_have_four_or_five_parts() {
        let parse = |text| ResultRef::parse(text).map(|r| (r.task, r.result, r.access));
        let ok = |access| Some(("a".to_owned(), "r".to_owned(), access));
        assert_eq!(parse("tasks.a.results.r"), ok(Access::Whole));
        assert_eq!(parse("finally.a.results.r[*]"), ok(Access::Star));
        assert_eq!(parse("tasks.a.results.r[12]"), ok(Access::Index(12)));
        assert_eq!(
            parse("tasks.a.results.r.k"),
            ok(Access::Key("k".to_owned()))
        );
        for text in [
            "tasks.a.results",
            "tasks.a.results.r.k.l",
            "tasks.a.status",
            "task.a.results.r",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn whole_means_nothing_else() {
        assert_eq!(whole_reference("$(params.a[*])"), Some("params.a[*]"));
        assert_eq!(whole_reference("$(a)$(b)"), None);
        assert_eq!(whole_reference(" $(a)"), None);
    }
}
