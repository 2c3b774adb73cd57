//! The connection of an agent to the supervisor, as all its threads use it.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::log;
use super::protocol::{
    CHUNK, FRAME_COST, Frame, Kind, SOCKET_DIRECTORY, SOCKET_FILE, WINDOW, Wire, write_frame,
};
use super::sys;

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
    pub(crate) fn connect(token: &str) -> io::Result<(Self, UnixStream)> {
        let stream = UnixStream::connect(Path::new(SOCKET_DIRECTORY).join(SOCKET_FILE))?;
        // Only mounts of parts of volumes need it; they fail without.
        let mounts = File::open("/proc/self/ns/mnt").ok();
        sys::send_descriptor(stream.as_fd(), mounts.as_ref().map(AsFd::as_fd))?;
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
        data.chunks(CHUNK)
            .try_for_each(|piece| self.output_piece(kind, piece))
    }

    fn output_piece(&self, kind: Kind, data: &[u8]) -> io::Result<()> {
        let mut left = self
            .credit
            .left
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while *left <= 0 {
            left = self
                .credit
                .given
                .wait(left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *left -= i64::try_from(data.len() + FRAME_COST).unwrap_or(i64::MAX);
        drop(left);
        self.write(kind, data)
    }

    /// Says something on the step's standard error.
    pub(crate) fn log(&self, text: &str) -> io::Result<()> {
        self.output(Kind::Stderr, log::line(text).as_bytes())
    }

    /// Allows so many more bytes of output.
    pub(crate) fn give_credit(&self, bytes: u32) {
        *self
            .credit
            .left
            .lock()
            .unwrap_or_else(PoisonError::into_inner) += i64::from(bytes);
        self.credit.given.notify_all();
    }

    fn write(&self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        write_frame(&mut *stream, kind, 0, payload)
    }
}
