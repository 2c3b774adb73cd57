//! The conversation with the supervisor: one stream each way, shared by all containers.

use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::container::{AgentContainer, PendingContainer};
use super::files::operation;
use super::protocol::{FileOperation, FileRequest, Frame, Kind, MAX_PAYLOAD, Wire};
use super::reader::{AgentEvents, Incoming, Reader, Routes, lock};
use crate::sandbox::{FileOp, SandboxError, VolumePath};

/// Where the volumes of a sandbox are for its supervisor.
pub(crate) trait VolumePaths {
    /// The absolute path of a place in a volume. Fails for what leads out of its volume.
    fn path(&self, place: &VolumePath) -> Result<String, SandboxError>;
}

/// A running supervisor. When the last clone is dropped the sandbox ends.
#[derive(Debug, Clone)]
pub struct Supervisor {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    frames: mpsc::UnboundedSender<Frame>,
    routes: Arc<Mutex<Routes>>,
    next: AtomicU32,
    lost: watch::Receiver<Option<String>>,
    closing: CancellationToken,
}

impl Supervisor {
    /// Takes over the streams of a supervisor that is about to start. The receiver hears when it
    /// is up.
    pub fn new(
        input: Pin<Box<dyn AsyncWrite + Send>>,
        output: Incoming,
    ) -> (Self, oneshot::Receiver<()>) {
        let (frames, outgoing) = mpsc::unbounded_channel();
        let (up, is_up) = oneshot::channel();
        let routes = Arc::new(Mutex::new(Routes {
            up: Some(up),
            ..Routes::default()
        }));
        let (lost_sender, lost) = watch::channel(None);
        let closing = CancellationToken::new();
        tokio::spawn(write(input, outgoing, closing.clone()));
        let reader = Reader::new(Arc::clone(&routes));
        tokio::spawn(reader.run(output, lost_sender));
        let next = AtomicU32::new(1);
        let shared = Shared {
            frames,
            routes,
            next,
            lost,
            closing,
        };
        (
            Self {
                shared: Arc::new(shared),
            },
            is_up,
        )
    }

    /// A number for a channel or request.
    pub(super) fn number(&self) -> u32 {
        self.shared.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Says something. That nobody listens any more shows in what is waited for.
    pub(super) fn send(&self, kind: Kind, channel: u32, message: &impl Wire) {
        self.shared
            .frames
            .send(Frame::new(kind, channel, message))
            .unwrap_or_default();
    }

    /// Receives what the agent of a channel will say.
    fn listen(&self, channel: u32) -> AgentEvents {
        let (sender, events) = mpsc::unbounded_channel();
        let mut routes = lock(&self.shared.routes);
        if !routes.ended {
            routes.agents.insert(channel, sender);
        }
        events
    }

    /// Stops listening.
    pub(super) fn forget(&self, channel: u32) {
        lock(&self.shared.routes).agents.remove(&channel);
    }

    /// The answer to a request that is sent after this.
    pub(super) fn answer(&self, request: u32) -> oneshot::Receiver<Result<(), String>> {
        let (sender, answer) = oneshot::channel();
        let mut routes = lock(&self.shared.routes);
        if !routes.ended {
            routes.requests.insert(request, sender);
        }
        answer
    }

    /// Announces a container whose agent is about to connect, and waits until it can.
    pub async fn expect(&self) -> Result<PendingContainer, SandboxError> {
        let number = self.number();
        let token = crate::name::uid();
        let events = self.listen(number);
        let answer = self.answer(number);
        self.send(Kind::Expect, number, &token);
        // Dropping it, also while this waits, tells the supervisor that no agent will come.
        let pending = PendingContainer {
            token,
            number,
            container: AgentContainer::new(number, self.clone(), events),
        };
        self.done(answer).await?;
        Ok(pending)
    }

    /// Does things in the volumes, in order; nothing after the first failure.
    pub(crate) async fn files(
        &self,
        ops: Vec<FileOp>,
        volumes: &impl VolumePaths,
    ) -> Result<(), SandboxError> {
        let operations = ops.into_iter().map(|op| operation(op, volumes));
        self.operations(operations.collect::<Result<_, _>>()?).await
    }

    /// The same with paths as the supervisor sees them.
    pub(crate) async fn operations(
        &self,
        operations: Vec<FileOperation>,
    ) -> Result<(), SandboxError> {
        let number = self.number();
        let answer = self.answer(number);
        for operation in operations {
            check_size(&operation)?;
            let request = FileRequest {
                last: false,
                operation: Some(operation),
            };
            self.send(Kind::Files, number, &request);
        }
        let end = FileRequest {
            last: true,
            operation: None,
        };
        self.send(Kind::Files, number, &end);
        self.done(answer).await
    }

    /// Copies these paths of the source volume to the same paths of the run's. `progress` gets the
    /// bytes so far. Returns the bytes copied.
    pub async fn clone_paths(
        &self,
        paths: &Vec<String>,
        progress: impl Fn(u64) + Send + Sync,
    ) -> Result<u64, SandboxError> {
        let number = self.number();
        let mut pieces = self.copied(number);
        let answer = self.answer(number);
        self.send(Kind::Clone, number, paths);
        let mut copied = 0;
        let follow = async {
            while let Some(bytes) = pieces.recv().await {
                copied = bytes;
                progress(bytes);
            }
        };
        // The pieces end with the answer.
        let (done, ()) = tokio::join!(self.done(answer), follow);
        done.map(|()| copied)
    }

    /// How many bytes a request that is sent after this has copied, now and then and at its end.
    fn copied(&self, request: u32) -> mpsc::UnboundedReceiver<u64> {
        let (sender, copied) = mpsc::unbounded_channel();
        let mut routes = lock(&self.shared.routes);
        if !routes.ended {
            routes.copies.insert(request, sender);
        }
        copied
    }

    /// Waits for the answer to a request about files.
    async fn done(
        &self,
        answer: oneshot::Receiver<Result<(), String>>,
    ) -> Result<(), SandboxError> {
        match answer.await {
            Ok(result) => result.map_err(SandboxError::File),
            Err(_) => Err(SandboxError::Engine(self.lost().await)),
        }
    }

    /// Ends when the supervisor has answered.
    pub async fn ping(&self) {
        let number = self.number();
        let answer = self.answer(number);
        self.send(Kind::Ping, number, &true);
        if answer.await.is_err() {
            // That it is lost is noticed elsewhere.
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the supervisor has ended. Returns how that was noticed.
    pub async fn lost(&self) -> String {
        let mut lost = self.shared.lost.clone();
        match lost.wait_for(Option::is_some).await {
            Ok(text) => text.clone().unwrap_or_default(),
            Err(_) => "the sandbox no longer exists".to_owned(),
        }
    }

    /// Ends the supervisor's input, and with that everything in the sandbox.
    pub fn close(&self) {
        self.shared.closing.cancel();
    }
}

fn check_size(operation: &FileOperation) -> Result<(), SandboxError> {
    match operation {
        FileOperation::File { path, content, .. } if content.0.len() >= MAX_PAYLOAD / 2 => Err(
            SandboxError::File(format!("{path} is larger than 32 MiB: upload it")),
        ),
        _ => Ok(()),
    }
}

/// Writes frames until the supervisor is closed, dropped or deaf.
async fn write(
    mut input: Pin<Box<dyn AsyncWrite + Send>>,
    mut frames: mpsc::UnboundedReceiver<Frame>,
    closing: CancellationToken,
) {
    let mut buffer = Vec::new();
    let work = async {
        while let Some(frame) = frames.recv().await {
            buffer.clear();
            // A frame that is too long was refused where its content was known.
            if frame.write(&mut buffer).is_err() {
                continue;
            }
            if input.write_all(&buffer).await.is_err() || input.flush().await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = work => {}
        () = closing.cancelled() => {}
    }
    // The stream may be closed already.
    input.shutdown().await.unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::stream;

    use super::*;
    use crate::sandbox::link::Piece;

    /// A supervisor that says these frames, cut into pieces of so many bytes, and then goes.
    fn saying(frames: &[Frame], piece: usize) -> (Supervisor, oneshot::Receiver<()>) {
        let mut bytes = Vec::new();
        for frame in frames {
            frame.write(&mut bytes).unwrap();
        }
        let piece_of = |bytes: &[u8]| Ok(Piece::Frames(Bytes::copy_from_slice(bytes)));
        let pieces: Vec<_> = bytes.chunks(piece).map(piece_of).collect();
        Supervisor::new(Box::pin(tokio::io::sink()), Box::pin(stream::iter(pieces)))
    }

    #[tokio::test]
    async fn frames_are_put_together_from_pieces() {
        let frames = [
            Frame::new(Kind::Up, 0, &true),
            Frame {
                kind: Kind::Stdout,
                channel: 5,
                payload: b"hello".to_vec(),
            },
            Frame {
                kind: Kind::Stderr,
                channel: 5,
                payload: Vec::new(),
            },
            Frame::new(Kind::Done, 6, &Some("no space".to_owned())),
            Frame::new(Kind::Gone, 5, &None::<String>),
        ];
        for piece in [1, 7, 1000] {
            let (supervisor, up) = saying(&frames, piece);
            let mut events = supervisor.listen(5);
            let answer = supervisor.answer(6);
            up.await.unwrap();
            let error = supervisor.done(answer).await.unwrap_err();
            assert_eq!(error.to_string(), "no space");
            let mut seen = Vec::new();
            while let Some(event) = events.recv().await {
                seen.push(format!("{event:?}"));
            }
            assert_eq!(seen.len(), 3, "{seen:?}");
            assert!(seen[0].contains("hello"), "{seen:?}");
            assert_eq!(seen[2], "Gone(None)");
        }
    }

    #[tokio::test]
    async fn the_end_of_the_stream_is_reported_to_everybody() {
        let (supervisor, up) = saying(&[], 1);
        assert!(
            supervisor
                .lost()
                .await
                .contains("the sandbox container ended")
        );
        assert!(up.await.is_err());
        assert!(supervisor.listen(1).recv().await.is_none());
        let error = supervisor.done(supervisor.answer(2)).await.unwrap_err();
        assert!(matches!(error, SandboxError::Engine(_)), "{error}");
    }
}
