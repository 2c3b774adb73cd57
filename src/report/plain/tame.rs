//! Log lines for a terminal that shows more than them.

/// The first byte of the controls U+0080 to U+009F in UTF-8; some terminals obey those as well.
const C1: u8 = 0xc2;

/// Appends `line` to `to` without what would move the cursor, clear the screen or set a title.
/// Colours stay, and end with the line. Of text that overwrites itself with carriage returns, as
/// progress bars do, the last version stays.
pub(crate) fn tame(line: &[u8], to: &mut Vec<u8>) {
    if !line.iter().any(|byte| matches!(*byte, 0..b' ' | 0x7f | C1)) {
        to.extend_from_slice(line);
        return;
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let start = line.iter().rposition(|byte| *byte == b'\r');
    let mut rest = &line[start.map_or(0, |at| at + 1)..];
    let mut colored = false;
    while let Some((first, tail)) = rest.split_first() {
        rest = match *first {
            0x1b => {
                let length = escape_length(rest);
                let (escape, tail) = rest.split_at(length);
                if escape.starts_with(b"\x1b[") && escape.ends_with(b"m") {
                    to.extend_from_slice(escape);
                    colored = true;
                }
                tail
            }
            C1 if matches!(tail.first(), Some(0x80..=0x9f)) => &tail[1..],
            b'\t' | b' '..=0x7e | 0x80.. => {
                to.push(*first);
                tail
            }
            _ => tail,
        };
    }
    if colored {
        to.extend_from_slice(b"\x1b[0m");
    }
}

/// The length of the escape sequence `text` begins with (ECMA-48).
fn escape_length(text: &[u8]) -> usize {
    match text.get(1) {
        Some(b'[') => {
            let last = text[2..].iter().position(|b| matches!(b, 0x40..=0x7e));
            last.map_or(text.len(), |at| at + 3)
        }
        // A string: until BEL or ESC \.
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            let last = text[2..].iter().position(|b| matches!(b, 0x07 | 0x1b));
            last.map_or(text.len(), |at| {
                let esc = text[at + 2] == 0x1b;
                (at + 3 + usize::from(esc)).min(text.len())
            })
        }
        Some(b' '..=b'/') => {
            let last = text[1..].iter().position(|b| matches!(b, 0x30..=0x7e));
            last.map_or(text.len(), |at| at + 2)
        }
        Some(_) => 2,
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::tame;

    fn tamed(line: &[u8]) -> String {
        let mut text = Vec::new();
        tame(line, &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn colours_stay_and_the_rest_goes() {
        for (line, expected) in [
            (&b"plain\ttext"[..], "plain\ttext"),
            (b"\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m\x1b[0m"),
            (b"\x1b[2J\x1b[H\x1b[3Aup", "up"),
            (b"\x1b]0;title\x07a\x1b]8;;x\x1b\\b", "ab"),
            (b"\x1bPq#0\x1b\\c\x1b(Bd\x1b7e", "cde"),
            (b"10%\r20%\r30%\r", "30%"),
            (b"a\x08\x7fb", "ab"),
            (b"cut \x1b[31", "cut "),
            (b"cut \x1b", "cut "),
            ("a\u{9b}2Jb \u{a7} é".as_bytes(), "a2Jb \u{a7} é"),
        ] {
            assert_eq!(tamed(line), expected, "{}", line.escape_ascii());
        }
    }
}
