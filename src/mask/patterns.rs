//! The texts by which a value can be recognised.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

/// The shortest value that is masked, in bytes: a shorter one is part of too many other texts.
pub const SHORTEST: usize = 4;
/// The shortest part of a base64 text that is masked: a shorter one occurs by chance.
const SHORTEST_PART: usize = 8;
/// At how many characters programs break base64 into lines.
const WRAPS: [usize; 2] = [76, 64];
/// What `encodeURIComponent` leaves as it is, beside letters and digits.
const COMPONENT: &[u8] = b"-_.!~*'()";
/// What `encodeURI` leaves as it is.
const URI: &[u8] = b"-_.!~*'();/?:@&=+$,#";
/// What Go, Python and curl leave as it is.
const UNRESERVED: &[u8] = b"-_.~";

/// Collects the texts of values. None holds a line end: what has lines is recognised line by line.
#[derive(Debug, Default)]
pub(super) struct Patterns(BTreeSet<Vec<u8>>);

impl Patterns {
    /// Adds a value: itself, line by line; in base64 of both alphabets, wherever it stands in a
    /// longer text; encoded for a URL; and as part of a JSON string.
    pub(super) fn add(&mut self, value: &[u8]) {
        for line in value.split(|byte| matches!(byte, b'\n' | b'\r')) {
            let line = line.trim_ascii();
            self.text(line);
            if line != value.trim_ascii() {
                self.base64(line);
            }
        }
        self.base64(value.trim_ascii());
        self.base64(value);
    }

    /// All of them.
    pub(super) fn into_texts(self) -> Vec<Vec<u8>> {
        self.0.into_iter().collect()
    }

    fn insert(&mut self, text: impl Into<Vec<u8>>) {
        self.0.insert(text.into());
    }

    fn text(&mut self, value: &[u8]) {
        if value.len() < SHORTEST {
            return;
        }
        self.insert(value);
        for kept in [COMPONENT, URI, UNRESERVED] {
            let encoded = percent(value, kept);
            self.insert(encoded.replace("%20", "+"));
            self.insert(lower_escapes(&encoded));
            self.insert(encoded);
        }
        if let Ok(text) = std::str::from_utf8(value) {
            let quoted = serde_json::Value::from(text).to_string();
            self.insert(&quoted[1..quoted.len() - 1]);
        }
    }

    fn base64(&mut self, value: &[u8]) {
        if value.trim_ascii().len() < SHORTEST {
            return;
        }
        for alphabet in [STANDARD, URL_SAFE] {
            let whole = alphabet.encode(value);
            for width in WRAPS {
                let pieces = whole.as_bytes().chunks(width);
                pieces
                    .filter(|piece| piece.len() >= SHORTEST_PART)
                    .for_each(|piece| self.insert(piece));
            }
            self.insert(whole);
            self.insert(alphabet.encode([value, b"\n"].concat()));
            for before in 0..3 {
                let text = alphabet.encode([&[0; 2][..before], value].concat());
                // Characters that also depend on what stands before and behind.
                let first = (before * 8).div_ceil(6);
                let last = (before + value.len()) * 8 / 6;
                if last - first >= SHORTEST_PART {
                    self.insert(&text[first..last]);
                }
            }
        }
    }
}

fn percent(value: &[u8], kept: &[u8]) -> String {
    let mut text = String::new();
    for byte in value {
        if byte.is_ascii_alphanumeric() || kept.contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// The same with `%2f` for `%2F`.
fn lower_escapes(text: &str) -> String {
    let mut digits = 0_u8;
    text.chars()
        .map(|c| {
            let is_digit = digits > 0;
            digits = if c == '%' {
                2
            } else {
                digits.saturating_sub(1)
            };
            if is_digit { c.to_ascii_lowercase() } else { c }
        })
        .collect()
}
