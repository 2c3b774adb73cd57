//! Whether a task that waits may start, and what keeps it from starting.

use std::sync::Arc;

use super::model::{Action, Decision, Ending, State};
use super::scheduler::Scheduler;
use crate::language::when::holds;
use crate::plan::{PlannedTask, Requested};
use crate::spec::param::ParamValue;
use crate::spec::when::WhenExpression;
use crate::status::{Condition, Reason, SkipReason};
use crate::substitution::{Access, ResultRef, Scope, references};

impl Scheduler {
    /// The order of `pkg/reconciler/pipelinerun/resources/pipelinerunresolution.go`, `skip`.
    pub(crate) fn decide(&mut self, task: usize) -> Result<Decision, Condition> {
        let plan = Arc::clone(&self.plan);
        let planned = &plan.tasks[task];
        let parents: Vec<usize> = plan.graph.parents(task).collect();
        let pending = parents
            .iter()
            .any(|parent| matches!(self.states[*parent], State::Waiting | State::Running));
        if plan.reuse.disabled(&planned.name).is_some() {
            // It takes no time, and its place in the order stays.
            return Ok(if pending {
                Decision::Waits
            } else {
                Decision::Decided(self.skip(task, SkipReason::Disabled, Vec::new()))
            });
        }
        let when = substituted_when(planned, &self.scope);
        let settings = match self.requested {
            _ if self.is_stopping() => Some(SkipReason::Stopping),
            Some(Requested::CancelledRunFinally) => Some(SkipReason::GracefullyCancelled),
            Some(Requested::StoppedRunFinally) => Some(SkipReason::GracefullyStopped),
            Some(Requested::Cancelled | Requested::Pending) | None => None,
        };
        if let Some(reason) = settings {
            return Ok(Decision::Decided(self.skip(task, reason, when)));
        }
        let orphaned = parents.iter().any(|parent| self.skips_children(*parent));
        if pending && !orphaned {
            return Ok(Decision::Waits);
        }
        let reason = if !pending && !self.evaluate(planned, &when)? {
            Some(SkipReason::When)
        } else if orphaned {
            Some(SkipReason::ParentSkipped)
        } else {
            None
        };
        if let Some(reason) = reason {
            return Ok(Decision::Decided(self.skip(task, reason, when)));
        }
        if let Some(missing) = self.first_missing(planned)? {
            return Ok(self.missing(task, &missing, when));
        }
        let timed_out = [
            (self.timed_out.pipeline, SkipReason::PipelineTimedOut),
            (self.timed_out.tasks, SkipReason::TasksTimedOut),
        ];
        if let Some((_, reason)) = timed_out.into_iter().find(|(is_up, _)| *is_up) {
            return Ok(Decision::Decided(self.skip(task, reason, when)));
        }
        Ok(Decision::MayStart(when))
    }

    fn skips_children(&self, parent: usize) -> bool {
        match self.states[parent] {
            State::Skipped(reason) => !matches!(reason, SkipReason::When | SkipReason::Disabled),
            State::Waiting | State::Invalid(_) | State::Running | State::Done(_) => false,
        }
    }

    /// A result that its producer, which is done, did not emit.
    fn missing(&mut self, task: usize, missing: &ResultRef, when: Vec<WhenExpression>) -> Decision {
        let plan = Arc::clone(&self.plan);
        let producer = plan
            .index_of(&missing.task)
            .map(|index| &self.states[index]);
        let skipped = matches!(producer, Some(State::Skipped(_)));
        if skipped || plan.tasks[task].continue_on_error {
            return Decision::Decided(self.skip(task, SkipReason::MissingResults, when));
        }
        let succeeded =
            matches!(producer, Some(State::Done(done)) if done.ending == Ending::Succeeded);
        let text = if succeeded {
            format!(
                "task \"{}\" completed successfully but did not emit the result \"{}\", which is referenced by task \"{}\"",
                missing.task, missing.result, plan.tasks[task].name
            )
        } else {
            format!(
                "Invalid task result reference: Could not find result with name {} for pipeline task {}",
                missing.result, missing.task
            )
        };
        self.states[task] = State::Invalid(text);
        Decision::Invalid
    }

    /// Missing results come before the `when` expressions here, unlike for other tasks.
    pub(crate) fn decide_finally(&mut self, task: usize) -> Result<Action, Condition> {
        let plan = Arc::clone(&self.plan);
        let planned = &plan.tasks[task];
        if plan.reuse.disabled(&planned.name).is_some() {
            return Ok(self.skip(task, SkipReason::Disabled, Vec::new()));
        }
        if self.first_missing(planned)?.is_some() {
            return Ok(self.skip(task, SkipReason::MissingResults, Vec::new()));
        }
        let when = substituted_when(planned, &self.finally_scope());
        if !self.evaluate(planned, &when)? {
            return Ok(self.skip(task, SkipReason::When, when));
        }
        let timed_out = [
            (self.timed_out.pipeline, SkipReason::PipelineTimedOut),
            (self.timed_out.finally, SkipReason::FinallyTimedOut),
        ];
        if let Some((_, reason)) = timed_out.into_iter().find(|(is_up, _)| *is_up) {
            return Ok(self.skip(task, reason, Vec::new()));
        }
        self.start(task, when)
    }

    fn evaluate(&self, task: &PlannedTask, when: &[WhenExpression]) -> Result<bool, Condition> {
        holds(when).map_err(|fault| {
            let pasted = self.pasted(task);
            Condition::failed(
                Reason::CELEvaluationFailed,
                format!(
                    "Error evaluating CEL {}: when expression of task \"{}\": {fault}{pasted}",
                    self.plan.identity.name, task.name
                ),
            )
        })
    }

    /// Names the references of a task's CEL expressions whose values end the quotes around them:
    /// values are pasted as they are.
    fn pasted(&self, task: &PlannedTask) -> String {
        let expressions = task.source.when.iter().map(|when| when.cel.as_str());
        let quoted: Vec<String> = expressions
            .flat_map(references)
            .filter(|reference| {
                let value = self.scope.get(reference);
                let text = value.as_ref().and_then(ParamValue::as_str);
                text.is_some_and(|text| text.contains(['\'', '"', '\\', '\n']))
            })
            .map(|reference| format!("$({reference})"))
            .collect();
        if quoted.is_empty() {
            return String::new();
        }
        format!(
            "; the value of {} has a quote, a backslash or a new line in it and is pasted as it \
             is: use input, operator and values instead of cel",
            quoted.join(", ")
        )
    }

    /// The first result a task refers to that does not exist. An item that an array does not have
    /// ends the run (`pkg/reconciler/pipelinerun/resources/resultrefresolution.go`).
    fn first_missing(&self, planned: &PlannedTask) -> Result<Option<ResultRef>, Condition> {
        for reference in &planned.result_refs {
            let whole = reference.whole();
            if let Access::Index(index) = &reference.access
                && let Some(len) = self.scope.array_len(&whole).filter(|len| index >= len)
            {
                return Err(self.out_of_bounds(reference, *index, len));
            }
            if !self.scope.knows(&(whole + &reference.part())) {
                return Ok(Some(reference.clone()));
            }
        }
        Ok(None)
    }

    fn out_of_bounds(&self, reference: &ResultRef, index: usize, len: usize) -> Condition {
        Condition::failed(
            Reason::PipelineValidationFailed,
            format!(
                "PipelineRun {} can't be Run; couldn't resolve all references: array Result Index {index} for Task {} Result {} is out of bound of size {len}",
                self.plan.identity.qualified(),
                reference.task,
                reference.result
            ),
        )
    }
}

fn substituted_when(planned: &PlannedTask, scope: &Scope) -> Vec<WhenExpression> {
    planned
        .source
        .when
        .iter()
        .map(|when| scope.when(when))
        .collect()
}
