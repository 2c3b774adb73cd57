//! References to Tasks, Pipelines and StepActions: `name`, or `resolver` and `params`.

use super::checker::Checker;
use super::names;
use crate::diagnostic::FieldPath;
use crate::spec::Param;

/// `validateRef` of `pkg/apis/pipeline/v1/container_validation.go`.
pub(super) fn reference(
    check: &mut Checker,
    at: &FieldPath,
    name: &str,
    resolver: &str,
    params: &[Param],
) {
    if resolver.is_empty() && params.is_empty() {
        return plain(check, at, name);
    }
    if !params.is_empty() {
        if !name.is_empty() {
            check.exactly_one(&[at.key("name"), at.key("params")], 2);
        }
        if resolver.is_empty() {
            check.missing(&at.key("resolver"));
        }
        let names = params.iter().map(|param| param.name.as_str());
        names::distinct_ignoring_case(check, &at.key("params"), names);
    }
    if !resolver.is_empty() && !name.is_empty() && !is_url(name) {
        check.invalid(&at.key("name"), "invalid URI for request");
    }
}

fn plain(check: &mut Checker, at: &FieldPath, name: &str) {
    if name.is_empty() {
        check.missing(&at.key("name"));
    } else if is_url(name) {
        check.missing(&at.key("resolver"));
    } else if let Some(wrong) = names::unqualified(name) {
        check.invalid(&at.key("name"), wrong);
    }
}

/// Tekton's `[\w-]+:\/\/*`, found anywhere.
fn is_url(name: &str) -> bool {
    name.match_indices(":/").any(|(position, _)| {
        name[..position]
            .bytes()
            .next_back()
            .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    })
}

#[cfg(test)]
mod tests {
    use super::is_url;

    #[test]
    fn a_url_has_a_scheme() {
        for (name, expected) in [
            ("https://a.b/c", true),
            ("git:/x", true),
            ("://x", false),
            ("host:80", false),
        ] {
            assert_eq!(is_url(name), expected, "{name}");
        }
    }
}
