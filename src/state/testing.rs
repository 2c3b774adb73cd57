//! Messages for the tests of what keeps them.

use crate::event::{LogChunk, LogSource, Message, Stream};

/// Output of a step of the run `ci`.
pub(super) fn log(text: &str) -> Message {
    Message::Log(LogChunk {
        source: LogSource {
            run: "ci".to_owned(),
            task: "t".to_owned(),
            task_run: "ci-t".to_owned(),
            container: "s".to_owned(),
            sidecar: false,
        }
        .into(),
        stream: Stream::Stdout,
        data: text.to_owned().into(),
    })
}
