//! What the threads of the supervisor share: the way to the command and the agents.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::allowance::Allowance;
use super::log;
use super::protocol::{Frame, Kind, Wire, invalid};

/// Frames for an agent that does not take them. One more and it is given up: an agent of ours
/// reads all the time.
const WAITING: usize = 1024;

/// Clones are the same.
#[derive(Clone)]
pub(crate) struct Relay {
    output: Arc<Mutex<File>>,
    agents: Arc<Mutex<Agents>>,
}

#[derive(Default)]
struct Agents {
    /// Channels of agents that have not come yet.
    expected: HashSet<u32>,
    /// Those that are there, by channel.
    present: HashMap<u32, Arc<Agent>>,
}

/// An agent that has shown its token.
pub(crate) struct Agent {
    /// The mount namespace of its container; `None` where that cannot be had.
    pub(crate) mounts: Option<OwnedFd>,
    stream: UnixStream,
    orders: SyncSender<Frame>,
    allowance: Mutex<Allowance>,
}

impl Agent {
    /// Starts the thread that writes to it. An agent that does not read must hold up nobody else.
    fn start(stream: UnixStream, mounts: Option<OwnedFd>) -> io::Result<Self> {
        let (orders, waiting) = mpsc::sync_channel(WAITING);
        let writer = stream.try_clone()?;
        spawn(move || write(&writer, &waiting))?;
        Ok(Self {
            mounts,
            stream,
            orders,
            allowance: Mutex::new(Allowance::new()),
        })
    }

    /// Passes a frame of the command on.
    fn tell(&self, frame: Frame) {
        self.allowance().told(&frame);
        if self.orders.try_send(frame).is_err() {
            self.end();
        }
    }

    fn allowance(&self) -> MutexGuard<'_, Allowance> {
        self.allowance
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        // It has ended by itself otherwise.
        self.stream.shutdown(Shutdown::Both).unwrap_or_default();
    }
}

fn write(stream: &UnixStream, orders: &Receiver<Frame>) {
    for frame in orders {
        if frame.write(&mut &*stream).is_err() {
            break;
        }
    }
    stream.shutdown(Shutdown::Both).unwrap_or_default();
}

/// Starts a thread. That there are too many is an error of whoever needs one more.
pub(crate) fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().spawn(work).map(drop)
}

impl Relay {
    /// A relay to the command at the other end of `output`.
    pub(crate) fn new(output: File) -> Self {
        Self {
            output: Arc::new(Mutex::new(output)),
            agents: Arc::default(),
        }
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

    /// Notes that an agent will come, or will not.
    pub(crate) fn expect(&self, channel: u32, is_expected: bool) {
        if is_expected {
            self.agents().expected.insert(channel);
        } else {
            self.agents().expected.remove(&channel);
        }
    }

    /// Whether an agent may still come.
    pub(crate) fn is_expected(&self, channel: u32) -> bool {
        self.agents().expected.contains(&channel)
    }

    /// The agent of a channel, if it is there.
    pub(crate) fn agent(&self, channel: u32) -> Option<Arc<Agent>> {
        self.agents().present.get(&channel).cloned()
    }

    /// Passes a frame of the command on to its agent. One that is not there has been reported.
    pub(crate) fn pass(&self, frame: Frame) {
        if let Some(agent) = self.agent(frame.channel) {
            agent.tell(frame);
        }
    }

    /// Serves an agent until the end of its connection.
    pub(crate) fn serve(&self, channel: u32, stream: UnixStream, mounts: Option<OwnedFd>) {
        let mut incoming = match stream.try_clone() {
            Ok(incoming) => incoming,
            Err(error) => return self.gone(channel, &error),
        };
        let agent = match Agent::start(stream, mounts) {
            Ok(agent) => Arc::new(agent),
            Err(error) => return self.gone(channel, &error),
        };
        let mut agents = self.agents();
        // The command may have given it up meanwhile.
        if !agents.expected.remove(&channel) {
            drop(agents);
            return agent.end();
        }
        agents.present.insert(channel, agent.clone());
        drop(agents);
        self.send(Kind::Ready, channel, &true);
        let result = self.follow(channel, &agent, &mut incoming);
        agent.end();
        self.agents().present.remove(&channel);
        match result {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.gone(channel, &error);
            }
            _ => self.send(Kind::Gone, channel, &None::<String>),
        }
    }

    fn gone(&self, channel: u32, error: &io::Error) {
        self.send(Kind::Gone, channel, &Some(error.to_string()));
    }

    fn follow(&self, channel: u32, agent: &Agent, incoming: &mut UnixStream) -> io::Result<()> {
        let admit = |kind, length| agent.allowance().admit(kind, length);
        while let Some(mut frame) = Frame::read_if(incoming, admit)? {
            frame.channel = channel;
            check(&frame)?;
            self.write(&frame);
        }
        Ok(())
    }
}

/// Whether the command can read it: what it cannot would end the run.
fn check(frame: &Frame) -> io::Result<()> {
    use super::protocol::{Blob, End};
    let readable = match frame.kind {
        Kind::File => frame.message::<(String, Blob)>().is_ok(),
        Kind::Probed => frame.message::<(u32, bool)>().is_ok(),
        Kind::Ended => frame.message::<End>().is_ok(),
        _ => true,
    };
    if readable {
        Ok(())
    } else {
        Err(invalid("it sent a message that cannot be read"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::PipeReader;

    use super::super::protocol::{CHUNK, WINDOW, header};
    use super::*;

    /// A relay that serves one agent, the other end of the agent's connection, and that of the
    /// command.
    fn serving() -> (Relay, UnixStream, PipeReader) {
        let (command, output) = io::pipe().unwrap();
        let relay = Relay::new(File::from(OwnedFd::from(output)));
        let (agent, stream) = UnixStream::pair().unwrap();
        relay.expect(5, true);
        let serving = relay.clone();
        spawn(move || serving.serve(5, stream, None)).unwrap();
        (relay, agent, command)
    }

    fn next(command: &mut PipeReader) -> Frame {
        Frame::read(command).unwrap().unwrap()
    }

    #[test]
    fn an_agent_that_floods_is_ended_and_the_command_hears_why() {
        let (_relay, mut agent, mut command) = serving();
        spawn(move || {
            let output = Frame {
                kind: Kind::Stdout,
                channel: 9,
                payload: vec![0; CHUNK],
            };
            while output.write(&mut agent).is_ok() {}
        })
        .unwrap();
        assert_eq!(next(&mut command).kind, Kind::Ready);
        let mut taken = 0;
        let gone = loop {
            let frame = next(&mut command);
            assert_eq!(frame.channel, 5, "an agent cannot choose its channel");
            if frame.kind == Kind::Gone {
                break frame;
            }
            taken += frame.payload.len();
        };
        assert_eq!(taken, WINDOW);
        let why: Option<String> = gone.message().unwrap();
        assert!(why.unwrap().contains("more than was asked"));
    }

    #[test]
    fn a_long_frame_is_refused_before_it_is_taken() {
        let (_relay, mut agent, mut command) = serving();
        assert_eq!(next(&mut command).kind, Kind::Ready);
        // Only the header: whoever waited for the payload would wait for ever.
        let header = header(Kind::File, 5, 60 << 20).unwrap();
        io::Write::write_all(&mut agent, &header).unwrap();
        assert_eq!(next(&mut command).kind, Kind::Gone);
    }

    #[test]
    fn an_agent_that_does_not_read_holds_up_nobody() {
        let (relay, agent, mut command) = serving();
        assert_eq!(next(&mut command).kind, Kind::Ready);
        for _ in 0..100 {
            for _ in 0..WAITING {
                relay.pass(Frame {
                    kind: Kind::Launch,
                    channel: 5,
                    payload: vec![0; 64],
                });
            }
        }
        assert_eq!(next(&mut command).kind, Kind::Gone);
        drop(agent);
    }

    #[test]
    fn an_agent_that_is_given_up_is_not_served() {
        let (_command, output) = io::pipe().unwrap();
        let relay = Relay::new(File::from(OwnedFd::from(output)));
        let (mut agent, stream) = UnixStream::pair().unwrap();
        relay.serve(5, stream, None);
        assert!(Frame::read(&mut agent).unwrap().is_none());
    }
}
