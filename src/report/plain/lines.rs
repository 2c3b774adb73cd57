//! Output in pieces becomes whole lines, per container and stream.

use std::collections::HashMap;
use std::io::BufRead as _;
use std::sync::Arc;

use crate::event::{Event, LogChunk, LogSource, Stream};

/// A line longer than this is handed on in pieces of this length, so that output without line
/// ends does not fill the memory.
pub(crate) const LONGEST: usize = 16 << 20;

/// One output of one container.
pub(crate) type Output = (Arc<LogSource>, Stream);

/// Lines whose end has not come yet.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    open: HashMap<Output, Vec<u8>>,
}

impl Lines {
    /// Takes a piece of output and hands on the lines it completes, without their line end.
    pub(crate) fn push(&mut self, chunk: &LogChunk, mut line: impl FnMut(&[u8])) {
        let mut rest: &[u8] = &chunk.data;
        let output = (Arc::clone(&chunk.source), chunk.stream);
        let waiting = self.open.get_mut(&output);
        if let Some(open) = waiting.filter(|open| !open.is_empty()) {
            let first = next_line(&mut rest);
            open.extend_from_slice(first.bytes);
            if first.ended {
                line(open);
                open.clear();
            }
        }
        while !rest.is_empty() {
            let next = next_line(&mut rest);
            if next.ended {
                line(next.bytes);
            } else {
                self.open
                    .entry(output.clone())
                    .or_default()
                    .extend_from_slice(next.bytes);
            }
        }
        if let Some(open) = self.open.get_mut(&output)
            && open.len() >= LONGEST
        {
            let whole = open.len() - open.len() % LONGEST;
            open[..whole].chunks(LONGEST).for_each(line);
            open.drain(..whole);
        }
    }

    /// The last lines of what ends with `event`, which had no line end.
    pub(crate) fn end(&mut self, event: &Event) -> Vec<(Output, Vec<u8>)> {
        self.take(|source| source.ends_with(event))
    }

    /// All lines without an end.
    pub(crate) fn end_all(&mut self) -> Vec<(Output, Vec<u8>)> {
        self.take(|_| true)
    }

    fn take(&mut self, ended: impl Fn(&LogSource) -> bool) -> Vec<(Output, Vec<u8>)> {
        let ended = self.open.extract_if(|(source, _), _| ended(source));
        let mut last: Vec<_> = ended.filter(|(_, line)| !line.is_empty()).collect();
        last.sort_by_cached_key(|((source, stream), _)| {
            (source.task_run.clone(), source.container.clone(), *stream)
        });
        last
    }
}

struct Piece<'a> {
    bytes: &'a [u8],
    ended: bool,
}

/// Cuts the first line off `rest`. `skip_until` searches by words, not by bytes.
fn next_line<'a>(rest: &mut &'a [u8]) -> Piece<'a> {
    let start = *rest;
    let length = rest.skip_until(b'\n').unwrap_or(start.len());
    match start[..length].split_last() {
        Some((b'\n', bytes)) => Piece { bytes, ended: true },
        _ => Piece {
            bytes: &start[..length],
            ended: false,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LONGEST, Lines};
    use crate::report::sample::chunk;

    fn assemble(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        for piece in pieces {
            lines.push(&chunk("t", "ci-t", "s", piece), |line| {
                out.push(line.to_vec());
            });
        }
        out.extend(lines.end_all().into_iter().map(|(_, line)| line));
        out
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_however_it_is_cut(
            text in prop::collection::vec(prop::sample::select(b"ab\n\r\xff".to_vec()), 0..60),
            cuts in prop::collection::vec(0_usize..60, 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &text[w[0]..w[1]]).collect();
            let mut joined = assemble(&pieces).join(&b'\n');
            if text.ends_with(b"\n") {
                joined.push(b'\n');
            }
            prop_assert_eq!(joined, text);
        }
    }

    #[test]
    fn a_line_without_end_is_handed_on_in_pieces() {
        let piece = vec![b'x'; LONGEST / 2 + 1];
        let lines = assemble(&[&piece, &piece, b"y\n"]);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].len(), LONGEST);
        assert_eq!(lines[1], b"xxy");
    }
}
