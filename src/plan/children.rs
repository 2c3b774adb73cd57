//! How many child runs a run can start, counted before it starts.
//!
//! Pipelines that refer to each other multiply: 26 of them with five references each stand for
//! more runs than any machine can hold.

use std::collections::HashMap;

use super::error::{Place, PlanError};
use super::identity::Identity;
use super::problem::Problem;
use crate::diagnostic::FieldPath;
use crate::language::limits::MAX_CHILD_RUNS;
use crate::resolve::{Library, Reference, ResolvedPipeline};
use crate::spec::pipeline::{PipelineSpec, PipelineTask};

/// Fails when the tasks of a pipeline that are pipelines start more runs than they may.
pub(super) fn check(
    identity: &Identity,
    name: &str,
    pipeline: &ResolvedPipeline,
    library: &Library,
) -> Result<(), PlanError> {
    let mut counter = Counter {
        library,
        known: HashMap::new(),
    };
    let count = counter.of_pipeline(&pipeline.spec);
    if count <= MAX_CHILD_RUNS {
        return Ok(());
    }
    let place = Place::of_pipeline(pipeline.name.as_deref(), FieldPath::root().key("tasks"));
    Err(PlanError::new(problem(identity, name, count), place))
}

/// The error of a child run that is one too many: `pipeline` is that of its parent.
pub fn too_many(identity: &Identity, pipeline: &str, count: usize) -> PlanError {
    let place = Place::of_run(FieldPath::root());
    PlanError::new(problem(identity, pipeline, count), place)
}

fn problem(identity: &Identity, pipeline: &str, count: usize) -> Problem {
    Problem::TooManyChildren {
        pipeline: format!("{}/{pipeline}", identity.namespace),
        count,
    }
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
        // What cannot be found is another error; what has a param in its name is counted when it
        // starts.
        let Ok(child) = found else { return 1 };
        let name = &child.metadata.name;
        let below = match self.known.get(name) {
            Some(below) => *below,
            None => {
                // A pipeline inside itself is another error.
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
    use crate::resolve::{Library, ResolvedPipeline};
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

    fn error(depth: usize, width: usize) -> Option<String> {
        let (library, first) = nested(depth, width);
        let first = ResolvedPipeline {
            spec: first.spec,
            ..ResolvedPipeline::default()
        };
        check(&Identity::default(), "p0", &first, &library)
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn pipelines_in_pipelines_have_a_limit() {
        assert_eq!(error(4, 5), None);
        let message = error(5, 5).unwrap();
        assert!(
            message.contains("start 3905 child runs, and 1000 are allowed"),
            "{message}"
        );
        assert!(error(26, 5).is_some());
        assert!(error(100, 9).unwrap().contains("endlessly many"));
    }

    #[test]
    fn a_pipeline_inside_itself_is_counted_to_an_end() {
        let object = json!({"metadata": {"name": "p"}, "spec": {"tasks": [
            {"name": "a", "pipelineRef": {"name": "p"}},
        ]}});
        let pipeline: Pipeline = serde_json::from_value(object).unwrap();
        let library = Library::new(&[Object::Pipeline(Box::new(pipeline.clone()))]);
        let pipeline = ResolvedPipeline {
            spec: pipeline.spec,
            ..ResolvedPipeline::default()
        };
        assert_eq!(
            check(&Identity::default(), "p", &pipeline, &library),
            Ok(())
        );
    }
}
