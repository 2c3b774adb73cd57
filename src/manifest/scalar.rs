//! What a plain scalar means on a cluster.
//!
//! The rules are those of `resolve.go` of go.yaml.in/yaml/v2, which sigs.k8s.io/yaml, and so
//! kubectl and Tekton, read YAML with: booleans of YAML 1.1, whole numbers as Go's
//! `ParseInt(text, 0, 64)` after dropping `_`, no base 60, and dates that stay text.

use super::node::ScalarKind;

/// What a plain scalar without a tag is.
pub fn resolve(text: &str) -> ScalarKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ScalarKind::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return ScalarKind::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return ScalarKind::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return ScalarKind::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return ScalarKind::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return ScalarKind::Float(f64::NEG_INFINITY),
        _ => {}
    }
    match text.as_bytes()[0] {
        b'.' => float(text),
        b'0'..=b'9' | b'+' | b'-' => number(&text.replace('_', "")),
        _ => None,
    }
    .unwrap_or(ScalarKind::String)
}

/// What a scalar with one of YAML's own tags (`!!str`, …) is; `None` when it cannot be that.
/// `!!binary` is not for this function.
pub fn resolve_tagged(tag: &str, text: &str) -> Option<ScalarKind> {
    let kind = resolve(text);
    match (tag, kind) {
        ("str" | "timestamp", _) => Some(ScalarKind::String),
        ("null", ScalarKind::Null)
        | ("bool", ScalarKind::Bool(_))
        | ("int", ScalarKind::Int(_) | ScalarKind::Uint(_))
        | ("float", ScalarKind::Float(_)) => Some(kind),
        #[expect(clippy::cast_precision_loss, reason = "as Go converts it")]
        ("float", ScalarKind::Int(value)) => Some(ScalarKind::Float(value as f64)),
        #[expect(clippy::cast_precision_loss, reason = "as Go converts it")]
        ("float", ScalarKind::Uint(value)) => Some(ScalarKind::Float(value as f64)),
        _ => None,
    }
}

fn number(text: &str) -> Option<ScalarKind> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    whole(negative, digits, text.starts_with('+')).or_else(|| float(text))
}

/// Go's `ParseInt(text, 0, 64)`, then `ParseUint(text, 0, 64)`, which knows no sign.
fn whole(negative: bool, digits: &str, plus: bool) -> Option<ScalarKind> {
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0_i64.checked_sub_unsigned(magnitude).map(ScalarKind::Int);
    }
    match i64::try_from(magnitude) {
        Ok(value) => Some(ScalarKind::Int(value)),
        Err(_) if plus => None,
        Err(_) => Some(ScalarKind::Uint(magnitude)),
    }
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`; what overflows stays text.
fn float(text: &str) -> Option<ScalarKind> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_ok = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    if (whole.is_empty() && fraction.is_empty())
        || !digits(whole)
        || !digits(fraction)
        || !exponent_ok
    {
        return None;
    }
    text.parse::<f64>()
        .ok()
        .filter(|value| value.is_finite())
        .map(ScalarKind::Float)
}

/// A float as Go's `encoding/json` prints it: `1000`, `0.3`, `1e+21`, `1e-7`.
pub fn go_float(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-6..1e21).contains(&magnitude) {
        return format!("{value}");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) if !exponent.starts_with('-') => {
            format!("{mantissa}e+{exponent}")
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{ScalarKind, go_float, resolve, resolve_tagged};

    #[test]
    fn words_are_those_of_yaml_1_1() {
        for word in ["y", "Y", "yes", "True", "ON"] {
            assert_eq!(resolve(word), ScalarKind::Bool(true), "{word}");
        }
        for word in ["n", "No", "FALSE", "off"] {
            assert_eq!(resolve(word), ScalarKind::Bool(false), "{word}");
        }
        for word in ["", "~", "null", "Null", "NULL"] {
            assert_eq!(resolve(word), ScalarKind::Null, "{word}");
        }
        for word in ["yEs", "tRUE", "nULL", "nil", "none", "oN"] {
            assert_eq!(resolve(word), ScalarKind::String, "{word}");
        }
    }

    #[test]
    fn whole_numbers_are_gos() {
        for (text, value) in [
            ("010", 8),
            ("0o14", 12),
            ("0x1F", 31),
            ("0X1f", 31),
            ("0b101", 5),
            ("-0b101", -5),
            ("1_000", 1000),
            ("+1", 1),
            ("-0", 0),
            ("0", 0),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(resolve(text), ScalarKind::Int(value), "{text}");
        }
        assert_eq!(resolve("18446744073709551615"), ScalarKind::Uint(u64::MAX));
        assert_eq!(resolve("08"), ScalarKind::Float(8.0));
        assert_eq!(resolve("0b2"), ScalarKind::String);
        assert_eq!(resolve("0x"), ScalarKind::String);
        assert_eq!(resolve("--1"), ScalarKind::String);
        assert_eq!(resolve("+-1"), ScalarKind::String);
    }

    #[test]
    fn floats_overflow_into_text() {
        for (text, value) in [
            ("1.0", 1.0),
            (".5", 0.5),
            ("-.5", -0.5),
            ("1.", 1.0),
            ("1e3", 1000.0),
            ("2.5E-3", 0.0025),
        ] {
            assert_eq!(resolve(text), ScalarKind::Float(value), "{text}");
        }
        for text in [
            "1e400",
            "1e",
            "e3",
            ".",
            "..",
            "1.2.3",
            "12:30:45",
            "2024-01-01",
            "0x1.8p1",
            "-",
            "+",
            "inf",
            "nan",
        ] {
            assert_eq!(resolve(text), ScalarKind::String, "{text}");
        }
    }

    #[test]
    fn floats_print_as_gos_json() {
        for (value, text) in [
            (1.0, "1"),
            (1000.0, "1000"),
            (0.3, "0.3"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e-7, "1.5e-7"),
            (0.000_001, "0.000001"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(go_float(value), text);
        }
    }

    #[test]
    fn tags_decide_or_refuse() {
        assert_eq!(resolve_tagged("str", "5"), Some(ScalarKind::String));
        assert_eq!(resolve_tagged("int", "5"), Some(ScalarKind::Int(5)));
        assert_eq!(resolve_tagged("float", "5"), Some(ScalarKind::Float(5.0)));
        assert_eq!(resolve_tagged("int", "x"), None);
        assert_eq!(resolve_tagged("bool", "1"), None);
    }
}
