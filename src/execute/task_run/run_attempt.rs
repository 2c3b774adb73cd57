//! Runs one attempt of a TaskRun: its sidecars, its steps in order, its results.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::attempt::{Attempt, AttemptEnd, StepEnd};
use super::prepare::prepare;
use super::results::Collected;
use super::sidecars::Sidecars;
use crate::event::TaskRunEvent;
use crate::execute::options::{HaltReceiver, RunContext};
use crate::execute::pod::failure::config_fault;
use crate::plan::{TaskRunRequest, bind};
use crate::sandbox::{Engine, Image, Sandbox, SandboxError};
use crate::status::{Condition, Reason, StepState};
use crate::substitution::Scope;

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
                for late in sidecars.not_ready() {
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
}
