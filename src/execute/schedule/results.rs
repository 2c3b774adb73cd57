//! The results of a pipeline (`pkg/reconciler/pipelinerun/resources/apply.go`).

use super::model::{Ending, State};
use super::scheduler::Scheduler;
use crate::spec::param::ParamValue;
use crate::substitution::{Access, ResultRef};

impl Scheduler {
    /// The results of the pipeline, and the names of those whose producer succeeded without them
    /// (`pkg/reconciler/pipelinerun/resources/apply.go`, `ApplyTaskResultsToPipelineResults`).
    pub(crate) fn results(&self) -> (Vec<(String, ParamValue)>, Vec<String>) {
        let mut results = Vec::new();
        let mut invalid = Vec::new();
        for result in &self.plan.results {
            match self.result(&result.value) {
                Some(Ok(value)) => results.push((result.name.clone(), value)),
                Some(Err(())) => invalid.push(result.name.clone()),
                None => {}
            }
        }
        (results, invalid)
    }

    /// `None` when a producer did not succeed, an error when it did without the result.
    fn result(&self, value: &ParamValue) -> Option<Result<ParamValue, ()>> {
        let mut scope = self.scope.clone();
        for reference in value.texts().into_iter().flat_map(ResultRef::find_in) {
            let whole = reference.whole();
            if reference.access == Access::Whole
                && let Some(ParamValue::Array(items)) = self.scope.get(&whole)
            {
                // Without an index Tekton takes the first item.
                let first = ParamValue::String(items.first()?.clone());
                scope.set_value(&whole, &first);
            }
            if !self.scope.knows(&(whole + &reference.part())) {
                let producer = self
                    .plan
                    .index_of(&reference.task)
                    .map(|index| &self.states[index]);
                let succeeded =
                    matches!(producer, Some(State::Done(done)) if done.ending == Ending::Succeeded);
                return succeeded.then_some(Err(()));
            }
        }
        Some(Ok(scope.value(value)))
    }
}
