//! The order of the tasks of a Pipeline: who waits for whom, and whether that can end.

use std::collections::BTreeSet;

use super::checker::{Checker, meant};
use crate::diagnostic::FieldPath;
use crate::language::{Graph, GraphError};
use crate::spec::{PipelineSpec, PipelineTask};
use crate::substitution::dependencies;

/// Checks that the tasks can be put in order (`pkg/reconciler/pipeline/dag/dag.go`).
pub(super) fn acyclic(check: &mut Checker, at: &FieldPath, spec: &PipelineSpec) {
    let names: Vec<&str> = spec.tasks.iter().map(|task| task.name.as_str()).collect();
    let waits: Vec<BTreeSet<String>> = spec.tasks.iter().map(dependencies).collect();
    let at = at.key("tasks");
    for error in Graph::link(&names, &waits).1 {
        let place = names.iter().position(|name| *name == error.task());
        let place = place.unwrap_or_default();
        match &error {
            GraphError::Cycle { .. } => {
                check.fault_at(&at.index(place), format!("invalid value: {error}: {at}"));
            }
            GraphError::UnknownTask { on, .. } => {
                unknown(check, &at.index(place), &spec.tasks[place], on, spec);
            }
        }
    }
}

fn unknown(
    check: &mut Checker,
    at: &FieldPath,
    task: &PipelineTask,
    missing: &str,
    spec: &PipelineSpec,
) {
    let hint = if spec.finally.iter().any(|task| task.name == missing) {
        Some(format!(
            "{missing:?} is a task of finally: it runs after all others"
        ))
    } else {
        let others = spec.tasks.iter().map(|task| task.name.as_str());
        meant(missing, others.filter(|name| *name != task.name))
    };
    let place = task.run_after.iter().position(|name| name == missing);
    let at = place.map_or_else(|| at.clone(), |place| at.key("runAfter").index(place));
    let name = &task.name;
    check.fault_with(
        &at,
        format_args!(
            "invalid value: couldn't add link between {name} and {missing}: task {name} depends \
             on {missing} but {missing} wasn't present in Pipeline"
        ),
        hint,
    );
}

#[cfg(test)]
mod tests {
    use crate::validate::testing::{errors, pipeline, said, table, tasks};

    #[test]
    fn cycles_are_named_as_tekton_names_them() {
        table(
            tasks,
            &[
                (
                    "[{name: a, runAfter: [b], taskRef: {name: t}}, {name: b, runAfter: [a], taskRef: {name: t}}]",
                    "invalid value: cycle detected; task \"a\" depends on \"b\": spec.tasks",
                ),
                (
                    "[{name: a, taskRef: {name: t}, params: [{name: p, value: $(tasks.a.results.x)}]}]",
                    "invalid value: cycle detected; task \"a\" depends on \"a\": spec.tasks",
                ),
            ],
        );
    }

    #[test]
    fn a_task_waits_only_for_tasks_there_are() {
        let wrong = |on: &str| {
            format!(
                "invalid value: couldn't add link between a and {on}: task a depends on {on} but \
                 {on} wasn't present in Pipeline: spec.tasks[0].runAfter[0]"
            )
        };
        let unknown = tasks(
            "[{name: a, runAfter: [bulid], taskRef: {name: t}}, {name: build, taskRef: {name: t}}]",
        );
        assert_eq!(errors(&unknown), [wrong("bulid")]);
        assert_eq!(
            said(&unknown)[0].hint.as_deref(),
            Some("did you mean \"build\"?")
        );
        let last = pipeline(
            "{tasks: [{name: a, runAfter: [z], taskRef: {name: t}}], \
             finally: [{name: z, taskRef: {name: t}}]}",
        );
        assert_eq!(errors(&last), [wrong("z")]);
    }

    #[test]
    fn results_make_edges_wherever_tekton_looks() {
        for (fields, expected) in [
            (
                "matrix: {params: [{name: m, value: [$(tasks.x.results.r)]}]}",
                true,
            ),
            ("when: [{cel: \"'$(tasks.x.results.r)' == ''\"}]", true),
            ("displayName: $(tasks.x.results.r)", false),
        ] {
            let yaml = tasks(&format!("[{{name: a, taskRef: {{name: t}}, {fields}}}]"));
            assert_eq!(!errors(&yaml).is_empty(), expected, "{fields}");
        }
        let script = tasks(
            "[{name: a, taskSpec: {steps: [{image: i, script: 'echo $(tasks.x.results.r)'}]}}]",
        );
        assert!(errors(&script)[0].contains("task a depends on x"));
    }
}
