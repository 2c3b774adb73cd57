//! One attempt of a TaskRun: its sidecars, its steps in order, its results.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::results::Collected;
use super::sidecars::Sidecars;
use super::step::Known;
use crate::event::TaskRunEvent;
use crate::execute::options::{Halt, HaltReceiver, RunContext};
use crate::execute::pod::builder::{Layout, Surroundings, config_fault, image_fault, lay_out};
use crate::execute::pod::security;
use crate::execute::schedule::scheduler::Ending;
use crate::plan::{BoundTask, TaskRunRequest, bind};
use crate::resolve::Library;
use crate::sandbox::{Credential, Engine, Image, Sandbox, SandboxError};
use crate::spec::duration::GoDuration;
use crate::status::{Condition, Reason, RunResult, StepState};
use crate::substitution::Scope;

/// Steps of a TaskRun whose containers are started ahead of the one that runs. More than one, so
/// that short steps are not bound by one start at a time; few, so that a long TaskRun leaves others
/// their share of what may wait.
const STEPS_AHEAD: usize = 2;

/// How a step ended, seen from its TaskRun.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum StepEnd {
    /// The next one may run.
    Passed,
    /// The TaskRun fails.
    Failed(Condition),
    /// The TaskRun is to stop.
    Halted(Halt),
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AttemptEnd {
    /// The condition of the TaskRun.
    pub condition: Condition,
    /// Its results.
    pub results: Vec<RunResult>,
    /// Its artifacts.
    pub artifacts: Option<serde_json::Value>,
    /// Why it was stopped from outside.
    pub halt: Option<Halt>,
    /// Another attempt would end alike: its input is at fault.
    pub permanent: bool,
}

impl AttemptEnd {
    fn permanent(condition: Condition) -> Self {
        Self {
            condition,
            results: Vec::new(),
            artifacts: None,
            halt: None,
            permanent: true,
        }
    }
}

/// One attempt under way.
pub(crate) struct Attempt<E: Engine> {
    pub(crate) context: Arc<RunContext<E>>,
    /// The run its messages belong to.
    pub(crate) run: String,
    pub(crate) request: Arc<TaskRunRequest>,
    pub(crate) bound: BoundTask,
    pub(crate) layout: Layout,
    pub(crate) known: Known,
    pub(crate) collected: Collected,
    pub(crate) credentials: Vec<Credential>,
    /// Why the entrypoint of every step ends before it waits.
    pub(crate) credential_fault: Option<String>,
    /// The random end of the names of its scripts.
    pub(crate) suffix: String,
    states: Vec<StepState>,
    halt: HaltReceiver,
    deadline: Option<(Instant, Duration)>,
}

/// Runs one attempt.
pub(crate) async fn attempt<E: Engine>(
    context: Arc<RunContext<E>>,
    run: &str,
    request: Arc<TaskRunRequest>,
    storage: &BTreeMap<String, String>,
    number: usize,
    halt: HaltReceiver,
) -> Result<AttemptEnd, SandboxError> {
    let deadline = request.timeout.map(|limit| (Instant::now() + limit, limit));
    let bound = match bind(&request, number) {
        Ok(bound) => bound,
        Err(error) => return Ok(AttemptEnd::permanent(error.into())),
    };
    let layout = match prepare(&context, &bound, &request, storage, number).await {
        Ok(layout) => layout,
        Err(condition) => return Ok(AttemptEnd::permanent(condition)),
    };
    let library = &context.options.library;
    let account = library
        .service_account(&layout.pod.service_account)
        .map(AsRef::as_ref);
    let (credentials, credential_fault) =
        match crate::execute::credentials::credentials(account, library) {
            Ok(credentials) => (credentials, None),
            Err(text) => (Vec::new(), Some(text)),
        };
    let states = layout
        .steps
        .iter()
        .map(|laid| waiting(&laid.container, &laid.image, &laid.source.image))
        .collect();
    let mut attempt = Attempt {
        context,
        run: run.to_owned(),
        bound,
        known: Arc::new(Scope::new()),
        collected: Collected::default(),
        credentials,
        credential_fault,
        suffix: crate::name::random_suffix(),
        states,
        halt,
        deadline,
        layout,
        request,
    };
    attempt.execute(number).await
}

/// Looks the images of an attempt up and lays it out.
pub(crate) async fn prepare<E: Engine>(
    context: &Arc<RunContext<E>>,
    bound: &BoundTask,
    request: &TaskRunRequest,
    storage: &BTreeMap<String, String>,
    number: usize,
) -> Result<Layout, Condition> {
    let images = look_up(context, bound, request).await?;
    let around = Surroundings {
        library: &context.options.library,
        run_claims: &context.run_claims,
        storage,
        permissions: &context.options.permissions,
    };
    lay_out(bound, request, number, around, &|reference| {
        images.get(reference).cloned()
    })
}

async fn look_up<E: Engine>(
    context: &Arc<RunContext<E>>,
    bound: &BoundTask,
    request: &TaskRunRequest,
) -> Result<BTreeMap<String, Image>, Condition> {
    let mut images = BTreeMap::new();
    let secrets = pull_secrets(request, &context.options.library);
    for wanted in wanted_images(bound)? {
        if let Some(text) = wanted.above_limit {
            return Err(Condition::failed(
                Reason::TaskRunValidationFailed,
                format!("[User error] {text}"),
            ));
        }
        match context
            .images
            .get(&wanted.reference, &wanted.policy, &secrets)
            .await
        {
            Ok(image) => drop(images.insert(wanted.reference, image)),
            Err(error) => {
                return Err(image_fault(
                    request,
                    wanted.role,
                    &wanted.name,
                    &wanted.reference,
                    &error.to_string(),
                ));
            }
        }
    }
    Ok(images)
}

/// The credentials with which the images of a TaskRun are pulled.
pub(crate) fn pull_secrets(request: &TaskRunRequest, library: &Library) -> Vec<Vec<u8>> {
    let own = &request.overrides;
    let account = library.service_account(&own.service_account);
    let account = account.map(AsRef::as_ref);
    crate::execute::credentials::pull_secrets(
        account,
        &own.pod_template.image_pull_secrets,
        library,
    )
}

/// An image a container asks for.
pub(crate) struct WantedImage {
    pub(crate) role: &'static str,
    pub(crate) name: String,
    pub(crate) reference: String,
    pub(crate) policy: String,
    above_limit: Option<String>,
}

/// The images of a TaskRun, in the order of its steps and sidecars.
pub(crate) fn wanted_images(bound: &BoundTask) -> Result<Vec<WantedImage>, Condition> {
    let mut wanted = Vec::new();
    for index in 0..bound.task.spec.steps.len() {
        let step = bound.step(index, &Scope::new())?;
        wanted.push(WantedImage {
            role: "step",
            name: bound.step_name(index),
            above_limit: security::request_above_limit(&step.compute_resources),
            reference: step.image,
            policy: step.image_pull_policy,
        });
    }
    for index in 0..bound.task.spec.sidecars.len() {
        let sidecar = bound.sidecar(index);
        wanted.push(WantedImage {
            role: "sidecar",
            name: sidecar.name,
            above_limit: None,
            reference: sidecar.image,
            policy: sidecar.image_pull_policy,
        });
    }
    Ok(wanted)
}

fn waiting(container: &str, image: &Image, requested: &str) -> StepState {
    StepState {
        name: container
            .strip_prefix("step-")
            .unwrap_or(container)
            .to_owned(),
        container: crate::plan::truncated(container),
        image_id: if image.digest.is_empty() {
            requested.to_owned()
        } else {
            image.digest.clone()
        },
        results: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        provenance: None,
        waiting: None,
        running: None,
        terminated: None,
        termination_reason: String::new(),
    }
}

impl<E: Engine> Attempt<E> {
    /// States what happened to this TaskRun.
    pub(crate) fn emit(&self, event: TaskRunEvent) {
        let emitter = self.context.emitter.of(&self.run);
        emitter.task_run_event(&self.request.identity.name, event);
    }

    /// Makes the files and directories it needs. What is in the way in a volume, such as a link, is
    /// an error of this TaskRun alone: its end is returned.
    async fn make_files(&self) -> Result<Option<AttemptEnd>, SandboxError> {
        match self.context.sandbox.files(self.layout.ops.clone()).await {
            Err(SandboxError::File(text)) => {
                let first = self.states.first();
                let first = first.map_or("", |state| state.name.as_str());
                let condition = config_fault(&self.request, "step", first, &text);
                Ok(Some(AttemptEnd {
                    permanent: false,
                    ..AttemptEnd::permanent(condition)
                }))
            }
            made => made.map(|()| None),
        }
    }

    async fn execute(&mut self, number: usize) -> Result<AttemptEnd, SandboxError> {
        let task_spec = match self.bound.substituted() {
            Ok(spec) => serde_json::to_value(spec).unwrap_or_default(),
            Err(error) => return Ok(AttemptEnd::permanent(error.into())),
        };
        self.emit(TaskRunEvent::Started {
            attempt: number,
            pod_name: self.layout.pod.name.clone(),
            task_spec,
            steps: self.states.iter().map(|state| state.name.clone()).collect(),
        });
        if let Some(end) = self.make_files().await? {
            return Ok(end);
        }
        if let Some(first) = self.layout.steps.first() {
            self.context.prestart.want(Vec::new(), first.spec.clone());
        }
        let mut sidecars = match Sidecars::start(self).await? {
            Ok(sidecars) => sidecars,
            Err(condition) => {
                return Ok(AttemptEnd {
                    permanent: false,
                    ..AttemptEnd::permanent(condition)
                });
            }
        };
        let halted = tokio::select! {
            () = sidecars.ready() => None,
            halt = self.halted() => Some(halt),
        };
        let end = match halted {
            Some(halt) => {
                for late in sidecars.late() {
                    let text = format!("waited for sidecar \"{late}\", which was not ready");
                    let first = self.states.first().map(|state| state.name.clone());
                    self.say(&first.unwrap_or_default(), &text).await;
                }
                self.skip_rest(0, Some(&halt));
                StepEnd::Halted(halt)
            }
            None => self.steps().await?,
        };
        self.context.prestart.forget(&self.request.identity.name);
        let broken = sidecars.stop(self.context.options.grace).await;
        Ok(self.end(end, broken))
    }

    async fn steps(&mut self) -> Result<StepEnd, SandboxError> {
        for index in 0..self.layout.steps.len() {
            match self.step(index).await? {
                StepEnd::Passed => {}
                end => {
                    let halt = match &end {
                        StepEnd::Halted(halt) => Some(halt.clone()),
                        StepEnd::Passed | StepEnd::Failed(_) => None,
                    };
                    self.skip_rest(index + 1, halt.as_ref());
                    return Ok(end);
                }
            }
        }
        Ok(StepEnd::Passed)
    }

    fn end(&self, end: StepEnd, broken_sidecar: Option<Condition>) -> AttemptEnd {
        let (results, mistyped) = self.collected.results(&self.bound.task.spec, &self.states);
        let artifacts = Some(self.collected.artifacts());
        let (condition, halt) = match end {
            StepEnd::Halted(halt) => {
                let condition = Condition::failed(halt.reason, halt.message.clone());
                return AttemptEnd {
                    condition,
                    results: Vec::new(),
                    artifacts,
                    halt: Some(halt),
                    permanent: false,
                };
            }
            StepEnd::Failed(condition) => (broken_sidecar.unwrap_or(condition), None),
            StepEnd::Passed => {
                let succeeded =
                    Condition::succeeded(Reason::Succeeded, "All Steps have completed executing");
                (broken_sidecar.or(mistyped).unwrap_or(succeeded), None)
            }
        };
        AttemptEnd {
            condition,
            results,
            artifacts,
            halt,
            permanent: false,
        }
    }

    pub(crate) fn state(&self, index: usize) -> StepState {
        self.states[index].clone()
    }

    pub(crate) fn finish_step(&mut self, index: usize, state: StepState) {
        self.states[index] = state.clone();
        self.emit(TaskRunEvent::StepFinished { index, step: state });
    }

    /// Starts the containers of the next steps while this one runs.
    pub(crate) fn prestart_next(&self, index: usize) {
        for next in self.layout.steps.iter().skip(index + 1).take(STEPS_AHEAD) {
            self.context.prestart.want(Vec::new(), next.spec.clone());
        }
    }

    /// Why the attempt is to stop, when it is.
    pub(crate) fn halt(&self) -> Option<Halt> {
        let told = self.halt.borrow().clone();
        if let Some(halt) = told.filter(Halt::ends_running) {
            return Some(halt);
        }
        let (_, limit) = self
            .deadline
            .filter(|(deadline, _)| *deadline <= Instant::now())?;
        let name = &self.request.identity.name;
        Some(Halt {
            reason: Reason::TaskRunTimeout,
            message: format!(
                "TaskRun \"{name}\" failed to finish within \"{}\"",
                GoDuration::from(limit)
            ),
            ending: Ending::Failed,
            queued_only: false,
        })
    }

    /// Ends when the attempt is to stop, and says why.
    pub(crate) async fn halted(&self) -> Halt {
        let mut halt = self.halt.clone();
        loop {
            if let Some(halt) = self.halt() {
                return halt;
            }
            let told = async {
                if halt.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            let late = async {
                match self.deadline {
                    Some((deadline, _)) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = told => {}
                () = late => {}
            }
        }
    }
}
