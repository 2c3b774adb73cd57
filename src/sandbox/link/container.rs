//! A container of a step or sidecar.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use super::program;
use super::protocol::{Check, Kind, WINDOW};
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
    /// What must be mounted where: the target of a mount, and how its source path ends.
    places: Vec<(String, String)>,
}

impl AgentContainer {
    pub(super) fn new(
        channel: u32,
        supervisor: Supervisor,
        events: AgentEvents,
        places: Vec<(String, String)>,
    ) -> Self {
        Self {
            id: String::new(),
            channel,
            supervisor,
            events,
            paused: watch::Sender::new(0),
            places,
        }
    }

    async fn follow(&mut self, output: &OutputSender) -> Result<Outcome, SandboxError> {
        let mut started_at = Timestamp::now();
        let mut files: Vec<(String, Bytes)> = Vec::new();
        let mut taken = 0;
        while let Some(event) = self.events.recv().await {
            match event {
                AgentEvent::Started => started_at = Timestamp::now(),
                AgentEvent::Output(piece) => {
                    taken += piece.data.len();
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
                AgentEvent::File(key, content) => files.push((key, content)),
                AgentEvent::Ended(end) => return Ok(program::outcome(end, started_at, files)),
                AgentEvent::Gone => return Ok(program::lost(started_at, files)),
                AgentEvent::Ready => {}
            }
        }
        Err(SandboxError::Engine(self.supervisor.lost().await))
    }
}

/// A container that is to be started with an agent that has this token. Dropping it ends the agent
/// as soon as it connects.
#[derive(Debug)]
pub struct PendingContainer {
    /// What the agent shows the supervisor: `agent step RUN TOKEN`.
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
                Ok(None) => {
                    return Err(SandboxError::Engine(self.container.supervisor.lost().await));
                }
                Ok(Some(_)) => {}
                Err(_) => check().await?,
            }
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
        let program = program::program(launch, std::mem::take(&mut self.places));
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
