//! Kubernetes' quantities: `100m`, `1.5`, `2Gi`, `1e3`.

/// The amount a quantity stands for; `None` when it is none.
pub(crate) fn parse(text: &str) -> Option<f64> {
    const SUFFIXES: [(&str, f64); 14] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
    ];
    let (number, scale) = SUFFIXES
        .iter()
        .find_map(|(suffix, scale)| text.strip_suffix(suffix).map(|number| (number, *scale)))
        .unwrap_or((text, 1.0));
    let numeric = number.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-'));
    number
        .parse::<f64>()
        .ok()
        .filter(|value| numeric && value.is_finite())
        .map(|value| value * scale)
}

/// Billionths of a CPU.
pub(crate) fn nano_cpus(text: &str) -> Option<i64> {
    whole(parse(text)? * 1e9)
}

/// Bytes.
pub(crate) fn bytes(text: &str) -> Option<i64> {
    whole(parse(text)?)
}

fn whole(value: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be in range")]
    let whole = value.round() as i64;
    (0.0..9.2e18).contains(&value).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::{bytes, nano_cpus, parse};

    #[test]
    fn quantities_are_kubernetes() {
        assert_eq!(nano_cpus("100m"), Some(100_000_000));
        assert_eq!(nano_cpus("2"), Some(2_000_000_000));
        assert_eq!(bytes("1Gi"), Some(1 << 30));
        assert_eq!(bytes("1.5k"), Some(1500));
        assert_eq!(bytes("1e3"), Some(1000));
        for text in ["", "x", "1Zi", "nan", "inf", "Gi"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
