//! Signals become interrupts of a run.

use std::io;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::exit::ExitStatus;
use crate::execute::Interrupt;

/// How long a run that is killed may take to clean up.
const LAST_WORDS: Duration = Duration::from_millis(700);
/// How long what is left of the output may take.
const FLUSH: Duration = Duration::from_millis(150);

/// A signal that ends a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGINT: Ctrl-C.
    Int,
    /// SIGTERM or SIGHUP.
    Term,
    /// SIGUSR1: from `tkn-local cancel --grace StoppedRunFinally`.
    Stop,
}

/// What was asked so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Asked {
    ints: u32,
    terms: u32,
}

impl Asked {
    /// Counts a signal. Returns what it asks of the run, and the line to print.
    pub(super) fn hear(&mut self, signal: Signal) -> (Interrupt, &'static str) {
        match signal {
            Signal::Int => self.ints += 1,
            Signal::Term => self.terms += 1,
            Signal::Stop => {
                let line =
                    "stopping: waiting for running tasks; only finally tasks start after them";
                return (Interrupt::StopRunFinally, line);
            }
        }
        match (self.ints, self.terms) {
            (1, 0) => (
                Interrupt::CancelRunFinally,
                "cancelling: stopping running tasks, then running finally tasks; press Ctrl-C again to stop those too",
            ),
            (2, 0) => (
                Interrupt::Cancel,
                "cancelling everything; press Ctrl-C again to kill the run",
            ),
            (0 | 1, 1) => (
                Interrupt::Cancel,
                "cancelling everything; send the signal again to kill the run",
            ),
            _ => (Interrupt::Kill, "killing the run"),
        }
    }

    /// The exit status of a run that was interrupted; `None` when it was not.
    pub(super) const fn exit_status(self) -> Option<ExitStatus> {
        match (self.ints, self.terms) {
            (0, 0) => None,
            (_, 0) => Some(ExitStatus::Interrupted),
            _ => Some(ExitStatus::Terminated),
        }
    }
}

/// A signal that was heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    /// What it asks of the run.
    pub(super) interrupt: Interrupt,
    /// What was asked so far.
    pub(super) asked: Asked,
    /// What a person is told.
    pub(super) line: &'static str,
}

/// Hears signals for the rest of the process, on a thread of its own: whatever the run waits for,
/// the terminal included, a request to kill ends the process within [`LAST_WORDS`]. When nobody
/// receives any more, a signal ends the process at once, as it does without this.
pub(super) fn listen() -> io::Result<UnboundedReceiver<Heard>> {
    let (sender, heard) = unbounded_channel();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            // Without signals the run continues; it can still be killed.
            let asked = runtime.block_on(hear(&sender));
            tracing::debug!(?asked, "no more signals are heard");
        })?;
    Ok(heard)
}

async fn hear(sender: &UnboundedSender<Heard>) -> io::Result<()> {
    let mut signals = Signals::new()?;
    let mut asked = Asked::default();
    while let Some(signal) = signals.next().await {
        let (interrupt, line) = asked.hear(signal);
        let heard = Heard {
            interrupt,
            asked,
            line,
        };
        let is_heard = sender.send(heard).is_ok();
        if interrupt == Interrupt::Kill && is_heard {
            tokio::time::sleep(LAST_WORDS).await;
        }
        if interrupt == Interrupt::Kill || (!is_heard && signal != Signal::Stop) {
            end(asked.exit_status().unwrap_or(ExitStatus::Terminated));
        }
    }
    Ok(())
}

/// Ends the process, also when its output is blocked.
#[expect(
    clippy::disallowed_methods,
    clippy::exit,
    reason = "the main thread may wait for something that never comes"
)]
fn end(status: ExitStatus) {
    std::thread::spawn(move || std::process::exit(i32::from(status.code())));
    std::thread::sleep(FLUSH);
    // What is left of the output cannot be written.
    #[cfg(unix)]
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
        .unwrap_or_default();
}

#[cfg(unix)]
struct Signals {
    int: tokio::signal::unix::Signal,
    term: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
    stop: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            int: signal(SignalKind::interrupt())?,
            term: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            stop: signal(SignalKind::user_defined1())?,
        })
    }

    async fn next(&mut self) -> Option<Signal> {
        tokio::select! {
            Some(()) = self.int.recv() => Some(Signal::Int),
            Some(()) = self.term.recv() => Some(Signal::Term),
            Some(()) = self.hangup.recv() => Some(Signal::Term),
            Some(()) = self.stop.recv() => Some(Signal::Stop),
            else => None,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Option<Signal> {
        tokio::signal::ctrl_c().await.ok().map(|()| Signal::Int)
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Signal};
    use crate::cli::exit::ExitStatus;
    use crate::execute::Interrupt;

    #[test]
    fn each_signal_asks_for_more_than_the_one_before() {
        use Interrupt::{Cancel, CancelRunFinally, Kill, StopRunFinally};
        use Signal::{Int, Stop, Term};
        for (signals, interrupts, status) in [
            (
                vec![Int, Int, Int],
                vec![CancelRunFinally, Cancel, Kill],
                ExitStatus::Interrupted,
            ),
            (
                vec![Stop, Int, Stop],
                vec![StopRunFinally, CancelRunFinally, StopRunFinally],
                ExitStatus::Interrupted,
            ),
            (vec![Term, Term], vec![Cancel, Kill], ExitStatus::Terminated),
            (
                vec![Int, Term, Int],
                vec![CancelRunFinally, Cancel, Kill],
                ExitStatus::Terminated,
            ),
            (
                vec![Int, Int, Term],
                vec![CancelRunFinally, Cancel, Kill],
                ExitStatus::Terminated,
            ),
        ] {
            let mut asked = Asked::default();
            assert_eq!(asked.exit_status(), None);
            let heard: Vec<Interrupt> =
                signals.iter().map(|signal| asked.hear(*signal).0).collect();
            assert_eq!(heard, interrupts, "{signals:?}");
            assert_eq!(asked.exit_status(), Some(status), "{signals:?}");
        }
    }
}
