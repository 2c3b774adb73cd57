//! A terminal for tests: it understands what the live view writes, wraps long lines, and wraps them
//! anew when its width changes, as most terminals do.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use super::device::Device;
use super::screen::TerminalSize;
use crate::terminal::Filter;

/// A shared handle to a terminal.
#[derive(Debug, Clone)]
pub(super) struct Glass(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    size: TerminalSize,
    lines: Vec<Line>,
    row: usize,
    column: usize,
    filter: Filter,
}

#[derive(Debug, Clone, Default)]
struct Line {
    text: Vec<char>,
    /// The next line continues it.
    wrapped: bool,
}

impl Glass {
    pub(super) fn new(lines: usize, columns: usize) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            size: TerminalSize { columns, lines },
            lines: vec![Line::default()],
            row: 0,
            column: 0,
            filter: Filter::new(true),
        })))
    }

    pub(super) fn size(&self) -> TerminalSize {
        self.0.lock().unwrap().size
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let inner = self.0.lock().unwrap();
        let lines = inner.lines.iter();
        let mut lines: Vec<String> = lines
            .map(|line| line.text.iter().collect::<String>().trim_end().to_owned())
            .collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    /// Changes the width: lines that were wrapped are joined, and wrapped where they no longer fit.
    pub(super) fn resize(&self, columns: usize) {
        let mut inner = self.0.lock().unwrap();
        inner.size.columns = columns;
        let old = std::mem::take(&mut inner.lines);
        let row = inner.row;
        let mut new = Vec::new();
        let mut whole: Vec<char> = Vec::new();
        for (index, line) in old.into_iter().enumerate() {
            if index == row {
                // The cursor is at the start of a line of its own.
                inner.row = new.len();
            }
            whole.extend(line.text);
            if line.wrapped {
                continue;
            }
            let whole = std::mem::take(&mut whole);
            let mut pieces: Vec<Line> = whole
                .chunks(columns)
                .map(|piece| Line {
                    text: piece.to_vec(),
                    wrapped: true,
                })
                .collect();
            match pieces.last_mut() {
                Some(last) => last.wrapped = false,
                None => pieces.push(Line::default()),
            }
            new.extend(pieces);
        }
        inner.lines = new;
    }
}

impl Inner {
    fn line(&mut self) -> &mut Line {
        while self.lines.len() <= self.row {
            self.lines.push(Line::default());
        }
        &mut self.lines[self.row]
    }

    fn put(&mut self, c: char) {
        if self.column == self.size.columns {
            self.line().wrapped = true;
            self.row += 1;
            self.column = 0;
        }
        let column = self.column;
        let line = self.line();
        line.wrapped = false;
        while line.text.len() <= column {
            line.text.push(' ');
        }
        line.text[column] = c;
        self.column += 1;
    }

    fn control(&mut self, number: usize, letter: char) {
        let column = self.column;
        match letter {
            'A' => self.row = self.row.saturating_sub(number.max(1)),
            'K' => {
                let line = self.line();
                line.text.truncate(column);
                line.wrapped = false;
            }
            'J' => {
                let line = self.line();
                line.text.truncate(column);
                line.wrapped = false;
                let row = self.row;
                self.lines.truncate(row + 1);
            }
            'm' => {}
            other => panic!("the live view does not use {other:?}"),
        }
    }
}

impl Device for Glass {
    fn steer(&mut self, text: &str) -> io::Result<()> {
        let mut inner = self.0.lock().unwrap();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\n' => {
                    inner.row += 1;
                    inner.column = 0;
                    inner.line();
                }
                '\r' => inner.column = 0,
                '\x1b' => {
                    let sequence = chars.as_str().trim_start_matches('[');
                    let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap();
                    let number = sequence[..end].parse().unwrap_or_default();
                    inner.control(number, sequence[end..].chars().next().unwrap());
                    chars = sequence[end + 1..].chars();
                }
                c => inner.put(c),
            }
        }
        Ok(())
    }
}

impl Write for Glass {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut shown = Vec::new();
        self.0.lock().unwrap().filter.push(bytes, &mut shown);
        self.steer(&String::from_utf8_lossy(&shown))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
