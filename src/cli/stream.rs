//! The standard streams of a command.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::report::Device;
use crate::terminal::Filter;

/// A stream that several sinks write to. When its reader has gone away it swallows the rest: that
/// nobody reads any more is no failure.
///
/// Whatever is written to a terminal passes its [`Filter`]; files and pipes get the bytes as they
/// are. No other part of the program opens a standard stream.
#[derive(Clone)]
pub struct OutStream(Arc<Mutex<Inner>>);

struct Inner {
    name: &'static str,
    writer: Box<dyn Write + Send>,
    /// Of a terminal.
    filter: Option<Filter>,
    closed: bool,
}

impl OutStream {
    /// A stream to `writer`. `name` is what its failures call it.
    pub fn new(name: &'static str, writer: impl Write + Send + 'static) -> Self {
        Self::with(name, writer, None)
    }

    /// A stream to `writer`, which may be a terminal; `reads_utf8` says whether that one reads
    /// UTF-8.
    pub fn to_device(
        name: &'static str,
        writer: impl Write + IsTerminal + Send + 'static,
        reads_utf8: bool,
    ) -> Self {
        let filter = writer.is_terminal().then(|| Filter::new(reads_utf8));
        Self::with(name, writer, filter)
    }

    fn with(
        name: &'static str,
        writer: impl Write + Send + 'static,
        filter: Option<Filter>,
    ) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            name,
            writer: Box::new(writer),
            filter,
            closed: false,
        })))
    }

    /// True when its reader has gone away.
    fn is_closed(&self) -> bool {
        self.inner().closed
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for OutStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutStream")
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn unless_closed<T>(
        &mut self,
        instead: T,
        act: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.closed {
            return Ok(instead);
        }
        match act(&mut *self.writer) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(instead)
            }
            Err(error) => {
                let name = self.name;
                Err(io::Error::new(error.kind(), format!("{name}: {error}")))
            }
            taken => taken,
        }
    }
}

impl Device for OutStream {
    fn steer(&mut self, frame: &str) -> io::Result<()> {
        self.inner()
            .unless_closed((), |writer| writer.write_all(frame.as_bytes()))
    }
}

impl Write for OutStream {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.write_all(data)?;
        Ok(data.len())
    }

    fn write_all(&mut self, data: &[u8]) -> io::Result<()> {
        let mut inner = self.inner();
        let mut shown = Vec::new();
        let data = match &mut inner.filter {
            Some(filter) => {
                filter.push(data, &mut shown);
                &shown
            }
            None => data,
        };
        inner.unless_closed((), |writer| writer.write_all(data))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner().unless_closed((), |writer| writer.flush())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write as _};

    use super::OutStream;

    struct Gone;

    impl io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Full;

    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure_but_a_full_disk_is() {
        let mut stream = OutStream::new("gone", Gone);
        assert!(!stream.is_closed());
        stream.write_all(b"x").unwrap();
        assert!(stream.is_closed());
        assert_eq!(stream.write(b"abc").unwrap(), 3);
        let error = OutStream::new("the log", Full).write_all(b"x").unwrap_err();
        assert!(error.to_string().starts_with("the log: "), "{error}");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
