//! The connection of an agent to the supervisor, as all its threads use it.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::log;
use super::protocol::{Frame, Kind, WINDOW, Wire, write_frame};

/// The abstract address of a run's supervisor. Abstract, so that it belongs to the network
/// namespace, which all containers of the sandbox share, and not to a file system.
pub(crate) fn address(run: &str) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("tkn-local/{run}"))
}

/// The sending half. Clones are the same.
#[derive(Clone)]
pub(crate) struct Link {
    stream: Arc<Mutex<UnixStream>>,
    credit: Arc<Credit>,
}

/// How many bytes of output may still be sent. Below zero after output that could not wait.
struct Credit {
    left: Mutex<i64>,
    given: Condvar,
}

impl Link {
    /// Connects and authenticates. Returns the receiving half as well.
    pub(crate) fn connect(run: &str, token: &str) -> io::Result<(Self, UnixStream)> {
        let stream = UnixStream::connect_addr(&address(run)?)?;
        let incoming = stream.try_clone()?;
        let link = Self {
            stream: Arc::new(Mutex::new(stream)),
            credit: Arc::new(Credit {
                left: Mutex::new(i64::try_from(WINDOW).unwrap_or(i64::MAX)),
                given: Condvar::new(),
            }),
        };
        link.send(Kind::Hello, &token.to_owned())?;
        Ok((link, incoming))
    }

    /// Sends a message.
    pub(crate) fn send(&self, kind: Kind, message: &impl Wire) -> io::Result<()> {
        let frame = Frame::new(kind, 0, message);
        self.write(frame.kind, &frame.payload)
    }

    /// Sends output, waiting for credit.
    pub(crate) fn output(&self, kind: Kind, data: &[u8]) -> io::Result<()> {
        let mut left = self.credit.left.lock().unwrap_or_else(PoisonError::into_inner);
        while *left <= 0 {
            left = self.credit.given.wait(left).unwrap_or_else(PoisonError::into_inner);
        }
        *left -= i64::try_from(data.len()).unwrap_or(i64::MAX);
        drop(left);
        self.write(kind, data)
    }

    /// Says something on the step's standard error.
    pub(crate) fn log(&self, text: &str) -> io::Result<()> {
        self.output(Kind::Stderr, log::line(text).as_bytes())
    }

    /// Allows so many more bytes of output.
    pub(crate) fn give_credit(&self, bytes: u32) {
        *self.credit.left.lock().unwrap_or_else(PoisonError::into_inner) += i64::from(bytes);
        self.credit.given.notify_all();
    }

    fn write(&self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        write_frame(&mut *stream, kind, 0, payload)
    }
}
