//! The order of the tasks of a Pipeline: who waits for whom, and whether that can end.

use std::collections::{BTreeMap, BTreeSet};

use super::checker::{Checker, meant};
use crate::diagnostic::FieldPath;
use crate::spec::{PipelineSpec, PipelineTask};
use crate::substitution::dependencies;

/// Checks that the tasks can be put in order (`pkg/reconciler/pipeline/dag/dag.go`).
pub(super) fn acyclic(check: &mut Checker, at: &FieldPath, spec: &PipelineSpec) {
    let waits: Vec<BTreeSet<String>> = spec.tasks.iter().map(dependencies).collect();
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (task, waits) in spec.tasks.iter().zip(&waits) {
        edges
            .entry(&task.name)
            .or_default()
            .extend(waits.iter().map(String::as_str));
    }
    let blocked = without_the_free(&edges);
    if let Some((first, rest)) = blocked.first_key_value() {
        let listed: Vec<String> = rest.iter().map(|name| format!("{name:?}")).collect();
        let place = spec.tasks.iter().position(|task| task.name == *first);
        let message = format!(
            "invalid value: cycle detected; task {first:?} depends on {}: {}",
            listed.join(", "),
            at.key("tasks")
        );
        check.fault_at(&at.key("tasks").index(place.unwrap_or_default()), message);
    }
    for (index, (task, waits)) in spec.tasks.iter().zip(&waits).enumerate() {
        let at = at.key("tasks").index(index);
        for missing in waits
            .iter()
            .filter(|name| !edges.contains_key(name.as_str()))
        {
            unknown(check, &at, task, missing, spec);
        }
    }
}

/// What Kahn's algorithm leaves: the tasks that can never start, each with what it still waits
/// for. A dependency that does not exist counts as done; that is another fault.
fn without_the_free<'p>(
    edges: &BTreeMap<&'p str, BTreeSet<&'p str>>,
) -> BTreeMap<&'p str, BTreeSet<&'p str>> {
    let mut dependents: BTreeMap<&str, Vec<&'p str>> = BTreeMap::new();
    let mut blocked: BTreeMap<&'p str, BTreeSet<&'p str>> = BTreeMap::new();
    let mut free: Vec<&'p str> = Vec::new();
    for (task, waits) in edges {
        for dependency in waits {
            dependents.entry(dependency).or_default().push(task);
            if !edges.contains_key(dependency) {
                free.push(dependency);
            }
        }
        if waits.is_empty() {
            free.push(task);
        } else {
            blocked.insert(task, waits.clone());
        }
    }
    while let Some(done) = free.pop() {
        for task in dependents.remove(done).unwrap_or_default() {
            let Some(waits) = blocked.get_mut(task) else {
                continue;
            };
            waits.remove(done);
            if waits.is_empty() {
                blocked.remove(task);
                free.push(task);
            }
        }
    }
    blocked
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
    use std::collections::{BTreeMap, BTreeSet};

    use super::without_the_free;
    use crate::validate::testing::{errors, pipeline, said, table, tasks};

    fn blocked(
        edges: &[(&'static str, &[&'static str])],
    ) -> Vec<(&'static str, Vec<&'static str>)> {
        let edges: BTreeMap<&str, BTreeSet<&str>> = edges
            .iter()
            .map(|(task, waits)| (*task, waits.iter().copied().collect()))
            .collect();
        without_the_free(&edges)
            .into_iter()
            .map(|(task, waits)| (task, waits.into_iter().collect()))
            .collect()
    }

    #[test]
    fn what_cannot_start_is_left() {
        assert_eq!(
            blocked(&[("a", &[]), ("b", &["a"]), ("c", &["a", "b"])]),
            []
        );
        assert_eq!(blocked(&[("a", &["nope"])]), []);
        assert_eq!(blocked(&[("a", &["a"])]), [("a", vec!["a"])]);
        assert_eq!(
            blocked(&[
                ("root", &[]),
                ("x", &["y", "root"]),
                ("y", &["x"]),
                ("z", &["y"])
            ]),
            [("x", vec!["y"]), ("y", vec!["x"]), ("z", vec!["y"])]
        );
    }

    #[test]
    fn pipeline_15_16_cycles_are_named_as_tekton_names_them() {
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
    fn pipeline_17_18_a_task_waits_only_for_tasks_there_are() {
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
