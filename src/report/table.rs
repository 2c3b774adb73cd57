//! Columns.

use std::io::{self, Write};

/// One cell: how wide it looks, and what is written.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    width: usize,
    text: String,
}

impl Cell {
    /// Text without colour.
    pub(super) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            width: text.chars().count(),
            text,
        }
    }

    /// Text whose colour is put around it afterwards.
    pub(super) fn painted(text: &str, paint: impl FnOnce(&str) -> String) -> Self {
        Self {
            width: text.chars().count(),
            text: paint(text),
        }
    }
}

/// Writes `rows` with their columns aligned, two blanks apart, each line after `indent`.
pub(super) fn write_table(
    out: &mut impl Write,
    indent: &str,
    rows: &[Vec<Cell>],
) -> io::Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.width).max().unwrap_or_default()
        })
        .collect();
    for row in rows {
        let filled = row.iter().rposition(|cell| cell.width > 0);
        let mut line = indent.to_owned();
        for (column, cell) in row.iter().enumerate().take(filled.map_or(0, |at| at + 1)) {
            line.push_str(&cell.text);
            if Some(column) != filled {
                line.push_str(&" ".repeat(widths[column] - cell.width + 2));
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
