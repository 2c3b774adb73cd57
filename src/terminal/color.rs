//! Select Graphic Rendition (SGR), the one control sequence that passes.

/// More parameters than any program has a use for.
const MAX_PARAMS: usize = 32;

/// What a control sequence may make of the text that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Look {
    /// Something is set that must be reset at the end of the line.
    pub(super) is_set: bool,
    foreground: Option<Color>,
    background: Option<Color>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Color {
    Index(u8),
    Rgb(u8, u8, u8),
}

impl Look {
    /// Appends the sequence for these parameters to `to`, without what hides text: conceal,
    /// blinking, other fonts and sizes, and a foreground of the same colour as the background.
    /// Unknown parameters are left out. The sequence is written anew: nothing of the given one is
    /// copied.
    pub(super) fn apply(&mut self, params: &[u8], to: &mut Vec<u8>) {
        let fields: Vec<&[u8]> = params.split(|byte| *byte == b';').collect();
        if fields.len() > MAX_PARAMS {
            return;
        }
        let mut codes = Vec::new();
        let mut rest = fields.as_slice();
        while let Some((field, tail)) = rest.split_first() {
            let Some(numbers) = numbers(field) else {
                return;
            };
            rest = tail;
            match *numbers.as_slice() {
                [place @ (38 | 48 | 58)] => {
                    let Some(color) = extended(&mut rest) else {
                        break;
                    };
                    self.color(place, color, &mut codes);
                }
                [place @ (38 | 48 | 58), 5, index] => {
                    self.indexed(place, index, &mut codes);
                }
                // A colour space may stand before the colours.
                [place @ (38 | 48 | 58), 2, red, green, blue]
                | [place @ (38 | 48 | 58), 2, _, red, green, blue, ..] => {
                    if let Some(color) = rgb(red, green, blue) {
                        self.color(place, color, &mut codes);
                    }
                }
                [4, 0] => codes.push("24".to_owned()),
                [4, 1..=5] => codes.push("4".to_owned()),
                [code] => self.simple(code, &mut codes),
                _ => {}
            }
        }
        if codes.is_empty() {
            return;
        }
        if self.foreground.is_some() && self.foreground == self.background {
            self.background = None;
            codes.push("49".to_owned());
        }
        to.extend_from_slice(b"\x1b[");
        to.extend_from_slice(codes.join(";").as_bytes());
        to.push(b'm');
    }

    fn simple(&mut self, code: u16, codes: &mut Vec<String>) {
        match code {
            0 => *self = Self::default(),
            30..=37 | 90..=97 => self.foreground = palette(code, 30),
            39 => self.foreground = None,
            40..=47 | 100..=107 => self.background = palette(code, 40),
            49 => self.background = None,
            // Bold, dim, italic, underlined, inverse, struck out, overlined, and their ends.
            1..=4 | 7 | 9 | 21..=24 | 27 | 29 | 53 | 55 | 59 => {}
            _ => return,
        }
        self.is_set |= code != 0;
        codes.push(code.to_string());
    }

    fn indexed(&mut self, place: u16, index: u16, codes: &mut Vec<String>) {
        if let Ok(index) = u8::try_from(index) {
            self.color(place, Color::Index(index), codes);
        }
    }

    fn color(&mut self, place: u16, color: Color, codes: &mut Vec<String>) {
        match place {
            38 => self.foreground = Some(color),
            48 => self.background = Some(color),
            _ => {}
        }
        self.is_set = true;
        codes.push(match color {
            Color::Index(index) => format!("{place};5;{index}"),
            Color::Rgb(red, green, blue) => format!("{place};2;{red};{green};{blue}"),
        });
    }
}

/// `30` to `37` and `90` to `97` are the first sixteen of the indexed colours.
fn palette(code: u16, base: u16) -> Option<Color> {
    let index = if code >= 90 {
        code - base - 52
    } else {
        code - base
    };
    u8::try_from(index).ok().map(Color::Index)
}

/// The fields after `38`, `48` or `58`: `5;n` or `2;r;g;b`.
fn extended(rest: &mut &[&[u8]]) -> Option<Color> {
    let mut next = || {
        let (field, tail) = rest.split_first()?;
        *rest = tail;
        match numbers(field)?.as_slice() {
            [number] => Some(*number),
            _ => None,
        }
    };
    match next()? {
        5 => u8::try_from(next()?).ok().map(Color::Index),
        2 => rgb(next()?, next()?, next()?),
        _ => None,
    }
}

fn rgb(red: u16, green: u16, blue: u16) -> Option<Color> {
    let part = |value: u16| u8::try_from(value).ok();
    Some(Color::Rgb(part(red)?, part(green)?, part(blue)?))
}

/// The numbers of one parameter, which colons separate; an empty one is 0.
fn numbers(field: &[u8]) -> Option<Vec<u16>> {
    field
        .split(|byte| *byte == b':')
        .map(|digits| match std::str::from_utf8(digits) {
            Ok("") => Some(0),
            Ok(digits) if digits.len() <= 5 => digits.parse().ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Look;

    #[test]
    fn colours_pass_and_what_hides_text_does_not() {
        for (given, expected) in [
            ("", "\u{1b}[0m"),
            ("0", "\u{1b}[0m"),
            ("1;31", "\u{1b}[1;31m"),
            ("01;032", "\u{1b}[1;32m"),
            ("8", ""),
            ("8;31;5;6", "\u{1b}[31m"),
            ("38;5;200", "\u{1b}[38;5;200m"),
            ("38;2;1;2;3;48;5;9", "\u{1b}[38;2;1;2;3;48;5;9m"),
            ("38:2::1:2:3", "\u{1b}[38;2;1;2;3m"),
            ("38:5:7", "\u{1b}[38;5;7m"),
            ("38;5;8", "\u{1b}[38;5;8m"),
            ("38;5", ""),
            ("38;5;999", ""),
            ("38;9;8", ""),
            ("4:3", "\u{1b}[4m"),
            ("12;73", ""),
            ("99999999999999999999", ""),
            ("30;40", "\u{1b}[30;40;49m"),
            ("97;48;5;15", "\u{1b}[97;48;5;15;49m"),
        ] {
            let mut text = Vec::new();
            Look::default().apply(given.as_bytes(), &mut text);
            assert_eq!(String::from_utf8(text).unwrap(), expected, "{given}");
        }
        let mut many = Vec::new();
        Look::default().apply("1;".repeat(100).as_bytes(), &mut many);
        assert!(many.is_empty());
    }

    #[test]
    fn a_reset_is_known_by_its_last_parameter() {
        for (given, is_set) in [("31", true), ("31;0", false), ("0;31", true), ("8", false)] {
            let mut look = Look::default();
            look.apply(given.as_bytes(), &mut Vec::new());
            assert_eq!(look.is_set, is_set, "{given}");
        }
    }
}
