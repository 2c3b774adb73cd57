//! What a task starts with: its params, its combinations, and what it may refer to.

use std::sync::Arc;

use super::model::{Action, Ending, Start, State};
use super::scheduler::Scheduler;
use crate::language::limits::MAX_MATRIX_COMBINATIONS;
use crate::language::{Combination, MatrixTypeError, fan_out, has_empty_array, product_len};
use crate::plan::PlannedTask;
use crate::spec::param::ParamType;
use crate::spec::when::WhenExpression;
use crate::status::{Condition, Reason, SkipReason};
use crate::substitution::Scope;

impl Scheduler {
    pub(crate) fn start(
        &mut self,
        task: usize,
        when: Vec<WhenExpression>,
    ) -> Result<Action, Condition> {
        let plan = Arc::clone(&self.plan);
        let planned = &plan.tasks[task];
        let mut scope = if planned.finally {
            self.finally_scope()
        } else {
            self.scope.clone()
        };
        scope.set("context.pipelineTask.retries", planned.retries.to_string());
        let params = scope.params(&planned.source.params);
        let combinations = match self.combinations(planned)? {
            Some(combinations) if combinations.is_empty() => {
                return Ok(self.skip(task, SkipReason::EmptyMatrix, when));
            }
            combinations => combinations,
        };
        self.states[task] = State::Running;
        Ok(Action::Start(Start {
            task,
            when,
            params,
            combinations,
            display_name: scope.text(&planned.source.display_name),
        }))
    }

    /// The fan-out of a task, its result-driven arrays in place.
    fn combinations(&self, planned: &PlannedTask) -> Result<Option<Vec<Combination>>, Condition> {
        let Some(matrix) = &planned.source.matrix else {
            return Ok(None);
        };
        let mut matrix = matrix.clone();
        let mut scope = self.scope.clone();
        scope.set("context.pipelineTask.retries", planned.retries.to_string());
        matrix.params = scope.params(&matrix.params);
        for include in &mut matrix.include {
            include.params = scope.params(&include.params);
        }
        let params = matrix.params.iter().map(|param| (ParamType::Array, param));
        let included = matrix.include.iter().flat_map(|include| &include.params);
        let included = included.map(|param| (ParamType::String, param));
        if let Some((wanted, param)) = params
            .chain(included)
            .find(|(wanted, param)| param.value.kind() != *wanted)
        {
            return Err(MatrixTypeError::new(wanted, param, &planned.name).into());
        }
        if has_empty_array(&matrix) {
            return Ok(Some(Vec::new()));
        }
        let product = product_len(&matrix.params);
        if product > MAX_MATRIX_COMBINATIONS {
            return Err(self.too_many(planned, product));
        }
        let combinations = fan_out(&matrix);
        if combinations.len() > MAX_MATRIX_COMBINATIONS {
            return Err(self.too_many(planned, combinations.len()));
        }
        Ok(Some(combinations))
    }

    fn too_many(&self, planned: &PlannedTask, combinations: usize) -> Condition {
        Condition::failed(
            Reason::PipelineValidationFailed,
            format!(
                "[User error] Pipeline {}/{} can't be Run; it has an invalid spec: expected 0 <= {combinations} <= {MAX_MATRIX_COMBINATIONS}: tasks[{}].matrix",
                self.plan.identity.namespace, self.plan.pipeline_name, planned.name
            ),
        )
    }

    /// What finally tasks may refer to besides: the status of every task
    /// (`pkg/reconciler/pipelinerun/resources/pipelinerunstate.go`, `GetPipelineTaskStatus`).
    pub(crate) fn finally_scope(&self) -> Scope {
        let mut scope = self.scope.clone();
        let mut aggregate = "Succeeded";
        for (state, task) in self
            .states
            .iter()
            .zip(&self.plan.tasks)
            .filter(|(_, task)| !task.finally)
        {
            let (status, reason) = match state {
                State::Done(done) if done.ending == Ending::Succeeded => {
                    ("Succeeded", done.reason.as_str())
                }
                State::Done(done) => ("Failed", done.reason.as_str()),
                State::Waiting | State::Skipped(_) | State::Invalid(_) | State::Running => {
                    ("None", "")
                }
            };
            match state {
                State::Invalid(_) => aggregate = "Failed",
                State::Done(done) if done.ending != Ending::Succeeded => aggregate = "Failed",
                State::Skipped(_) if aggregate == "Succeeded" => aggregate = "Completed",
                State::Waiting | State::Skipped(_) | State::Running | State::Done(_) => {}
            }
            scope.set(format!("tasks.{}.status", task.name), status);
            scope.set(format!("tasks.{}.reason", task.name), reason);
        }
        scope.set("tasks.status", aggregate);
        scope
    }
}
