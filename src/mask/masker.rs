//! Finding values in bytes.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use serde_json::Value;

use super::patterns::Patterns;

/// What stands for a value.
pub const MASK: &str = "***";

/// With so many texts the fastest automaton is not too large.
const FEW: usize = 200;

/// Knows the values of Secrets in all the forms in which they are recognised.
#[derive(Debug, Clone, Default)]
pub struct Masker {
    finder: Option<AhoCorasick>,
    /// Sorted, to look a beginning up.
    texts: Vec<Vec<u8>>,
    longest: usize,
    /// Whether a text begins with this byte.
    firsts: Vec<bool>,
}

/// The part of a text in which every value is known.
#[derive(Debug)]
pub(super) struct Done {
    /// How long it is.
    pub(super) length: usize,
    /// The part without the values, if it has any.
    pub(super) masked: Option<Vec<u8>>,
}

impl Masker {
    /// One for these values.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut patterns = Patterns::default();
        for value in values {
            patterns.add(value);
        }
        let texts = patterns.into_texts();
        let mut firsts = vec![false; 256];
        for text in &texts {
            firsts[usize::from(text[0])] = true;
        }
        let kind = (texts.len() <= FEW).then_some(AhoCorasickKind::DFA);
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .kind(kind)
            .build(&texts);
        Self {
            longest: texts.iter().map(Vec::len).max().unwrap_or_default(),
            finder: finder.ok().filter(|_| !texts.is_empty()),
            texts,
            firsts,
        }
    }

    /// Whether there is nothing to mask.
    pub fn is_empty(&self) -> bool {
        self.finder.is_none()
    }

    /// Whether something in `text` is to be masked.
    pub fn finds(&self, text: &[u8]) -> bool {
        self.finder
            .as_ref()
            .is_some_and(|finder| finder.is_match(text))
    }

    /// The bytes without the values.
    pub fn mask(&self, text: &[u8]) -> Vec<u8> {
        match &self.finder {
            Some(finder) => {
                let mut masked = Vec::with_capacity(text.len());
                finder.replace_all_with_bytes(text, &mut masked, |_, _, masked| {
                    masked.extend_from_slice(MASK.as_bytes());
                    true
                });
                masked
            }
            None => text.to_vec(),
        }
    }

    /// The text with something else in place of the values.
    pub fn replace(&self, text: &str, with: &str) -> String {
        let finder = self.finder.as_ref();
        finder.map_or_else(
            || text.to_owned(),
            |finder| {
                let mut replaced = Vec::with_capacity(text.len());
                finder.replace_all_with_bytes(text.as_bytes(), &mut replaced, |_, _, replaced| {
                    replaced.extend_from_slice(with.as_bytes());
                    true
                });
                String::from_utf8_lossy(&replaced).into_owned()
            },
        )
    }

    /// The text without the values.
    pub fn text(&self, text: &str) -> String {
        self.replace(text, MASK)
    }

    /// Masks what is known of `text`: all but an end that may be the beginning of a value.
    pub(super) fn known(&self, text: &[u8]) -> Done {
        let mut end = self.open_end(text);
        let Some(finder) = &self.finder else {
            return Done {
                length: end,
                masked: None,
            };
        };
        let mut masked = None;
        let mut done = 0;
        for found in finder.find_iter(text) {
            // A longer value may begin where the open end does.
            if found.start() >= end {
                break;
            }
            let so_far = masked.get_or_insert_with(|| Vec::with_capacity(text.len()));
            so_far.extend_from_slice(&text[done..found.start()]);
            so_far.extend_from_slice(MASK.as_bytes());
            done = found.end();
            if done > end {
                end = done + self.open_end(&text[done..]);
            }
        }
        if let Some(masked) = &mut masked {
            masked.extend_from_slice(&text[done..end]);
        }
        Done {
            length: end,
            masked,
        }
    }

    /// Where the end of `text` begins that may be the beginning of a value; its length when there
    /// is no such end.
    pub(super) fn open_end(&self, text: &[u8]) -> usize {
        // No text holds a line end.
        let line = text.iter().rposition(|byte| *byte == b'\n');
        let line = line.map_or(0, |at| at + 1);
        let first = line.max(text.len().saturating_sub(self.longest.saturating_sub(1)));
        (first..text.len())
            .find(|start| {
                self.firsts[usize::from(text[*start])] && self.begins_one(&text[*start..])
            })
            .unwrap_or(text.len())
    }

    fn begins_one(&self, beginning: &[u8]) -> bool {
        let at = self
            .texts
            .partition_point(|text| text.as_slice() < beginning);
        let next = self.texts.get(at);
        next.is_some_and(|text| text.starts_with(beginning) && text.len() > beginning.len())
            || self
                .texts
                .get(at + 1)
                .is_some_and(|text| text.starts_with(beginning) && text.len() > beginning.len())
    }
}

/// Whether something in a recorded value was masked: then the value is not known any more.
pub fn is_masked(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(MASK),
        Value::Array(items) => items.iter().any(is_masked),
        Value::Object(map) => map.values().any(is_masked),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::Masker;

    fn masked(values: &[&str], text: &str) -> String {
        Masker::new(values.iter().map(|value| value.as_bytes())).text(text)
    }

    #[test]
    fn values_are_masked_in_every_usual_form() {
        let value = "p@ss/wörd 1+2";
        for (text, expected) in [
            ("x p@ss/wörd 1+2 y", "x *** y"),
            ("p%40ss%2Fw%C3%B6rd%201%2B2&", "***&"),
            ("p%40ss%2fw%c3%b6rd%201%2b2&", "***&"),
            ("p%40ss%2Fw%C3%B6rd+1%2B2&", "***&"),
            ("p@ss/w%C3%B6rd%201+2", "***"),
        ] {
            assert_eq!(masked(&[value], text), expected);
        }
        assert_eq!(
            masked(&["a\"b\\c"], r#"{"k": "a\"b\\c"}"#),
            r#"{"k": "***"}"#
        );
    }

    #[test]
    fn base64_is_masked_wherever_the_value_stands_in_it() {
        let value = "hunter2-hunter2";
        for before in ["", "a", "ab", "abc", "user:"] {
            for behind in ["", "\n", "x", "xy"] {
                let text = format!("{before}{value}{behind}");
                for encoded in [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                    let shown = masked(&[value], &encoded);
                    assert!(shown.contains("***"), "{text:?}: {shown}");
                    assert!(shown.len() < 20, "{text:?}: {shown}");
                }
            }
        }
        assert_eq!(masked(&["abcd"], &STANDARD.encode("abcd")), "***");
        assert_eq!(masked(&["abcd"], &STANDARD.encode("abcd\n")), "***");
    }

    #[test]
    fn a_value_with_lines_is_masked_line_by_line() {
        let key = "-----BEGIN KEY-----\nMIIEabcdef\nxyz\n-----END KEY-----\n";
        let shown = masked(&[key], &format!("[a] {}", key.replace('\n', "\n[a] ")));
        assert_eq!(shown, "[a] ***\n[a] ***\n[a] xyz\n[a] ***\n[a] ");
        let wrapped = STANDARD.encode("k".repeat(100));
        let (one, two) = wrapped.split_at(76);
        let shown = masked(&[&"k".repeat(100)], &format!("{one}\n{two}\n"));
        assert_eq!(shown, "***\n***\n");
    }

    #[test]
    fn short_values_are_not_masked() {
        let masker = Masker::new([&b"abc"[..], b"  x\n", b""]);
        assert!(masker.is_empty());
        assert_eq!(masker.text("abc"), "abc");
    }
}
