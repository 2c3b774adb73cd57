//! When a program must have ended, and who ends it when its agent does not.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::sandbox::{Exit, SandboxError};

/// How long an agent may be silent after its program was to end.
const SILENCE: Duration = Duration::from_secs(5);
/// How long it may take to pass on what the program wrote, after the program was to end.
const LONGEST: Duration = Duration::from_secs(60);
/// So many characters of an id are enough for people.
const SHORT: usize = 12;

type Kill = Arc<dyn Fn() -> BoxFuture<'static, Result<(), SandboxError>> + Send + Sync>;

/// A container as its engine knows it.
#[derive(Clone)]
pub struct EngineContainer {
    /// Its id.
    pub(super) id: String,
    /// The engine's own command, which is also the scheme of its ids: `docker`.
    pub(super) program: &'static str,
    kill: Kill,
}

impl EngineContainer {
    /// A container of the engine whose command is `program`; `kill` ends it in whatever state.
    pub fn new<K>(
        program: &'static str,
        id: String,
        kill: impl Fn() -> K + Send + Sync + 'static,
    ) -> Self
    where
        K: Future<Output = Result<(), SandboxError>> + Send + 'static,
    {
        Self {
            id,
            program,
            kill: Arc::new(move || Box::pin(kill())),
        }
    }

    /// One that is not started yet.
    pub(super) fn unknown() -> Self {
        Self::new("", String::new(), || std::future::ready(Ok(())))
    }

    /// Ends it from outside.
    pub(super) async fn kill(&self) -> Result<(), SandboxError> {
        (self.kill)().await
    }

    /// A command line that runs another in it.
    pub(super) fn command_line(&self, command: &str, on_terminal: bool) -> String {
        let id = self.id.get(..SHORT).unwrap_or(&self.id);
        let flag = if on_terminal { "-it " } else { "" };
        format!("{} exec {flag}{id} {command}", self.program)
    }
}

impl fmt::Debug for EngineContainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EngineContainer").field(&self.id).finish()
    }
}

/// When a program is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    at: Instant,
    /// It was told to end; else its timeout passes.
    is_told: bool,
}

impl Due {
    /// A program that started now, with this timeout. Returns whether that changes anything.
    pub(super) fn time_out(due: &mut Option<Self>, limit: Option<Duration>) -> bool {
        let at = limit.and_then(|limit| Instant::now().checked_add(limit));
        let (None, Some(at)) = (&due, at) else {
            return false;
        };
        *due = Some(Self { at, is_told: false });
        true
    }

    /// A program that is told now to end within this time: the shortest of several counts.
    pub(super) fn kill(due: &mut Option<Self>, grace: Duration) -> bool {
        let Some(at) = Instant::now().checked_add(grace) else {
            return false;
        };
        if due.is_some_and(|due| due.is_told && due.at <= at) {
            return false;
        }
        *due = Some(Self { at, is_told: true });
        true
    }

    /// How a program ends that is ended because of it.
    pub(super) fn exit(self) -> Exit {
        if self.is_told {
            Exit::Cancelled
        } else {
            Exit::TimedOut
        }
    }
}

/// Ends when a program that is due has been silent for too long; never when none is due.
pub(super) async fn overdue(due: Option<Due>, heard_at: Instant) -> Due {
    let Some(due) = due else {
        return std::future::pending().await;
    };
    let silent = due.at.max(heard_at) + SILENCE;
    tokio::time::sleep_until(silent.min(due.at + LONGEST)).await;
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_program_is_overdue_when_nothing_is_heard_after_its_end_was_due() {
        let begin = Instant::now();
        let mut due = None;
        assert!(Due::time_out(&mut due, Some(10 * SECOND)));
        let late = overdue(due, begin).await;
        assert_eq!(late.exit(), Exit::TimedOut);
        assert_eq!(begin.elapsed(), 10 * SECOND + SILENCE);
        // It still passes its output on.
        overdue(due, begin + 14 * SECOND).await;
        assert_eq!(begin.elapsed(), 14 * SECOND + SILENCE);
        overdue(due, begin + 1000 * SECOND).await;
        assert_eq!(begin.elapsed(), 10 * SECOND + LONGEST);
    }

    #[tokio::test(start_paused = true)]
    async fn being_told_to_end_takes_precedence_over_the_timeout() {
        let mut due = None;
        assert!(Due::time_out(&mut due, Some(SECOND)));
        assert!(Due::kill(&mut due, 30 * SECOND));
        assert!(!Due::kill(&mut due, 40 * SECOND));
        assert!(Due::kill(&mut due, 2 * SECOND));
        assert!(!Due::time_out(&mut due, Some(SECOND)));
        let begin = Instant::now();
        assert_eq!(overdue(due, begin).await.exit(), Exit::Cancelled);
        assert_eq!(begin.elapsed(), 2 * SECOND + SILENCE);
    }
}
