//! A container of a step or sidecar.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use super::launch;
use super::protocol::{Check, Kind, WINDOW};
use super::reader::{AgentEvent, AgentEvents};
use super::supervisor::Supervisor;
use crate::sandbox::{Container, Control, Launch, Outcome, OutputSender, Probe, SandboxError};
use crate::status::Timestamp;

/// After so many bytes of output were taken the agent gets credit for as many.
const CREDIT: usize = WINDOW / 4;

/// A container whose agent waits to be released. Dropping it ends it.
#[derive(Debug)]
pub struct DockerContainer {
    id: String,
    channel: u32,
    supervisor: Supervisor,
    events: AgentEvents,
    /// How often the program has paused.
    paused: watch::Sender<usize>,
    /// What is to be found where: [`super::volume::Volumes::places`].
    places: Vec<(String, String)>,
}

impl DockerContainer {
    pub(super) fn new(
        id: String,
        channel: u32,
        supervisor: Supervisor,
        events: AgentEvents,
        places: Vec<(String, String)>,
    ) -> Self {
        Self {
            id,
            channel,
            supervisor,
            events,
            paused: watch::Sender::new(0),
            places,
        }
    }

    /// What its agent says.
    pub(super) fn events(&mut self) -> &mut AgentEvents {
        &mut self.events
    }

    /// Gives it the engine's id, once there is one.
    pub(super) fn set_id(&mut self, id: String) {
        self.id = id;
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
                AgentEvent::Ended(end) => return Ok(launch::outcome(end, started_at, files)),
                AgentEvent::Gone => return Ok(launch::lost(started_at, files)),
                AgentEvent::Ready => {}
            }
        }
        Err(SandboxError::Engine(self.supervisor.lost().await))
    }
}

impl Container for DockerContainer {
    type Control = DockerControl;

    fn id(&self) -> String {
        self.id.clone()
    }

    fn control(&self) -> DockerControl {
        DockerControl {
            channel: self.channel,
            supervisor: self.supervisor.clone(),
            paused: self.paused.subscribe(),
        }
    }

    async fn run(mut self, launch: Launch, output: OutputSender) -> Result<Outcome, SandboxError> {
        let program = launch::program(launch, std::mem::take(&mut self.places));
        self.supervisor.send(Kind::Launch, self.channel, &program);
        self.follow(&output).await
    }

    fn discard(self) {}
}

impl Drop for DockerContainer {
    fn drop(&mut self) {
        self.supervisor.forget(self.channel);
        // An agent that has reported its end has ended by itself.
        self.supervisor.send(Kind::Discard, self.channel, &true);
    }
}

/// The remote control of a container.
#[derive(Debug, Clone)]
pub struct DockerControl {
    channel: u32,
    supervisor: Supervisor,
    paused: watch::Receiver<usize>,
}

impl Control for DockerControl {
    fn kill(&self, grace: Duration) {
        self.supervisor
            .send(Kind::Kill, self.channel, &launch::milliseconds(grace));
    }

    async fn probe(&self, probe: Probe, timeout: Duration) -> bool {
        let id = self.supervisor.number();
        let answer = self.supervisor.answer(id);
        let check = Check {
            id,
            timeout: launch::milliseconds(timeout),
            what: launch::check(probe),
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
