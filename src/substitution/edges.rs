//! What a task of a Pipeline waits for (`pkg/apis/pipeline/v1/pipeline_types.go`, `Deps`).

use std::collections::BTreeSet;

use super::fields::{self, Place, Visitor};
use super::reference::ResultRef;
use crate::spec::param::ParamValue;
use crate::spec::pipeline::{Matrix, PipelineTask};
use crate::spec::when::WhenExpression;

/// The tasks a task waits for: those of `runAfter`, and those whose results it refers to.
pub fn dependencies(task: &PipelineTask) -> BTreeSet<String> {
    let producers = result_refs(task).into_iter().map(|result| result.task);
    task.run_after.iter().cloned().chain(producers).collect()
}

/// The result references of a task, where a reference makes an edge
/// (`pkg/apis/pipeline/v1/resultref.go`, `PipelineTaskResultRefs`).
pub fn result_refs(task: &PipelineTask) -> Vec<ResultRef> {
    let mut found = Found::default();
    let fanned = task.matrix.iter().flat_map(Matrix::all_params);
    for param in task.params.iter().chain(fanned) {
        found.search(param.value.texts());
    }
    for when in &task.when {
        found.search(when.texts());
    }
    if let Some(spec) = &task.task_spec {
        for step in &spec.steps {
            fields::step(&mut step.clone(), &mut found);
        }
        for sidecar in &spec.sidecars {
            fields::sidecar(&mut sidecar.clone(), &mut found);
        }
    }
    found.0
}

/// The references found so far. Of a step or sidecar it keeps to the fields that Tekton searches.
#[derive(Default)]
struct Found(Vec<ResultRef>);

impl Found {
    fn search<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) {
        self.0
            .extend(texts.into_iter().flat_map(ResultRef::find_in));
    }
}

impl Visitor for Found {
    fn text(&mut self, place: Place, text: &mut String) {
        if matches!(
            place.field,
            "name" | "image" | "imagePullPolicy" | "script" | "workingDir" | "env"
        ) {
            self.search([text.as_str()]);
        }
    }

    fn list(&mut self, _: &'static str, list: &mut Vec<String>) {
        self.search(list.iter().map(String::as_str));
    }

    fn value(&mut self, _: Place, _: &mut ParamValue) {}

    fn when(&mut self, _: usize, _: &mut WhenExpression) {}
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::dependencies;

    #[test]
    fn only_searched_fields_make_edges() {
        let deps = |task: serde_json::Value| {
            dependencies(&serde_json::from_value(task).unwrap())
                .into_iter()
                .collect::<Vec<_>>()
        };
        assert_eq!(
            deps(json!({"params": [{"name": "p", "value": "v-$(tasks.a.results.r)"}]})),
            ["a"]
        );
        assert_eq!(
            deps(json!({"taskSpec": {"steps": [{"script": "$(tasks.a.results.r)"}]}})),
            ["a"]
        );
        assert_eq!(
            deps(
                json!({"matrix": {"params": [{"name": "p", "value": "$(tasks.m.results.r[*])"}]}})
            ),
            ["m"]
        );
        assert_eq!(
            deps(json!({"when": [{"cel": "'$(tasks.w.results.r)' == 'x'"}]})),
            ["w"]
        );
        assert!(deps(json!({"displayName": "$(tasks.a.results.r)"})).is_empty());
        assert!(
            deps(json!({"workspaces": [{"name": "w", "subPath": "$(tasks.a.results.r)"}]}))
                .is_empty()
        );
        assert!(
            deps(json!({"params": [{"name": "p", "value": "$(tasks.a.results[\"r\"])"}]}))
                .is_empty()
        );
        assert!(deps(json!({"params": [{"name": "p", "value": "$(tasks.a.status)"}]})).is_empty());
    }
}
