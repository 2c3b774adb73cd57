//! Whether the engine and the sandbox still answer, asked every few seconds.
//!
//! A step that runs long and an engine that is silent look alike: nothing is heard of either. So
//! both are asked, the user is told which of them is silent, and a run whose engine stays silent
//! is given up.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::images::{Progress, Silent, Waiting};
use super::pipeline_run::stop::Stop;
use crate::sandbox::{Engine, Sandbox, SandboxError};

/// The pause between two questions.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long the engine may be silent before the run is given up.
const SILENCE: Duration = Duration::from_secs(60);
/// The same when the run is to end: its time is up, or it was cancelled.
const SILENCE_AT_THE_END: Duration = Duration::from_secs(5);
/// How long the sandbox may be silent when the run is to end: longer than a step may take to end.
const SANDBOX_SILENCE_AT_THE_END: Duration = Duration::from_secs(60);

/// Asks the engine of a run, and its sandbox when there is one.
pub(crate) struct Heartbeat<E: Engine> {
    pub(crate) engine: E,
    /// Filled when the sandbox is open.
    pub(crate) sandbox: Arc<OnceLock<E::Sandbox>>,
    pub(crate) progress: Progress,
    pub(crate) stopped: watch::Receiver<Stop>,
    /// When the time of the run is up.
    pub(crate) deadline: Option<Instant>,
}

impl<E: Engine> Heartbeat<E> {
    /// Ends when nobody has answered for too long, and says who.
    pub(crate) async fn lost(self) -> SandboxError {
        let mut since = None;
        loop {
            let asked = Instant::now();
            match (self.ask().await, since) {
                (None, None) => {}
                (None, Some(begin)) => {
                    since = None;
                    (self.progress)(Waiting::Answered(asked - begin));
                }
                (Some(silent), before) => {
                    let begin = before.unwrap_or(asked);
                    since = Some(begin);
                    let silence = begin.elapsed();
                    (self.progress)(Waiting::Silent(silent, silence));
                    if self.limit(silent).is_some_and(|limit| silence >= limit) {
                        return SandboxError::Engine(text(silent, silence));
                    }
                }
            }
            sleep(INTERVAL).await;
        }
    }

    async fn ask(&self) -> Option<Silent> {
        match timeout(PATIENCE, self.engine.ping()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Some(Silent::Engine),
        }
        let answer = timeout(PATIENCE, self.sandbox.get()?.ping()).await;
        answer.is_err().then_some(Silent::Sandbox)
    }

    fn limit(&self, silent: Silent) -> Option<Duration> {
        let is_late = self.deadline.is_some_and(|at| at <= Instant::now());
        let is_ending = is_late || *self.stopped.borrow() > Stop::FinishRunning;
        match (silent, is_ending) {
            (Silent::Engine, false) => Some(SILENCE),
            (Silent::Engine, true) => Some(SILENCE_AT_THE_END),
            // Someone may have paused it, and can let it continue.
            (Silent::Sandbox, false) => None,
            (Silent::Sandbox, true) => Some(SANDBOX_SILENCE_AT_THE_END),
        }
    }
}

fn text(silent: Silent, silence: Duration) -> String {
    let who = match silent {
        Silent::Engine => "the container engine has not answered",
        Silent::Sandbox => "the sandbox container has not answered",
    };
    format!(
        "{who} for {} s; what runs there may still run",
        silence.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::sandbox::fake::FakeEngine;

    /// A heartbeat of an engine that is silent from the fifth second on, and what it says.
    fn heartbeat(
        stop: Stop,
        deadline: Option<Duration>,
    ) -> (Heartbeat<FakeEngine>, Arc<Mutex<Vec<Waiting>>>) {
        let said = Arc::<Mutex<Vec<Waiting>>>::default();
        let says = Arc::clone(&said);
        let heartbeat = Heartbeat {
            engine: FakeEngine::new().silent_after(Duration::from_secs(5)),
            sandbox: Arc::default(),
            progress: Arc::new(move |waiting| says.lock().unwrap().push(waiting)),
            stopped: watch::channel(stop).1,
            deadline: deadline.map(|after| Instant::now() + after),
        };
        (heartbeat, said)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_engine_is_reported_within_seconds_and_given_up_after_a_minute() {
        let begin = Instant::now();
        let (heartbeat, said) = heartbeat(Stop::Go, None);
        let error = heartbeat.lost().await;
        assert!(error.to_string().contains("engine has not answered for"));
        let said = said.lock().unwrap();
        let first = Waiting::Silent(Silent::Engine, PATIENCE);
        assert_eq!(said.first(), Some(&first));
        assert!(begin.elapsed() >= SILENCE + Duration::from_secs(5));
        assert!(begin.elapsed() < 2 * SILENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_whose_time_is_up_does_not_wait_for_a_silent_engine() {
        for (stop, deadline) in [
            (Stop::Go, Some(Duration::from_secs(7))),
            (Stop::Cancel, None),
        ] {
            let begin = Instant::now();
            let (heartbeat, _) = heartbeat(stop, deadline);
            heartbeat.lost().await;
            assert!(begin.elapsed() < Duration::from_secs(20), "{stop:?}");
        }
    }
}
