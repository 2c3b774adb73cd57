//! How many child runs a run can start, counted before it starts.
//!
//! Pipelines that refer to each other multiply: 26 of them with five references each stand for
//! more runs than any machine can hold.

use std::collections::HashMap;

use super::model::Identity;
use crate::resolve::{Library, Reference};
use crate::spec::pipeline::{PipelineSpec, PipelineTask};
use crate::status::{Condition, Reason};

/// How many child runs one run may start, those of its children included.
pub const MAX_CHILD_RUNS: usize = 1000;

/// Fails when the tasks of a pipeline that are pipelines start more runs than they may.
pub(super) fn check(
    identity: &Identity,
    name: &str,
    pipeline: &PipelineSpec,
    library: &Library,
) -> Result<(), Condition> {
    let mut counter = Counter {
        library,
        known: HashMap::new(),
    };
    let count = counter.of_pipeline(pipeline);
    if count <= MAX_CHILD_RUNS {
        return Ok(());
    }
    Err(too_many(identity, name, count))
}

/// The condition of a run that starts more child runs than it may.
pub fn too_many(identity: &Identity, pipeline: &str, count: usize) -> Condition {
    let count = if count == usize::MAX {
        "endlessly many".to_owned()
    } else {
        count.to_string()
    };
    Condition::failed(
        Reason::PipelineValidationFailed,
        format!(
            "[User error] Pipeline {}/{pipeline} can't be Run; its pipelines in pipelines start \
             {count} child runs, and {MAX_CHILD_RUNS} are allowed",
            identity.namespace
        ),
    )
}

struct Counter<'a> {
    library: &'a Library,
    /// The child runs of the pipelines looked at, by name.
    known: HashMap<String, usize>,
}

impl Counter<'_> {
    fn of_pipeline(&mut self, pipeline: &PipelineSpec) -> usize {
        let tasks = pipeline.tasks.iter().chain(&pipeline.finally);
        tasks.fold(0, |all, task| all.saturating_add(self.of_task(task)))
    }

    fn of_task(&mut self, task: &PipelineTask) -> usize {
        if let Some(child) = &task.pipeline_spec {
            return self.of_pipeline(child).saturating_add(1);
        }
        let Some(reference) = &task.pipeline_ref else {
            return 0;
        };
        let found = self.library.pipeline(Reference {
            name: &reference.name,
            resolver: &reference.resolver,
            params: &reference.params,
        });
        // What cannot be found is another fault; what has a param in its name is counted when it
        // starts.
        let Ok(child) = found else { return 1 };
        let name = &child.metadata.name;
        let below = match self.known.get(name) {
            Some(below) => *below,
            None => {
                // A pipeline inside itself is another fault.
                self.known.insert(name.clone(), 0);
                let below = self.of_pipeline(&child.spec);
                self.known.insert(name.clone(), below);
                below
            }
        };
        below.saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::check;
    use crate::plan::Identity;
    use crate::resolve::Library;
    use crate::spec::{Object, Pipeline};

    /// `depth` pipelines, each with `width` references to the next.
    fn nested(depth: usize, width: usize) -> (Library, Pipeline) {
        let pipelines: Vec<Object> = (0..depth)
            .map(|level| {
                let next = json!({"name": format!("p{}", level + 1)});
                let tasks: Vec<_> = (0..width)
                    .map(|task| json!({"name": format!("t{task}"), "pipelineRef": next}))
                    .collect();
                let object =
                    json!({"metadata": {"name": format!("p{level}")}, "spec": {"tasks": tasks}});
                Object::Pipeline(Box::new(serde_json::from_value(object).unwrap()))
            })
            .collect();
        let Object::Pipeline(first) = pipelines[0].clone() else {
            panic!("it is a Pipeline");
        };
        (Library::new(&pipelines), *first)
    }

    fn fault(depth: usize, width: usize) -> Option<String> {
        let (library, first) = nested(depth, width);
        check(&Identity::default(), "p0", &first.spec, &library)
            .err()
            .map(|condition| condition.message)
    }

    #[test]
    fn pipelines_in_pipelines_have_a_limit() {
        assert_eq!(fault(4, 5), None);
        let message = fault(5, 5).unwrap();
        assert!(
            message.contains("start 3905 child runs, and 1000 are allowed"),
            "{message}"
        );
        assert!(fault(26, 5).is_some());
        assert!(fault(100, 9).unwrap().contains("endlessly many"));
    }

    #[test]
    fn a_pipeline_inside_itself_is_counted_to_an_end() {
        let object = json!({"metadata": {"name": "p"}, "spec": {"tasks": [
            {"name": "a", "pipelineRef": {"name": "p"}},
        ]}});
        let pipeline: Pipeline = serde_json::from_value(object).unwrap();
        let library = Library::new(&[Object::Pipeline(Box::new(pipeline.clone()))]);
        assert_eq!(
            check(&Identity::default(), "p", &pipeline.spec, &library),
            Ok(())
        );
    }
}
