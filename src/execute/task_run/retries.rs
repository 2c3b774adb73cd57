//! A TaskRun: its attempts until one succeeds or none is left.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::attempt::AttemptEnd;
use super::run_attempt::attempt;
use crate::event::TaskRunEvent;
use crate::execute::options::{Halt, HaltReceiver, RunContext};
use crate::execute::schedule::Ending;
use crate::plan::TaskRunRequest;
use crate::sandbox::{Engine, SandboxError};
use crate::spec::param::ParamValue;
use crate::status::Condition;

/// How a TaskRun ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TaskRunEnd {
    /// Its condition.
    pub condition: Condition,
    /// Its results.
    pub results: BTreeMap<String, ParamValue>,
    /// How its pipeline counts it.
    pub ending: Ending,
    /// Its artifacts.
    pub artifacts: Option<Value>,
}

/// Runs a TaskRun that has been announced, when a place is free.
pub(crate) async fn task_run<E: Engine>(
    context: Arc<RunContext<E>>,
    run: String,
    request: Arc<TaskRunRequest>,
    storage: BTreeMap<String, String>,
    mut halt: HaltReceiver,
) -> Result<TaskRunEnd, SandboxError> {
    let emitter = context.emitter.of(&run);
    let place = tokio::select! {
        biased;
        _ = halt.wait_for(Option::is_some) => None,
        place = Arc::clone(&context.jobs).acquire_owned() => place.ok(),
    };
    let waiting_halt = halt.borrow().clone();
    let end = match (place, waiting_halt) {
        (None, Some(halt)) => stopped(halt),
        (place, _) => {
            let _place = place;
            attempts(&context, &run, &request, &storage, &halt).await?
        }
    };
    context.prestart.forget(&request.identity.name);
    let finished = TaskRunEvent::Finished {
        condition: end.condition.clone(),
        results: end.results.clone(),
        artifacts: end.artifacts.clone(),
    };
    emitter.task_run_event(&request.identity.name, finished);
    let ending = match &end.halt {
        Some(halt) => halt.ending,
        None if end.condition.is_true() => Ending::Succeeded,
        None => Ending::Failed,
    };
    let results = end
        .results
        .into_iter()
        .map(|result| (result.name, result.value))
        .collect();
    Ok(TaskRunEnd {
        condition: end.condition,
        results,
        ending,
        artifacts: end.artifacts,
    })
}

fn stopped(halt: Halt) -> AttemptEnd {
    AttemptEnd {
        condition: Condition::failed(halt.reason, halt.message.clone()),
        results: Vec::new(),
        artifacts: None,
        halt: Some(halt),
        permanent: false,
    }
}

/// A failed attempt is followed by another, except when it was stopped from outside or its input
/// is at fault: on a cluster that is tried again as well, and ends alike.
async fn attempts<E: Engine>(
    context: &Arc<RunContext<E>>,
    run: &str,
    request: &Arc<TaskRunRequest>,
    storage: &BTreeMap<String, String>,
    halt: &HaltReceiver,
) -> Result<AttemptEnd, SandboxError> {
    let mut number = 0;
    loop {
        let end = attempt(
            Arc::clone(context),
            run,
            Arc::clone(request),
            storage,
            number,
            halt.clone(),
        )
        .await?;
        let stopped = halt.borrow().as_ref().is_some_and(Halt::ends_running);
        if end.condition.is_true() || stopped || end.permanent || number >= request.retries {
            return Ok(end);
        }
        let retried = TaskRunEvent::Retried {
            condition: end.condition,
            results: end.results,
        };
        let emitter = context.emitter.of(run);
        emitter.task_run_event(&request.identity.name, retried);
        number += 1;
    }
}
