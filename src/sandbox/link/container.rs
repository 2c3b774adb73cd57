//! A container of a step or sidecar.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::watch;

use super::program;
use super::protocol::{Attachment, Check, FRAME_COST, Kind, MountRequest, WINDOW};
use super::reader::{AgentEvent, AgentEvents};
use super::supervisor::Supervisor;
use crate::sandbox::{Container, Control, Launch, Outcome, OutputSender, Probe, SandboxError};
use crate::status::Timestamp;

/// After so many bytes of output were taken the agent gets credit for as many.
const CREDIT: usize = WINDOW / 4;

/// A container whose agent waits to be released. Dropping it ends it.
#[derive(Debug)]
pub struct AgentContainer {
    id: String,
    channel: u32,
    supervisor: Supervisor,
    events: AgentEvents,
    /// How often the program has paused.
    paused: watch::Sender<usize>,
}

impl AgentContainer {
    pub(super) fn new(channel: u32, supervisor: Supervisor, events: AgentEvents) -> Self {
        Self {
            id: String::new(),
            channel,
            supervisor,
            events,
            paused: watch::Sender::new(0),
        }
    }

    async fn follow(&mut self, output: &OutputSender) -> Result<Outcome, SandboxError> {
        let mut started_at = Timestamp::now();
        let mut files: Vec<(String, BytesMut)> = Vec::new();
        let mut taken = 0;
        while let Some(event) = self.events.recv().await {
            match event {
                AgentEvent::Started => started_at = Timestamp::now(),
                AgentEvent::Output(piece) => {
                    taken += piece.data.len() + FRAME_COST;
                    // Nobody wants the output: the program still runs to its end.
                    output.send(piece).await.unwrap_or_default();
                    if taken >= CREDIT {
                        let credit = u32::try_from(taken).unwrap_or(u32::MAX);
                        self.supervisor.send(Kind::Credit, self.channel, &credit);
                        taken = 0;
                    }
                }
                AgentEvent::Paused => {
                    self.paused.send_modify(|count| *count += 1);
                }
                AgentEvent::File(key, piece) => match files.last_mut() {
                    Some((last, content)) if *last == key => content.extend_from_slice(&piece),
                    _ => files.push((key, BytesMut::from(&piece[..]))),
                },
                AgentEvent::Ended(end) => {
                    return Ok(program::outcome(end, started_at, whole(files)));
                }
                AgentEvent::Gone(why) => {
                    return Ok(program::lost(started_at, whole(files), why));
                }
                AgentEvent::Ready => {}
            }
        }
        Err(SandboxError::Engine(self.supervisor.lost().await))
    }
}

fn whole(files: Vec<(String, BytesMut)>) -> Vec<(String, Bytes)> {
    files
        .into_iter()
        .map(|(key, content)| (key, content.freeze()))
        .collect()
}

/// A container that is to be started with an agent that has this token. Dropping it ends the agent
/// as soon as it connects.
#[derive(Debug)]
pub struct PendingContainer {
    /// What the agent shows the supervisor: `agent step TOKEN`. Its container has the directory of
    /// this number below [`SOCKETS`](super::SOCKETS) mounted.
    pub token: String,
    /// Unique in the sandbox: fit for the engine's name of the container.
    pub number: u32,
    pub(super) container: AgentContainer,
}

impl PendingContainer {
    /// Waits until the agent has connected. Whenever nothing is heard for `silence`, `check` is
    /// asked whether the container still runs; its error ends the wait.
    pub async fn connected<C>(
        mut self,
        id: String,
        silence: Duration,
        check: impl Fn() -> C + Send,
    ) -> Result<AgentContainer, SandboxError>
    where
        C: Future<Output = Result<(), SandboxError>> + Send,
    {
        loop {
            match tokio::time::timeout(silence, self.container.events.recv()).await {
                Ok(Some(AgentEvent::Ready)) => {
                    self.container.id = id;
                    return Ok(self.container);
                }
                Ok(Some(AgentEvent::Gone(why))) => {
                    let why = why.unwrap_or_else(|| "it has ended".to_owned());
                    return Err(SandboxError::Container(format!(
                        "the agent of the container was lost before its program could be \
                         started: {why}"
                    )));
                }
                Ok(None) => {
                    return Err(SandboxError::Engine(self.container.supervisor.lost().await));
                }
                Ok(Some(_)) => {}
                Err(_) => check().await?,
            }
        }
    }
}

impl AgentContainer {
    /// Attaches mounts to the container, which was not released yet.
    pub(crate) async fn attach(&self, mounts: Vec<Attachment>) -> Result<(), SandboxError> {
        let number = self.supervisor.number();
        let answer = self.supervisor.answer(number);
        let request = MountRequest {
            agent: self.channel,
            mounts,
        };
        self.supervisor.send(Kind::Mount, number, &request);
        match answer.await {
            Ok(result) => result.map_err(SandboxError::Container),
            Err(_) => Err(SandboxError::Engine(self.supervisor.lost().await)),
        }
    }
}

impl Container for AgentContainer {
    type Control = AgentControl;

    fn id(&self) -> String {
        self.id.clone()
    }

    fn control(&self) -> AgentControl {
        AgentControl {
            channel: self.channel,
            supervisor: self.supervisor.clone(),
            paused: self.paused.subscribe(),
        }
    }

    async fn run(mut self, launch: Launch, output: OutputSender) -> Result<Outcome, SandboxError> {
        let program = program::program(launch);
        self.supervisor.send(Kind::Launch, self.channel, &program);
        self.follow(&output).await
    }

    fn discard(self) {}
}

impl Drop for AgentContainer {
    fn drop(&mut self) {
        self.supervisor.forget(self.channel);
        // An agent that has reported its end has ended by itself.
        self.supervisor.send(Kind::Discard, self.channel, &true);
    }
}

/// The remote control of a container.
#[derive(Debug, Clone)]
pub struct AgentControl {
    channel: u32,
    supervisor: Supervisor,
    paused: watch::Receiver<usize>,
}

impl Control for AgentControl {
    fn kill(&self, grace: Duration) {
        self.supervisor
            .send(Kind::Kill, self.channel, &program::milliseconds(grace));
    }

    async fn probe(&self, probe: Probe, timeout: Duration) -> bool {
        let id = self.supervisor.number();
        let answer = self.supervisor.answer(id);
        let check = Check {
            id,
            timeout: program::milliseconds(timeout),
            what: program::check(probe),
        };
        self.supervisor.send(Kind::Probe, self.channel, &check);
        matches!(tokio::time::timeout(timeout, answer).await, Ok(Ok(Ok(()))))
    }

    fn resume(&self, exit_code: i32) {
        self.supervisor.send(Kind::Resume, self.channel, &exit_code);
    }

    async fn paused(&mut self) {
        if self.paused.changed().await.is_err() {
            // The container is gone and will never pause.
            std::future::pending::<()>().await;
        }
    }
}
