//! The first process of the sandbox container: relays between the command and the agents.
//!
//! The command is at the other end of standard input and output. When that ends, this process
//! ends, the agents lose their connection and kill what they run: nothing outlives the command.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, BufReader};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use super::attach;
use super::files::Worker;
use super::log;
use super::processes::Processes;
use super::protocol::{
    AGENT_DIRECTORY, AGENT_FILE, CHUNK, Frame, HEADER, Kind, PLACEHOLDER, RUN_ROOT, SOCKET_FILE,
    invalid,
};
use super::relay::{Relay, spawn};
use super::sockets;
use super::sys;

/// How long a connection may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether an agent is still expected.
const INTERVAL: Duration = Duration::from_secs(1);
/// The longest first message of an agent: a token.
const LONGEST_HELLO: usize = 256;
/// How long another sandbox may take to fill the volume of the agent.
const FILLING: Duration = Duration::from_secs(10);

/// Runs until the command is gone.
pub(crate) fn supervise() -> io::Result<()> {
    // Kept: a container without a first process that reaps and ends on SIGTERM hangs.
    let _processes = Processes::start();
    check_agent()?;
    prepare()?;
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    let relay = Relay::new(File::from(output));
    relay.send(Kind::Up, 0, &true);
    let orders = Orders::start(&relay)?;
    let mut input = BufReader::with_capacity(
        CHUNK + HEADER,
        File::from(io::stdin().as_fd().try_clone_to_owned()?),
    );
    while let Some(frame) = Frame::read(&mut input)? {
        orders.handle(frame)?;
    }
    Ok(())
}

/// Fails unless what the containers of the steps have mounted is this program.
fn check_agent() -> io::Result<()> {
    let program = fs::read("/proc/self/exe")?;
    let mounted = Path::new(AGENT_DIRECTORY).join(AGENT_FILE);
    let deadline = Instant::now() + FILLING;
    while !fs::read(&mounted).is_ok_and(|there| there == program) {
        if Instant::now() > deadline {
            return Err(io::Error::other(
                "the volume with the agent does not hold this version of it: remove the volumes \
                 whose names begin with tkn-local_agent_, and run again",
            ));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Makes the directories of the volume that are not the run's, and removes what an earlier sandbox
/// of this name has left in its own.
fn prepare() -> io::Result<()> {
    let own = sockets::directory();
    match fs::remove_dir_all(&own) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut builder = DirBuilder::new();
    builder.mode(0o755).recursive(true);
    builder.create(own)?;
    builder.create(Path::new(RUN_ROOT).join(PLACEHOLDER))
}

/// Those who do what the command says.
struct Orders {
    relay: Relay,
    files: Sender<Frame>,
    mounts: Sender<Frame>,
}

impl Orders {
    fn start(relay: &Relay) -> io::Result<Self> {
        let (files, file_orders) = mpsc::channel();
        let worker = Worker::new(relay.clone());
        spawn(move || worker.run(&file_orders))?;
        let (mounts, mount_orders) = mpsc::channel();
        let mounter = relay.clone();
        spawn(move || attach::run(&mounter, &mount_orders))?;
        Ok(Self {
            relay: relay.clone(),
            files,
            mounts,
        })
    }

    fn handle(&self, frame: Frame) -> io::Result<()> {
        match frame.kind {
            Kind::Expect => {
                let channel = frame.channel;
                let failure = expect(&self.relay, channel, frame.message()?)
                    .err()
                    .map(|error| format!("cannot wait for an agent: {error}"));
                self.relay.send(Kind::Done, channel, &failure);
                Ok(())
            }
            Kind::Ping => {
                self.relay.send(Kind::Done, frame.channel, &None::<String>);
                Ok(())
            }
            Kind::Files | Kind::Clone => self.files.send(frame).map_err(io::Error::other),
            Kind::Mount => self.mounts.send(frame).map_err(io::Error::other),
            _ => {
                if frame.kind == Kind::Discard {
                    self.relay.expect(frame.channel, false);
                }
                self.relay.pass(frame);
                Ok(())
            }
        }
    }
}

/// Waits for one agent, at a socket that only its container has mounted, and that no longer exists
/// when its program is started: no program can connect to this process.
fn expect(relay: &Relay, channel: u32, token: String) -> io::Result<()> {
    let directory = sockets::directory().join(channel.to_string());
    DirBuilder::new().mode(0o755).create(&directory)?;
    let socket = directory.join(SOCKET_FILE);
    let listener = UnixListener::bind(&socket)?;
    // The agent is the user of its container, whoever that is.
    fs::set_permissions(&socket, Permissions::from_mode(0o777))?;
    listener.set_nonblocking(true)?;
    relay.expect(channel, true);
    let waiter = relay.clone();
    spawn(move || {
        let agent = wait(&waiter, channel, &listener, &token);
        drop(listener);
        remove(directory);
        if let Some((stream, mounts)) = agent {
            waiter.serve(channel, stream, mounts);
        }
    })
}

fn remove(directory: PathBuf) {
    if let Err(error) = fs::remove_dir_all(directory) {
        log::complain(&format!("cannot remove a socket: {error}"));
    }
}

/// The connection of the agent with the right token; `None` when it is no longer expected.
fn wait(
    relay: &Relay,
    channel: u32,
    listener: &UnixListener,
    token: &str,
) -> Option<(UnixStream, Option<OwnedFd>)> {
    while relay.is_expected(channel) {
        let is_there = sys::wait_readable([Some(listener.as_fd())], Some(INTERVAL));
        if !is_there.is_ok_and(|[is_there]| is_there) {
            continue;
        }
        let Ok((stream, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(100));
            continue;
        };
        if let Ok(mounts) = authenticate(&stream, token) {
            return Some((stream, mounts));
        }
    }
    None
}

/// Reads the token. Returns the mount namespace that came before it.
fn authenticate(mut stream: &UnixStream, token: &str) -> io::Result<Option<OwnedFd>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mounts = sys::receive_descriptor(stream.as_fd())?;
    let hello = Frame::read_if(&mut stream, |kind, length| {
        if kind == Kind::Hello && length <= LONGEST_HELLO {
            Ok(())
        } else {
            Err(invalid("expected a greeting"))
        }
    })?;
    let shown: Option<String> = hello.and_then(|hello| hello.message().ok());
    if shown.as_deref() != Some(token) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    stream.set_read_timeout(None)?;
    Ok(mounts)
}
