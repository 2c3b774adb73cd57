//! Comparing what a task was given with what it is given now.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

use super::input::TaskInputs;

/// The start of the name of an input that counts only when it is known both times: an image has a
/// digest once it has been looked up.
pub(crate) const DIGEST_OF_IMAGE: &str = "image digest of ";

/// The start of the name of an input that is the content of a workspace of the pipeline.
pub(crate) const CONTENT_OF_WORKSPACE: &str = "content of workspace ";

/// The start of the content of a workspace that cannot be looked into; a run follows.
pub const LAST_USED_BY: &str = "last used by run ";

/// Causes come before what follows from them: a param before the script that holds it.
const ORDER: [&str; 11] = [
    "result ",
    "param ",
    CONTENT_OF_WORKSPACE,
    "workspace ",
    "declaration of workspace ",
    "configMap ",
    "secret ",
    "steps",
    "script of ",
    "image of ",
    DIGEST_OF_IMAGE,
];

/// An input that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The name of the input.
    pub what: String,
    /// What it was; `None` when there was none.
    pub old: Option<String>,
    /// What it is; `None` when there is none.
    pub new: Option<String>,
    /// How many files are not what they were, when it is a directory and that is known.
    pub files: Option<usize>,
}

impl Change {
    /// The workspace whose content changed, when that is the change.
    pub fn workspace(&self) -> Option<&str> {
        self.what.strip_prefix(CONTENT_OF_WORKSPACE)
    }

    /// Why a task runs again, for people.
    pub fn reason(&self) -> String {
        match (self.workspace(), self.files) {
            (Some(workspace), Some(1)) => format!("{workspace} changed: 1 file"),
            (Some(workspace), Some(files)) => format!("{workspace} changed: {files} files"),
            (Some(workspace), None) => {
                let user = self
                    .new
                    .as_ref()
                    .and_then(|new| new.strip_prefix(LAST_USED_BY));
                match user {
                    Some(run) => format!("{workspace} changed: run {run} used it"),
                    None => format!("{workspace} changed"),
                }
            }
            (None, _) => format!("changed: {self}"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (old, new) = (shown(self.old.as_deref()), shown(self.new.as_deref()));
        write!(f, "{}: {old} → {new}", self.what)
    }
}

/// A digest is cut to what a person can compare.
fn shown(value: Option<&str>) -> &str {
    let Some(value) = value else {
        return "none";
    };
    let is_digest = value
        .strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    match value {
        "" => "\"\"",
        digest if is_digest => &digest[..19],
        value => value,
    }
}

/// The first difference, the likeliest cause first; `None` when the inputs are the same.
pub fn first_change(old: &TaskInputs, new: &TaskInputs) -> Option<Change> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed = names
        .into_iter()
        .filter(|name| match (old.get(*name), new.get(*name)) {
            (Some(old), Some(new)) => !old.is_same(new),
            _ => !name.starts_with(DIGEST_OF_IMAGE),
        });
    let what = changed.min_by(|one, other| compare(one, other))?;
    let value = |inputs: &TaskInputs| inputs.get(what).map(|input| input.value.clone());
    Some(Change {
        what: what.clone(),
        old: value(old),
        new: value(new),
        files: None,
    })
}

fn compare(one: &str, other: &str) -> Ordering {
    let rank = |name: &str| {
        ORDER
            .iter()
            .position(|start| name.starts_with(start))
            .unwrap_or(ORDER.len())
    };
    rank(one).cmp(&rank(other)).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::first_change;
    use crate::plan::fingerprint::{TaskInput, TaskInputs};

    fn inputs(list: &[(&str, &str)]) -> TaskInputs {
        list.iter()
            .map(|(name, value)| {
                let (value, nameless) = value
                    .split_once('|')
                    .map_or((*value, None), |(v, n)| (v, Some(n.to_owned())));
                (
                    (*name).to_owned(),
                    TaskInput {
                        value: value.to_owned(),
                        nameless,
                    },
                )
            })
            .collect()
    }

    fn change(old: &[(&str, &str)], new: &[(&str, &str)]) -> Option<String> {
        first_change(&inputs(old), &inputs(new)).map(|change| change.to_string())
    }

    #[test]
    fn the_cause_comes_before_what_follows_from_it() {
        let old = [
            ("args of step a", "1"),
            ("param p", "1"),
            ("script of step a", "1"),
        ];
        let new = [
            ("args of step a", "2"),
            ("param p", "2"),
            ("script of step a", "2"),
        ];
        assert_eq!(change(&old, &new).as_deref(), Some("param p: 1 → 2"));
        assert_eq!(
            change(&old[..1], &new[..1]).as_deref(),
            Some("args of step a: 1 → 2")
        );
        assert_eq!(change(&old, &old), None);
    }

    #[test]
    fn values_that_differ_by_a_name_are_the_same() {
        for (old, new, same) in [
            ("ci", "ci", true),
            ("ci|<run>", "ci-x|<run>", true),
            ("ci|<run>", "ci", true),
            ("ci|<run>", "other", false),
            ("a-ci|a-<run>", "b-ci-x|b-<run>", false),
        ] {
            assert_eq!(
                change(&[("param p", old)], &[("param p", new)]).is_none(),
                same,
                "{old} {new}"
            );
        }
    }

    #[test]
    fn an_image_digest_counts_when_known_both_times() {
        let digest = |value| [("image digest of step a", value)];
        assert_eq!(change(&digest("x"), &[]), None);
        assert_eq!(change(&[], &digest("x")), None);
        assert_eq!(
            change(&digest("x"), &digest("y")).as_deref(),
            Some("image digest of step a: x → y")
        );
    }

    #[test]
    fn the_content_of_a_workspace_is_reported_by_its_files() {
        let content = |value| [("content of workspace source", value), ("param p", value)];
        let mut change = first_change(&inputs(&content("1")[..1]), &inputs(&content("2")[..1]))
            .expect("the content is another");
        assert_eq!(change.reason(), "source changed");
        for (files, expected) in [
            (1, "source changed: 1 file"),
            (2, "source changed: 2 files"),
        ] {
            change.files = Some(files);
            assert_eq!(change.reason(), expected);
        }
        let param = first_change(&inputs(&content("1")), &inputs(&content("2"))).unwrap();
        assert_eq!(param.reason(), "changed: param p: 1 → 2");
    }

    #[test]
    fn absence_emptiness_and_digests_are_shown_short() {
        let long = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(
            change(&[("param p", "")], &[]).as_deref(),
            Some("param p: \"\" → none")
        );
        assert_eq!(
            change(&[("secret s", "absent")], &[("secret s", &long)]).as_deref(),
            Some("secret s: absent → sha256:abababababab")
        );
    }
}
