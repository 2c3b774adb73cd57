//! What is known of one TaskRun.

use serde_json::Value;

use super::object::{ended, set_condition, with_status};
use super::task_state::TaskState;
use crate::spec::param::Param;
use crate::status::{
    Condition, ConditionStatus, Reason, RunResult, SidecarState, StepState, TaskRunStatus,
    Terminated, Timestamp, Waiting,
};

/// The reason of a TaskRun that was cancelled, and the status that asks for it.
const CANCELLED: &str = Reason::TaskRunCancelled.as_str();

/// One TaskRun: its object and its status so far.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRunRecord {
    /// The run it belongs to.
    pub run: String,
    /// The task of the pipeline; the run's own name for a standalone TaskRun.
    pub task: String,
    /// Its name.
    pub name: String,
    /// The object without status.
    pub object: Value,
    /// Its display name.
    pub display_name: String,
    /// Its matrix params, empty without a matrix and for a reused one.
    pub combination: Vec<Param>,
    /// The digests of its resolved inputs, by name of the input.
    pub inputs: Value,
    /// `<run>/<taskrun>` that really executed it, when it was reused.
    pub reused_from: Option<String>,
    /// The attempt that runs or ran last, 0 for the first.
    pub attempt: usize,
    /// Its status.
    pub status: TaskRunStatus,
    pub(super) created_at: Timestamp,
}

impl TaskRunRecord {
    /// A TaskRun nothing happened to yet.
    pub(super) fn new(run: &str, task: &str, name: &str, object: &Value, at: Timestamp) -> Self {
        Self {
            run: run.to_owned(),
            task: task.to_owned(),
            name: name.to_owned(),
            object: object.clone(),
            display_name: String::new(),
            combination: Vec::new(),
            inputs: Value::Null,
            reused_from: None,
            attempt: 0,
            status: TaskRunStatus::default(),
            created_at: at,
        }
    }

    /// A TaskRun an earlier run executed: `object` has a status.
    pub(super) fn reused(mut self, from: &str) -> Self {
        let status = match &mut self.object {
            Value::Object(object) => object.shift_remove("status"),
            _ => None,
        };
        self.status = status
            .and_then(|status| serde_json::from_value(status).ok())
            .unwrap_or_default();
        self.reused_from = Some(from.to_owned());
        self
    }

    /// With these matrix params and digests of inputs.
    pub(super) fn given(self, combination: &[Param], inputs: &Value) -> Self {
        Self {
            combination: combination.to_vec(),
            inputs: inputs.clone(),
            ..self
        }
    }

    /// Its condition.
    pub fn condition(&self) -> Option<&Condition> {
        self.status.conditions.first()
    }

    /// What became of it.
    pub fn state(&self) -> TaskState {
        if self.reused_from.is_some() {
            return TaskState::Reused;
        }
        // One that waits for its turn has no condition yet.
        TaskState::of(self.condition())
    }

    /// True when it has ended.
    pub fn is_finished(&self) -> bool {
        self.reused_from.is_some() || ended(&self.status.conditions)
    }

    /// The object with its status.
    pub fn object(&self) -> Value {
        with_status(&self.object, &self.status, self.created_at)
    }

    /// The first step that failed and was not forgiven, of the last attempt.
    pub fn failed_step(&self) -> Option<&StepState> {
        self.status.steps.iter().find(|step| {
            step.terminated.as_ref().is_some_and(|t| t.exit_code != 0)
                && step.termination_reason != "Continued"
                && step.termination_reason != "Skipped"
        })
    }

    pub(super) fn set_condition(&mut self, condition: Condition, at: Timestamp) {
        set_condition(&mut self.status.conditions, condition, at);
    }

    pub(super) fn start(
        &mut self,
        attempt: usize,
        pod_name: &str,
        task_spec: &Value,
        steps: &[String],
        at: Timestamp,
    ) {
        self.attempt = attempt;
        self.status.start_time = Some(at);
        pod_name.clone_into(&mut self.status.pod_name);
        self.status.task_spec = Some(task_spec.clone());
        self.status.steps = steps.iter().map(|name| waiting_step(name)).collect();
        self.status.sidecars.clear();
        self.status.artifacts = None;
        let started = Condition::new(ConditionStatus::Unknown, Reason::Started, "");
        self.set_condition(started, at);
    }

    pub(super) fn set_step(&mut self, index: usize, step: &StepState, at: Timestamp) {
        if let Some(known) = self.status.steps.get_mut(index) {
            *known = step.clone();
        }
        self.set_running(at);
    }

    pub(super) fn set_sidecar(&mut self, sidecar: &SidecarState, at: Timestamp) {
        let known = self.status.sidecars.iter_mut();
        match known.into_iter().find(|known| known.name == sidecar.name) {
            Some(known) => *known = sidecar.clone(),
            None => self.status.sidecars.push(sidecar.clone()),
        }
        if sidecar.running.is_some() {
            self.set_running(at);
        }
    }

    fn set_running(&mut self, at: Timestamp) {
        if !self.is_finished() {
            let text = "Not all Steps in the Task have finished executing";
            self.set_condition(
                Condition::new(ConditionStatus::Unknown, Reason::Running, text),
                at,
            );
        }
    }

    /// `TR/taskrun.go`, `retryTaskRun`: the failed attempt moves to `retriesStatus`; what tells
    /// attempts apart is cleared.
    pub(super) fn retry(&mut self, condition: &Condition, results: &[RunResult], at: Timestamp) {
        let message = condition.message.clone();
        let earlier = std::mem::take(&mut self.status.retries_status);
        self.finish(condition, results, None, at);
        let attempt = self.status.clone();
        self.status.retries_status = earlier;
        self.status.retries_status.push(attempt);
        self.status.start_time = None;
        self.status.completion_time = None;
        self.status.pod_name.clear();
        self.status.results.clear();
        self.set_condition(
            Condition::new(ConditionStatus::Unknown, Reason::ToBeRetried, message),
            at,
        );
    }

    pub(super) fn finish(
        &mut self,
        condition: &Condition,
        results: &[RunResult],
        artifacts: Option<&Value>,
        at: Timestamp,
    ) {
        self.status.start_time.get_or_insert(self.created_at);
        self.status.completion_time = Some(at);
        self.status.results = results.to_vec();
        if artifacts.is_some() {
            self.status.artifacts = artifacts.cloned();
        }
        if condition.reason == CANCELLED {
            self.ask_to_cancel(&condition.message);
        }
        self.set_condition(condition.clone(), at);
    }

    /// What on a cluster asks a TaskRun to end, and stays in its object
    /// (`pkg/reconciler/pipelinerun/cancel.go`, `cancelTaskRun`).
    fn ask_to_cancel(&mut self, message: &str) {
        let said = format!("TaskRun \"{}\" was cancelled. ", self.name);
        let said = message.strip_prefix(&said).unwrap_or_default();
        let said = said.split("\nPrevious status: ").next().unwrap_or_default();
        let Some(Value::Object(spec)) = self.object.get_mut("spec") else {
            return;
        };
        spec.insert("status".to_owned(), CANCELLED.into());
        if !said.is_empty() {
            spec.insert("statusMessage".to_owned(), said.into());
        }
    }

    /// Ends it as cancelled: `TR/taskrun.go`, `failTaskRun` and `terminateStepsInPod`.
    pub(super) fn cancel(&mut self, status_message: &str, at: Timestamp) {
        if self.is_finished() {
            return;
        }
        let previous = self
            .condition()
            .filter(|condition| {
                !condition.message.is_empty()
                    && !["Started", "Running", "TaskRunPending"]
                        .contains(&condition.reason.as_str())
            })
            .map(|old| format!("\nPrevious status: [{}] {}", old.reason, old.message))
            .unwrap_or_default();
        let name = &self.name;
        let message = format!("TaskRun \"{name}\" was cancelled. {status_message}{previous}");
        let pod = self.status.pod_name.clone();
        for step in &mut self.status.steps {
            cancel_step(step, &pod, at);
        }
        for sidecar in &mut self.status.sidecars {
            if let Some(running) = sidecar.running.take() {
                sidecar.terminated = Some(killed(running.started_at, at));
            }
        }
        self.finish(
            &Condition::failed(Reason::TaskRunCancelled, message),
            &[],
            None,
            at,
        );
    }
}

fn waiting_step(name: &str) -> StepState {
    StepState {
        name: name.to_owned(),
        container: format!("step-{name}"),
        image_id: String::new(),
        results: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        provenance: None,
        waiting: Some(Waiting {
            reason: "PodInitializing".to_owned(),
        }),
        running: None,
        terminated: None,
        termination_reason: String::new(),
    }
}

fn cancel_step(step: &mut StepState, pod: &str, at: Timestamp) {
    if step.terminated.is_some() {
        return;
    }
    let running = step.running.take();
    step.waiting = None;
    step.terminated = Some(Terminated {
        exit_code: 1,
        reason: CANCELLED.to_owned(),
        message: format!("Step {} terminated as pod {pod} is terminated", step.name),
        started_at: running.map(|running| running.started_at),
        finished_at: Some(at),
        container_id: String::new(),
    });
    CANCELLED.clone_into(&mut step.termination_reason);
}

fn killed(started_at: Timestamp, at: Timestamp) -> Terminated {
    Terminated {
        exit_code: 137,
        reason: "Error".to_owned(),
        message: String::new(),
        started_at: Some(started_at),
        finished_at: Some(at),
        container_id: String::new(),
    }
}
