//! The sidecars of a TaskRun: started together, awaited, stopped after the last step.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::attempt::Attempt;
use super::probe::Check;
use super::program::Program;
use super::sidecar::{Life, Watched};
use super::step::script_file;
use crate::event::TaskRunEvent;
use crate::execute::emitter::Emitter;
use crate::execute::pod::builder::PodContainer;
use crate::execute::pod::env::{EnvSources, environment};
use crate::execute::pod::failure::config_fault;
use crate::sandbox::{Container, Engine, Exit, Launch, Outcome, Output, Sandbox, SandboxError};
use crate::spec::task::Sidecar;
use crate::status::{Condition, Reason, Running, SidecarState, Terminated};

type ControlOf<E> = <<<E as Engine>::Sandbox as Sandbox>::Container as Container>::Control;

struct Started<E: Engine> {
    readiness: Option<Check>,
    /// It has been ready once, or has ended.
    ready: CancellationToken,
    state: SidecarState,
    watched: Watched<ControlOf<E>>,
    end: JoinHandle<Result<Outcome, SandboxError>>,
}

/// The sidecars of an attempt.
pub(crate) struct Sidecars<E: Engine> {
    running: Vec<Started<E>>,
    emitter: Emitter,
    task_run: String,
}

impl<E: Engine> Sidecars<E> {
    fn emit(&self, event: TaskRunEvent) {
        self.emitter.task_run_event(&self.task_run, event);
    }

    /// Starts them all. The inner error is the condition of a TaskRun whose sidecar cannot be
    /// created.
    pub(crate) async fn start(
        attempt: &Attempt<E>,
    ) -> Result<Result<Self, Condition>, SandboxError> {
        let emitter = attempt.context.emitter.of(&attempt.run);
        let task_run = attempt.request.identity.name.clone();
        let mut sidecars = Self {
            running: Vec::new(),
            emitter,
            task_run,
        };
        let starts = attempt
            .layout
            .sidecars
            .iter()
            .enumerate()
            .map(|(index, laid)| async move {
                let script = Self::write_script(attempt, index, &laid.source).await?;
                let container = attempt.context.sandbox.start(laid.spec.clone()).await;
                Ok::<_, SandboxError>((laid, script, container))
            });
        for started in futures_util::future::join_all(starts).await {
            let (laid, script, container) = started?;
            let released = match (container, launch(attempt, laid, script)) {
                (Ok(container), Ok(launch)) => Ok((container, launch)),
                (Err(SandboxError::Container(text)), _) | (Ok(_), Err(text)) => Err(text),
                (Err(error), _) => return Err(error),
            };
            match released {
                Ok((container, launch)) => sidecars.release(attempt, laid, container, launch),
                Err(text) => {
                    let condition =
                        config_fault(&attempt.request, "sidecar", &laid.source.name, &text);
                    sidecars.stop(Duration::ZERO).await;
                    return Ok(Err(condition));
                }
            }
        }
        Ok(Ok(sidecars))
    }

    async fn write_script(
        attempt: &Attempt<E>,
        index: usize,
        sidecar: &Sidecar,
    ) -> Result<Option<String>, SandboxError> {
        if sidecar.script.is_empty() {
            return Ok(None);
        }
        let name = format!("scripts/sidecar-script-{index}-{}", attempt.suffix);
        let file = script_file(attempt.layout.dir.join(&name), &sidecar.script);
        attempt.context.sandbox.files(vec![file]).await?;
        Ok(Some(format!("/tekton/{name}")))
    }

    fn release(
        &mut self,
        attempt: &Attempt<E>,
        laid: &PodContainer<Sidecar>,
        container: <E::Sandbox as Sandbox>::Container,
        launch: Launch,
    ) {
        let image = if laid.image.digest.is_empty() {
            &laid.source.image
        } else {
            &laid.image.digest
        };
        let state = SidecarState {
            name: laid.source.name.clone(),
            container: laid.container.clone(),
            image_id: image.clone(),
            running: Some(Running {
                started_at: jiff::Timestamp::now(),
            }),
            terminated: None,
        };
        self.emit(TaskRunEvent::SidecarStarted {
            sidecar: state.clone(),
        });
        let (sender, mut output) = mpsc::channel::<Output>(16);
        let emitter = attempt.context.emitter.clone();
        let source = attempt.log_source(&state.name, true);
        let logs = async move {
            while let Some(piece) = output.recv().await {
                emitter.log(&source, piece).await;
            }
        };
        let (life, watched) = Life::new(
            attempt.context.sandbox.clone(),
            &laid.source,
            laid.spec.clone(),
            launch,
            sender,
            attempt.context.options.grace,
            &container,
        );
        let end = tokio::spawn(async move {
            let (outcome, ()) = tokio::join!(life.live(container), logs);
            outcome
        });
        let readiness = laid.source.readiness_probe.as_ref();
        self.running.push(Started {
            readiness: readiness.and_then(|spec| Check::new(spec, &laid.source)),
            ready: CancellationToken::new(),
            state,
            watched,
            end,
        });
    }

    /// Ends when every sidecar is ready, or has ended.
    pub(crate) async fn ready(&self) {
        let all = self.running.iter().map(|running| async {
            running.watched.ready(running.readiness.as_ref()).await;
            running.ready.cancel();
        });
        futures_util::future::join_all(all).await;
    }

    /// The names of those that are not ready yet.
    pub(crate) fn not_ready(&self) -> Vec<String> {
        let late = self.running.iter().filter(|it| !it.ready.is_cancelled());
        late.map(|running| running.state.name.clone()).collect()
    }

    /// Stops those that still run. The condition is that of a TaskRun all of whose sidecars have
    /// ended by themselves, one of them badly (`pkg/pod/status.go`).
    pub(crate) async fn stop(&mut self, grace: Duration) -> Option<Condition> {
        let has_ended = |running: &Started<E>| running.watched.ended.is_cancelled();
        let all_ended = self.running.iter().all(has_ended);
        for running in self.running.iter().filter(|running| !has_ended(running)) {
            running.watched.stop(grace);
        }
        let mut broken = None;
        for running in std::mem::take(&mut self.running) {
            let Started { mut state, end, .. } = running;
            let outcome = end.await.ok().and_then(Result::ok);
            let (code, oom) = outcome.as_ref().map_or((0, false), |outcome| {
                (exit_code(&outcome.exit), outcome.oom_killed)
            });
            let stopped = outcome
                .as_ref()
                .is_none_or(|outcome| outcome.exit == Exit::Cancelled);
            let why = if oom {
                "OOMKilled"
            } else if code == 0 || stopped {
                "Completed"
            } else {
                "Error"
            };
            let message = if stopped {
                "Sidecar container successfully stopped by nop image"
            } else {
                ""
            };
            state.running = None;
            state.terminated = Some(Terminated {
                exit_code: code,
                reason: why.to_owned(),
                message: message.to_owned(),
                started_at: outcome.as_ref().map(|outcome| outcome.started_at),
                finished_at: outcome.as_ref().map(|outcome| outcome.finished_at),
                container_id: String::new(),
            });
            if all_ended && code != 0 && !stopped && broken.is_none() {
                let reason = if oom {
                    Reason::SidecarOOM
                } else {
                    Reason::SidecarFailed
                };
                broken = Some(Condition::failed(
                    reason,
                    format!("\"{}\" exited with code {code}: {why}", state.container),
                ));
            }
            self.emit(TaskRunEvent::SidecarFinished { sidecar: state });
        }
        broken
    }
}

fn exit_code(exit: &Exit) -> i32 {
    match exit {
        Exit::Code(code) => *code,
        Exit::Signal(signal) => 128 + signal,
        Exit::NotStarted(_) => 127,
        Exit::TimedOut | Exit::Lost(_) => 137,
        Exit::Cancelled => 0,
    }
}

/// What a sidecar is released with. The error is the text its TaskRun fails with.
fn launch<E: Engine>(
    attempt: &Attempt<E>,
    laid: &PodContainer<Sidecar>,
    script: Option<String>,
) -> Result<Launch, String> {
    let sidecar = &laid.source;
    let env = environment(&EnvSources {
        env_from: &sidecar.env_from,
        env: &sidecar.env,
        library: &attempt.context.options.library,
        pod: &attempt.layout.pod,
        resources: &sidecar.compute_resources,
    })?;
    let program = Program {
        script,
        command: &sidecar.command,
        args: &sidecar.args,
        image: &laid.image,
        keeps_cmd: false,
    };
    let argv = program.argv(&env);
    let working_dir = if sidecar.working_dir.is_empty() {
        laid.image.working_dir.clone()
    } else {
        sidecar.working_dir.clone()
    };
    Ok(Launch {
        argv,
        env,
        working_dir,
        ..Launch::default()
    })
}
