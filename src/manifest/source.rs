//! The text of one input and the way from bytes to lines.

use std::path::{Path, PathBuf};

use super::node::Span;

/// A text that documents were read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    name: String,
    path: Option<PathBuf>,
    text: String,
    line_starts: Vec<usize>,
    /// How many characters begin before each [`BLOCK`] of bytes.
    characters: Vec<usize>,
}

/// How many bytes are counted one by one to find a column.
const BLOCK: usize = 1024;

/// A place for people: both count from one, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character of the line.
    pub column: usize,
}

impl SourceFile {
    /// A text by the name it is to be called in messages; `path` when it is a file.
    pub fn new(name: impl Into<String>, path: Option<PathBuf>, text: impl Into<String>) -> Self {
        let text = text.into();
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(offset, _)| offset + 1))
            .collect();
        let mut characters = vec![0];
        for block in text.as_bytes().chunks(BLOCK) {
            let before = characters.last().copied().unwrap_or_default();
            characters.push(before + begun(block));
        }
        Self {
            name: name.into(),
            path,
            text,
            line_starts,
            characters,
        }
    }

    /// What to call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// All of it, without a byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where a byte is. An offset beyond the end is the end.
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts[line - 1];
        let column = self.characters_before(offset) - self.characters_before(start) + 1;
        Position { line, column }
    }

    fn characters_before(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        let rest = &self.text.as_bytes()[block * BLOCK..offset];
        self.characters.get(block).copied().unwrap_or_default() + begun(rest)
    }

    /// The bytes of a line, counted from one, without its end. Empty when there is no such line.
    pub fn line_span(&self, line: usize) -> Span {
        let Some(start) = line
            .checked_sub(1)
            .and_then(|index| self.line_starts.get(index))
            .copied()
        else {
            return Span::default();
        };
        let next = self
            .line_starts
            .get(line)
            .map_or(self.text.len(), |next| next - 1);
        let end = start + self.text[start..next].trim_end_matches('\r').len();
        Span { start, end }
    }

    /// The bytes of a span; empty when it does not fit the text.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }
}

/// How many characters begin in these bytes.
fn begun(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| !is_continuation(**byte)).count()
}

const fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

#[cfg(test)]
mod tests {
    use super::{Position, SourceFile};

    #[test]
    fn places_count_lines_and_characters() {
        let source = SourceFile::new("f", None, "äb\r\ncd\n");
        for (offset, line, column) in [
            (0, 1, 1),
            (2, 1, 2),
            (5, 2, 1),
            (6, 2, 2),
            (8, 3, 1),
            (99, 3, 1),
        ] {
            assert_eq!(
                source.position(offset),
                Position { line, column },
                "{offset}"
            );
        }
        assert_eq!(source.slice(source.line_span(1)), "äb");
        assert_eq!(source.slice(source.line_span(2)), "cd");
        assert_eq!(source.slice(source.line_span(9)), "");
    }

    #[test]
    fn columns_of_long_lines_are_counted_in_characters() {
        let text = format!("a\n{}", "ä".repeat(3000));
        let source = SourceFile::new("f", None, text.as_str());
        for (offset, column) in [(2, 1), (4, 2), (1026, 513), (6000, 3000), (6002, 3001)] {
            let place = source.position(offset);
            assert_eq!((place.line, place.column), (2, column), "{offset}");
        }
        assert_eq!(
            SourceFile::new("f", None, "x".repeat(1024))
                .position(1024)
                .column,
            1025
        );
    }

    #[test]
    fn an_empty_text_has_one_line() {
        let source = SourceFile::new("f", None, "");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
    }
}
