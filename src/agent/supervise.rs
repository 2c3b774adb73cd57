//! The first process of the sandbox container: relays between the command and the agents.
//!
//! The command is at the other end of standard input and output. When that ends, this process
//! ends, the agents lose their connection and kill what they run: nothing outlives the command.

use std::collections::HashMap;
use std::fs::{self, File, Permissions};
use std::io::{self, BufReader};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::files::Worker;
use super::link::address;
use super::log;
use super::processes::Processes;
use super::protocol::{
    AGENT_DIRECTORY, AGENT_FILE, CHUNK, Frame, HEADER, Kind, RUN_ROOT, Wire,
};

/// How long a connection may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs until the command is gone.
pub(crate) fn supervise(run: &str) -> io::Result<()> {
    // Kept: a container without a first process that reaps and ends on SIGTERM hangs.
    let _processes = Processes::start();
    install()?;
    let listener = UnixListener::bind_addr(&address(run)?)?;
    let relay = Relay::new()?;
    let acceptor = relay.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let relay = acceptor.clone();
            std::thread::spawn(move || relay.serve(stream));
        }
    });
    relay.send(Kind::Up, 0, &true);
    let (work, orders) = mpsc::channel();
    let worker = Worker::new(relay.clone());
    std::thread::spawn(move || worker.run(&orders));
    let mut input = BufReader::with_capacity(CHUNK + HEADER, File::from(io::stdin().as_fd().try_clone_to_owned()?));
    while let Some(frame) = Frame::read(&mut input)? {
        relay.handle(frame, &work)?;
    }
    Ok(())
}

/// Puts this program where the containers of the steps have it mounted.
fn install() -> io::Result<()> {
    let program = fs::read("/proc/self/exe")?;
    let directory = Path::new(RUN_ROOT).join(AGENT_DIRECTORY);
    let file = directory.join(AGENT_FILE);
    if fs::read(&file).is_ok_and(|there| there == program) {
        return Ok(());
    }
    fs::create_dir_all(&directory)?;
    // Not in place: a volume that is taken over may have another version.
    let fresh = directory.join(".fresh");
    fs::write(&fresh, program)?;
    fs::set_permissions(&fresh, Permissions::from_mode(0o755))?;
    fs::rename(fresh, file)
}

/// What all threads share.
#[derive(Clone)]
pub(crate) struct Relay {
    output: Arc<Mutex<File>>,
    agents: Arc<Mutex<Agents>>,
}

#[derive(Default)]
struct Agents {
    /// Channels of agents that have not come yet, by token.
    expected: HashMap<String, u32>,
    /// Those that are there, by channel.
    present: HashMap<u32, Arc<UnixStream>>,
}

impl Relay {
    fn new() -> io::Result<Self> {
        let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok(Self { output: Arc::new(Mutex::new(output)), agents: Arc::default() })
    }

    /// Says something to the command.
    pub(crate) fn send(&self, kind: Kind, channel: u32, message: &impl Wire) {
        self.write(&Frame::new(kind, channel, message));
    }

    fn write(&self, frame: &Frame) {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = frame.write(&mut *output) {
            log::complain(&format!("the command does not listen: {error}"));
            std::process::exit(1);
        }
    }

    fn agents(&self) -> MutexGuard<'_, Agents> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what the command says, or passes it on.
    fn handle(&self, frame: Frame, work: &Sender<Frame>) -> io::Result<()> {
        match frame.kind {
            Kind::Expect => {
                self.agents().expected.insert(frame.message()?, frame.channel);
                Ok(())
            }
            Kind::Files | Kind::Clone => work.send(frame).map_err(io::Error::other),
            _ => {
                if frame.kind == Kind::Discard {
                    self.agents().expected.retain(|_, channel| *channel != frame.channel);
                }
                let agent = self.agents().present.get(&frame.channel).cloned();
                // An agent that is gone has been reported as gone.
                agent.map_or(Ok(()), |agent| frame.write(&mut &*agent)).or(Ok(()))
            }
        }
    }

    /// Serves one connection until its end.
    fn serve(&self, mut stream: UnixStream) {
        let Some(channel) = self.authenticate(&mut stream) else {
            return;
        };
        while let Ok(Some(mut frame)) = Frame::read(&mut stream) {
            frame.channel = channel;
            self.write(&frame);
        }
        self.agents().present.remove(&channel);
        self.send(Kind::Gone, channel, &true);
    }

    /// The channel of an agent with the right token. A token is good for one connection.
    fn authenticate(&self, stream: &mut UnixStream) -> Option<u32> {
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let hello = Frame::read(stream).ok()?.filter(|frame| frame.kind == Kind::Hello)?;
        stream.set_read_timeout(None).ok()?;
        let token: String = hello.message().ok()?;
        let sender = Arc::new(stream.try_clone().ok()?);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut agents = self.agents();
            if let Some(channel) = agents.expected.remove(&token) {
                agents.present.insert(channel, sender);
                drop(agents);
                self.send(Kind::Ready, channel, &true);
                return Some(channel);
            }
            drop(agents);
            if Instant::now() > deadline {
                return None;
            }
            // The agent may be faster than the order to expect it.
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
