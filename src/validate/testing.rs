//! What the tests of the rules have in common.

use crate::diagnostic::{Diagnostic, Severity};
use crate::manifest::{ManifestInput, ReadOptions, load};

/// What is said about a document that can be read without fault.
pub(super) fn said(yaml: &str) -> Vec<Diagnostic> {
    let input = ManifestInput::Text {
        name: "test.yaml".to_owned(),
        bytes: yaml.as_bytes().to_vec(),
    };
    let (catalog, read) = load(&[input], ReadOptions::default());
    assert!(!read.has_errors(), "{yaml}\n{read:#?}");
    catalog
        .documents()
        .iter()
        .flat_map(|document| {
            super::document(&document.object, document.id, &document.api_version).0
        })
        .collect()
}

/// The messages of the errors.
pub(super) fn errors(yaml: &str) -> Vec<String> {
    said(yaml)
        .into_iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(|diagnostic| diagnostic.message)
        .collect()
}

/// Checks the errors of each document: none for `""`, else exactly the one given.
pub(super) fn table(wrap: fn(&str) -> String, rows: &[(&str, &str)]) {
    for (inner, expected) in rows {
        let yaml = wrap(inner);
        let found = errors(&yaml);
        let expected: Vec<&str> = Some(*expected)
            .filter(|e| !e.is_empty())
            .into_iter()
            .collect();
        assert_eq!(found, expected, "{yaml}");
    }
}

/// A Pipeline document with this `spec`.
pub(super) fn pipeline(spec: &str) -> String {
    object("Pipeline", spec)
}

/// A PipelineRun document with this `spec`.
pub(super) fn pipeline_run(spec: &str) -> String {
    object("PipelineRun", spec)
}

/// A Task document with this `spec`.
pub(super) fn task(spec: &str) -> String {
    object("Task", spec)
}

/// A TaskRun document with this `spec`.
pub(super) fn task_run(spec: &str) -> String {
    object("TaskRun", spec)
}

/// A StepAction document with this `spec`.
pub(super) fn step_action(spec: &str) -> String {
    object("StepAction", spec).replace("tekton.dev/v1", "tekton.dev/v1beta1")
}

/// A Pipeline of these tasks.
pub(super) fn tasks(list: &str) -> String {
    pipeline(&format!("{{tasks: {list}}}"))
}

/// A Task of one step with an image and these fields.
pub(super) fn step(fields: &str) -> String {
    task(&format!("{{steps: [{{image: i, {fields}}}]}}"))
}

fn object(kind: &str, spec: &str) -> String {
    format!("apiVersion: tekton.dev/v1\nkind: {kind}\nmetadata: {{name: it}}\nspec: {spec}\n")
}
