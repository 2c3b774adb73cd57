//! The entry: one document of any kind.

use super::checker::Checker;
use super::{kubernetes, names, pipeline, pipeline_run, step_action, task, task_run};
use crate::diagnostic::{Diagnostics, DocumentId, FieldPath};
use crate::spec::Object;

/// Everything Tekton's webhook would say about a document, were it created on a cluster.
///
/// The document is taken as read: fields unknown to Tekton and values of the wrong type have been
/// reported, v1beta1 has been converted. `document` says which document of the input the
/// diagnostics are about, `api_version` what it said before it was converted.
pub fn document(object: &Object, document: DocumentId, api_version: &str) -> Diagnostics {
    let mut check = Checker::new(document, api_version);
    let root = FieldPath::root();
    let (metadata, spec) = (root.key("metadata"), root.key("spec"));
    match object {
        Object::Pipeline(object) => {
            names::metadata(&mut check, &metadata, &object.metadata);
            pipeline::document(&mut check, &spec, &object.spec);
        }
        Object::PipelineRun(object) => {
            names::metadata(&mut check, &metadata, &object.metadata);
            pipeline_run::document(&mut check, &spec, object);
        }
        Object::Task(object) => {
            names::metadata(&mut check, &metadata, &object.metadata);
            task::document(&mut check, &spec, &object.spec);
        }
        Object::TaskRun(object) => {
            names::metadata(&mut check, &metadata, &object.metadata);
            task_run::document(&mut check, &spec, object);
        }
        Object::StepAction(object) => {
            names::metadata(&mut check, &metadata, &object.metadata);
            step_action::document(&mut check, &spec, &object.spec);
        }
        Object::ConfigMap(_)
        | Object::Secret(_)
        | Object::PersistentVolumeClaim(_)
        | Object::ServiceAccount(_) => {
            names::core_metadata(&mut check, &metadata, object.metadata());
        }
    }
    for invalid in kubernetes::object(object) {
        let name = &object.metadata().name;
        let message = format!("{} {name:?} is invalid: {invalid}", object.kind());
        // The admission webhook does not look at them, and nothing here depends on them.
        if is_of_tekton(object) {
            let what = format!("an API server will reject this: {}", invalid.message);
            check.warning(&invalid.path, what, None);
        } else {
            check.fault_at(&invalid.path, message);
        }
    }
    // The webhook takes them; the claim is rejected when it is made.
    for invalid in kubernetes::claim_templates(object) {
        let what = format!("this claim would be rejected: {}", invalid.message);
        check.warning(&invalid.path, what, None);
    }
    check.finish()
}

/// True for what Tekton's own webhook admits.
fn is_of_tekton(object: &Object) -> bool {
    !matches!(
        object,
        Object::ConfigMap(_)
            | Object::Secret(_)
            | Object::PersistentVolumeClaim(_)
            | Object::ServiceAccount(_)
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::document;
    use crate::diagnostic::DocumentId;
    use crate::spec::{Object, Pipeline, PipelineRun, StepAction, Task, TaskRun};
    use crate::validate::support;
    use crate::validate::testing::{errors, said};

    /// Text that is made of what references are made of.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "$(",
                ")",
                "$",
                "(",
                "params",
                "params.",
                ".",
                "[",
                "]",
                "[*]",
                "[0]",
                "[99999999999999999999]",
                "['",
                "']",
                "[\"",
                "\"]",
                "tasks.",
                "finally.",
                "results",
                ".results.",
                "steps.",
                "context.",
                "context.pipelineRun.",
                "a",
                "o",
                "k",
                "\n",
                "é",
                "://",
                "/",
                "..",
                "status",
                "-",
                "'",
                "==",
            ])
            .prop_map(str::to_owned),
            any::<String>(),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    fn objects(t: &[String; 6]) -> Vec<Object> {
        let step = json!({
            "name": t[0], "image": t[1], "script": t[2], "args": [t[3]], "onError": t[4],
            "env": [{"name": t[5], "value": t[0]}], "workingDir": t[1],
            "volumeMounts": [{"name": t[2], "mountPath": t[3]}],
            "results": [{"name": t[4]}], "when": [{"cel": t[5]}, {"input": t[0], "operator": "in", "values": [t[1]]}],
        });
        let params = json!([
            {"name": "a", "type": "array"}, {"name": "o", "properties": {"k": {}}},
            {"name": t[0], "default": t[1], "enum": [t[2], t[3]]},
        ]);
        let task = json!({
            "params": params, "steps": [step, {"ref": {"name": t[0], "resolver": t[1]}}],
            "results": [{"name": t[1], "type": t[2], "value": t[3]}],
            "workspaces": [{"name": t[4], "mountPath": t[5]}],
        });
        let pipeline_task = json!({
            "name": t[0], "taskSpec": task, "runAfter": [t[1]], "onError": t[2],
            "params": [{"name": t[3], "value": t[4]}, {"name": t[3], "value": [t[5]]}, {"name": t[0], "value": {"k": t[1]}}],
            "matrix": {"params": [{"name": t[0], "value": [t[1]]}], "include": [{"params": [{"name": t[2], "value": t[3]}]}]},
            "when": [{"input": t[2], "operator": t[3], "values": [t[4]]}, {"cel": t[5]}],
            "workspaces": [{"name": t[0], "workspace": t[1]}],
        });
        let reference =
            json!({"name": t[3], "taskRef": {"name": t[4], "apiVersion": t[5], "kind": t[0]}});
        let pipeline = json!({
            "params": params, "tasks": [pipeline_task, reference], "finally": [pipeline_task],
            "results": [{"name": t[0], "value": t[1]}, {"name": t[0], "value": [t[2]]}],
        });
        let given = json!([{"name": t[0], "value": t[1]}, {"name": "o", "value": {"k": t[2]}}]);
        let whole = |spec: Value| json!({"metadata": {"name": t[5]}, "spec": spec});
        let run = json!({
            "params": given, "pipelineSpec": pipeline, "status": t[3],
            "disableTasks": [{"name": t[0], "results": [{"name": t[1], "value": t[2]}]}],
        });
        let action = json!({
            "image": t[0], "script": t[1], "args": [t[2]], "params": params,
            "volumeMounts": [{"name": t[3], "mountPath": t[4]}],
        });
        let task_run = json!({"params": given, "taskSpec": task, "status": t[3]});
        vec![
            Object::Pipeline(Box::new(from::<Pipeline>(whole(pipeline)))),
            Object::PipelineRun(Box::new(from::<PipelineRun>(whole(run)))),
            Object::Task(Box::new(from::<Task>(whole(task)))),
            Object::TaskRun(Box::new(from::<TaskRun>(whole(task_run)))),
            Object::StepAction(Box::new(from::<StepAction>(whole(action)))),
        ]
    }

    fn from<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_text_makes_the_rules_panic(texts in prop::array::uniform6(text())) {
            for object in objects(&texts) {
                let found = document(&object, DocumentId(0), "tekton.dev/v1");
                let mut distinct = found.0.clone();
                distinct.dedup();
                prop_assert_eq!(found.0.len(), distinct.len());
                drop(support(&object, DocumentId(0)));
            }
        }
    }

    #[test]
    fn names_of_objects() {
        let named = |name: &str| {
            format!(
                "apiVersion: tekton.dev/v1\nkind: TaskRun\nmetadata: {{{name}}}\nspec: {{taskRef: {{name: t}}}}\n"
            )
        };
        let long = "a".repeat(64);
        for (name, expected) in [
            ("name: a.b", None),
            ("generateName: a-", None),
            (
                "name: a_b",
                Some("invalid resource name \"a_b\": must be a valid DNS label: metadata.name"),
            ),
            (
                &format!("name: {long}"),
                Some(
                    "Invalid resource name: length must be no more than 63 characters: metadata.name",
                ),
            ),
        ] {
            let expected: Vec<&str> = expected.into_iter().collect();
            assert_eq!(errors(&named(name)), expected, "{name}");
        }
    }

    #[test]
    fn all_faults_are_reported_together() {
        let found = said(
            "apiVersion: tekton.dev/v1\nkind: Pipeline\nmetadata: {name: p}\nspec:\n  tasks:\n  \
             - {name: A, retries: -1, taskRef: {name: t}, runAfter: [z]}\n  - {name: b}\n",
        );
        let paths: Vec<String> = found.iter().map(|each| each.path.to_string()).collect();
        assert_eq!(
            paths,
            [
                "spec.tasks[0].name",
                "spec.tasks[0].retries",
                "spec.tasks[1].taskRef",
                "spec.tasks[0].runAfter[0]"
            ]
        );
    }
}
