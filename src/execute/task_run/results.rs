//! From the files steps leave to results (`pkg/pod/status.go`, `validate_taskrun.go`).

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::execute::artifacts::list;
use crate::language::{declared_type, step_result_value};
use crate::sandbox::WantedFile;
use crate::spec::param::{ParamType, ParamValue};
use crate::spec::task::{Step, StepResult, TaskResult, TaskSpec};
use crate::status::{Condition, Reason, RunResult, StepState};

const TASK: &str = "task/";
const STEP: &str = "step/";
/// The artifacts of the step.
const STEP_ARTIFACTS: &str = "artifacts/step";
/// The artifacts of the Task.
const TASK_ARTIFACTS: &str = "artifacts/task";

/// The files a step may leave.
pub(crate) fn wanted(spec: &TaskSpec, step: &Step, container: &str) -> Vec<WantedFile> {
    let file = |key: String, path: String| WantedFile { key, path };
    let task = spec.results.iter().filter(|result| result.value.is_none());
    let mut files: Vec<WantedFile> = task
        .map(|result| {
            file(
                format!("{TASK}{}", result.name),
                format!("/tekton/results/{}", result.name),
            )
        })
        .collect();
    let own = |name: &str| format!("/tekton/steps/{container}/{name}");
    files.extend(step.results.iter().map(|result| {
        file(
            format!("{STEP}{}", result.name),
            own(&format!("results/{}", result.name)),
        )
    }));
    files.push(file(
        STEP_ARTIFACTS.to_owned(),
        own("artifacts/provenance.json"),
    ));
    files.push(file(
        TASK_ARTIFACTS.to_owned(),
        "/tekton/artifacts/provenance.json".to_owned(),
    ));
    files
}

/// What the steps of an attempt have left so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Collected {
    task: Vec<(String, String)>,
    task_artifacts: Option<Value>,
    step_artifacts: Vec<Value>,
}

impl Collected {
    /// Takes the files of a step: its own results and artifacts go to its state.
    pub(crate) fn take(
        &mut self,
        files: &[(String, Bytes)],
        declared: &[StepResult],
        state: &mut StepState,
    ) {
        let mut files: Vec<&(String, Bytes)> = files.iter().collect();
        files.sort_by(|a, b| a.0.cmp(&b.0));
        for (key, content) in files {
            let text = String::from_utf8_lossy(content).into_owned();
            if let Some(name) = key.strip_prefix(TASK) {
                match self.task.iter_mut().find(|(known, _)| known == name) {
                    Some((_, value)) => *value = text,
                    None => self.task.push((name.to_owned(), text)),
                }
            } else if let Some(name) = key.strip_prefix(STEP) {
                let declared = declared.iter().find(|result| result.name == name);
                let value = step_result_value(declared, &text);
                let result_type = value.kind().as_str().to_owned();
                state.results.push(RunResult {
                    name: name.to_owned(),
                    result_type: Some(result_type),
                    value,
                });
            } else if let Ok(artifacts) = serde_json::from_str::<Value>(&text) {
                if key == TASK_ARTIFACTS {
                    self.task_artifacts = Some(artifacts);
                } else {
                    state.inputs = list(&artifacts, "inputs");
                    state.outputs = list(&artifacts, "outputs");
                    self.step_artifacts.push(artifacts);
                }
            }
        }
    }

    /// The results of the Task: those that exist and have their declared type, and the fault of
    /// those that have not.
    pub(crate) fn results(
        &self,
        spec: &TaskSpec,
        steps: &[StepState],
    ) -> (Vec<RunResult>, Option<Condition>) {
        let mut results = Vec::new();
        let mut mistyped = Vec::new();
        let mut lacking: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let from_files = self.task.iter().filter_map(|(name, text)| {
            let declared = spec.results.iter().find(|result| result.name == *name)?;
            Some((declared, typed(declared, text)))
        });
        let from_steps = spec
            .results
            .iter()
            .filter_map(|declared| Some((declared, step_value(declared, steps)?)));
        for (declared, value) in from_files.chain(from_steps) {
            let wanted = declared_type(declared);
            if value.kind() != wanted {
                mistyped.push(format!(
                    " \"{}\": task result is expected to be \"{wanted}\" type but was initialized to a different type \"{}\"",
                    declared.name,
                    value.kind()
                ));
                continue;
            }
            let missing = missing_keys(declared, &value);
            if !missing.is_empty() {
                lacking.insert(declared.name.clone(), missing);
                continue;
            }
            results.push(RunResult {
                name: declared.name.clone(),
                result_type: Some(wanted.to_string()),
                value,
            });
        }
        (results, fault(&mistyped, &lacking))
    }

    /// The artifacts of the Task and its steps, merged by name, in the order first seen
    /// (`pkg/apis/pipeline/v1/artifact_types.go`, `Merge`).
    pub(crate) fn artifacts(&self) -> Value {
        let mut merged = json!({});
        for side in ["inputs", "outputs"] {
            let mut items: Vec<Value> = Vec::new();
            for artifact in self
                .step_artifacts
                .iter()
                .chain(&self.task_artifacts)
                .flat_map(|all| list(all, side))
            {
                match items
                    .iter_mut()
                    .find(|known| known["name"] == artifact["name"])
                {
                    Some(known) => merge_artifact(known, &artifact),
                    None => items.push(artifact),
                }
            }
            if !items.is_empty() {
                merged[side] = Value::Array(items);
            }
        }
        merged
    }
}

fn merge_artifact(known: &mut Value, other: &Value) {
    if other["buildOutput"] == json!(true) {
        known["buildOutput"] = json!(true);
    }
    let values = other["values"].as_array().cloned().unwrap_or_default();
    if let Some(own) = known["values"].as_array_mut() {
        for value in values {
            if !own.contains(&value) {
                own.push(value);
            }
        }
    }
}

fn typed(declared: &TaskResult, text: &str) -> ParamValue {
    match declared_type(declared) {
        ParamType::String => ParamValue::from(text),
        ParamType::Array | ParamType::Object => ParamValue::from_result_text(text),
    }
}

/// The value of a result that takes a step's (`$(steps.<step>.results.<result>)`).
fn step_value(declared: &TaskResult, steps: &[StepState]) -> Option<ParamValue> {
    let text = declared.value.as_ref()?.as_str()?;
    let start = text.find("$(steps.")?;
    let reference = text[start + 2..].split(')').next()?;
    let (step, result) = reference.strip_prefix("steps.")?.split_once(".results.")?;
    let state = steps.iter().find(|state| state.name == step)?;
    state
        .results
        .iter()
        .find(|each| each.name == result)
        .map(|each| each.value.clone())
}

fn missing_keys(declared: &TaskResult, value: &ParamValue) -> Vec<String> {
    match value {
        ParamValue::Object(map) if !map.is_empty() => declared
            .properties
            .keys()
            .filter(|key| !map.contains_key(*key))
            .cloned()
            .collect(),
        ParamValue::String(_) | ParamValue::Array(_) | ParamValue::Object(_) => Vec::new(),
    }
}

fn fault(mistyped: &[String], lacking: &BTreeMap<String, Vec<String>>) -> Option<Condition> {
    let message = if !mistyped.is_empty() {
        format!(
            "Provided results don't match declared results; may be invalid JSON or missing result declaration: {}",
            mistyped.join(",")
        )
    } else if !lacking.is_empty() {
        let entries: Vec<String> = lacking
            .iter()
            .map(|(name, keys)| format!("{name}:[{}]", keys.join(" ")))
            .collect();
        format!(
            "missing keys for these results which are required in TaskResult's properties map[{}]",
            entries.join(" ")
        )
    } else {
        return None;
    };
    Some(Condition::failed(
        Reason::TaskRunValidationFailed,
        format!("[User error] {message}"),
    ))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::Collected;
    use crate::spec::param::ParamValue;
    use crate::spec::task::TaskSpec;
    use crate::status::StepState;

    fn state(name: &str) -> StepState {
        serde_json::from_value(json!({"name": name, "container": format!("step-{name}")})).unwrap()
    }

    fn collected(
        results: &Value,
        files: &[(&str, &str)],
    ) -> (Vec<(String, ParamValue)>, Option<String>) {
        let spec: TaskSpec = serde_json::from_value(json!({"results": results.clone()})).unwrap();
        let mut collected = Collected::default();
        let files: Vec<(String, Bytes)> = files
            .iter()
            .map(|(name, text)| {
                (
                    format!("task/{name}"),
                    Bytes::copy_from_slice(text.as_bytes()),
                )
            })
            .collect();
        collected.take(&files, &[], &mut state("a"));
        let (results, fault) = collected.results(&spec, &[]);
        (
            results
                .into_iter()
                .map(|result| (result.name, result.value))
                .collect(),
            fault.map(|fault| fault.message),
        )
    }

    #[test]
    fn text_is_kept_and_names_are_sorted() {
        let (results, fault) = collected(
            &json!([{"name": "b"}, {"name": "a"}]),
            &[("b", "x\n"), ("a", "y")],
        );
        assert_eq!(
            results,
            [
                ("a".into(), ParamValue::from("y")),
                ("b".into(), ParamValue::from("x\n"))
            ]
        );
        assert_eq!(fault, None);
    }

    #[test]
    fn an_array_must_be_json_from_its_first_byte() {
        let array = json!([{"name": "r", "type": "array"}]);
        let (results, _) = collected(&array, &[("r", "[\"a\",\"b\"]\n")]);
        assert_eq!(
            results[0].1,
            ParamValue::Array(vec!["a".into(), "b".into()])
        );
        for text in [" [\"a\"]", "[1]", ""] {
            let (results, fault) = collected(&array, &[("r", text)]);
            assert!(results.is_empty());
            assert_eq!(
                fault.as_deref(),
                Some(
                    "[User error] Provided results don't match declared results; may be invalid JSON or missing result declaration:  \"r\": task result is expected to be \"array\" type but was initialized to a different type \"string\""
                )
            );
        }
    }

    #[test]
    fn an_object_needs_its_properties_unless_empty() {
        let object =
            json!([{"name": "o", "type": "object", "properties": {"url": {}, "commit": {}}}]);
        let (_, fault) = collected(&object, &[("o", "{\"url\":\"x\"}")]);
        assert_eq!(
            fault.as_deref(),
            Some(
                "[User error] missing keys for these results which are required in TaskResult's properties map[o:[commit]]"
            )
        );
        assert_eq!(
            collected(
                &object,
                &[("o", "{\"url\":\"x\",\"commit\":\"y\",\"more\":\"z\"}")]
            )
            .1,
            None
        );
        assert_eq!(collected(&object, &[("o", "{}")]).1, None);
    }

    #[test]
    fn absent_is_absent_and_steps_lend_theirs() {
        assert_eq!(collected(&json!([{"name": "r"}]), &[]), (Vec::new(), None));
        let spec: TaskSpec = serde_json::from_value(json!({"results": [
            {"name": "r", "value": "$(steps.s.results.x)"},
            {"name": "q", "value": "$(steps.s.results.x)"},
        ]}))
        .unwrap();
        let mut collected = Collected::default();
        let mut step = state("s");
        let declared = serde_json::from_value::<Vec<_>>(json!([{"name": "x"}])).unwrap();
        collected.take(
            &[("step/x".to_owned(), Bytes::from_static(b"v"))],
            &declared,
            &mut step,
        );
        let (results, _) = collected.results(&spec, &[step]);
        assert_eq!(
            results.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(),
            ["r", "q"]
        );
    }

    #[test]
    fn artifacts_merge_by_name_and_bad_json_is_not_an_error() {
        let mut collected = Collected::default();
        let file =
            |key: &str, text: &str| (key.to_owned(), Bytes::copy_from_slice(text.as_bytes()));
        let image = |uri: &str| {
            format!("{{\"outputs\":[{{\"name\":\"image\",\"values\":[{{\"uri\":\"{uri}\"}}]}}]}}")
        };
        let mut first = state("a");
        collected.take(
            &[
                file("artifacts/step", &image("x")),
                file("artifacts/task", "not json"),
            ],
            &[],
            &mut first,
        );
        collected.take(&[file("artifacts/step", &image("y"))], &[], &mut state("b"));
        assert_eq!(first.outputs.len(), 1);
        assert_eq!(
            collected.artifacts(),
            json!({"outputs": [{"name": "image", "values": [{"uri": "x"}, {"uri": "y"}]}]})
        );
    }
}
