//! Streaming what a program writes.

use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::Child;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::link::Link;
use super::processes::Processes;
use super::protocol::{CHUNK, Kind};
use super::{regular, sys};

/// How long processes that a program leaves behind may go on writing. In a pod they die with it;
/// this lets a `tee` at the end of a shell's pipeline finish.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long the killed may take to close their ends.
const PATIENCE_AFTER_KILL: Duration = Duration::from_millis(100);
/// The most a pipe can hold without privileges (`/proc/sys/fs/pipe-max-size`).
const LARGEST_PIPE: usize = 1 << 20;

/// A thread that streams both outputs of a program.
pub(crate) struct Outputs {
    thread: JoinHandle<io::Result<()>>,
    /// Closed when the program has ended.
    running: PipeWriter,
}

/// One output of a program.
struct Source {
    kind: Kind,
    pipe: File,
    copy: Option<File>,
}

impl Outputs {
    /// Starts to stream the outputs of `child`, and into the copies as well.
    pub(crate) fn start(
        child: &mut Child,
        copies: [Option<File>; 2],
        link: Link,
        processes: Processes,
    ) -> io::Result<Self> {
        let (ended, running) = io::pipe()?;
        let [copy_out, copy_err] = copies;
        let source = |kind, pipe: Option<OwnedFd>, copy| {
            pipe.map(|pipe| Source {
                kind,
                pipe: File::from(pipe),
                copy,
            })
        };
        let sources = [
            source(
                Kind::Stdout,
                child.stdout.take().map(OwnedFd::from),
                copy_out,
            ),
            source(
                Kind::Stderr,
                child.stderr.take().map(OwnedFd::from),
                copy_err,
            ),
        ];
        let mut pump = Pump {
            sources,
            link,
            buffer: vec![0; CHUNK],
        };
        let work = move || pump.run(&ended, &processes);
        let thread = std::thread::Builder::new().spawn(work)?;
        Ok(Self { thread, running })
    }

    /// Sends the rest: to be called when the program has ended.
    pub(crate) fn finish(self) -> io::Result<()> {
        drop(self.running);
        self.thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the output was not read")))
    }
}

struct Pump {
    sources: [Option<Source>; 2],
    link: Link,
    buffer: Vec<u8>,
}

impl Pump {
    fn run(&mut self, ended: &PipeReader, processes: &Processes) -> io::Result<()> {
        while self.is_open() {
            let [out, err] = self
                .sources
                .each_ref()
                .map(|s| s.as_ref().map(|s| s.pipe.as_fd()));
            let ready = sys::wait_readable([out, err, Some(ended.as_fd())], None)?;
            self.forward([ready[0], ready[1]])?;
            if ready[2] {
                break;
            }
        }
        self.forward_until(Instant::now() + PATIENCE)?;
        if self.is_open() {
            processes.kill_all();
            self.forward_until(Instant::now() + PATIENCE_AFTER_KILL)?;
        }
        self.drain()
    }

    fn is_open(&self) -> bool {
        self.sources.iter().any(Option::is_some)
    }

    /// Streams until both have ended or the time has come. A slow reader does not use time up.
    fn forward_until(&mut self, mut deadline: Instant) -> io::Result<()> {
        while self.is_open() && Instant::now() < deadline {
            // At least a millisecond: poll counts in those.
            let left = deadline
                .duration_since(Instant::now())
                .max(Duration::from_millis(1));
            let [out, err] = self
                .sources
                .each_ref()
                .map(|s| s.as_ref().map(|s| s.pipe.as_fd()));
            let ready = sys::wait_readable([out, err], Some(left))?;
            let before = Instant::now();
            self.forward(ready)?;
            deadline += before.elapsed();
        }
        Ok(())
    }

    /// Takes what is still in the pipes of those who would not close them: the program wrote it.
    fn drain(&mut self) -> io::Result<()> {
        let mut left = LARGEST_PIPE;
        while self.is_open() && left > 0 {
            let [out, err] = self
                .sources
                .each_ref()
                .map(|s| s.as_ref().map(|s| s.pipe.as_fd()));
            let ready = sys::wait_readable([out, err], Some(Duration::ZERO))?;
            if ready == [false, false] {
                break;
            }
            self.forward(ready)?;
            left = left.saturating_sub(CHUNK);
        }
        Ok(())
    }

    fn forward(&mut self, ready: [bool; 2]) -> io::Result<()> {
        for (slot, ready) in self.sources.iter_mut().zip(ready) {
            let Some(source) = slot.as_mut().filter(|_| ready) else {
                continue;
            };
            match source.pipe.read(&mut self.buffer) {
                Ok(0) => *slot = None,
                Ok(length) => {
                    let data = &self.buffer[..length];
                    self.link.output(source.kind, data)?;
                    let copied = source
                        .copy
                        .as_mut()
                        .map_or(Ok(()), |file| file.write_all(data));
                    if let Err(error) = copied {
                        // Once: the next write would most likely fail as well.
                        source.copy = None;
                        self.link
                            .log(&format!("the output can no longer be copied: {error}"))?;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => *slot = None,
            }
        }
        Ok(())
    }
}

/// Opens a file for a copy of an output, as Tekton does: appending, directories made.
pub(crate) fn open_copy(path: &str) -> io::Result<File> {
    if let Some(parent) = Path::new(path).parent() {
        fs::create_dir_all(parent)?;
    }
    regular::open_copy(Path::new(path))
}
