//! From a plan to its end: the sandbox around it, the messages out of it, the interrupts into it.

use std::io;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::carry_over::{Copied, carry_over};
use super::emitter::{Emitter, Envelope};
use super::heartbeat::Heartbeat;
use super::images::{Images, Progress, Waiting};
use super::options::{Files, Options, RunContext};
use super::pipeline_run::drafts::{run_claims, storage_of};
use super::pipeline_run::runner::{PipelineEnd, pipeline_run, started};
use super::pipeline_run::stop::Stop;
use super::prestart::pool::Prestart;
use super::prestart::upcoming::upcoming;
use super::rejection::{ImageFault, check_images, reject_images};
use super::sandboxes::{self, sandbox_spec, task_claims, upload};
use super::standalone::{announced, standalone};
use crate::event::{Message, RunEvent};
use crate::plan::{Job, Requested};
use crate::sandbox::{Engine, Sandbox, SandboxError};
use crate::status::{Condition, ConditionStatus, Reason};

/// What a person, or the system, asks of a run that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// `StoppedRunFinally`.
    StopRunFinally,
    /// `CancelledRunFinally`.
    CancelRunFinally,
    /// `Cancelled`.
    Cancel,
    /// At once, whatever is lost.
    Kill,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// The condition of the run.
    pub condition: Condition,
    /// The run's volume is still there.
    pub volume_kept: bool,
    /// What was copied from an earlier run.
    pub copied: Option<Copied>,
}

/// Why there is no ending.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] SandboxError),
    /// A sink failed: the record cannot be written.
    #[error("the run was cancelled because its record could not be written: {0}")]
    Sink(#[source] io::Error),
    /// Killed on request.
    #[error("killed")]
    Killed,
}

/// Runs a job to its end. `emit` gets every message in order; when it fails the run is cancelled.
pub async fn run<E: Engine>(
    job: Job,
    engine: E,
    options: Options,
    interrupts: UnboundedReceiver<Interrupt>,
    progress: Progress,
    mut emit: impl FnMut(Message) -> io::Result<()>,
) -> Result<Ended, ExecuteError> {
    let (emitter, mut messages) = Emitter::new(job.name());
    let (stop, stopped) = watch::channel(Stop::Go);
    let controls = Controls {
        interrupts,
        stop,
        stopped,
    };
    let heartbeat = Heartbeat {
        engine: engine.clone(),
        sandbox: Arc::default(),
        progress: Arc::clone(&progress),
        stopped: controls.stopped.clone(),
        deadline: limit(&job).and_then(|limit| Instant::now().checked_add(limit)),
    };
    let opened = Arc::clone(&heartbeat.sandbox);
    let emits = emitter.clone();
    let work = execute(job, engine, options, emits, progress, controls, opened);
    let mut work = tokio::spawn(work);
    let mut silent = std::pin::pin!(heartbeat.lost());
    let mut sink_fault = None;
    let ended = loop {
        tokio::select! {
            biased;
            Some(envelope) = messages.recv() => deliver(envelope, &mut emit, &mut sink_fault, &work),
            ended = &mut work => break ended,
            error = &mut silent => {
                // What it waits for may never come; the containers die with their connection.
                work.abort();
                break Ok(Err(error.into()));
            }
        }
    };
    if let Ok(Err(ExecuteError::Engine(error))) = &ended {
        let why = error.to_string();
        emitter.event(RunEvent::Progress {
            condition: Condition::new(ConditionStatus::Unknown, Reason::EngineFailed, why),
        });
    }
    while let Ok(envelope) = messages.try_recv() {
        deliver(envelope, &mut emit, &mut sink_fault, &work);
    }
    match (ended, sink_fault) {
        (_, Some(fault)) => Err(ExecuteError::Sink(fault)),
        (Ok(ended), None) => ended,
        (Err(error), None) => {
            Err(SandboxError::Engine(format!("the executor failed: {error}")).into())
        }
    }
}

/// How long a run may take.
fn limit(job: &Job) -> Option<Duration> {
    match job {
        Job::Pipeline(plan) => plan.timeouts.pipeline,
        Job::Task(request) => request.timeout,
    }
}

/// Hands a message over. A sink that fails cancels the run; the sandbox dies with its connection.
fn deliver(
    envelope: Envelope,
    emit: &mut impl FnMut(Message) -> io::Result<()>,
    fault: &mut Option<io::Error>,
    work: &tokio::task::JoinHandle<Result<Ended, ExecuteError>>,
) {
    if fault.is_some() {
        return;
    }
    if let Err(error) = emit(envelope.message) {
        *fault = Some(error);
        work.abort();
    }
}

/// What may stop a run.
struct Controls {
    interrupts: UnboundedReceiver<Interrupt>,
    stop: watch::Sender<Stop>,
    stopped: watch::Receiver<Stop>,
}

impl Controls {
    /// Passes interrupts on; ends when the run is to be killed.
    async fn obey(&mut self) {
        while let Some(interrupt) = self.interrupts.recv().await {
            let wanted = match interrupt {
                Interrupt::StopRunFinally => Stop::FinishRunning,
                Interrupt::CancelRunFinally => Stop::CancelRunFinally,
                Interrupt::Cancel => Stop::Cancel,
                Interrupt::Kill => return,
            };
            self.stop.send_if_modified(|current| {
                let stronger = wanted > *current;
                *current = wanted.max(*current);
                stronger
            });
        }
        std::future::pending::<()>().await;
    }
}

async fn execute<E: Engine>(
    job: Job,
    engine: E,
    options: Options,
    emitter: Emitter,
    progress: Progress,
    mut controls: Controls,
    opened: Arc<OnceLock<E::Sandbox>>,
) -> Result<Ended, ExecuteError> {
    if let Some(ended) = pending(&job, &emitter) {
        return Ok(ended);
    }
    let images = Images::new(
        engine.clone(),
        options.images.clone(),
        Arc::clone(&progress),
    );
    let (sandbox, image_faults) = open(&job, &engine, &options, &images, &mut controls).await?;
    let sandbox = opened.get_or_init(|| sandbox).clone();
    let context = Arc::new(RunContext {
        prestart: Prestart::new(sandbox.clone()),
        jobs: Arc::new(Semaphore::new(options.jobs.max(1))),
        run_claims: match &job {
            Job::Pipeline(plan) => run_claims(plan),
            Job::Task(request) => task_claims(request),
        },
        sandbox: sandbox.clone(),
        images,
        options,
        emitter,
        children: AtomicUsize::new(0),
    });
    let copied = begin(&context, &engine, &progress, &mut controls).await?;
    let work = work(
        Arc::clone(&context),
        job,
        image_faults,
        controls.stopped.clone(),
    );
    let condition = tokio::select! {
        end = work => end.map(|end| end.condition),
        text = sandbox.lost() => Err(SandboxError::Engine(text)),
        () = controls.obey() => {
            sandbox.close().await?;
            return Err(ExecuteError::Killed);
        }
    };
    let keep = context.options.keep_volume || !condition.as_ref().is_ok_and(Condition::is_true);
    let closed = sandboxes::close(&engine, &sandbox, &context.options, keep).await;
    let condition = condition?;
    closed?;
    Ok(Ended {
        condition,
        volume_kept: keep,
        copied,
    })
}

/// Opens the sandbox and looks the images up, at the same time.
async fn open<E: Engine>(
    job: &Job,
    engine: &E,
    options: &Options,
    images: &Images<E>,
    controls: &mut Controls,
) -> Result<(E::Sandbox, Vec<ImageFault>), ExecuteError> {
    let runs = upcoming(job, &options.library);
    let stopped = controls.stopped.clone();
    // Whoever asks to stop does not wait for images.
    let checks = async {
        tokio::select! {
            faults = check_images(job, &runs, images, &options.library) => faults,
            () = asked_to_cancel(stopped) => Vec::new(),
        }
    };
    let sandbox = sandboxes::open(engine, sandbox_spec(job, &runs, options), options);
    tokio::select! {
        (sandbox, faults) = async { tokio::join!(sandbox, checks) } => Ok((sandbox?, faults)),
        () = controls.obey() => Err(ExecuteError::Killed),
    }
}

/// Puts the files of an earlier run in place. A sandbox in which that fails is closed.
async fn begin<E: Engine>(
    context: &Arc<RunContext<E>>,
    engine: &E,
    progress: &Progress,
    controls: &mut Controls,
) -> Result<Option<Copied>, ExecuteError> {
    let sandbox = &context.sandbox;
    let mut stopped = controls.stopped.clone();
    let copy = carry_over(context, |bytes| progress(Waiting::Copy(bytes)));
    let copied = tokio::select! {
        biased;
        copied = copy => copied.map_err(ExecuteError::from),
        // There is no run yet whose finally tasks could be waited for.
        _ = stopped.wait_for(|stop| *stop > Stop::Go) => Err(ExecuteError::Killed),
        text = sandbox.lost() => Err(SandboxError::Engine(text).into()),
        () = controls.obey() => Err(ExecuteError::Killed),
    };
    if copied.is_err() {
        // A half-made copy is of no use; a volume that was taken over stays its run's.
        let keep = matches!(context.options.files, Files::Take { .. });
        sandboxes::close(engine, sandbox, &context.options, keep).await?;
    }
    copied
}

/// Runs the job in the open sandbox.
async fn work<E: Engine>(
    context: Arc<RunContext<E>>,
    job: Job,
    image_faults: Vec<ImageFault>,
    stopped: watch::Receiver<Stop>,
) -> Result<PipelineEnd, SandboxError> {
    upload(&context, &job).await?;
    match job {
        Job::Pipeline(plan) if !image_faults.is_empty() => {
            Ok(reject_images(&context, &plan, image_faults))
        }
        Job::Pipeline(plan) => {
            let storage = storage_of(&plan);
            pipeline_run(context, *plan, storage, None, stopped).await
        }
        Job::Task(request) => standalone(context, *request, stopped).await,
    }
}

/// Ends when a run is to be cancelled.
async fn asked_to_cancel(mut stopped: watch::Receiver<Stop>) {
    let told = stopped.wait_for(|stop| *stop > Stop::FinishRunning);
    if told.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The end of a run that its file asks not to be started.
fn pending(job: &Job, emitter: &Emitter) -> Option<Ended> {
    let (announced, reason, kind) = match job {
        Job::Pipeline(plan) if plan.requested == Some(Requested::Pending) => (
            started(plan, None, false),
            Reason::PipelineRunPending,
            "PipelineRun",
        ),
        Job::Task(request) if request.pending => {
            (announced(request, false), Reason::TaskRunPending, "TaskRun")
        }
        Job::Pipeline(_) | Job::Task(_) => return None,
    };
    let message = format!("{kind} \"{}\" is pending", job.name());
    let condition = Condition::new(ConditionStatus::Unknown, reason, message);
    emitter.event(announced);
    emitter.event(RunEvent::Progress {
        condition: condition.clone(),
    });
    Some(Ended {
        condition,
        volume_kept: false,
        copied: None,
    })
}
