//! What becomes of a step, in Tekton's words (`pkg/pod/status.go`, `pkg/entrypoint`).

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use super::attempt::{Attempt, StepEnd};
use super::step::Named;
use crate::event::Stream;
use crate::execute::artifacts::artifact_texts;
use crate::execute::options::Halt;
use crate::sandbox::{Engine, Exit, FileOp, Outcome, Output, Sandbox, SandboxError, VolumePath};
use crate::spec::task::Step;
use crate::status::{Condition, Reason, StepState, Terminated, Timestamp};

impl<E: Engine> Attempt<E> {
    /// What became of the step.
    pub(crate) async fn conclude(
        &mut self,
        index: usize,
        mut state: StepState,
        step: &Step,
        outcome: Outcome,
        container: &Named,
    ) -> StepEnd {
        let forgiven = step.on_error == "continue";
        self.collected
            .take(&outcome.files, &step.results, &mut state);
        self.learn(step, &state);
        let verdict = self.judge(&outcome, forgiven, &state.name).await;
        state.running = None;
        verdict.reason.clone_into(&mut state.termination_reason);
        state.terminated = Some(Terminated {
            exit_code: verdict.exit_code,
            reason: verdict.container_reason.to_owned(),
            message: verdict.message.clone(),
            started_at: Some(outcome.started_at),
            finished_at: Some(outcome.finished_at),
            container_id: container.uri.clone(),
        });
        self.finish_step(index, state);
        verdict.end
    }

    async fn judge(&self, outcome: &Outcome, forgiven: bool, name: &str) -> Verdict {
        if outcome.oom_killed && outcome.exit != Exit::Cancelled {
            let code = match outcome.exit {
                Exit::Code(code) if code != 0 => code,
                _ => 137,
            };
            return Verdict::failed(
                code,
                "OOMKilled",
                "OOMKilled",
                self.exited(name, code, "OOMKilled", Reason::StepOOM),
            );
        }
        if let Some(text) = &outcome.file_error {
            self.say(name, text).await;
            return self.failed(name, 1);
        }
        match &outcome.exit {
            Exit::Code(0) => Verdict::passed(0, "Completed"),
            Exit::Code(code) if forgiven => Verdict::passed(*code, "Continued"),
            Exit::Signal(_) if forgiven => Verdict::passed(-1, "Continued"),
            Exit::Code(code) => self.failed(name, *code),
            Exit::Signal(_) => self.failed(name, 255),
            // The agent has written why on the step's standard error.
            Exit::NotStarted(_) => self.failed(name, 1),
            Exit::TimedOut => {
                let message = format!(
                    "\"step-{name}\" exited because the step exceeded the specified timeout limit"
                );
                Verdict::failed(
                    1,
                    "Error",
                    "TimeoutExceeded",
                    Condition::failed(Reason::StepFailed, message),
                )
            }
            Exit::Cancelled => match self.halt() {
                Some(halt) => Verdict {
                    exit_code: 1,
                    container_reason: halt.reason.as_str(),
                    reason: halt.reason.as_str(),
                    message: self.ended_with_pod(name),
                    end: StepEnd::Halted(halt),
                },
                None => Verdict::failed(
                    1,
                    "Error",
                    "Cancelled",
                    self.exited(name, 1, "Error", Reason::StepFailed),
                ),
            },
            Exit::Lost(text) => {
                self.say(name, &format!("the container was lost: {text}"))
                    .await;
                self.failed(name, 137)
            }
        }
    }

    fn failed(&self, name: &str, code: i32) -> Verdict {
        let condition = self.exited(name, code, "Error", Reason::StepFailed);
        Verdict::failed(code, "Error", "Error", condition)
    }

    fn exited(&self, name: &str, code: i32, why: &str, reason: Reason) -> Condition {
        let ignored = self.request.ignore_failure && reason == Reason::StepFailed;
        let reason = if ignored {
            Reason::FailureIgnored
        } else {
            reason
        };
        Condition::failed(
            reason,
            format!("\"step-{name}\" exited with code {code}: {why}"),
        )
    }

    /// A line on the step's standard error, as its entrypoint would write it.
    pub(crate) async fn say(&self, name: &str, text: &str) {
        let line = Output {
            stream: Stream::Stderr,
            data: Bytes::from(format!("{text}\n")),
        };
        let source = self.log_source(name, false);
        self.context.emitter.log(&source, line).await;
    }

    /// Makes the results and artifacts of a step known to later steps.
    fn learn(&mut self, step: &Step, state: &StepState) {
        if step.name.is_empty() {
            return;
        }
        let known = Arc::make_mut(&mut self.known);
        for result in &state.results {
            known.set_value(
                &format!("steps.{}.results.{}", step.name, result.name),
                &result.value,
            );
        }
        let artifacts = json!({"inputs": state.inputs, "outputs": state.outputs});
        for side in ["inputs", "outputs"] {
            for (name, text) in artifact_texts(&artifacts, side) {
                known.set(format!("steps.{}.{side}.{name}", step.name), text);
            }
        }
    }

    pub(crate) async fn skipped_by_when(
        &mut self,
        index: usize,
        mut state: StepState,
    ) -> Result<StepEnd, SandboxError> {
        let file = |path: String, content: &'static str| FileOp::File {
            path: VolumePath::Run(self.layout.dir.join(&path)),
            mode: 0o644,
            owner: None,
            content: Bytes::from_static(content.as_bytes()),
        };
        let ops = vec![
            file(format!("run/{index}/out"), ""),
            file(format!("run/{index}/status/exitCode"), "0"),
        ];
        self.context.sandbox.files(ops).await?;
        "Skipped".clone_into(&mut state.termination_reason);
        state.terminated = Some(ended_now(0, "Completed", String::new()));
        self.prestart_next(index);
        self.finish_step(index, state);
        Ok(StepEnd::Passed)
    }

    /// The step fails before its program starts, with a line that says why.
    pub(crate) async fn failed_early(
        &mut self,
        index: usize,
        mut state: StepState,
        code: i32,
        text: &str,
    ) -> StepEnd {
        self.say(&state.name, text).await;
        "Error".clone_into(&mut state.termination_reason);
        state.terminated = Some(ended_now(code, "Error", text.to_owned()));
        let condition = self.exited(&state.name, code, "Error", Reason::StepFailed);
        self.finish_step(index, state);
        StepEnd::Failed(condition)
    }

    pub(crate) fn never_ran(
        &mut self,
        index: usize,
        mut state: StepState,
        condition: Condition,
    ) -> StepEnd {
        condition.reason.clone_into(&mut state.termination_reason);
        state.terminated = Some(ended_now(1, &condition.reason, condition.message.clone()));
        self.finish_step(index, state);
        StepEnd::Failed(condition)
    }

    pub(crate) fn stopped_before(
        &mut self,
        index: usize,
        mut state: StepState,
        halt: Halt,
    ) -> StepEnd {
        halt.reason
            .as_str()
            .clone_into(&mut state.termination_reason);
        let message = self.ended_with_pod(&state.name);
        state.terminated = Some(ended_now(1, halt.reason.as_str(), message));
        self.finish_step(index, state);
        StepEnd::Halted(halt)
    }

    /// The message of a step that was ended because its pod was.
    fn ended_with_pod(&self, step: &str) -> String {
        let pod = &self.layout.pod.name;
        format!("Step {step} terminated as pod {pod} is terminated")
    }

    /// Steps after the end of the TaskRun, as their entrypoints report it.
    pub(crate) fn skip_rest(&mut self, from: usize, halted: Option<&Halt>) {
        for index in from..self.layout.steps.len() {
            let mut state = self.state(index);
            let (reason, message) = match halted {
                Some(halt) => (halt.reason.as_str(), self.ended_with_pod(&state.name)),
                None => ("Error", String::new()),
            };
            halted
                .map_or("Skipped", |halt| halt.reason.as_str())
                .clone_into(&mut state.termination_reason);
            state.terminated = Some(ended_now(1, reason, message));
            self.finish_step(index, state);
        }
    }
}

/// What an outcome means.
struct Verdict {
    exit_code: i32,
    container_reason: &'static str,
    reason: &'static str,
    message: String,
    end: StepEnd,
}

fn ended_now(exit_code: i32, reason: &str, message: String) -> Terminated {
    let now: Timestamp = jiff::Timestamp::now();
    Terminated {
        exit_code,
        reason: reason.to_owned(),
        message,
        started_at: Some(now),
        finished_at: Some(now),
        container_id: String::new(),
    }
}

impl Verdict {
    const fn passed(exit_code: i32, reason: &'static str) -> Self {
        Self {
            exit_code,
            container_reason: "Completed",
            reason,
            message: String::new(),
            end: StepEnd::Passed,
        }
    }

    const fn failed(
        exit_code: i32,
        container_reason: &'static str,
        reason: &'static str,
        condition: Condition,
    ) -> Self {
        Self {
            exit_code,
            container_reason,
            reason,
            message: String::new(),
            end: StepEnd::Failed(condition),
        }
    }
}
