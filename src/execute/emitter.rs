//! From all parts of a run to the one place that hands messages to the sinks.
//!
//! Facts are never held back. Output is: a container may be [`BUDGET`] bytes ahead of the sinks,
//! then its program waits, so nothing is lost and nothing piles up.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::event::{Event, EventKind, LogChunk, LogSource, Message, TaskRunEvent};
use crate::sandbox::Output;

/// Bytes of output that may wait for the sinks.
const BUDGET: u32 = 8 * 1024 * 1024;

/// A message, and the share of the budget it holds until it is handed over.
pub(super) struct Envelope {
    /// The message.
    pub message: Message,
    _share: Option<OwnedSemaphorePermit>,
}

/// Sends messages of one run.
#[derive(Clone)]
pub(super) struct Emitter {
    sender: UnboundedSender<Envelope>,
    budget: Arc<Semaphore>,
    run: String,
}

impl Emitter {
    /// An emitter for a run, and the other end.
    pub(super) fn new(run: &str) -> (Self, UnboundedReceiver<Envelope>) {
        let (sender, receiver) = unbounded_channel();
        let budget = Arc::new(Semaphore::new(BUDGET as usize));
        (
            Self {
                sender,
                budget,
                run: run.to_owned(),
            },
            receiver,
        )
    }

    /// The same for another run of the same invocation: a child pipeline.
    #[must_use]
    pub(super) fn of(&self, run: &str) -> Self {
        Self {
            run: run.to_owned(),
            ..self.clone()
        }
    }

    /// States what happened to a TaskRun, now.
    pub(super) fn task_run_event(&self, task_run: &str, event: TaskRunEvent) {
        self.event(event.of(task_run));
    }

    /// States a fact, now.
    pub(super) fn event(&self, kind: impl Into<EventKind>) {
        let event = Event {
            at: jiff::Timestamp::now(),
            run: self.run.clone(),
            kind: kind.into(),
        };
        self.send(Message::Event(Box::new(event)), None);
    }

    /// Passes output on, when there is room for it.
    pub(super) async fn log(&self, source: &Arc<LogSource>, piece: Output) {
        let size = u32::try_from(piece.data.len())
            .unwrap_or(BUDGET)
            .min(BUDGET);
        let share = Arc::clone(&self.budget).acquire_many_owned(size).await.ok();
        let chunk = LogChunk {
            source: Arc::clone(source),
            stream: piece.stream,
            data: piece.data,
        };
        self.send(Message::Log(chunk), share);
    }

    fn send(&self, message: Message, share: Option<OwnedSemaphorePermit>) {
        // The other end is closed only when the sinks failed, and then the run is being cancelled.
        let _gone = self.sender.send(Envelope {
            message,
            _share: share,
        });
    }
}
