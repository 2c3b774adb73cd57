//! From a plan to its end: the sandbox around it, the messages out of it, the interrupts into it.

use std::io;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::carry_over::{Copied, carry_over};
use super::emitter::{Emitter, Envelope};
use super::heartbeat::Heartbeat;
use super::images::{Images, Progress, Waiting};
use super::options::{Files, Halt, Options, RunContext};
use super::pipeline_run::drafts::{Storage, claim_of_template, run_claims, storage_of};
use super::pipeline_run::runner::{PipelineEnd, pipeline_run, started};
use super::pipeline_run::stop::Stop;
use super::prestart::pool::Prestart;
use super::prestart::upcoming::upcoming;
use super::rejection::{check_images, reject_images};
use super::sandboxes::{close, open, sandbox_spec, task_claims, upload};
use super::schedule::scheduler::Ending;
use super::task_run::retries::task_run;
use crate::event::{Message, RunEvent, RunKind};
use crate::plan::{Job, Requested, TaskRunRequest};
use crate::sandbox::{Engine, Sandbox, SandboxError};
use crate::spec::core::ClaimVolume;
use crate::spec::workspace::WorkspaceBinding;
use crate::status::{Condition, ConditionStatus, Reason};

/// How long a run may take.
fn limit(job: &Job) -> Option<Duration> {
    match job {
        Job::Pipeline(plan) => plan.timeouts.pipeline,
        Job::Task(request) => request.timeout,
    }
}

/// What a person, or the system, asks of a run that goes on.
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
    let heartbeat = Heartbeat {
        engine: engine.clone(),
        sandbox: Arc::default(),
        progress: Arc::clone(&progress),
        stopped: stopped.clone(),
        deadline: limit(&job).and_then(|limit| Instant::now().checked_add(limit)),
    };
    let mut work = tokio::spawn(execute(
        job,
        engine,
        options,
        emitter.clone(),
        progress,
        (interrupts, stop, stopped),
        Arc::clone(&heartbeat.sandbox),
    ));
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
        emitter.event(RunEvent::Progress {
            condition: Condition::new(
                ConditionStatus::Unknown,
                Reason::EngineFailed,
                error.to_string(),
            ),
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

type Controls = (
    UnboundedReceiver<Interrupt>,
    watch::Sender<Stop>,
    watch::Receiver<Stop>,
);

async fn execute<E: Engine>(
    job: Job,
    engine: E,
    options: Options,
    emitter: Emitter,
    progress: Progress,
    (mut interrupts, stop, stopped): Controls,
    opened_sandbox: Arc<OnceLock<E::Sandbox>>,
) -> Result<Ended, ExecuteError> {
    if let Some(ended) = pending(&job, &emitter) {
        return Ok(ended);
    }
    let mut stop_asked = stopped.clone();
    let images = Images::new(
        engine.clone(),
        options.images.clone(),
        Arc::clone(&progress),
    );
    let runs = upcoming(&job, &options.library);
    // Whoever asks to stop does not wait for images.
    let checks = async {
        tokio::select! {
            faults = check_images(&job, &runs, &images, &options.library) => faults,
            () = asked_to_cancel(stopped.clone()) => Vec::new(),
        }
    };
    let spec = sandbox_spec(&job, &runs, &options);
    let volume = spec.volume.clone();
    let opened = tokio::select! {
        opened = async { tokio::join!(open(&engine, spec, &options), checks) } => opened,
        () = obey(&mut interrupts, &stop) => return Err(ExecuteError::Killed),
    };
    let (sandbox, image_faults) = (opened.0?, opened.1);
    let sandbox = opened_sandbox.get_or_init(|| sandbox).clone();
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
    let begin = async {
        let copy = carry_over(&context, |bytes| progress(Waiting::Copy(bytes)));
        tokio::select! {
            biased;
            copied = copy => copied.map_err(ExecuteError::from),
            // There is no run yet whose finally tasks could be waited for.
            _ = stop_asked.wait_for(|stop| *stop > Stop::Go) => Err(ExecuteError::Killed),
            text = sandbox.lost() => Err(SandboxError::Engine(text).into()),
            () = obey(&mut interrupts, &stop) => Err(ExecuteError::Killed),
        }
    };
    let copied = match begin.await {
        Ok(copied) => copied,
        Err(fault) => {
            // Half a copy is of no use; a volume that was taken still belongs to its run.
            let keep = matches!(context.options.files, Files::Take { .. });
            close(&engine, &sandbox, &volume, keep).await?;
            return Err(fault);
        }
    };
    let work = async {
        upload(&context, &job).await?;
        match job {
            Job::Pipeline(plan) if !image_faults.is_empty() => {
                Ok(reject_images(&context, &plan, image_faults))
            }
            Job::Pipeline(plan) => {
                let storage = storage_of(&plan);
                pipeline_run(Arc::clone(&context), *plan, storage, None, stopped).await
            }
            Job::Task(request) => standalone(Arc::clone(&context), *request, stopped).await,
        }
    };
    let condition = tokio::select! {
        end = work => end.map(|end| end.condition),
        text = sandbox.lost() => Err(SandboxError::Engine(text)),
        () = obey(&mut interrupts, &stop) => return finish_killed(&sandbox).await,
    };
    let keep = context.options.keep_volume || !condition.as_ref().is_ok_and(Condition::is_true);
    let closed = close(&engine, &sandbox, &volume, keep).await;
    let condition = condition?;
    closed?;
    Ok(Ended {
        condition,
        volume_kept: keep,
        copied,
    })
}

/// Ends when a run is to be cancelled.
async fn asked_to_cancel(mut stopped: watch::Receiver<Stop>) {
    let told = stopped.wait_for(|stop| *stop > Stop::FinishRunning);
    if told.await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn finish_killed<S: Sandbox>(sandbox: &S) -> Result<Ended, ExecuteError> {
    sandbox.close().await?;
    Err(ExecuteError::Killed)
}

/// Passes interrupts on; ends when the run is to be killed.
async fn obey(interrupts: &mut UnboundedReceiver<Interrupt>, stop: &watch::Sender<Stop>) {
    while let Some(interrupt) = interrupts.recv().await {
        let wanted = match interrupt {
            Interrupt::StopRunFinally => Stop::FinishRunning,
            Interrupt::CancelRunFinally => Stop::CancelRunFinally,
            Interrupt::Cancel => Stop::Cancel,
            Interrupt::Kill => return,
        };
        stop.send_if_modified(|current| {
            let stronger = wanted > *current;
            *current = wanted.max(*current);
            stronger
        });
    }
    std::future::pending::<()>().await;
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

/// What announces a standalone TaskRun.
fn announced(request: &TaskRunRequest, started: bool) -> RunEvent {
    RunEvent::Started {
        kind: RunKind::TaskRun,
        object: request.object(),
        pipeline_spec: None,
        tasks: vec![request.pipeline_task.clone()],
        parent: None,
        started,
    }
}

/// Runs a standalone TaskRun.
async fn standalone<E: Engine>(
    context: Arc<RunContext<E>>,
    mut request: TaskRunRequest,
    mut stopped: watch::Receiver<Stop>,
) -> Result<PipelineEnd, SandboxError> {
    let emitter = context.emitter.clone();
    let run = request.identity.name.clone();
    let object = request.object();
    emitter.event(announced(&request, true));
    let account = request.overrides.service_account.as_str();
    for message in super::credentials::notices([account], &context.options.library) {
        emitter.event(RunEvent::Notice { message });
    }
    claim_templates(&mut request);
    emitter.event(RunEvent::TaskRunCreated {
        task: request.pipeline_task.clone(),
        task_run: run.clone(),
        object,
        display_name: String::new(),
        when: Vec::new(),
        combination: Vec::new(),
        inputs: Value::Null,
    });
    let (halt, halted) = watch::channel(None);
    let storage = uploaded(&context.options);
    let work = task_run(
        Arc::clone(&context),
        run.clone(),
        Arc::new(request),
        storage,
        halted,
    );
    let stop = async {
        if stopped
            .wait_for(|stop| *stop > Stop::FinishRunning)
            .await
            .is_ok()
        {
            halt.send_replace(Some(Halt {
                reason: Reason::TaskRunCancelled,
                message: format!("TaskRun \"{run}\" was cancelled. "),
                ending: Ending::Cancelled,
                queued_only: false,
            }));
        }
        std::future::pending::<()>().await;
    };
    let end = tokio::select! {
        end = work => end?,
        () = stop => return Err(SandboxError::Engine("the run was given up".to_owned())),
    };
    emitter.event(RunEvent::Finished {
        condition: end.condition.clone(),
        results: Vec::new(),
    });
    Ok(PipelineEnd {
        condition: end.condition,
    })
}

/// Workspaces that were filled before the start keep their directory over all attempts.
fn uploaded(options: &Options) -> Storage {
    let names = options.uploads.iter().map(|(workspace, _)| workspace);
    names
        .map(|name| (name.clone(), super::pod::layout::workspace_dir(name)))
        .collect()
}

fn claim_templates(request: &mut TaskRunRequest) {
    let identity = request.identity.clone();
    let claim = |binding: &mut WorkspaceBinding| {
        if let Some(claim_name) = claim_of_template(binding, &identity) {
            binding.volume_claim_template = None;
            binding.persistent_volume_claim = Some(ClaimVolume {
                claim_name,
                read_only: false,
            });
        }
    };
    request.workspaces.iter_mut().for_each(claim);
}
