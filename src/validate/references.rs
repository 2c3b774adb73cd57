//! What the tasks of a Pipeline refer to: results, statuses and context of other parts of the run.

use std::collections::{BTreeMap, BTreeSet};

use super::checker::{Checker, meant};
use super::results::looks_like_result;
use super::{params, variables};
use crate::diagnostic::FieldPath;
use crate::spec::{ParamType, PipelineSpec, PipelineTask};
use crate::substitution::{ResultRef, references, result_refs};

/// The first parts a reference in a Pipeline can have.
const PREFIXES: [&str; 6] = [
    "params",
    "tasks",
    "finally",
    "context",
    "workspaces",
    "results",
];

const CONTEXT: [(&str, &[&str]); 3] = [
    ("context.pipelineRun", &["name", "namespace", "uid"]),
    ("context.pipeline", &["name"]),
    ("context.pipelineTask", &["retries"]),
];

/// Which part of a task a text belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Param,
    When,
    Matrix,
}

struct Site<'p> {
    at: FieldPath,
    text: &'p str,
    part: Part,
}

/// Checks the tasks of a Pipeline, those of `finally` among them.
pub(super) fn all(check: &mut Checker, at: &FieldPath, spec: &PipelineSpec) {
    let world = World::of(spec);
    for (field, tasks, finally) in [
        ("tasks", &spec.tasks, false),
        ("finally", &spec.finally, true),
    ] {
        for (index, task) in tasks.iter().enumerate() {
            let at = at.key(field).index(index);
            for site in sites(&at, task) {
                one_site(check, &site, finally, &world);
            }
            results_of_children(check, &at, task, &world);
        }
    }
    for (index, result) in spec.results.iter().enumerate() {
        let at = at.key("results").index(index).key("value");
        let texts = result.value.texts();
        for reference in texts.into_iter().flat_map(ResultRef::find_in) {
            if world.is_pipeline(&reference.task) {
                check.warning(
                    &at,
                    format_args!(
                        "result {:?} is never there: task {:?} is a pipeline, and a child pipeline \
                         hands no results to the one it is in",
                        reference.result, reference.task
                    ),
                    Some("write the value to a workspace instead".to_owned()),
                );
            }
        }
    }
}

struct World<'p> {
    tasks: BTreeMap<&'p str, &'p PipelineTask>,
    finally: BTreeSet<&'p str>,
}

impl<'p> World<'p> {
    fn of(spec: &'p PipelineSpec) -> Self {
        Self {
            tasks: spec.tasks.iter().map(|t| (t.name.as_str(), t)).collect(),
            finally: spec.finally.iter().map(|t| t.name.as_str()).collect(),
        }
    }

    fn is_pipeline(&self, task: &str) -> bool {
        let task = self.tasks.get(task);
        task.is_some_and(|task| task.pipeline_ref.is_some() || task.pipeline_spec.is_some())
    }

    fn hint(&self, task: &str) -> Option<String> {
        meant(task, self.tasks.keys().copied())
    }
}

fn sites<'p>(at: &FieldPath, task: &'p PipelineTask) -> Vec<Site<'p>> {
    let mut found = Vec::new();
    let mut add = |at: FieldPath, list: &'p [crate::spec::Param], part| {
        for (index, param) in list.iter().enumerate() {
            let at = at.index(index).key("value");
            for (at, text) in params::texts(&at, &param.value) {
                found.push(Site { at, text, part });
            }
        }
    };
    add(at.key("params"), &task.params, Part::Param);
    if let Some(matrix) = &task.matrix {
        let at = at.key("matrix");
        add(at.key("params"), &matrix.params, Part::Matrix);
        for (index, include) in matrix.include.iter().enumerate() {
            let at = at.key("include").index(index).key("params");
            add(at, &include.params, Part::Matrix);
        }
    }
    for (index, when) in task.when.iter().enumerate() {
        let at = at.key("when").index(index);
        let values = when.values.iter().map(|text| ("values", text));
        for (field, text) in [("input", &when.input), ("cel", &when.cel)]
            .into_iter()
            .chain(values)
        {
            found.push(Site {
                at: at.key(field),
                text,
                part: Part::When,
            });
        }
    }
    found
}

fn one_site(check: &mut Checker, site: &Site<'_>, finally: bool, world: &World<'_>) {
    for reference in references(site.text) {
        prefix(check, site, reference);
        if site.part != Part::Matrix {
            execution_status(check, site, reference, finally, world);
        }
        let Some(result) = ResultRef::parse(reference) else {
            continue;
        };
        if finally && site.part != Part::Matrix {
            result_in_finally(check, site, &result, world);
        }
        if site.part == Part::Param {
            result_of_matrix(check, site, reference, &result, world);
        }
    }
    if site.part != Part::When {
        for (prefix, known) in CONTEXT {
            let known = known.iter().copied().collect();
            variables::unknown(check, &site.at, site.text, prefix, &known);
        }
    }
}

/// `validateVarSubstitutionExpressions`.
fn prefix(check: &mut Checker, site: &Site<'_>, reference: &str) {
    let first = reference.split('.').next().unwrap_or_default();
    if !PREFIXES.contains(&first) {
        check.fault_with(
            &site.at,
            format_args!(
                "invalid value: invalid variable reference \"$({reference})\", must start with a \
                 valid prefix: params, tasks, finally, context, workspaces, or results; if you \
                 meant a shell variable, use ${{VAR}} instead"
            ),
            meant(first, PREFIXES)
                .or_else(|| Some(format!("for the shell's variable write ${{{reference}}}"))),
        );
    }
}

/// `validateExecutionStatusVariables`. The webhook does not look at a text that also refers to a
/// result; nothing good comes of that.
fn execution_status(
    check: &mut Checker,
    site: &Site<'_>,
    reference: &str,
    finally: bool,
    world: &World<'_>,
) {
    let Some(rest) = reference.strip_prefix("tasks.") else {
        return;
    };
    if looks_like_result(reference) || !(rest.ends_with("status") || rest.ends_with(".reason")) {
        return;
    }
    let task = rest
        .strip_suffix(".status")
        .or_else(|| rest.strip_suffix(".reason"));
    match task {
        None if rest != "status" => {}
        _ if !finally => check.fault_with(
            &site.at,
            "invalid value: pipeline tasks can not refer to execution status of any other \
             pipeline task or aggregate status of tasks",
            Some("only the tasks of finally can".to_owned()),
        ),
        Some(task) if !world.tasks.contains_key(task) => check.fault_with(
            &site.at,
            format_args!("invalid value: pipeline task {task} is not defined in the pipeline"),
            world.hint(task),
        ),
        _ => {}
    }
}

/// `validateTaskResultReferenceInFinallyTasks`.
fn result_in_finally(check: &mut Checker, site: &Site<'_>, result: &ResultRef, world: &World<'_>) {
    let task = result.task.as_str();
    if world.finally.contains(task) {
        check.invalid(
            &site.at,
            format_args!(
                "invalid task result reference, final task has task result reference from a final \
                 task {task}"
            ),
        );
    } else if !world.tasks.contains_key(task) {
        check.fault_with(
            &site.at,
            format_args!(
                "invalid value: invalid task result reference, final task has task result \
                 reference from a task {task} which is not defined in the pipeline"
            ),
            world.hint(task),
        );
    }
}

/// `validateTaskResultsFromMatrixedPipelineTasksConsumed`, for every parameter and not only for
/// the last.
fn result_of_matrix(
    check: &mut Checker,
    site: &Site<'_>,
    reference: &str,
    result: &ResultRef,
    world: &World<'_>,
) {
    let Some(task) = world.tasks.get(result.task.as_str()) else {
        return;
    };
    if !super::matrix::is_matrixed(task) {
        return;
    }
    if !reference.ends_with("[*]") {
        check.fault(
            &site.at,
            format_args!(
                "A matrixed pipelineTask can only be consumed in aggregate using [*] notation, \
                 but is currently set to {reference}"
            ),
        );
    }
    let declared = task
        .task_spec
        .iter()
        .flat_map(|spec| &spec.results)
        .find(|declared| declared.name == result.result);
    if let Some(declared) = declared
        && !matches!(declared.result_type.as_str(), "" | "string")
        && ParamType::parse(&declared.result_type).is_some()
    {
        check.invalid(
            &site.at,
            format_args!(
                "Matrixed PipelineTasks emitting results must have an underlying type string, but \
                 result {} has type {} in pipelineTask",
                declared.name, declared.result_type
            ),
        );
    }
}

/// `validatePipelineRefResultReferencesDisallowed`: a child Pipeline gives no results.
fn results_of_children(
    check: &mut Checker,
    at: &FieldPath,
    task: &PipelineTask,
    world: &World<'_>,
) {
    for result in result_refs(task) {
        if world.is_pipeline(&result.task) {
            check.invalid(
                at,
                format_args!(
                    "result reference to pipelineTask {:?} is not supported: referenced task uses \
                     pipelineRef or pipelineSpec and result propagation from child Pipelines is \
                     not yet implemented",
                    result.task
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::validate::testing::{pipeline, table};

    fn with_param(value: &str) -> String {
        pipeline(&format!(
            "{{tasks: [{{name: a, taskRef: {{name: t}}, params: [{{name: p, value: \"{value}\"}}]}}]}}"
        ))
    }

    #[test]
    fn references_begin_with_a_known_word() {
        table(
            with_param,
            &[
                (
                    "$(FOO)",
                    "invalid value: invalid variable reference \"$(FOO)\", must start with a \
                     valid prefix: params, tasks, finally, context, workspaces, or results; if you \
                     meant a shell variable, use ${VAR} instead: spec.tasks[0].params[0].value",
                ),
                ("$(date +%s)", ""),
                ("$(results.x.path)", ""),
                ("$(context.pipelineRun.name)", ""),
                (
                    "$(context.pipelineRun.nmae)",
                    "non-existent variable in \"$(context.pipelineRun.nmae)\": \
                     spec.tasks[0].params[0].value",
                ),
                (
                    "$(tasks.status)",
                    "invalid value: pipeline tasks can not refer to execution status of any other \
                     pipeline task or aggregate status of tasks: spec.tasks[0].params[0].value",
                ),
            ],
        );
    }

    #[test]
    fn finally_refers_to_tasks_only() {
        table(
            |value| {
                pipeline(&format!(
                    "{{tasks: [{{name: a, taskRef: {{name: t}}}}], finally: [{{name: z, \
                     taskRef: {{name: t}}, params: [{{name: p, value: \"{value}\"}}]}}]}}"
                ))
            },
            &[
                ("$(tasks.status) $(tasks.a.status) $(tasks.a.reason)", ""),
                ("$(tasks.a.results.r)", ""),
                (
                    "$(tasks.b.status)",
                    "invalid value: pipeline task b is not defined in the pipeline: \
                     spec.finally[0].params[0].value",
                ),
                (
                    "$(finally.z.results.r)",
                    "invalid value: invalid task result reference, final task has task result \
                     reference from a final task z: spec.finally[0].params[0].value",
                ),
                (
                    "$(tasks.b.results.r)",
                    "invalid value: invalid task result reference, final task has task result \
                     reference from a task b which is not defined in the pipeline: \
                     spec.finally[0].params[0].value",
                ),
            ],
        );
    }

    #[test]
    fn results_of_fan_outs_come_all_together() {
        table(
            |value| {
                pipeline(&format!(
                    "{{tasks: [{{name: m, taskRef: {{name: t}}, matrix: {{params: [{{name: x, \
                     value: [a, b]}}]}}}}, {{name: a, taskRef: {{name: t}}, params: [{{name: p, \
                     value: \"{value}\"}}]}}]}}"
                ))
            },
            &[
                ("$(tasks.m.results.r[*])", ""),
                (
                    "$(tasks.m.results.r)",
                    "A matrixed pipelineTask can only be consumed in aggregate using [*] notation, \
                     but is currently set to tasks.m.results.r: spec.tasks[1].params[0].value",
                ),
            ],
        );
    }

    #[test]
    fn pipeline_children_give_no_results() {
        table(
            pipeline,
            &[(
                "{tasks: [{name: c, pipelineRef: {name: p}}, {name: a, taskRef: {name: t}, \
                 params: [{name: p, value: $(tasks.c.results.r)}]}]}",
                "invalid value: result reference to pipelineTask \"c\" is not supported: \
                 referenced task uses pipelineRef or pipelineSpec and result propagation from \
                 child Pipelines is not yet implemented: spec.tasks[1]",
            )],
        );
    }
}
