//! A standalone TaskRun: one that belongs to no PipelineRun.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;

use super::options::{Halt, Options, RunContext};
use super::pipeline_run::drafts::{Storage, claim_of_template};
use super::pipeline_run::runner::PipelineEnd;
use super::pipeline_run::stop::Stop;
use super::schedule::Ending;
use super::task_run::retries::task_run;
use crate::event::{RunEvent, RunKind};
use crate::plan::TaskRunRequest;
use crate::sandbox::{Engine, SandboxError};
use crate::spec::core::ClaimVolume;
use crate::spec::workspace::WorkspaceBinding;
use crate::status::Reason;

/// What announces a standalone TaskRun.
pub(super) fn announced(request: &TaskRunRequest, started: bool) -> RunEvent {
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
pub(super) async fn standalone<E: Engine>(
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
