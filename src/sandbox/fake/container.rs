//! A container that plays a script.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use super::engine::FakeSandbox;
use super::log::{Call, Name};
use super::script::{Line, parse};
use crate::event::Stream;
use crate::sandbox::{
    Container, ContainerSpec, Control, Exit, Launch, Outcome, Output, OutputSender, Probe,
    SandboxError,
};

/// What others tell a container.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    /// To end, and how long it may take.
    kill: Option<Duration>,
}

/// When probes pass: `None` before the release.
type Ready = Arc<Mutex<Option<Instant>>>;

/// A container of a fake sandbox.
#[derive(Debug)]
pub struct FakeContainer {
    id: String,
    sandbox: FakeSandbox,
    spec: ContainerSpec,
    name: Name,
    told: watch::Sender<Told>,
    ready: Ready,
}

impl FakeContainer {
    pub(crate) fn new(sandbox: FakeSandbox, spec: ContainerSpec, id: String) -> Self {
        Self {
            id,
            sandbox,
            name: Name::of(&spec),
            spec,
            told: watch::Sender::default(),
            ready: Ready::default(),
        }
    }

    /// The script of a release: the file it names, or the command line itself.
    fn script(&self, argv: &[String]) -> Vec<Line> {
        let Some(program) = argv.first() else {
            return Vec::new();
        };
        let file = self
            .sandbox
            .disk()
            .read(self.sandbox.volume(), &self.spec.mounts, program);
        match file {
            Some(content) => parse(&String::from_utf8_lossy(&content)),
            None => parse(&argv.join(" ")),
        }
    }

    fn ready_at(&self, lines: &[Line]) {
        let delay = lines
            .iter()
            .find_map(|line| match line {
                Line::ReadyAfter(delay) => Some(*delay),
                _ => None,
            })
            .unwrap_or_default();
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        *ready = Some(Instant::now() + delay);
    }
}

impl Container for FakeContainer {
    type Control = FakeControl;

    fn id(&self) -> String {
        self.id.clone()
    }

    fn uri(&self) -> String {
        format!("fake://{}", self.id())
    }

    fn command_line(&self, command: &str, on_terminal: bool) -> String {
        let flag = if on_terminal { "-it " } else { "" };
        format!("fake exec {flag}{} {command}", self.id())
    }

    fn control(&self) -> FakeControl {
        FakeControl {
            sandbox: self.sandbox.clone(),
            name: self.name.clone(),
            told: self.told.clone(),
            ready: Arc::clone(&self.ready),
        }
    }

    async fn run(self, launch: Launch, output: OutputSender) -> Result<Outcome, SandboxError> {
        if self.sandbox.is_killed(&self.id) {
            return Err(SandboxError::LostWaiting);
        }
        let log = self.sandbox.log().clone();
        log.add(Call::Launch(self.name.clone(), Box::new(launch.clone())));
        let started_at = log.now();
        let lines = self.script(&launch.argv);
        self.ready_at(&lines);
        let mut play = Play {
            container: &self,
            launch: &launch,
            output: &output,
            stubborn: lines.contains(&Line::IgnoreTerm),
            deadline: launch.timeout.map(|limit| Instant::now() + limit),
            oom_killed: false,
        };
        let exit = tokio::select! {
            biased;
            exit = play.all(&lines) => Ok(exit),
            () = self.sandbox.killed(&self.id) => Ok(Exit::Lost("it was killed".to_owned())),
            error = self.sandbox.closed() => Err(error),
        };
        let oom_killed = play.oom_killed;
        let exit = match exit {
            Ok(exit) => exit,
            Err(error) => {
                log.add(Call::End(self.name.clone(), Exit::Lost(error.to_string())));
                return Err(error);
            }
        };
        log.add(Call::End(self.name.clone(), exit.clone()));
        let disk = self.sandbox.disk();
        let files = launch
            .files
            .iter()
            .filter_map(|file| {
                let content = disk.read(self.sandbox.volume(), &self.spec.mounts, &file.path)?;
                Some((file.key.clone(), content))
            })
            .collect();
        drop(disk);
        Ok(Outcome {
            exit,
            started_at,
            finished_at: log.now(),
            oom_killed,
            files,
            file_error: None,
        })
    }

    fn discard(self) {
        self.sandbox.log().add(Call::Discard(self.name));
    }
}

/// A program under way.
struct Play<'a> {
    container: &'a FakeContainer,
    launch: &'a Launch,
    output: &'a OutputSender,
    stubborn: bool,
    deadline: Option<Instant>,
    oom_killed: bool,
}

impl Play<'_> {
    async fn all(&mut self, lines: &[Line]) -> Exit {
        let mut exit = if self.launch.pauses.before {
            self.pause().await
        } else {
            Exit::Code(0)
        };
        if exit == Exit::Code(0) {
            exit = self.lines(lines).await;
        }
        if self.launch.pauses.on_failure && exit != Exit::Code(0) && exit != Exit::Cancelled {
            exit = self.pause().await;
        }
        exit
    }

    async fn lines(&mut self, lines: &[Line]) -> Exit {
        for line in lines {
            if let Some(exit) = self.line(line).await {
                return exit;
            }
        }
        Exit::Code(0)
    }

    /// Plays a line; the exit is that of a program which ends here.
    async fn line(&mut self, line: &Line) -> Option<Exit> {
        match line {
            Line::Say(text) => self.say(Stream::Stdout, text).await,
            Line::Warn(text) => self.say(Stream::Stderr, text).await,
            Line::Args => {
                let args = self.launch.argv.get(1..).unwrap_or_default().join("|");
                self.say(Stream::Stdout, &args).await;
            }
            Line::Env(name) => {
                let vars = self.launch.env.iter().rev();
                let value = vars.into_iter().find(|(known, _)| known == name);
                let text = value.map_or("", |(_, value)| value);
                self.say(Stream::Stdout, text).await;
            }
            Line::Sleep(time) => return self.sleep(Instant::now() + *time).await,
            Line::Exit(code) => return Some(Exit::Code(*code)),
            Line::Signal(signal) => return Some(Exit::Signal(*signal)),
            Line::OutOfMemory => {
                self.oom_killed = true;
                return Some(Exit::Code(137));
            }
            Line::Lost(text) => return Some(Exit::Lost(text.clone())),
            Line::FailBefore(attempt) => {
                return (self.container.spec.attempt < *attempt).then_some(Exit::Code(1));
            }
            Line::Result(name, text) => {
                return self.write(&format!("/tekton/results/{name}"), text, false);
            }
            Line::StepResult(name, text) => {
                let dir = self.launch.run_dir.as_deref().unwrap_or_default();
                return self.write(&format!("{dir}/status/results/{name}"), text, false);
            }
            Line::Write(path, text) => return self.write(path, text, false),
            Line::Append(path, text) => return self.write(path, text, true),
            Line::Cat(path) => return self.cat(path).await,
            Line::IgnoreTerm | Line::ReadyAfter(_) => {}
            Line::Unknown(text) => {
                self.say(Stream::Stderr, &format!("{text}: not found"))
                    .await;
                return Some(Exit::Code(127));
            }
        }
        None
    }

    async fn say(&self, stream: Stream, text: &str) {
        let text = format!("{text}\n");
        let copy = match stream {
            Stream::Stdout => &self.launch.stdout_path,
            Stream::Stderr => &self.launch.stderr_path,
        };
        if let Some(path) = copy {
            self.write(path, &text, true);
        }
        let data = Bytes::from(text);
        // Nobody listens any more when the run has been given up.
        let _gone = self.output.send(Output { stream, data }).await;
    }

    fn write(&self, path: &str, text: &str, append: bool) -> Option<Exit> {
        let container = self.container;
        let (run, mounts) = (container.sandbox.volume(), &container.spec.mounts);
        let done = container
            .sandbox
            .disk()
            .write(run, mounts, path, text.as_bytes(), append);
        (!done).then_some(Exit::Code(1))
    }

    async fn cat(&self, path: &str) -> Option<Exit> {
        let container = self.container;
        let (run, mounts) = (container.sandbox.volume(), &container.spec.mounts);
        let content = container.sandbox.disk().read(run, mounts, path);
        let Some(content) = content else {
            return Some(Exit::Code(1));
        };
        let text = String::from_utf8_lossy(&content).into_owned();
        self.say(Stream::Stdout, text.trim_end_matches('\n')).await;
        None
    }

    /// Time passes until the instant, the program's timeout, or the moment it is told to end.
    async fn sleep(&self, until: Instant) -> Option<Exit> {
        let mut told = self.container.told.subscribe();
        let killed = async {
            let heard = told.wait_for(|told| told.kill.is_some()).await;
            // The container holds the sender: it hears as long as it runs.
            let grace = heard.ok().and_then(|told| told.kill).unwrap_or_default();
            if self.stubborn {
                tokio::time::sleep(grace).await;
            }
        };
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(until) => None,
            () = killed => Some(Exit::Cancelled),
            () = timed_out(self.deadline) => Some(Exit::TimedOut),
        }
    }

    /// Waits for ever: the scripts that end a breakpoint are the agent's.
    async fn pause(&self) -> Exit {
        let mut told = self.container.told.subscribe();
        if told.wait_for(|told| told.kill.is_some()).await.is_err() {
            std::future::pending::<()>().await;
        }
        Exit::Cancelled
    }
}

async fn timed_out(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The remote control of a fake container.
#[derive(Debug, Clone)]
pub struct FakeControl {
    sandbox: FakeSandbox,
    name: Name,
    told: watch::Sender<Told>,
    ready: Ready,
}

impl Control for FakeControl {
    fn kill(&self, grace: Duration) {
        self.sandbox.log().add(Call::Kill(self.name.clone(), grace));
        self.told.send_modify(|told| {
            told.kill.get_or_insert(grace);
        });
    }

    async fn probe(&self, probe: Probe, _timeout: Duration) -> bool {
        let log = self.sandbox.log();
        log.add(Call::Probe(self.name.clone(), probe));
        let ready = *self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.is_some_and(|at| at <= Instant::now())
    }
}
