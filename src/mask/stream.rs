//! Masking output in pieces, and the messages between them.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::masker::Masker;
use crate::event::{Event, LogChunk, LogSource, Message, Stream};

/// Masks the messages of one run.
#[derive(Debug, Default)]
pub struct Mask {
    masker: Masker,
    /// The end of each output that may be the beginning of a value.
    open: HashMap<(Arc<LogSource>, Stream), Vec<u8>>,
}

impl Mask {
    /// Masks what `masker` knows.
    pub fn new(masker: Masker) -> Self {
        Self {
            masker,
            open: HashMap::new(),
        }
    }

    /// Hands on what a message is without values. A value is found also when it is cut into
    /// pieces: what may be its beginning waits for what follows, at the longest until its container
    /// ends.
    pub fn message<E>(
        &mut self,
        message: &Message,
        mut hand_on: impl FnMut(&Message) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.masker.is_empty() {
            return hand_on(message);
        }
        match message {
            Message::Log(chunk) => match self.chunk(chunk) {
                Some(chunk) => hand_on(&Message::Log(chunk)),
                None => Ok(()),
            },
            Message::Event(event) => {
                for chunk in self.rest(|source| source.ends_with(event)) {
                    hand_on(&Message::Log(chunk))?;
                }
                hand_on(&Message::Event(Box::new(self.event(event))))
            }
        }
    }

    /// What is left when no message follows.
    pub fn finish(&mut self) -> Vec<Message> {
        let rest = self.rest(|_| true);
        rest.into_iter().map(Message::Log).collect()
    }

    fn event(&self, event: &Event) -> Event {
        self.masker.event(event)
    }

    fn chunk(&mut self, chunk: &LogChunk) -> Option<LogChunk> {
        let output = (Arc::clone(&chunk.source), chunk.stream);
        let waiting = self.open.remove(&output);
        let data = match waiting {
            Some(mut waiting) => {
                waiting.extend_from_slice(&chunk.data);
                Bytes::from(waiting)
            }
            None => chunk.data.clone(),
        };
        let done = self.masker.known(&data);
        if done.length < data.len() {
            self.open.insert(output, data[done.length..].to_vec());
        }
        let data = done
            .masked
            .map_or_else(|| data.slice(..done.length), Bytes::from);
        (!data.is_empty()).then(|| LogChunk {
            data,
            ..chunk.clone()
        })
    }

    fn rest(&mut self, ended: impl Fn(&LogSource) -> bool) -> Vec<LogChunk> {
        let rest = self.open.extract_if(|(source, _), _| ended(source));
        let mut rest: Vec<LogChunk> = rest
            .map(|((source, stream), data)| LogChunk {
                source,
                stream,
                data: Bytes::from(data),
            })
            .collect();
        for chunk in &mut rest {
            chunk.data = Bytes::from(self.masker.mask(&chunk.data));
        }
        rest.sort_by_key(|chunk| chunk.stream);
        rest
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::Mask;
    use crate::event::{LogChunk, LogSource, Message, Stream};
    use crate::mask::Masker;

    fn masker() -> Masker {
        Masker::new([
            &b"hunter2-hunter2"[..],
            b"hunter2",
            b"aaaab",
            b"line-one\nline-two",
        ])
    }

    fn in_pieces(pieces: &[&[u8]]) -> Vec<u8> {
        let source = Arc::new(LogSource {
            run: "r".to_owned(),
            task: "t".to_owned(),
            task_run: "r-t".to_owned(),
            container: "s".to_owned(),
            sidecar: false,
        });
        let mut mask = Mask::new(masker());
        let mut shown = Vec::new();
        let mut keep = |message: &Message| {
            if let Message::Log(chunk) = message {
                shown.extend_from_slice(&chunk.data);
            }
            Ok::<(), Infallible>(())
        };
        for piece in pieces {
            let chunk = LogChunk {
                source: Arc::clone(&source),
                stream: Stream::Stdout,
                data: Bytes::copy_from_slice(piece),
            };
            mask.message(&Message::Log(chunk), &mut keep).unwrap();
        }
        for message in mask.finish() {
            keep(&message).unwrap();
        }
        shown
    }

    #[test]
    fn what_cannot_become_a_value_does_not_wait() {
        let source = masker();
        for (text, waits) in [
            ("done", ""),
            ("is hunt", "hunt"),
            ("h", "h"),
            ("hunt\n", ""),
            ("aaaaa", "aaaa"),
        ] {
            let end = source.open_end(text.as_bytes());
            assert_eq!(&text[end..], waits, "{text}");
        }
    }

    proptest! {
        #[test]
        fn values_are_masked_however_output_is_cut(
            parts in prop::collection::vec(prop::sample::select(vec![
                "hunter2", "-", "hunter2-hunter2", "hunt", "er2", "aaaa", "b", "\n", "x",
                "aHVudGVyMi1odW50ZXIy", "line-one", "line-two", "aHVu",
            ]), 0..12),
            cuts in prop::collection::vec(0_usize..80, 0..6),
        ) {
            let text = parts.concat().into_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &text[w[0]..w[1]]).collect();
            prop_assert_eq!(in_pieces(&pieces), masker().mask(&text));
        }
    }
}
