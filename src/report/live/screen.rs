//! Rows at the bottom of a terminal, drawn over each other.
//!
//! The cursor rests at the start of the line below the rows. What a terminal echoes there, such as
//! `^C`, moves nothing, and the next frame removes it. A terminal that becomes narrower wraps the
//! rows that no longer fit: the next frame starts at the first of the lines they fill by then.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::report::style::{Style, clean};

/// How large a terminal is, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Characters in a line.
    pub columns: usize,
    /// Lines.
    pub lines: usize,
}

impl Default for TerminalSize {
    fn default() -> Self {
        Self {
            columns: 80,
            lines: 24,
        }
    }
}

/// The rows that are on the screen.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// The width of each.
    drawn: Vec<usize>,
    frame: usize,
}

impl Screen {
    /// True when a row is on the screen.
    pub(super) fn has_rows(&self) -> bool {
        !self.drawn.is_empty()
    }

    /// What removes the rows from a terminal of this size.
    pub(super) fn erase(&mut self, size: TerminalSize) -> String {
        if self.drawn.is_empty() {
            return String::new();
        }
        let text = format!("{}\x1b[J", self.to_the_top(size));
        self.drawn.clear();
        text
    }

    /// What draws `rows` where the earlier ones are, each on one line. Rows that do not fit on the
    /// screen are left out.
    pub(super) fn draw(&mut self, rows: &[String], size: TerminalSize, style: Style) -> String {
        let mut text = self.to_the_top(size);
        self.drawn.clear();
        for row in rows.iter().take(size.lines.saturating_sub(1)) {
            // The last column stays free: some terminals wrap as soon as it is filled.
            let row = clean(row);
            let row = fitting(&row, size.columns.saturating_sub(3));
            self.drawn.push(row.width() + 2);
            let _ = writeln!(text, "{} {row}\x1b[K", spinner(self.frame, style));
        }
        text.push_str("\x1b[J");
        text
    }

    /// Moves the spinners on.
    pub(super) const fn turn(&mut self) {
        self.frame = self.frame.wrapping_add(1);
    }

    fn to_the_top(&self, size: TerminalSize) -> String {
        let columns = size.columns.max(1);
        let lines = self
            .drawn
            .iter()
            .map(|width| width.div_ceil(columns).max(1));
        match lines.sum::<usize>() {
            0 => "\r".to_owned(),
            lines => format!("\r\x1b[{lines}A"),
        }
    }
}

/// As much of a text as fits into `columns`.
fn fitting(text: &str, columns: usize) -> &str {
    let mut width = 0;
    for (at, c) in text.char_indices() {
        width += c.width().unwrap_or_default();
        if width > columns {
            return &text[..at];
        }
    }
    text
}

fn spinner(frame: usize, style: Style) -> String {
    let symbols: &[&str] = if style.unicode {
        &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
    } else {
        &["-", "\\", "|", "/"]
    };
    style.cyan(symbols[frame % symbols.len()])
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::fitting;

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(fitting("漢字かな", 5), "漢字");
        assert_eq!(fitting("漢字かな", 5).width(), 4);
        assert_eq!(fitting("abc", 3), "abc");
        assert_eq!(fitting("abc", 0), "");
    }
}
