//! One sidecar: its program, watched by its probes and started again when it asks for that.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::probe::Check;
use crate::sandbox::{
    Container, ContainerSpec, Control, Exit, Launch, Outcome, OutputSender, Sandbox, SandboxError,
};
use crate::spec::task::Sidecar;

/// The pause before a first restart; it doubles, as a kubelet's.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How often a container is started when it is lost before its program starts.
const STARTS: usize = 3;
/// The longest pause before a restart: a kubelet's.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

type ControlOf<S> = <<S as Sandbox>::Container as Container>::Control;

/// What others see of a sidecar.
#[derive(Debug)]
pub(crate) struct Watched<C> {
    /// The container it is now.
    pub(crate) control: watch::Receiver<C>,
    /// Its startup probe has passed.
    pub(crate) started: CancellationToken,
    /// It has ended, and is not started again.
    pub(crate) ended: CancellationToken,
    /// Told when it is to end.
    pub(crate) stopping: CancellationToken,
}

impl<C: Control> Watched<C> {
    /// Ends when it is ready, or has ended.
    pub(crate) async fn ready(&self, readiness: Option<&Check>) {
        let ready = async {
            self.started.cancelled().await;
            if let Some(check) = readiness {
                check.until_passed(|| self.control.borrow().clone()).await;
            }
        };
        tokio::select! {
            () = ready => {}
            () = self.ended.cancelled() => {}
        }
    }

    /// Tells it to end.
    pub(crate) fn stop(&self, grace: Duration) {
        self.stopping.cancel();
        self.control.borrow().kill(grace);
    }
}

/// A sidecar under way.
pub(crate) struct Life<S: Sandbox> {
    sandbox: S,
    spec: ContainerSpec,
    launch: Launch,
    output: OutputSender,
    startup: Option<Check>,
    liveness: Option<Check>,
    /// `restartPolicy: Always`
    restarts: bool,
    grace: Duration,
    control: watch::Sender<ControlOf<S>>,
    started: CancellationToken,
    ended: CancellationToken,
    stopping: CancellationToken,
}

impl<S: Sandbox> Life<S> {
    /// The life of a sidecar whose first container is started, and what others see of it.
    pub(crate) fn new(
        sandbox: S,
        sidecar: &Sidecar,
        spec: ContainerSpec,
        launch: Launch,
        output: OutputSender,
        grace: Duration,
        first: &S::Container,
    ) -> (Self, Watched<ControlOf<S>>) {
        let check = |spec: &Option<crate::spec::core::Probe>| {
            spec.as_ref().and_then(|spec| Check::new(spec, sidecar))
        };
        let (control, seen) = watch::channel(first.control());
        let [started, ended, stopping] = [(); 3].map(|()| CancellationToken::new());
        let watched = Watched {
            control: seen,
            started: started.clone(),
            ended: ended.clone(),
            stopping: stopping.clone(),
        };
        let life = Self {
            sandbox,
            spec,
            launch,
            output,
            startup: check(&sidecar.startup_probe),
            liveness: check(&sidecar.liveness_probe),
            restarts: sidecar.restart_policy == "Always",
            grace,
            control,
            started,
            ended,
            stopping,
        };
        (life, watched)
    }

    /// Lives it to its end.
    pub(crate) async fn live(self, first: S::Container) -> Result<Outcome, SandboxError> {
        let _ended = self.ended.clone().drop_guard();
        let mut container = first;
        let mut pause = FIRST_PAUSE;
        let mut starts = 1;
        loop {
            let outcome = match self.once(container).await {
                Err(SandboxError::LostWaiting) if starts < STARTS => {
                    starts += 1;
                    container = self.sandbox.start(self.spec.clone()).await?;
                    self.control.send_replace(container.control());
                    continue;
                }
                outcome => outcome?,
            };
            if !self.restarts || outcome.exit == Exit::Cancelled {
                return Ok(outcome);
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stopping.cancelled() => return Ok(outcome),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            container = self.sandbox.start(self.spec.clone()).await?;
            self.control.send_replace(container.control());
            if self.stopping.is_cancelled() {
                container.discard();
                return Ok(outcome);
            }
        }
    }

    /// One container: until it ends, or a probe says that it should.
    async fn once(&self, container: S::Container) -> Result<Outcome, SandboxError> {
        let control = container.control();
        let mut run = std::pin::pin!(container.run(self.launch.clone(), self.output.clone()));
        tokio::select! {
            outcome = &mut run => return outcome,
            () = self.unhealthy(&control) => control.kill(self.grace),
        }
        let outcome = run.await?;
        let killed = outcome.exit == Exit::Cancelled && !self.stopping.is_cancelled();
        let exit = if killed {
            Exit::Signal(9)
        } else {
            outcome.exit
        };
        Ok(Outcome { exit, ..outcome })
    }

    /// Ends when the startup probe has not passed in its time, or the liveness probe fails.
    async fn unhealthy(&self, control: &ControlOf<S>) {
        if let Some(check) = &self.startup {
            let passed = check.until_passed(|| control.clone());
            if tokio::time::timeout(check.patience(), passed)
                .await
                .is_err()
            {
                return;
            }
        }
        self.started.cancel();
        match &self.liveness {
            Some(check) => check.until_failed(control).await,
            None => std::future::pending().await,
        }
    }
}
