//! The agent of a step or sidecar: waits to be released, runs one program, reports.

use std::io;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::child::{self, Started};
use super::credentials::{remove_copies, write_credentials};
use super::link::Link;
use super::outputs::Outputs;
use super::processes::Processes;
use super::protocol::{
    Blob, CHUNK, Check, End, Frame, How, Kind, MAX_FILES, MAX_KEY, Program, shortened,
};
use super::record::Record;
use super::sys::SIGTERM;
use super::watchdog::Reported;
use super::{breakpoint, memory, probe, regular, sys};

/// What the main thread is told.
pub(crate) enum Event {
    /// Run this.
    Launch(Box<Program>),
    /// End it, with this grace.
    Kill(Duration),
    /// The program ended.
    Exited(ExitStatus),
}

type Environment = Arc<OnceLock<Vec<(String, String)>>>;

/// Runs until the program has been reported.
pub(crate) fn step(token: &str) -> io::Result<()> {
    let processes = Processes::start();
    let (link, incoming) = Link::connect(token)?;
    // Its program may be the same user, and must not speak for it.
    sys::forbid_tracing()?;
    let (sender, events) = mpsc::channel();
    let environment = Environment::default();
    let listener = Listener {
        link: link.clone(),
        processes: processes.clone(),
        environment: environment.clone(),
        events: sender.clone(),
    };
    std::thread::Builder::new().spawn(move || listener.run(incoming))?;
    let Ok(Event::Launch(program)) = events.recv() else {
        return Ok(());
    };
    // Set once: there is one launch.
    environment.set(program.env.clone()).unwrap_or_default();
    Step {
        program: *program,
        processes,
        link,
        sender,
        events,
    }
    .run()
}

/// The thread that reads what the supervisor relays.
struct Listener {
    link: Link,
    processes: Processes,
    environment: Environment,
    events: Sender<Event>,
}

impl Listener {
    fn run(&self, mut incoming: UnixStream) {
        while let Ok(Some(frame)) = Frame::read(&mut incoming) {
            if frame.kind == Kind::Discard || self.handle(&frame).is_err() {
                break;
            }
        }
        // Nobody is there to report to. The kernel kills what is left of this container when its
        // first process ends; outside of a container this does it.
        self.processes.kill_all();
        remove_copies();
        std::process::exit(1);
    }

    fn handle(&self, frame: &Frame) -> io::Result<()> {
        let event = match frame.kind {
            Kind::Launch => Event::Launch(Box::new(frame.message()?)),
            Kind::Kill => Event::Kill(Duration::from_millis(frame.message()?)),
            Kind::Credit => {
                self.link.give_credit(frame.message()?);
                return Ok(());
            }
            Kind::Probe => {
                self.probe(frame.message()?);
                return Ok(());
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        self.events.send(event).map_err(io::Error::other)
    }

    fn probe(&self, check: Check) {
        let (link, processes) = (self.link.clone(), self.processes.clone());
        let environment = self.environment.get().cloned().unwrap_or_default();
        let id = check.id;
        let answer = move |link: &Link, success: bool| {
            // A lost connection ends this process anyway.
            link.send(Kind::Probed, &(id, success)).unwrap_or_default();
        };
        let work = move || {
            let timeout = Duration::from_millis(check.timeout);
            let success = probe::check(&check.what, timeout, &processes, &environment);
            answer(&link, success);
        };
        // Its program may have used up all the threads there are.
        if std::thread::Builder::new().spawn(work).is_err() {
            answer(&self.link, false);
        }
    }
}

/// A released step.
struct Step {
    program: Program,
    processes: Processes,
    link: Link,
    sender: Sender<Event>,
    events: Receiver<Event>,
}

impl Step {
    fn run(self) -> io::Result<()> {
        self.link.send(Kind::Started, &true)?;
        let record = self.open_record()?;
        let stopped = if self.program.pause_before {
            breakpoint::before(&self.link, &self.events, &record)?
        } else {
            None
        };
        let start = Instant::now();
        let reported = self.watch()?;
        let is_stopped = stopped.is_some();
        let mut how = match stopped {
            Some(how) => how,
            None => self.execute(start)?,
        };
        self.log_failure(&how)?;
        let pauses = self.program.pause_on_failure && !is_stopped && is_failure(&how);
        // The timeout does not count while it is debugged.
        if pauses && !reported.claim() {
            return Ok(());
        }
        if pauses {
            how = breakpoint::wait(&self.link, &self.events, &record)?;
        } else if let Err(error) = record.write(&how, self.program.on_error_continue) {
            self.link.log(&format!(
                "Error writing the post file: {}",
                child::say(&error)
            ))?;
        }
        let elapsed = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let file_error = self.send_files()?;
        remove_copies();
        let oom_killed = memory::was_killed_for_memory();
        if !pauses && !reported.claim() {
            return Ok(());
        }
        self.link.send(
            Kind::Ended,
            &End {
                how,
                elapsed,
                oom_killed,
                file_error,
            },
        )
    }

    fn watch(&self) -> io::Result<Reported> {
        let reported = Reported::default();
        if let Some(timeout) = self.program.timeout {
            let timeout = Duration::from_millis(timeout);
            reported.watch(timeout, self.link.clone(), self.processes.clone())?;
        }
        Ok(reported)
    }

    /// The record of the step. Without its directories the step still runs, as in Tekton.
    fn open_record(&self) -> io::Result<Record> {
        match Record::open(self.program.run_dir.as_deref()) {
            Ok(record) => Ok(record),
            Err(error) => {
                let error = child::say(&error);
                self.link
                    .log(&format!("Error creating step directories: {error}"))?;
                Record::open(None)
            }
        }
    }

    /// Prepares and runs the program.
    fn execute(&self, start: Instant) -> io::Result<How> {
        let home = child::variable(&self.program.env, "HOME");
        for complaint in write_credentials(&self.program.credentials, home.as_deref()) {
            self.link.log(&complaint)?;
        }
        if self.program.argv.is_empty() {
            return Ok(How::Code { code: 0 });
        }
        let exited = self.sender.clone();
        let on_exit = move |status| exited.send(Event::Exited(status)).unwrap_or_default();
        let Started { mut child, copies } =
            match child::start(&self.program, &self.processes, on_exit) {
                Ok(started) => started,
                Err(error) => {
                    let reason = format!("Error executing command: {error}");
                    let reason = shortened(&reason).to_owned();
                    return Ok(How::NotStarted { reason });
                }
            };
        self.processes.bring_forward(&child);
        let outputs = Outputs::start(
            &mut child,
            copies,
            self.link.clone(),
            self.processes.clone(),
        )?;
        let how = self.wait(start)?;
        outputs.finish()?;
        Ok(how)
    }

    /// Waits for the end of the program, and brings it about when it is time.
    fn wait(&self, start: Instant) -> io::Result<How> {
        let timeout = self.program.timeout.map(Duration::from_millis);
        let mut kill_at = timeout.and_then(|timeout| start.checked_add(timeout));
        let mut forced = None;
        loop {
            match self.next_event(kill_at) {
                Ok(Event::Exited(status)) => return Ok(forced.unwrap_or_else(|| how(status))),
                Ok(Event::Kill(grace)) => {
                    forced = Some(How::Cancelled {});
                    kill_at = Instant::now().checked_add(grace);
                    self.processes.signal_foreground(SIGTERM);
                }
                Ok(Event::Launch(_)) => {}
                Err(RecvTimeoutError::Timeout) => {
                    forced.get_or_insert(How::TimedOut {});
                    kill_at = None;
                    self.processes.kill_all();
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }

    fn next_event(&self, deadline: Option<Instant>) -> Result<Event, RecvTimeoutError> {
        deadline.map_or_else(
            || self.events.recv().map_err(RecvTimeoutError::from),
            |deadline| {
                self.events
                    .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            },
        )
    }

    /// A sidecar has no entrypoint around it on a cluster; to be ended is its usual end.
    fn is_step(&self) -> bool {
        self.program.run_dir.is_some()
    }

    /// What Tekton's entrypoint says about an end that was not the program's own.
    fn log_failure(&self, how: &How) -> io::Result<()> {
        match how {
            How::NotStarted { reason } => self.link.log(reason),
            How::TimedOut {} => self.link.log("context deadline exceeded"),
            How::Cancelled {} if self.is_step() => self.link.log("Step was cancelled"),
            How::Cancelled {} | How::Code { .. } | How::Signal { .. } => Ok(()),
        }
    }

    /// Sends the wanted files that exist. Returns what went wrong with the first that cannot be
    /// read.
    fn send_files(&self) -> io::Result<Option<String>> {
        let mut complaint = None;
        let mut left = MAX_FILES;
        for (key, path) in &self.program.files {
            let content = regular::read(Path::new(path)).and_then(|content| {
                let length = content.as_ref().map_or(0, Vec::len);
                let too_much = "the files of this step are larger than 64 MiB in all";
                left = left
                    .checked_sub(length)
                    .ok_or_else(|| io::Error::other(too_much))?;
                Ok(content)
            });
            match content {
                Ok(Some(content)) => self.send_file(key, &content)?,
                Ok(None) => {}
                Err(error) => {
                    let text = format!("open {path}: {}", child::say(&error));
                    complaint.get_or_insert_with(|| shortened(&text).to_owned());
                }
            }
        }
        Ok(complaint)
    }

    fn send_file(&self, key: &str, content: &[u8]) -> io::Result<()> {
        if key.len() > MAX_KEY {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let send = |piece: &[u8]| {
            let message = (key.to_owned(), Blob(piece.to_vec()));
            self.link.send(Kind::File, &message)
        };
        if content.is_empty() {
            return send(content);
        }
        content.chunks(CHUNK).try_for_each(send)
    }
}

fn how(status: ExitStatus) -> How {
    match (status.code(), status.signal()) {
        (Some(code), _) => How::Code { code },
        (None, signal) => How::Signal {
            signal: signal.unwrap_or_default(),
        },
    }
}

/// Whether a breakpoint holds it: not what the user ended himself.
fn is_failure(how: &How) -> bool {
    !matches!(how, How::Code { code: 0 } | How::Cancelled {})
}
