//! Text of documents that becomes part of a line of ours.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Text from elsewhere, fit for one line of a terminal: white space becomes blanks, what would
/// steer the terminal, reorder text or be invisible is shown as an escape.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.trim_end_matches(['\n', '\r']).chars() {
        match c {
            '\n' | '\r' | '\t' => safe.push(' '),
            hostile if is_hostile(hostile) => {
                let _ = write!(safe, "{}", hostile.escape_unicode());
            }
            other => safe.push(other),
        }
    }
    Cow::Owned(safe)
}

/// Controls of C0 and C1, the marks that change the direction of text, and characters without a
/// shape, by which two names that differ would look alike.
pub const fn is_hostile(c: char) -> bool {
    matches!(
               c,
               '\0'..='\u{1f}'
               | '\u{7f}'..='\u{9f}'
    | '\u{61c}'
                   | '\u{180e}'
                   | '\u{200b}'..='\u{200f}'
                   | '\u{2028}'..='\u{202e}'
                   | '\u{2060}'..='\u{206f}'
                   | '\u{feff}'
                   | '\u{fff9}'..='\u{fffb}'
                   | '\u{e0000}'..='\u{e007f}'
           )
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn hostile_text_is_visible_and_on_one_line() {
        assert_eq!(clean("déjà vu"), "déjà vu");
        assert_eq!(clean("a\nb\n"), "a b");
        assert_eq!(
            clean("\u{1b}]0;owned\u{7} \u{9b}2J \u{202e}txt \u{200b}"),
            r"\u{1b}]0;owned\u{7} \u{9b}2J \u{202e}txt \u{200b}"
        );
    }
}
