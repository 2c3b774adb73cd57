//! Results of Tasks, steps and Pipelines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::checker::{Checker, meant};
use super::names::{is_result_name, repeats};
use super::params;
use crate::diagnostic::FieldPath;
use crate::name::is_label;
use crate::spec::pipeline::PipelineResult;
use crate::spec::task::StepResult;
use crate::spec::{ParamType, ParamValue, PipelineSpec, PropertySpec, TaskResult};
use crate::substitution::{ResultRef, references};

static STEP_RESULT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\$\(steps\.(.*?)\.results\.(.*?)\)").ok());

const NAME_HINT: &str = "Name must consist of alphanumeric characters, '-', '_', and must start \
                         and end with an alphanumeric character (e.g. 'MyName',  or 'my-name',  \
                         or 'my_name')";

/// The results of a Task (`TaskResult.Validate`).
pub(super) fn of_task(check: &mut Checker, at: &FieldPath, results: &[TaskResult]) {
    for (index, result) in results.iter().enumerate() {
        let at = at.index(index);
        declared(
            check,
            &at,
            &result.name,
            &result.result_type,
            &result.properties,
        );
        if let Some(value) = &result.value {
            task_value(check, &at.key("value"), value);
        }
    }
    for (index, name) in repeats(results.iter().map(|result| result.name.as_str())) {
        check.warning(
            &at.index(index).key("name"),
            format_args!("result {name:?} is declared more than once"),
            None,
        );
    }
}

/// The results of a step (`StepResult.Validate`).
pub(super) fn of_step(check: &mut Checker, at: &FieldPath, results: &[StepResult]) {
    for (index, result) in results.iter().enumerate() {
        let at = at.index(index);
        declared(
            check,
            &at,
            &result.name,
            &result.result_type,
            &result.properties,
        );
    }
}

fn declared(
    check: &mut Checker,
    at: &FieldPath,
    name: &str,
    result_type: &str,
    properties: &BTreeMap<String, PropertySpec>,
) {
    if !is_result_name(name) {
        check.fault_with(
            &at.key("name"),
            format_args!("invalid key name {name:?}"),
            Some(NAME_HINT.to_owned()),
        );
    }
    let kind = ParamType::parse(result_type);
    if !result_type.is_empty() && kind.is_none() {
        check.fault_with(
            &at.key("type"),
            format_args!("invalid value: {result_type}"),
            Some("type must be string, array or object".to_owned()),
        );
    }
    if kind == Some(ParamType::Object) && properties.is_empty() {
        check.missing(&at.key("properties"));
    }
    let wrong = params::not_text(properties);
    if !wrong.is_empty() {
        check.fault(
            &at.key("properties"),
            format_args!(
                "The value type specified for these keys [{}] is invalid, the type must be string",
                wrong.join(" ")
            ),
        );
    }
}

/// A result made of the result of a step. What surrounds the reference is ignored, as in Tekton.
fn task_value(check: &mut Checker, at: &FieldPath, value: &ParamValue) {
    let ParamValue::String(text) = value else {
        check.fault(
            at,
            format_args!("Invalid Type. Wanted string but got: \"{}\"", value.kind()),
        );
        return;
    };
    if text.is_empty() {
        return;
    }
    let Some(found) = STEP_RESULT.as_ref().and_then(|regex| regex.captures(text)) else {
        check.fault(
            at,
            format_args!(
                "Could not extract step name and result name. Expected value to look like \
                 $(steps.<stepName>.results.<resultName>) but got \"{text}\""
            ),
        );
        return;
    };
    if !is_label(&found[1]) {
        check.fault(
            at,
            format_args!("invalid extracted step name {:?}", &found[1]),
        );
    }
    if !is_result_name(&found[2]) {
        check.fault_with(
            at,
            format_args!("invalid extracted result name {:?}", &found[2]),
            Some(NAME_HINT.to_owned()),
        );
    }
}

/// The results of a Pipeline (`validatePipelineResults`). Literal text may stand anywhere; the
/// webhook refuses it before the first reference.
pub(super) fn of_pipeline(check: &mut Checker, at: &FieldPath, spec: &PipelineSpec) {
    let names = |tasks: &[crate::spec::PipelineTask]| -> BTreeSet<String> {
        tasks.iter().map(|task| task.name.clone()).collect()
    };
    let (tasks, finally) = (names(&spec.tasks), names(&spec.finally));
    for (index, result) in spec.results.iter().enumerate() {
        let at = at.key("results").index(index).key("value");
        pipeline_result(check, &at, result, &tasks, &finally);
    }
}

fn pipeline_result(
    check: &mut Checker,
    at: &FieldPath,
    result: &PipelineResult,
    tasks: &BTreeSet<String>,
    finally: &BTreeSet<String>,
) {
    const EXPECTED: &str = "expected pipeline results to be task result expressions but";
    let found: Vec<(FieldPath, &str)> = params::texts(at, &result.value)
        .into_iter()
        .flat_map(|(at, text)| {
            references(text)
                .into_iter()
                .map(move |reference| (at.clone(), reference))
        })
        .collect();
    if found.is_empty() {
        check.invalid(at, format_args!("{EXPECTED} no expressions were found"));
        return;
    }
    if !found
        .iter()
        .any(|(_, reference)| looks_like_result(reference))
    {
        check.invalid(
            at,
            format_args!("{EXPECTED} an invalid expressions was found"),
        );
        return;
    }
    for (at, reference) in found {
        match ResultRef::parse(reference) {
            Some(parsed) => {
                let known = if parsed.finally { finally } else { tasks };
                if !known.contains(&parsed.task) {
                    let hint = meant(&parsed.task, known.iter().map(String::as_str));
                    nonexistent_task(check, &at, hint);
                }
            }
            None if looks_like_result(reference) => check.invalid(
                &at,
                format_args!(
                    "expected all of the expressions [{reference}] to be result expressions but \
                     only [] were"
                ),
            ),
            None => {
                let hint = format!("only results can be used here, not $({reference})");
                nonexistent_task(check, &at, Some(hint));
            }
        }
    }
}

fn nonexistent_task(check: &mut Checker, at: &FieldPath, hint: Option<String>) {
    check.fault_with(at, "invalid value: referencing a nonexistent task", hint);
}

/// `LooksLikeResultRef` of `pkg/internal/resultref`.
pub(super) fn looks_like_result(reference: &str) -> bool {
    let parts: Vec<&str> = reference.split('.').collect();
    matches!(parts.as_slice(), ["tasks" | "finally", _, "results", _, ..])
}

#[cfg(test)]
mod tests {
    use crate::validate::testing::{pipeline, table, task};

    #[test]
    fn results_of_a_task() {
        table(
            |result| task(&format!("{{results: [{result}], steps: [{{image: i}}]}}")),
            &[
                ("{name: a.b}", ""),
                (
                    "{name: a-}",
                    "invalid key name \"a-\": spec.results[0].name",
                ),
                (
                    "{name: o, type: object}",
                    "missing field(s): spec.results[0].properties",
                ),
                (
                    "{name: o, type: int}",
                    "invalid value: int: spec.results[0].type",
                ),
                (
                    "{name: r, value: foo}",
                    "Could not extract step name and result name. Expected value to look like \
                     $(steps.<stepName>.results.<resultName>) but got \"foo\": \
                     spec.results[0].value",
                ),
                ("{name: r, value: $(steps.zzz.results.q)}", ""),
                (
                    "{name: r, value: [a]}",
                    "Invalid Type. Wanted string but got: \"array\": spec.results[0].value",
                ),
            ],
        );
    }

    #[test]
    fn pipeline_results_are_made_of_results() {
        let expected = "invalid value: expected pipeline results to be task result expressions but";
        table(
            |value| {
                pipeline(&format!(
                    "{{tasks: [{{name: a, taskRef: {{name: t}}}}], results: [{{name: r, value: {value}}}]}}"
                ))
            },
            &[
                ("$(tasks.a.results.x)", ""),
                ("'v-$(tasks.a.results.x)!'", ""),
                ("{k: $(tasks.a.results.x)}", ""),
                (
                    "text",
                    &format!("{expected} no expressions were found: spec.results[0].value"),
                ),
                (
                    "$(params.x)",
                    &format!("{expected} an invalid expressions was found: spec.results[0].value"),
                ),
                (
                    "$(tasks.b.results.x)",
                    "invalid value: referencing a nonexistent task: spec.results[0].value",
                ),
                (
                    "'$(tasks.a.results.x) $(params.x)'",
                    "invalid value: referencing a nonexistent task: spec.results[0].value",
                ),
            ],
        );
    }
}
