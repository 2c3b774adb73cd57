//! A process that outlives this one for some seconds, to remove what it leaves in the engine.
//!
//! The agents end when the command dies, and with them their containers. But a container that is
//! created and not yet started has no agent, and that of a paused one does not run. So a child of
//! every `run` waits for the end of its parent: that is when its standard input ends, however the
//! parent ends.

use std::io::{self, Read as _, Write as _};
use std::process::{ChildStdin, Command, Stdio};

/// The command that the child runs.
pub(super) const COMMAND: &str = "reap";
/// What the child reads when nothing is left.
const DISMISSED: u8 = b'.';
/// The child. When this is dropped without [`Self::dismiss`] it begins to look.
#[derive(Debug)]
pub struct Reaper(ChildStdin);

impl Reaper {
    /// Starts it, for this engine. Ctrl-C does not reach it: it is of another process group.
    pub(super) fn start(engine_host: Option<&str>) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        if let Some(host) = engine_host {
            command.args(["--engine-host", host]);
        }
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command
            .arg(COMMAND)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let input = child.stdin.take();
        input
            .map(Self)
            .ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }

    /// Ends it: nothing is left in the engine.
    pub(super) fn dismiss(mut self) {
        // When it has ended already, nothing needs to be said.
        drop(self.0.write_all(&[DISMISSED]));
    }
}

/// Waits for the end of the parent. Returns whether something may be left.
pub(super) fn outlive_parent() -> bool {
    let mut read = Vec::new();
    drop(io::stdin().read_to_end(&mut read));
    !read.contains(&DISMISSED)
}
