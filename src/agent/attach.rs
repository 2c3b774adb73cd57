//! Attaching mounts of parts of volumes to containers that are there already.
//!
//! An engine binds a directory by its path, and between any look at that path and the bind a step
//! can exchange one of its directories for a link. So the engine binds an empty directory, and
//! while the agent still waits, the directory that was opened is attached in its place, by its
//! descriptor. That takes a privilege which the supervisor, with its connections to the steps,
//! must not have: the mounter is a process in a container of its own, which has it, and speaks to
//! the supervisor alone.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::beneath;
use super::processes::Processes;
use super::protocol::{Attachment, Frame, Kind, MOUNTER_SOCKET, MountRequest, shortened};
use super::relay::Relay;
use super::sockets;
use super::sys::{self, CLONE_FS, O_DIRECTORY, O_PATH};

/// How long the mounter, or the supervisor, may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

fn socket() -> PathBuf {
    sockets::directory().join(MOUNTER_SOCKET)
}

/// The supervisor's thread that passes requests on to the mounter, with the mount namespace of the
/// agent they are about.
pub(crate) fn run(relay: &Relay, orders: &Receiver<Frame>) {
    let mut mounter = None;
    for frame in orders {
        let failure = request(relay, &frame, &mut mounter);
        let failure =
            failure.unwrap_or_else(|error| Some(format!("the mounter does not answer: {error}")));
        relay.send(Kind::Done, frame.channel, &failure);
    }
}

fn request(
    relay: &Relay,
    frame: &Frame,
    mounter: &mut Option<UnixStream>,
) -> io::Result<Option<String>> {
    let request: MountRequest = frame.message()?;
    let Some(agent) = relay.agent(request.agent) else {
        return Ok(Some("the container has ended".to_owned()));
    };
    let Some(namespace) = &agent.mounts else {
        return Ok(Some("its mount namespace cannot be opened".to_owned()));
    };
    if mounter.is_none() {
        *mounter = Some(connect()?);
    }
    let Some(stream) = mounter else {
        return Err(io::ErrorKind::NotConnected.into());
    };
    sys::send_descriptor(stream.as_fd(), Some(namespace.as_fd()))?;
    frame.write(stream)?;
    let answer = Frame::read(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    answer.message()
}

fn connect() -> io::Result<UnixStream> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match UnixStream::connect(socket()) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// The mounter: the first process of its container. Runs until the supervisor has ended.
pub(crate) fn mounter() -> io::Result<()> {
    let _processes = Processes::start();
    let listener = UnixListener::bind(socket())?;
    let [is_there] = sys::wait_readable([Some(listener.as_fd())], Some(PATIENCE))?;
    if !is_there {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let (mut stream, _) = listener.accept()?;
    drop(listener);
    std::fs::remove_file(socket())?;
    loop {
        let Ok(namespace) = sys::receive_descriptor(stream.as_fd()) else {
            return Ok(());
        };
        let Some(frame) = Frame::read(&mut stream)? else {
            return Ok(());
        };
        let request: MountRequest = frame.message()?;
        // In a thread of its own: there is no way back from another mount namespace.
        let worker = std::thread::Builder::new().spawn(move || {
            let namespace = namespace.ok_or(io::ErrorKind::InvalidInput)?;
            attach_all(&request.mounts, &namespace)
        });
        let result = worker.and_then(|worker| {
            let died = |_| Err(io::Error::other("the mounter has a fault"));
            worker.join().unwrap_or_else(died)
        });
        let failure = result.err().map(|error| error.to_string());
        let failure = failure.map(|text| shortened(&text).to_owned());
        Frame::new(Kind::Done, frame.channel, &failure).write(&mut stream)?;
    }
}

/// Attaches mounts in a mount namespace, in this order.
fn attach_all(mounts: &[Attachment], namespace: &OwnedFd) -> io::Result<()> {
    let sources: Vec<OwnedFd> = mounts
        .iter()
        .map(|mount| about(mount, detached(mount)))
        .collect::<io::Result<_>>()?;
    // The thread's root becomes that of the container, and no path leads out of it.
    sys::leave_namespaces(CLONE_FS)?;
    sys::enter_mount_namespace(namespace.as_fd())?;
    let mut attached: Vec<(&Path, &OwnedFd)> = Vec::new();
    for (mount, source) in mounts.iter().zip(&sources) {
        let target = Path::new(&mount.target);
        let at = about(mount, target_directory(target, &attached))?;
        about(mount, sys::attach_mount(source.as_fd(), at.as_fd()))?;
        attached.push((target, source));
    }
    // Last: the targets of others may have to be made in them.
    for (mount, source) in mounts.iter().zip(&sources) {
        about(mount, sys::seal_mount(source.as_fd(), mount.read_only))?;
    }
    Ok(())
}

fn about<T>(mount: &Attachment, result: io::Result<T>) -> io::Result<T> {
    result.map_err(|error| io::Error::other(format!("cannot mount {}: {error}", mount.target)))
}

fn detached(mount: &Attachment) -> io::Result<OwnedFd> {
    match &mount.source {
        Some(path) => {
            let directory = beneath::open_directory(Path::new(path))?;
            sys::detached_mount(directory.as_fd())
        }
        None => sys::detached_tmpfs(),
    }
}

/// The directory to mount at. One in a mount of this request is reached without following links:
/// steps can write there. Any other was made by the engine.
fn target_directory(target: &Path, attached: &[(&Path, &OwnedFd)]) -> io::Result<OwnedFd> {
    let outer = attached
        .iter()
        .rev()
        .find_map(|(outer, mount)| Some((target.strip_prefix(outer).ok()?, mount)));
    match outer {
        Some((below, mount)) => beneath::make_directory(mount.try_clone()?, below),
        None => sys::open_at(None, target.as_os_str(), O_PATH | O_DIRECTORY),
    }
}
