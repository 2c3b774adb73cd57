//! Signals become interrupts of a run.

use tokio::sync::mpsc::UnboundedSender;

use super::exit::ExitStatus;
use crate::execute::Interrupt;

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

/// Listens until its task is aborted. `told` gets what was asked so far and the line to print.
#[cfg(unix)]
pub(super) async fn listen(
    interrupts: UnboundedSender<Interrupt>,
    mut told: impl FnMut(Asked, &'static str),
) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut int = signal(SignalKind::interrupt())?;
    let mut term = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut stop = signal(SignalKind::user_defined1())?;
    let mut asked = Asked::default();
    loop {
        let heard = tokio::select! {
            Some(()) = int.recv() => Signal::Int,
            Some(()) = term.recv() => Signal::Term,
            Some(()) = hangup.recv() => Signal::Term,
            Some(()) = stop.recv() => Signal::Stop,
            else => return Ok(()),
        };
        let (interrupt, line) = asked.hear(heard);
        told(asked, line);
        if interrupts.send(interrupt).is_err() {
            return Ok(());
        }
    }
}

/// Listens until its task is aborted. `told` gets what was asked so far and the line to print.
#[cfg(not(unix))]
pub(super) async fn listen(
    interrupts: UnboundedSender<Interrupt>,
    mut told: impl FnMut(Asked, &'static str),
) -> std::io::Result<()> {
    let mut asked = Asked::default();
    loop {
        tokio::signal::ctrl_c().await?;
        let (interrupt, line) = asked.hear(Signal::Int);
        told(asked, line);
        if interrupts.send(interrupt).is_err() {
            return Ok(());
        }
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
