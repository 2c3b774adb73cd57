//! What things may be called.

use std::collections::BTreeSet;

use super::checker::Checker;
use crate::diagnostic::FieldPath;
use crate::name::{is_label, is_subdomain};
use crate::spec::ObjectMeta;

const LABEL_HINT: &str = "lower-case letters, digits and '-', beginning and ending with a letter \
                          or digit, at most 63 characters";

const NAME_HINT: &str = "give it metadata.name, or metadata.generateName";

/// The name of a Tekton object (`pkg/apis/validate/metadata.go`).
pub(super) fn metadata(check: &mut Checker, at: &FieldPath, meta: &ObjectMeta) {
    if core_metadata(check, at, meta) && meta.name.len() > 63 {
        check.fault(
            &at.key("name"),
            "Invalid resource name: length must be no more than 63 characters",
        );
    }
}

/// The name of any object; says whether it will do.
pub(super) fn core_metadata(check: &mut Checker, at: &FieldPath, meta: &ObjectMeta) -> bool {
    let generated = meta.name.is_empty() && !meta.generate_name.is_empty();
    if generated {
        return generate_name(check, at, &meta.generate_name);
    }
    if is_subdomain(&meta.name) {
        return true;
    }
    let hint = meta.name.is_empty().then(|| NAME_HINT.to_owned());
    check.fault_with(
        &at.key("name"),
        format_args!(
            "invalid resource name {:?}: must be a valid DNS label",
            meta.name
        ),
        hint,
    );
    false
}

/// What a name is generated from: a valid name must come out (`k8s.io/apimachinery`,
/// `NameIsDNSSubdomain` with `prefix`).
fn generate_name(check: &mut Checker, at: &FieldPath, base: &str) -> bool {
    let valid = base.is_ascii() && is_subdomain(&format!("{}x", base.get(..58).unwrap_or(base)));
    if !valid {
        check.fault_with(
            &at.key("generateName"),
            format_args!("invalid resource name {base:?}: must be a valid DNS label"),
            Some("it is the beginning of a name, such as build-".to_owned()),
        );
    }
    valid
}

/// A task of a pipeline or a step: a DNS-1123 label.
pub(super) fn label(check: &mut Checker, at: &FieldPath, name: &str) {
    if !is_label(name) {
        check.fault_with(
            at,
            format_args!("invalid value {name:?}"),
            Some(LABEL_HINT.to_owned()),
        );
    }
}

/// Kubernetes' `IsQualifiedName`: `name` or `prefix/name`. `None` when it is one, else what is
/// wrong.
pub(super) fn unqualified(name: &str) -> Option<String> {
    const NAME: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and \
                        must start and end with an alphanumeric character (e.g. 'MyName',  or \
                        'my.name',  or '123-abc', regex used for validation is \
                        '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    let parts: Vec<&str> = name.split('/').collect();
    let (prefix, part) = match parts.as_slice() {
        [part] => (None, *part),
        [prefix, part] => (Some(*prefix), *part),
        _ => {
            return Some(
                "a qualified name must consist of a name with an optional DNS subdomain prefix \
                 and '/' (e.g. 'example.com/MyName')"
                    .to_owned(),
            );
        }
    };
    let mut wrong = Vec::new();
    if let Some(prefix) = prefix.filter(|prefix| !is_subdomain(prefix)) {
        wrong.push(if prefix.is_empty() {
            "prefix part must be non-empty".to_owned()
        } else {
            "prefix part must be a lowercase RFC 1123 subdomain".to_owned()
        });
    }
    if part.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if part.len() > 63 {
        wrong.push("name part must be no more than 63 bytes".to_owned());
    }
    if !is_result_name(part) {
        wrong.push(NAME.to_owned());
    }
    (!wrong.is_empty()).then(|| wrong.join(","))
}

/// `^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$`: the name of a result
/// (`pkg/apis/pipeline/v1/resultref.go`).
pub(super) fn is_result_name(name: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    edge(name.as_bytes().first())
        && edge(name.as_bytes().last())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// The name of a parameter; one that is an object, and its keys, may not contain dots.
pub(super) fn is_param_name(name: &str, dots: bool) -> bool {
    name.bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_') || (dots && b == b'.'))
}

/// The positions of names that occurred before.
pub(super) fn repeats<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<(usize, &'a str)> {
    let mut seen = BTreeSet::new();
    names
        .into_iter()
        .enumerate()
        .filter(|(_, name)| !seen.insert(*name))
        .collect()
}

/// Names that must differ in more than the case of letters (`validateNoDuplicateNames`).
pub(super) fn distinct_ignoring_case<'a>(
    check: &mut Checker,
    at: &FieldPath,
    names: impl IntoIterator<Item = &'a str>,
) {
    let folded: Vec<String> = names.into_iter().map(str::to_lowercase).collect();
    for (index, _) in repeats(folded.iter().map(String::as_str)) {
        check.repeated(&at.index(index).key("name"));
    }
}

#[cfg(test)]
mod tests {
    use super::{is_param_name, is_result_name, unqualified};

    #[test]
    fn qualified_names_are_kubernetes() {
        for name in ["a", "My.Name_1", "example.com/x"] {
            assert_eq!(unqualified(name), None, "{name}");
        }
        for name in [
            "",
            "a/",
            "/a",
            "a/b/c",
            "-a",
            "$(params.x)",
            &"a".repeat(64),
        ] {
            assert!(unqualified(name).is_some(), "{name}");
        }
    }

    #[test]
    fn names_of_params_and_results() {
        for (name, dots, expected) in [
            ("a.b", true, true),
            ("a.b", false, false),
            ("_x-1", false, true),
            ("0x", true, false),
            ("a b", true, false),
            ("", true, false),
        ] {
            assert_eq!(is_param_name(name, dots), expected, "{name}");
        }
        for (name, expected) in [("a.b", true), ("1", true), ("a-", false), ("", false)] {
            assert_eq!(is_result_name(name), expected, "{name}");
        }
    }
}
