//! Kubernetes' quantities: `100m`, `1.5`, `2Gi`, `1e3`, `1E`
//! (`k8s.io/apimachinery/pkg/api/resource/quantity.go`).

/// An amount in billionths, the finest unit a quantity has; a finer one is rounded up, as Kubernetes
/// does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quantity(i128);

const BILLION: i128 = 1_000_000_000;

/// Suffixes that stand for a power of two.
const BINARY: [(&str, u32); 6] = [
    ("Ki", 10),
    ("Mi", 20),
    ("Gi", 30),
    ("Ti", 40),
    ("Pi", 50),
    ("Ei", 60),
];

/// Suffixes that stand for a power of ten.
const DECIMAL: [(&str, i32); 9] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

impl Quantity {
    /// One.
    pub(crate) const ONE: Self = Self(BILLION);

    /// The amount a text stands for; `None` when it is not a quantity, or one that no machine has.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')));
        let (number, suffix) = text.split_at(end.unwrap_or(text.len()));
        let (unit, exponent) = match suffix {
            "" => (1, 0),
            _ => {
                let binary = BINARY.iter().find(|(name, _)| *name == suffix);
                let decimal = DECIMAL.iter().find(|(name, _)| *name == suffix);
                match (binary, decimal) {
                    (Some((_, bits)), _) => (1_i128 << bits, 0),
                    (None, Some((_, exponent))) => (1, *exponent),
                    (None, None) => (1, suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
                }
            }
        };
        let (negative, number) = match number.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, number.strip_prefix('+').unwrap_or(number)),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = [whole, fraction].concat();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits: i128 = digits.parse().ok()?;
        let shift = exponent
            .checked_add(9)?
            .checked_sub(i32::try_from(fraction.len()).ok()?)?;
        let amount = scaled(digits.checked_mul(unit)?, shift)?;
        Some(Self(if negative { -amount } else { amount }))
    }

    /// Billionths of a CPU.
    pub(crate) fn nano_cpus(self) -> Option<i64> {
        i64::try_from(self.0).ok().filter(|amount| *amount >= 0)
    }

    /// Bytes, rounded up.
    pub(crate) fn bytes(self) -> Option<i64> {
        let bytes = i64::try_from(up(self.0, BILLION)).ok();
        bytes.filter(|bytes| *bytes >= 0)
    }

    /// How many of `unit` it is, rounded up; `None` for a unit of nothing.
    pub(crate) fn in_units_of(self, unit: Self) -> Option<i128> {
        (unit.0 > 0).then(|| up(self.0, unit.0))
    }
}

fn up(amount: i128, unit: i128) -> i128 {
    amount.div_euclid(unit) + i128::from(amount.rem_euclid(unit) > 0)
}

/// `amount` times ten to the power of `shift`, rounded up.
fn scaled(amount: i128, shift: i32) -> Option<i128> {
    if amount == 0 {
        return Some(0);
    }
    let power = 10_i128.checked_pow(shift.unsigned_abs());
    match power {
        Some(power) if shift >= 0 => amount.checked_mul(power),
        Some(power) => Some(up(amount, power)),
        None if shift >= 0 => None,
        None => Some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::Quantity;

    fn bytes(text: &str) -> Option<i64> {
        Quantity::parse(text)?.bytes()
    }

    #[test]
    fn quantities_are_kubernetes() {
        let nano_cpus = |text| Quantity::parse(text)?.nano_cpus();
        assert_eq!(nano_cpus("100m"), Some(100_000_000));
        assert_eq!(nano_cpus("2"), Some(2_000_000_000));
        assert_eq!(nano_cpus("0.1"), Some(100_000_000));
        assert_eq!(nano_cpus("-1"), None);
        for (text, expected) in [
            ("1Gi", 1 << 30),
            ("1.5k", 1500),
            ("1e3", 1000),
            ("1E3", 1000),
            ("1E", 1_000_000_000_000_000_000),
            ("7Ei", 7 << 60),
            ("9007199254740993", 9_007_199_254_740_993),
            (".5Ki", 512),
            ("+5.", 5),
            ("1n", 1),
            ("1e-20", 1),
            ("0", 0),
        ] {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_none() {
        for text in [
            "",
            "x",
            "1Zi",
            "nan",
            "inf",
            "Gi",
            ".",
            "1.2.3",
            "1-2",
            "--1",
            "1e",
            "1 ",
            "1e99999999999",
        ] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
        assert_eq!(bytes("8Ei"), None);
        assert_eq!(bytes("-1"), None);
    }

    #[test]
    fn quantities_compare_and_divide() {
        let quantity = |text| Quantity::parse(text).unwrap();
        assert!(quantity("1Gi") > quantity("1G"));
        assert_eq!(quantity("1.0"), quantity("1000m"));
        assert_eq!(quantity("1500m").in_units_of(quantity("1")), Some(2));
        assert_eq!(quantity("1500m").in_units_of(quantity("1m")), Some(1500));
        assert_eq!(quantity("1").in_units_of(quantity("0")), None);
    }
}
