//! A container of a step or sidecar.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::watch;
use tokio::time::Instant;

use super::program;
use super::protocol::{Attachment, Check, FRAME_COST, Kind, MountRequest, WINDOW};
use super::reader::{AgentEvent, AgentEvents};
use super::supervisor::Supervisor;
use super::watchdog::{Due, EngineContainer, overdue};
use crate::event::Stream;
use crate::sandbox::{
    Container, Control, Launch, Outcome, Output, OutputSender, Probe, SandboxError,
};
use crate::status::Timestamp;

/// After so many bytes of output were taken the agent gets credit for as many.
const CREDIT: usize = WINDOW / 4;

/// How long the agent of a container that runs may take to connect.
const PATIENCE: Duration = Duration::from_secs(120);

/// A container whose agent waits to be released. Dropping it ends it.
#[derive(Debug)]
pub struct AgentContainer {
    engine: EngineContainer,
    channel: u32,
    supervisor: Supervisor,
    events: AgentEvents,
    /// How often the program has paused.
    paused: watch::Sender<usize>,
    /// When its program must have been reported as ended.
    due: watch::Sender<Option<Due>>,
}

impl AgentContainer {
    pub(super) fn new(channel: u32, supervisor: Supervisor, events: AgentEvents) -> Self {
        Self {
            engine: EngineContainer::unknown(),
            channel,
            supervisor,
            events,
            paused: watch::Sender::new(0),
            due: watch::Sender::new(None),
        }
    }

    /// Follows a released program to its end. `limit` is its timeout.
    async fn follow(
        &mut self,
        limit: Option<Duration>,
        output: &OutputSender,
    ) -> Result<Outcome, SandboxError> {
        let mut report = Report::default();
        let mut due = self.due.subscribe();
        loop {
            let is_due = *due.borrow_and_update();
            let event = tokio::select! {
                biased;
                event = self.events.recv() => event,
                due = overdue(is_due, report.heard_at) => {
                    return Ok(self.end_from_outside(due, report, output).await);
                }
                Ok(()) = due.changed() => continue,
            };
            let Some(event) = event else {
                return Err(SandboxError::Engine(self.supervisor.lost().await));
            };
            report.heard_at = Instant::now();
            match event {
                AgentEvent::Started => {
                    report.started_at = Some(Timestamp::now());
                    self.due.send_if_modified(|due| Due::time_out(due, limit));
                }
                AgentEvent::Output(piece) => self.pass_on(piece, &mut report, output).await,
                AgentEvent::Paused => self.paused.send_modify(|count| *count += 1),
                AgentEvent::File(key, piece) => report.take_file(key, &piece),
                AgentEvent::Ended(end) => {
                    let started_at = report.started_at.unwrap_or_else(Timestamp::now);
                    return Ok(program::outcome(end, started_at, whole(report.files)));
                }
                AgentEvent::Gone(None) if report.started_at.is_none() => {
                    return Err(SandboxError::LostWaiting);
                }
                AgentEvent::Gone(why) => {
                    let started_at = report.started_at.unwrap_or_else(Timestamp::now);
                    return Ok(program::lost(started_at, whole(report.files), why));
                }
                AgentEvent::Ready => {}
            }
        }
    }

    async fn pass_on(&self, piece: Output, report: &mut Report, output: &OutputSender) {
        report.taken += piece.data.len() + FRAME_COST;
        // Nobody wants the output: the program still runs to its end.
        output.send(piece).await.unwrap_or_default();
        if report.taken >= CREDIT {
            let credit = u32::try_from(report.taken).unwrap_or(u32::MAX);
            self.supervisor.send(Kind::Credit, self.channel, &credit);
            report.taken = 0;
        }
    }

    /// Ends a program whose agent does not report its end: it is stopped, or waits for what never
    /// comes, or its container is paused.
    async fn end_from_outside(&self, due: Due, report: Report, output: &OutputSender) -> Outcome {
        let text = match self.engine.kill().await {
            Ok(()) => "its end was not reported in time; the engine has killed its container\n",
            Err(error) => &format!(
                "its end was not reported in time, and the engine did not kill its container, \
                 which may still run: {error}\n"
            ),
        };
        let line = Output {
            stream: Stream::Stderr,
            data: Bytes::copy_from_slice(text.as_bytes()),
        };
        output.send(line).await.unwrap_or_default();
        Outcome {
            exit: due.exit(),
            started_at: report.started_at.unwrap_or_else(Timestamp::now),
            finished_at: Timestamp::now(),
            oom_killed: false,
            files: whole(report.files),
            file_error: None,
        }
    }
}

/// What was heard of a released program so far.
#[derive(Debug)]
struct Report {
    started_at: Option<Timestamp>,
    files: Vec<(String, BytesMut)>,
    /// Bytes of output since the agent was given credit.
    taken: usize,
    /// When anything was heard last.
    heard_at: Instant,
}

impl Report {
    /// Takes the next piece of a file.
    fn take_file(&mut self, key: String, piece: &[u8]) {
        match self.files.last_mut() {
            Some((last, content)) if *last == key => content.extend_from_slice(piece),
            _ => self.files.push((key, BytesMut::from(piece))),
        }
    }
}

impl Default for Report {
    fn default() -> Self {
        Self {
            started_at: None,
            files: Vec::new(),
            taken: 0,
            heard_at: Instant::now(),
        }
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
    /// asked whether the container still runs; its error ends the wait, and so does [`PATIENCE`].
    pub async fn connected<C>(
        mut self,
        engine: EngineContainer,
        silence: Duration,
        check: impl Fn() -> C + Send,
    ) -> Result<AgentContainer, SandboxError>
    where
        C: Future<Output = Result<(), SandboxError>> + Send,
    {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if Instant::now() > deadline {
                let text = "its agent did not answer within two minutes of its start";
                return Err(SandboxError::Container(text.to_owned()));
            }
            match tokio::time::timeout(silence, self.container.events.recv()).await {
                Ok(Some(AgentEvent::Ready)) => {
                    self.container.engine = engine;
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
        self.engine.id.clone()
    }

    fn uri(&self) -> String {
        format!("{}://{}", self.engine.program, self.engine.id)
    }

    fn command_line(&self, command: &str, on_terminal: bool) -> String {
        self.engine.command_line(command, on_terminal)
    }

    fn control(&self) -> AgentControl {
        AgentControl {
            channel: self.channel,
            supervisor: self.supervisor.clone(),
            paused: self.paused.subscribe(),
            due: self.due.clone(),
        }
    }

    async fn run(mut self, launch: Launch, output: OutputSender) -> Result<Outcome, SandboxError> {
        // At a breakpoint the clock stands still: only the agent knows when it goes on.
        let pauses = launch.pauses.before || launch.pauses.on_failure;
        let limit = launch.timeout.filter(|_| !pauses);
        let program = program::program(launch);
        self.supervisor.send(Kind::Launch, self.channel, &program);
        self.follow(limit, &output).await
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
    due: watch::Sender<Option<Due>>,
}

impl Control for AgentControl {
    fn kill(&self, grace: Duration) {
        self.due.send_if_modified(|due| Due::kill(due, grace));
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

    async fn paused(&mut self) {
        if self.paused.changed().await.is_err() {
            // The container has ended and will never pause.
            std::future::pending::<()>().await;
        }
    }
}
