//! The syntax of names, keys and quantities (`k8s.io/apimachinery/pkg/util/validation`). Each
//! function returns what is wrong.

use std::net::IpAddr;

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters \
    or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', \
    regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
    characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
    'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED_NAME: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', \
    and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or \
    '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric \
    characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. \
    'MyValue',  or 'my_value',  or '12345', regex used for validation is \
    '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const VARIABLE: &str = "a valid environment variable name must consist only of printable ASCII \
    characters other than '='";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or \
    '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is \
    '[-._a-zA-Z0-9]+')";
const SYSCTL: &str = "must have at most 253 characters and match regex \
    ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
const HEADER: &str = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. \
    'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
const QUANTITY: &str = "quantities must match the regular expression \
    '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// True for text of characters that `inner` allows, with others only inside.
fn is_name(text: &str, edge: fn(char) -> bool, inner: fn(char) -> bool) -> bool {
    text.starts_with(edge) && text.ends_with(edge) && text.chars().all(inner)
}

const fn is_lower(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn is_label(text: &str) -> bool {
    is_name(text, is_lower, |c| is_lower(c) || c == '-')
}

fn is_qualified(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    is_name(text, edge, |c| {
        c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
    })
}

fn too_long(limit: usize) -> String {
    format!("must be no more than {limit} bytes")
}

/// `IsDNS1123Label`
pub(super) fn label(text: &str) -> Option<String> {
    if text.len() > 63 {
        return Some(too_long(63));
    }
    (!is_label(text)).then(|| LABEL.to_owned())
}

/// `IsDNS1123Subdomain`
pub(super) fn subdomain(text: &str) -> Option<String> {
    if text.len() > 253 {
        return Some(too_long(253));
    }
    (!text.split('.').all(is_label)).then(|| SUBDOMAIN.to_owned())
}

/// `IsQualifiedName`, for keys of labels and annotations.
pub(super) fn qualified_name(text: &str) -> Option<String> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    if name.contains('/') {
        return Some(format!(
            "a qualified name {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
            QUALIFIED_NAME.trim_start_matches("name part ")
        ));
    }
    match prefix {
        Some("") => return Some("prefix part must be non-empty".to_owned()),
        Some(prefix) => {
            if let Some(why) = subdomain(prefix) {
                return Some(format!("prefix part {why}"));
            }
        }
        None => {}
    }
    if name.is_empty() {
        return Some("name part must be non-empty".to_owned());
    }
    if name.len() > 63 {
        return Some(format!("name part {}", too_long(63)));
    }
    (!is_qualified(name)).then(|| QUALIFIED_NAME.to_owned())
}

/// `IsValidLabelValue`
pub(super) fn label_value(text: &str) -> Option<String> {
    if text.len() > 63 {
        return Some(too_long(63));
    }
    (!text.is_empty() && !is_qualified(text)).then(|| LABEL_VALUE.to_owned())
}

/// `IsRelaxedEnvVarName`
pub(super) fn variable(text: &str) -> Option<String> {
    let allowed = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'=';
    let valid = !text.is_empty() && text.bytes().all(allowed);
    (!valid).then(|| VARIABLE.to_owned())
}

/// `IsConfigMapKey`
pub(super) fn config_key(text: &str) -> Option<String> {
    if text.len() > 253 {
        return Some(too_long(253));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || !text.chars().all(allowed) {
        return Some(CONFIG_KEY.to_owned());
    }
    match text {
        "." => Some("must not be '.'".to_owned()),
        ".." => Some("must not be '..'".to_owned()),
        _ if text.starts_with("..") => Some("must not start with '..'".to_owned()),
        _ => None,
    }
}

/// `IsValidSysctlName`
pub(super) fn sysctl(text: &str) -> Option<String> {
    let part = |part: &str| is_name(part, is_lower, |c| is_lower(c) || matches!(c, '-' | '_'));
    let valid = text.len() <= 253 && text.split(['.', '/']).all(part);
    (!valid).then(|| SYSCTL.to_owned())
}

/// `IsValidPortName`
pub(super) fn port_name(text: &str) -> Option<String> {
    if text.len() > 15 {
        return Some("must be no more than 15 characters".to_owned());
    }
    if text.is_empty() || !text.chars().all(|c| is_lower(c) || c == '-') {
        return Some(
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned(),
        );
    }
    if !text.contains(|c: char| c.is_ascii_lowercase()) {
        return Some("must contain at least one letter (a-z)".to_owned());
    }
    if text.contains("--") {
        return Some("must not contain consecutive hyphens".to_owned());
    }
    let edges = text.starts_with('-') || text.ends_with('-');
    edges.then(|| "must not begin or end with a hyphen".to_owned())
}

/// `IsHTTPHeaderName`
pub(super) fn header(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (text.is_empty() || !text.chars().all(allowed)).then(|| HEADER.to_owned())
}

/// `IsValidIP`
pub(super) fn ip(text: &str) -> Option<String> {
    text.parse::<IpAddr>()
        .is_err()
        .then(|| "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)".to_owned())
}

/// `validateLocalDescendingPath`
pub(super) fn descending_path(text: &str) -> Option<String> {
    if text.starts_with('/') {
        return Some("must be a relative path".to_owned());
    }
    no_backsteps(text)
}

/// `validatePathNoBacksteps`
pub(super) fn no_backsteps(text: &str) -> Option<String> {
    text.split('/')
        .any(|part| part == "..")
        .then(|| "must not contain '..'".to_owned())
}

/// `validateLocalNonReservedPath`
pub(super) fn file_path(text: &str) -> Option<String> {
    descending_path(text).or_else(|| {
        text.starts_with("..")
            .then(|| "must not start with '..'".to_owned())
    })
}

/// The value of a quantity (`k8s.io/apimachinery/pkg/api/resource`), or what is wrong with it.
pub(super) fn quantity(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (number, suffix) = match text.find(['e', 'E']) {
        // `1e3`, but not the suffixes E and Ei.
        Some(at)
            if text[at + 1..]
                .starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')) =>
        {
            (text, "")
        }
        _ => (number, &text[number.len()..]),
    };
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024f64.powi(2),
        "Gi" => 1024f64.powi(3),
        "Ti" => 1024f64.powi(4),
        "Pi" => 1024f64.powi(5),
        "Ei" => 1024f64.powi(6),
        _ => return Err(QUANTITY.to_owned()),
    };
    let plain = number.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    let value = number.parse::<f64>().ok().filter(|_| plain);
    value
        .filter(|value| value.is_finite())
        .map(|value| value * factor)
        .ok_or_else(|| QUANTITY.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that are valid and texts that are not.
    type Cases = (
        fn(&str) -> Option<String>,
        &'static [&'static str],
        &'static [&'static str],
    );

    #[test]
    fn names_are_those_of_kubernetes() {
        let cases: &[Cases] = &[
            (
                label,
                &["a", "a-1", "0"],
                &["", "-a", "a.b", "A", "a_b", "a-"],
            ),
            (subdomain, &["a", "a.b-c"], &["", "a..b", ".a", "Upper"]),
            (
                qualified_name,
                &["a", "A_b.c", "example.com/a"],
                &["", "a b", "/a", "a/", "a/b/c", "Ex/a", "bad key!"],
            ),
            (label_value, &["", "a", "A_b.1"], &["a b", "-a", "a/b"]),
            (variable, &["A", "a-b.c", "1x", "a b"], &["", "a=b", "ä"]),
            (
                config_key,
                &["a", ".a", "A_b-c.d"],
                &["", "a/b", ".", "..", "..a", "ä"],
            ),
            (
                sysctl,
                &["kernel.sem", "net/ipv4/x"],
                &["", "a b", "A", "a..b"],
            ),
            (
                port_name,
                &["http", "a1"],
                &["", "80", "a--b", "-a", "Http", "abcdefghijklmnop"],
            ),
            (header, &["X-A1"], &["", "X A", "X:"]),
            (ip, &["10.0.0.1", "::1"], &["", "10.0.0", "localhost"]),
            (descending_path, &["a/b", "..a"], &["/a", "a/../b", ".."]),
            (file_path, &["a/b", "a..b"], &["/a", "../a", "..a"]),
        ];
        for (check, valid, invalid) in cases {
            for text in *valid {
                assert_eq!(check(text), None, "{text:?}");
            }
            for text in *invalid {
                assert!(check(text).is_some(), "{text:?}");
            }
        }
        let long = "a".repeat(254);
        for check in [label, subdomain, label_value, config_key, sysctl] {
            assert!(check(&long).is_some());
        }
    }

    #[test]
    fn quantities_are_those_of_kubernetes() {
        for (text, value) in [
            ("1", 1.0),
            ("100m", 0.1),
            ("1.5Gi", 1.5 * 1024.0 * 1024.0 * 1024.0),
            ("1e3", 1000.0),
            ("2E", 2e18),
            ("-1", -1.0),
            (".5", 0.5),
        ] {
            let found = quantity(text).unwrap();
            assert!(
                (found - value).abs() < 1e-6 * value.abs(),
                "{text}: {found}"
            );
        }
        for text in ["", "1 Gi", "abc", "1GB", "inf", "nan", "1gi", "0x10"] {
            assert!(quantity(text).is_err(), "{text}");
        }
    }
}
