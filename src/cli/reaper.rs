//! A process that outlives this one for some seconds, to remove what it leaves in the engine.
//!
//! The agents end when the command dies, and with them their containers. But a container that is
//! created and not yet started has no agent, and that of a paused one does not run. So a child of
//! every `run` waits for the end of its parent: that is when its standard input ends, however the
//! parent ends.

use std::io::{self, Read as _, Write as _};
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::engine::{Connect, EngineRequest};
use crate::sandbox::Engine as _;

/// The command that the child runs.
pub(super) const COMMAND: &str = "reap";
/// What the child reads when nothing is left.
const DISMISSED: u8 = b'.';
/// How long it looks after the end of its parent: a request that was under way may still be done.
const WATCH: Duration = Duration::from_secs(10);
/// How long it waits for an engine that does not answer.
const PATIENCE: Duration = Duration::from_secs(300);
/// The pause between two looks.
const INTERVAL: Duration = Duration::from_millis(500);

/// The child. When this is dropped without [`Self::dismiss`] it begins to look.
#[derive(Debug)]
pub struct Reaper(ChildStdin);

impl Reaper {
    /// Starts it. Ctrl-C does not reach it: it is of another process group.
    pub(super) fn start(request: &EngineRequest) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        if let Some(host) = &request.host {
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

/// Removes what dead processes have left, until the last of it must have appeared.
pub(super) async fn look<C: Connect>(connector: &C, request: &EngineRequest) {
    let begin = Instant::now();
    let engine = loop {
        if let Ok(connected) = connector.connect(request.clone()).await {
            break connected.engine;
        }
        if begin.elapsed() > PATIENCE {
            return;
        }
        sleep(INTERVAL).await;
    };
    let since = Instant::now();
    while since.elapsed() < WATCH {
        let swept = engine.sweep().await;
        tracing::debug!(?swept, "looked for what the parent left");
        sleep(INTERVAL).await;
    }
}
