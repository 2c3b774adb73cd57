//! A state machine over bytes that lets through what cannot steer a terminal.

use super::color::Look;

/// Longer parameters are no colour.
const MAX_PARAMS: usize = 256;

/// Where in the grammar the next byte stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum State {
    /// Text.
    #[default]
    Ground,
    /// After ESC and the intermediate bytes that may follow it.
    Escape,
    /// In a control sequence; what it has of parameters is in [`Filter::params`].
    Sequence {
        /// It has parts that no colour has.
        is_foreign: bool,
    },
    /// In a string that a control begins: OSC, DCS, APC, PM, SOS.
    ControlString,
}

/// Lets text, line ends, tabs and colours through, whatever the bytes are and however they are
/// cut into pieces.
///
/// * A control sequence is dropped whole, also one with controls inside; a colour is written anew.
/// * A line end ends everything: colours are reset before it, and a sequence or string without an
///   end hides no further line.
/// * Bytes that are not UTF-8 become U+FFFD. The controls U+0080 to U+009F mean what they mean
///   in a terminal with eight bits: they begin sequences, which are dropped.
/// * A carriage return before a line end is dropped, any other becomes a blank.
/// * Marks that turn the direction of text are dropped; joiners and other characters without
///   width stay, for several scripts and emoji need them.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    state: State,
    params: Vec<u8>,
    look: Look,
    /// A character that is not complete.
    partial: Vec<u8>,
    returned: bool,
    is_narrow: bool,
}

impl Filter {
    /// A filter for a terminal. One that does not read UTF-8 takes bytes from 0x80 to 0x9F for
    /// controls, also those inside a character: such characters become `?`.
    pub fn new(reads_utf8: bool) -> Self {
        Self {
            is_narrow: !reads_utf8,
            ..Self::default()
        }
    }

    /// Appends what may pass of `bytes` to `to`.
    pub fn push(&mut self, bytes: &[u8], to: &mut Vec<u8>) {
        let mut rest = bytes;
        while let Some((first, tail)) = rest.split_first() {
            if self.state == State::Ground && self.partial.is_empty() && !self.returned {
                let plain = rest.iter().position(|byte| !matches!(byte, b' '..=b'~'));
                let (text, behind) = rest.split_at(plain.unwrap_or(rest.len()));
                if !text.is_empty() {
                    to.extend_from_slice(text);
                    rest = behind;
                    continue;
                }
            }
            self.byte(*first, to);
            rest = tail;
        }
    }

    fn byte(&mut self, byte: u8, to: &mut Vec<u8>) {
        if byte.is_ascii() {
            if !self.partial.is_empty() {
                self.partial.clear();
                self.character(char::REPLACEMENT_CHARACTER, to);
            }
            self.character(char::from(byte), to);
            return;
        }
        self.partial.push(byte);
        while !self.partial.is_empty() {
            let (c, length) = match std::str::from_utf8(&self.partial) {
                Ok(text) => (text.chars().next(), self.partial.len()),
                Err(error) => match error.error_len() {
                    Some(length) => (None, length),
                    None => return,
                },
            };
            self.partial.drain(..length);
            self.character(c.unwrap_or(char::REPLACEMENT_CHARACTER), to);
        }
    }

    fn character(&mut self, c: char, to: &mut Vec<u8>) {
        if std::mem::take(&mut self.returned) && c != '\n' {
            to.push(b' ');
        }
        match c {
            '\n' => {
                self.state = State::Ground;
                if self.look.is_set {
                    self.look = Look::default();
                    to.extend_from_slice(b"\x1b[0m");
                }
                to.push(b'\n');
            }
            '\u{1b}' => self.state = State::Escape,
            // CAN and SUB.
            '\u{18}' | '\u{1a}' => self.state = State::Ground,
            '\u{80}'..='\u{9f}' => self.state = introduced(c),
            _ => match self.state {
                State::Ground => self.text(c, to),
                State::Escape => self.escape(c, to),
                State::Sequence { is_foreign } => self.sequence(c, is_foreign, to),
                State::ControlString if c == '\u{7}' => self.state = State::Ground,
                State::ControlString => {}
            },
        }
        if !matches!(self.state, State::Sequence { .. }) {
            self.params.clear();
        }
    }

    fn escape(&mut self, c: char, to: &mut Vec<u8>) {
        self.state = match c {
            '@'..='_' => introduced(char::from(c as u8 + 0x40)),
            // More may follow; a control in between changes nothing.
            ' '..='/' | '\0'..='\u{1f}' | '\u{7f}' => State::Escape,
            '0'..='~' => State::Ground,
            _ => {
                self.state = State::Ground;
                self.text(c, to);
                return;
            }
        };
    }

    fn sequence(&mut self, c: char, is_foreign: bool, to: &mut Vec<u8>) {
        match c {
            '0'..='9' | ':' | ';' if self.params.len() < MAX_PARAMS => self.params.push(c as u8),
            ' '..='?' => self.state = State::Sequence { is_foreign: true },
            '@'..='~' => {
                self.state = State::Ground;
                if c == 'm' && !is_foreign {
                    let params = std::mem::take(&mut self.params);
                    self.look.apply(&params, to);
                }
            }
            // A terminal obeys a control inside a sequence; here it has no effect.
            '\0'..='\u{1f}' | '\u{7f}' => {}
            _ => {
                self.state = State::Ground;
                self.text(c, to);
            }
        }
    }

    fn text(&mut self, c: char, to: &mut Vec<u8>) {
        match c {
            '\r' => self.returned = true,
            '\t' | ' '..='~' => to.push(c as u8),
            '\u{2028}' | '\u{2029}' => to.push(b' '),
            '\0'..='\u{1f}'
            | '\u{7f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}' => {}
            _ => {
                let mut bytes = [0; 4];
                let bytes = c.encode_utf8(&mut bytes).as_bytes();
                if self.is_narrow && bytes.iter().any(|byte| matches!(byte, 0x80..=0x9f)) {
                    to.push(b'?');
                } else {
                    to.extend_from_slice(bytes);
                }
            }
        }
    }
}

/// What a control of C1 begins.
const fn introduced(c1: char) -> State {
    match c1 {
        '\u{9b}' => State::Sequence { is_foreign: false },
        '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => State::ControlString,
        _ => State::Ground,
    }
}

/// Of a line that overwrites itself with carriage returns, as progress bars do, what was written
/// last.
pub fn last_version(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| *byte != b'\r');
    let line = &line[..end.map_or(0, |at| at + 1)];
    let start = line.iter().rposition(|byte| *byte == b'\r');
    &line[start.map_or(0, |at| at + 1)..]
}

/// A line of output as text without colours.
pub fn plain(line: &[u8]) -> String {
    let mut text = Vec::new();
    Filter::new(true).push(last_version(line), &mut text);
    let text = String::from_utf8_lossy(&text);
    let mut plain = String::new();
    let mut rest = &*text;
    // What is left of sequences are the colours the filter wrote.
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, tail)| tail);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Filter, last_version, plain};

    fn filtered(pieces: &[&[u8]], reads_utf8: bool) -> Vec<u8> {
        let mut filter = Filter::new(reads_utf8);
        let mut text = Vec::new();
        for piece in pieces {
            filter.push(piece, &mut text);
        }
        text
    }

    fn shown(text: &[u8]) -> String {
        String::from_utf8(filtered(&[text], true)).unwrap()
    }

    #[test]
    fn text_and_colours_pass() {
        for (given, expected) in [
            (&b"plain\ttext\r\n"[..], "plain\ttext\n"),
            (b"\x1b[1;31mred\x1b[0m\n", "\x1b[1;31mred\x1b[0m\n"),
            (b"\x1b[31mred\nnext", "\x1b[31mred\x1b[0m\nnext"),
            (
                "é \u{a7} \u{1f469}\u{200d}\u{1f680}".as_bytes(),
                "é § 👩\u{200d}🚀",
            ),
            (b"bytes \xff\xc3(\n", "bytes \u{fffd}\u{fffd}(\n"),
        ] {
            assert_eq!(shown(given), expected, "{}", given.escape_ascii());
        }
    }

    #[test]
    fn what_steers_a_terminal_does_not_pass() {
        for (given, expected) in [
            (
                &b"a\x1b[2J\x1b[H\x1b[3A\x1b[?1049h\x1b[>4;2m\x1b[3 qb"[..],
                "ab",
            ),
            (
                b"a\x1b]0;title\x07b\x1b]8;;x\x1b\\c\x1b]52;c;eA==\x07d",
                "abcd",
            ),
            (
                b"a\x1bPq#0\x1b\\b\x1b_x\x07c\x1b^x\x1b\\d\x1bXx\x1b\\e",
                "abcde",
            ),
            (b"a\x1b(Bb\x1b7c\x1bcd\x1b#8e\x1bMf", "abcdef"),
            (b"a\x08\x08\x7f\x0b\x0c\x0e\x0f\x05\x07\0b", "ab"),
            (b"\x1b[\x08\x08\x0b31mred", "\x1b[31mred"),
            (b"\x1b[3\x1b[31mred", "\x1b[31mred"),
            (b"\x1b[3\x1831mtext", "31mtext"),
            (b"\x1b]0;a\x1b[31mred", "\x1b[31mred"),
            (b"\x1b\x1b]0;x\x07a", "a"),
            (b"\x1b[31", ""),
            (b"lost \x1b]0;no end\nnext", "lost \nnext"),
            (b"lost \x1bP\x1b[8\nnext", "lost \nnext"),
            (
                "a\u{9b}2Jb\u{9d}0;t\u{9c}c\u{85}d\u{8d}e\u{90}x\x07f".as_bytes(),
                "abcdef",
            ),
            (b"a\x9b2Jb", "a\u{fffd}2Jb"),
            (b"\x1b[3\xc3\xa9", "é"),
            ("\u{202e}txt\u{2066}\u{2028}x".as_bytes(), "txt x"),
            (b"x\rover\r\n", "x over\n"),
        ] {
            assert_eq!(shown(given), expected, "{}", given.escape_ascii());
        }
    }

    #[test]
    fn a_terminal_of_eight_bits_gets_no_control_inside_a_character() {
        let text = "é … Û";
        assert_eq!(filtered(&[text.as_bytes()], false), "é ? ?".as_bytes());
    }

    #[test]
    fn a_progress_bar_shows_its_end() {
        assert_eq!(last_version(b"10%\r20%\r30%\r"), b"30%");
        assert_eq!(last_version(b"\r\r"), b"");
        assert_eq!(plain(b"1\r\x1b[2K\x1b[32mdone\x1b[0m\x1b[8mx"), "donex");
    }

    /// Every byte is text, a line end, a tab, or part of a colour that does not hide text. Written
    /// without a look at the filter's grammar.
    fn is_harmless(mut rest: &[u8]) -> bool {
        let mut colored = false;
        loop {
            rest = match rest {
                [] => return true,
                [0x1b, b'[', tail @ ..] => {
                    let Some(end) = tail.iter().position(|b| !matches!(b, b'0'..=b'9' | b';'))
                    else {
                        return false;
                    };
                    let codes = std::str::from_utf8(&tail[..end]).unwrap();
                    let codes: Vec<&str> = codes.split(';').collect();
                    let is_long = codes.iter().any(|code| matches!(*code, "38" | "48" | "58"));
                    let hides = |code: &&str| matches!(*code, "5" | "6" | "8");
                    if tail[end] != b'm' || (!is_long && codes.iter().any(hides)) {
                        return false;
                    }
                    colored = codes.last() != Some(&"0");
                    &tail[end + 1..]
                }
                [b'\n', tail @ ..] if !colored => tail,
                [b'\t' | b' '..=b'~', tail @ ..] => tail,
                [0xc3..=0xf4, ..] | [0xc2, 0xa0..=0xbf, ..] => {
                    let length = rest.utf8_chunks().next().unwrap().valid();
                    let Some(c) = length.chars().next() else {
                        return false;
                    };
                    &rest[c.len_utf8()..]
                }
                _ => return false,
            };
        }
    }

    /// What hostile output is made of.
    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let parts: Vec<&[u8]> = vec![
            b"\x1b",
            b"[",
            b"]",
            b"P",
            b"_",
            b"^",
            b"X",
            b"\\",
            b"m",
            b"H",
            b"J",
            b"A",
            b"0",
            b"8",
            b"31",
            b"38",
            b"5",
            b";",
            b":",
            b"?",
            b">",
            b" ",
            b"52;c;",
            b"\x07",
            b"\x08",
            b"\r",
            b"\n",
            b"\x0b",
            b"\x0c",
            b"\x18",
            b"\x1a",
            b"\x9b",
            b"\x9d",
            b"\x9c",
            b"\xc2",
            b"\xc2\x9b",
            b"\xc2\x9d",
            b"\xc2\x85",
            b"\xe2\x80\xae",
            b"\xe2",
            b"\x80",
            b"text",
            b"\xc3\xa9",
            b"\xf0\x9f\x9a\x80",
            b"c",
            b"7",
            b"(",
            b"#8",
            b"\0",
            b"\x7f",
        ];
        let part = prop_oneof![
            8 => prop::sample::select(parts).prop_map(<[u8]>::to_vec),
            1 => prop::collection::vec(any::<u8>(), 1..4),
        ];
        prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn no_bytes_steer_a_terminal(text in hostile(), at in 0_usize..100) {
            let (head, tail) = text.split_at(at.min(text.len()));
            let whole = filtered(&[&text], true);
            prop_assert!(is_harmless(&whole), "{}", whole.escape_ascii());
            prop_assert_eq!(filtered(&[head, tail], true), whole, "cut at {}", at);
            let narrow = filtered(&[&text], false);
            prop_assert!(!narrow.iter().any(|byte| matches!(byte, 0x80..=0x9f)));
            prop_assert!(is_harmless(&narrow), "{}", narrow.escape_ascii());
        }

    }

    proptest! {
        // A screen is costly to make.
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_terminal_stays_where_the_line_ends(text in hostile()) {
            let mut terminal = vt100::Parser::new(200, 1000, 0);
            terminal.process(b"ours\r\n");
            let mut all = text.clone();
            all.push(b'\n');
            let shown = filtered(&[&all], true);
            let lines = all.split(|byte| *byte == b'\n').count() - 1;
            // The line discipline of a terminal returns the carriage.
            terminal.process(&String::from_utf8(shown).unwrap().replace('\n', "\r\n").into_bytes());
            let screen = terminal.screen();
            let (row, column) = screen.cursor_position();
            prop_assert_eq!((usize::from(row), column), (lines + 1, 0));
            prop_assert_eq!(screen.rows(0, 4).next(), Some("ours".to_owned()));
            prop_assert_eq!(screen.fgcolor(), vt100::Color::Default);
            prop_assert!(!screen.hide_cursor() && !screen.alternate_screen());
            prop_assert!(screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None);
        }
    }
}
