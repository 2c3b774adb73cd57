//! The results of a pipeline (`pkg/reconciler/pipelinerun/resources/apply.go`).

use super::scheduler::{Ending, Scheduler, State};
use crate::spec::param::ParamValue;
use crate::substitution::{Access, ResultRef};

impl Scheduler {
    /// The results of the pipeline, and the names of those whose producer succeeded without them
    /// (`pkg/reconciler/pipelinerun/resources/apply.go`, `ApplyTaskResultsToPipelineResults`).
    pub fn results(&self) -> (Vec<(String, ParamValue)>, Vec<String>) {
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
        let texts: Vec<&str> = match value {
            ParamValue::String(text) => vec![text],
            ParamValue::Array(items) => items.iter().map(String::as_str).collect(),
            ParamValue::Object(map) => map.values().map(String::as_str).collect(),
        };
        let mut scope = self.scope.clone();
        for reference in texts.into_iter().flat_map(ResultRef::find_in) {
            let side = if reference.finally {
                "finally"
            } else {
                "tasks"
            };
            let key = format!("{side}.{}.results.{}", reference.task, reference.result);
            let found = match &reference.access {
                Access::Whole => match self.scope.get(&key) {
                    Some(ParamValue::Array(items)) => {
                        // Without an index Tekton takes the first item.
                        let first = ParamValue::String(items.first()?.clone());
                        scope.set_value(&key, &first);
                        true
                    }
                    value => value.is_some(),
                },
                Access::Star => self.scope.knows(&key),
                Access::Index(index) => self.scope.knows(&format!("{key}[{index}]")),
                Access::Key(name) => self.scope.knows(&format!("{key}.{name}")),
            };
            if !found {
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
