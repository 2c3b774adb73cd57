//! What the supervisor says, handed to those who wait for it.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::sync::{mpsc, oneshot, watch};

use super::protocol::{Blob, End, Frame, HEADER, Kind, parse_header};
use crate::event::Stream as OutputStream;
use crate::sandbox::Output;

/// A piece of what a supervisor writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Of its standard output: frames, cut anywhere.
    Frames(Bytes),
    /// Of its standard error: text for people.
    Complaint(Bytes),
}

/// What a supervisor writes, until its end. An error says why no more can be read.
pub type Incoming = Pin<Box<dyn Stream<Item = Result<Piece, String>> + Send>>;

/// How much of the supervisor's standard error is kept for the message about its end.
const LAST_WORDS: usize = 4096;

/// What an agent says.
#[derive(Debug)]
pub(super) enum AgentEvent {
    Ready,
    Started,
    Output(Output),
    Paused,
    File(String, Bytes),
    Ended(End),
    /// Its connection ended; a text says why if the supervisor ended it.
    Gone(Option<String>),
}

/// The events of one agent. Unbounded here, because the supervisor bounds them: it ends an agent
/// that sends more output than it has credit for, or more of anything else than it was asked for.
pub(super) type AgentEvents = mpsc::UnboundedReceiver<AgentEvent>;

/// Who waits for which frames.
#[derive(Debug, Default)]
pub(super) struct Routes {
    pub(super) agents: HashMap<u32, mpsc::UnboundedSender<AgentEvent>>,
    pub(super) requests: HashMap<u32, oneshot::Sender<Result<(), String>>>,
    /// Who hears how many bytes a request has copied.
    pub(super) copies: HashMap<u32, mpsc::UnboundedSender<u64>>,
    pub(super) up: Option<oneshot::Sender<()>>,
    /// The stream has ended: nobody will be answered.
    pub(super) ended: bool,
}

pub(super) fn lock(routes: &Mutex<Routes>) -> MutexGuard<'_, Routes> {
    routes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads frames and hands them to those who wait.
pub(super) struct Reader {
    routes: Arc<Mutex<Routes>>,
    buffer: BytesMut,
    last_words: Vec<u8>,
}

impl Reader {
    /// A reader for those who wait in `routes`.
    pub(super) fn new(routes: Arc<Mutex<Routes>>) -> Self {
        Self {
            routes,
            buffer: BytesMut::new(),
            last_words: Vec::new(),
        }
    }

    /// Reads until the stream ends; then says so to everybody.
    pub(super) async fn run(mut self, mut output: Incoming, lost: watch::Sender<Option<String>>) {
        let mut why = None;
        while let Some(piece) = output.next().await {
            let handled = match piece {
                Ok(Piece::Frames(bytes)) => self.take(&bytes),
                Ok(Piece::Complaint(text)) => {
                    self.last_words.extend_from_slice(&text);
                    let excess = self.last_words.len().saturating_sub(LAST_WORDS);
                    self.last_words.drain(..excess);
                    Ok(())
                }
                Err(error) => Err(error),
            };
            if let Err(error) = handled {
                why = Some(error);
                break;
            }
        }
        let said = String::from_utf8_lossy(&self.last_words).trim().to_owned();
        let why = why.or((!said.is_empty()).then_some(said));
        let text = why.map_or_else(
            || "the sandbox container ended: it was killed, or the engine stopped".to_owned(),
            |why| format!("the sandbox container ended: {why}"),
        );
        lost.send_replace(Some(text));
        let mut routes = lock(&self.routes);
        *routes = Routes {
            ended: true,
            ..Routes::default()
        };
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.buffer.extend_from_slice(bytes);
        loop {
            let Some(header) = self.buffer.first_chunk::<HEADER>() else {
                return Ok(());
            };
            let (kind, channel, length) =
                parse_header(*header).map_err(|error| error.to_string())?;
            if kind
                .longest_for_command()
                .is_none_or(|longest| length > longest)
            {
                return Err(format!("its supervisor sent {length} bytes of {kind:?}"));
            }
            if self.buffer.len() < HEADER + length {
                return Ok(());
            }
            self.buffer.advance(HEADER);
            let payload = self.buffer.split_to(length).freeze();
            self.route(kind, channel, payload)
                .map_err(|error| error.to_string())?;
        }
    }

    fn route(&self, kind: Kind, channel: u32, payload: Bytes) -> io::Result<()> {
        let stream = match kind {
            Kind::Stdout => Some(OutputStream::Stdout),
            Kind::Stderr => Some(OutputStream::Stderr),
            _ => None,
        };
        if let Some(stream) = stream {
            self.tell(
                channel,
                AgentEvent::Output(Output {
                    stream,
                    data: payload,
                }),
            );
            return Ok(());
        }
        let frame = Frame {
            kind,
            channel,
            payload: payload.to_vec(),
        };
        match kind {
            Kind::Up => {
                if let Some(up) = lock(&self.routes).up.take() {
                    // Whoever waited may have given up.
                    up.send(()).unwrap_or_default();
                }
            }
            Kind::Done => {
                let failure: Option<String> = frame.message()?;
                self.resolve(channel, failure.map_or(Ok(()), Err));
            }
            Kind::Copied => {
                if let Some(copies) = lock(&self.routes).copies.get(&channel) {
                    // Whoever listened may have given up.
                    copies.send(frame.message()?).unwrap_or_default();
                }
            }
            Kind::Probed => {
                let (check, success): (u32, bool) = frame.message()?;
                self.resolve(check, if success { Ok(()) } else { Err(String::new()) });
            }
            Kind::File => {
                let (key, content): (String, Blob) = frame.message()?;
                self.tell(channel, AgentEvent::File(key, content.0.into()));
            }
            Kind::Ready => self.tell(channel, AgentEvent::Ready),
            Kind::Started => self.tell(channel, AgentEvent::Started),
            Kind::Paused => self.tell(channel, AgentEvent::Paused),
            Kind::Ended => self.tell(channel, AgentEvent::Ended(frame.message()?)),
            Kind::Gone => {
                self.tell(channel, AgentEvent::Gone(frame.message()?));
                lock(&self.routes).agents.remove(&channel);
            }
            // A program cannot speak to the command but through its agent, and that does not
            // send these.
            _ => {}
        }
        Ok(())
    }

    fn tell(&self, channel: u32, event: AgentEvent) {
        if let Some(agent) = lock(&self.routes).agents.get(&channel) {
            // Whoever listened may have given up.
            agent.send(event).unwrap_or_default();
        }
    }

    fn resolve(&self, request: u32, result: Result<(), String>) {
        let mut routes = lock(&self.routes);
        routes.copies.remove(&request);
        if let Some(sender) = routes.requests.remove(&request) {
            sender.send(result).unwrap_or_default();
        }
    }
}
