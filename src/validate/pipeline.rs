//! Pipelines: as documents, in runs, and inside one another.

use std::collections::BTreeSet;

use super::checker::Checker;
use super::pipeline_task::{self, Surroundings};
use super::usage::Declared;
use super::{graph, params, references, results, workspaces};
use crate::diagnostic::FieldPath;
use crate::spec::{PipelineSpec, PipelineTask};

/// The `spec` of a Pipeline document: it may use what it declares and nothing else.
pub(super) fn document(check: &mut Checker, at: &FieldPath, spec: &PipelineSpec) {
    let declared = Declared::closed().and(&spec.params);
    let workspaces = spec.workspaces.iter().map(|w| w.name.as_str()).collect();
    let surroundings = Surroundings {
        params: &declared,
        embedded: &declared,
        workspaces: Some(&workspaces),
    };
    pipeline_spec(check, at, spec, surroundings, surroundings);
}

/// A Pipeline inside a task of another: what it uses may come from there.
pub(super) fn child(check: &mut Checker, at: &FieldPath, spec: &PipelineSpec) {
    let declared = Declared::open().and(&spec.params);
    let surroundings = Surroundings {
        params: &declared,
        embedded: &declared,
        workspaces: None,
    };
    pipeline_spec(check, at, spec, surroundings, surroundings);
}

/// Checks a Pipeline whose tasks, and those of whose `finally`, know these things.
pub(super) fn pipeline_spec(
    check: &mut Checker,
    at: &FieldPath,
    spec: &PipelineSpec,
    tasks: Surroundings<'_>,
    finally: Surroundings<'_>,
) {
    if *spec == PipelineSpec::default() {
        let fields = ["description", "params", "resources", "tasks", "workspaces"];
        check.fault_among(
            &fields.map(|field| at.key(field)),
            "expected at least one, got none",
        );
        return;
    }
    names(check, at, spec);
    list(check, &at.key("tasks"), &spec.tasks, tasks);
    list(check, &at.key("finally"), &spec.finally, finally);
    finally_section(check, at, spec);
    graph::acyclic(check, at, spec);
    params::declarations(check, &at.key("params"), &spec.params);
    params::enums(check, &at.key("params"), &spec.params);
    workspaces::of_pipeline(check, &at.key("workspaces"), &spec.workspaces);
    results::of_pipeline(check, at, spec);
    references::all(check, at, spec);
}

fn names(check: &mut Checker, at: &FieldPath, spec: &PipelineSpec) {
    let mut taken = BTreeSet::new();
    for (field, tasks) in [("tasks", &spec.tasks), ("finally", &spec.finally)] {
        for (index, task) in tasks.iter().enumerate() {
            let at = at.key(field).index(index).key("name");
            super::names::label(check, &at, &task.name);
            if !taken.insert(&task.name) {
                check.repeated(&at);
            }
        }
    }
}

fn list(
    check: &mut Checker,
    at: &FieldPath,
    tasks: &[PipelineTask],
    surroundings: Surroundings<'_>,
) {
    for (index, task) in tasks.iter().enumerate() {
        pipeline_task::one(check, &at.index(index), task, surroundings);
    }
}

fn finally_section(check: &mut Checker, at: &FieldPath, spec: &PipelineSpec) {
    if !spec.finally.is_empty() && spec.tasks.is_empty() {
        check.invalid(
            &at.key("finally"),
            format_args!(
                "spec.tasks is empty but spec.finally has {} tasks",
                spec.finally.len()
            ),
        );
    }
    for (index, task) in spec.finally.iter().enumerate() {
        if !task.run_after.is_empty() {
            check.invalid(
                &at.key("finally").index(index).key("runAfter"),
                format_args!(
                    "no runAfter allowed under spec.finally, final task {} has runAfter specified",
                    task.name
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::validate::testing::{pipeline, table, tasks};

    #[test]
    fn task_names_are_labels() {
        let (long, fits) = ("a".repeat(64), "a".repeat(63));
        for (name, expected) in [
            ("Build", true),
            ("a.b", true),
            (long.as_str(), true),
            (fits.as_str(), false),
        ] {
            let yaml = tasks(&format!("[{{name: {name}, taskRef: {{name: t}}}}]"));
            let message = format!("invalid value {name:?}: spec.tasks[0].name");
            let expected: Vec<String> = Some(message).filter(|_| expected).into_iter().collect();
            assert_eq!(crate::validate::testing::errors(&yaml), expected);
        }
    }

    #[test]
    fn shape_of_a_pipeline() {
        table(
            pipeline,
            &[
                (
                    "{tasks: [{name: a, taskRef: {name: t}}], finally: [{name: a, taskRef: {name: t}}]}",
                    "expected exactly one, got both: spec.finally[0].name",
                ),
                (
                    "{}",
                    "expected at least one, got none: spec.description, spec.params, \
                     spec.resources, spec.tasks, spec.workspaces",
                ),
                ("{params: [{name: a}]}", ""),
                (
                    "{finally: [{name: a, taskRef: {name: t}}]}",
                    "invalid value: spec.tasks is empty but spec.finally has 1 tasks: spec.finally",
                ),
                (
                    "{tasks: [{name: a, taskRef: {name: t}}], finally: [{name: b, runAfter: [a], taskRef: {name: t}}]}",
                    "invalid value: no runAfter allowed under spec.finally, final task b has \
                     runAfter specified: spec.finally[0].runAfter",
                ),
            ],
        );
    }

    #[test]
    fn an_enum_is_of_strings_and_has_the_default() {
        table(
            |param| pipeline(&format!("{{params: [{param}]}}")),
            &[
                ("{name: e, enum: [a, b], default: a}", ""),
                ("{name: e, enum: [a, b], default: \"\"}", ""),
                (
                    "{name: e, enum: [a, a]}",
                    "parameter enum value a appears more than once: spec.params[0].enum[1]",
                ),
                (
                    "{name: e, enum: [a], default: c}",
                    "param default value c not in the enum list: spec.params[0].enum",
                ),
                (
                    "{name: e, type: array, enum: [a]}",
                    "enum can only be set with string type param: spec.params[0].enum",
                ),
            ],
        );
    }
}
