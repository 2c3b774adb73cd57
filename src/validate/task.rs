//! Tasks, alone and embedded.

use std::collections::BTreeSet;

use super::checker::Checker;
use super::texts::{self, Text};
use super::usage::{Declared, usage};
use super::{params, results, sidecar, step, variables, volumes, workspaces};
use crate::diagnostic::FieldPath;
use crate::spec::TaskSpec;

const TASK_RUN_CONTEXT: [&str; 3] = ["name", "namespace", "uid"];
const TASK_CONTEXT: [&str; 2] = ["name", "retry-count"];

/// The `spec` of a Task document: it may use its own parameters and no others.
pub(super) fn document(check: &mut Checker, at: &FieldPath, spec: &TaskSpec) {
    task_spec(check, at, spec, &Declared::closed());
}

/// A TaskSpec where the parameters of `outer` are known besides its own.
pub(super) fn task_spec(check: &mut Checker, at: &FieldPath, spec: &TaskSpec, outer: &Declared) {
    if spec.steps.is_empty() {
        check.missing(&at.key("steps"));
    }
    volumes::distinct(check, &at.key("volumes"), &spec.volumes);
    workspaces::of_task(check, at, spec);
    step::all(check, at, spec);
    sidecar::all(check, &at.key("sidecars"), &spec.sidecars);
    params::declarations(check, &at.key("params"), &spec.params);
    params::enums(check, &at.key("params"), &spec.params);
    params::name_formats(check, &at.key("params"), &spec.params);
    usages(check, at, spec, &outer.and(&spec.params));
    results::of_task(check, &at.key("results"), &spec.results);
}

fn usages(check: &mut Checker, at: &FieldPath, spec: &TaskSpec, declared: &Declared) {
    let results: BTreeSet<&str> = spec.results.iter().map(|r| r.name.as_str()).collect();
    for text in texts::of_steps(at, spec) {
        if text.is_checked() {
            in_step(check, &text, declared);
        } else {
            elsewhere(check, &text, declared);
        }
        if text.field == "script" {
            variables::unknown(check, &text.at, &text.value, "results", &results);
        }
    }
    for (index, sidecar) in spec.sidecars.iter().enumerate() {
        for text in texts::of_sidecar(&at.key("sidecars").index(index), sidecar) {
            elsewhere(check, &text, declared);
        }
    }
}

/// What the webhook looks for in most fields of a step that take variables.
fn in_step(check: &mut Checker, text: &Text, declared: &Declared) {
    usage(check, &text.at, &text.value, text.slot(), declared);
    for (prefix, known) in [
        ("context.taskRun", TASK_RUN_CONTEXT.as_slice()),
        ("context.task", TASK_CONTEXT.as_slice()),
    ] {
        let known = known.iter().copied().collect();
        variables::unknown(check, &text.at, &text.value, prefix, &known);
    }
}

/// Fields the webhook does not look at, though they take variables: a reference to nothing stays
/// there as it is.
fn elsewhere(check: &mut Checker, text: &Text, declared: &Declared) {
    check.leniently(|check| usage(check, &text.at, &text.value, text.slot(), declared));
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Severity;
    use crate::validate::testing::{errors, said, step, table, task, task_run};

    #[test]
    fn volumes_have_names_of_their_own() {
        table(
            task,
            &[(
                "{volumes: [{name: v, emptyDir: {}}, {name: v, emptyDir: {}}], steps: [{image: i}]}",
                "multiple volumes with same name \"v\": spec.volumes[1].name",
            )],
        );
    }

    #[test]
    fn undeclared_params_are_faults_in_steps_and_warnings_beside_them() {
        assert_eq!(
            errors(&step("script: 'echo $(params.x)'")),
            ["non-existent variable in \"echo $(params.x)\": spec.steps[0].script"]
        );
        for fields in [
            "sidecars: [{name: s, image: i, script: $(params.x)}]",
            "steps: [{image: i, when: [{input: $(params.x), operator: in, values: [a]}]}]",
            "steps: [{image: i, envFrom: [{prefix: $(params.x)}]}]",
        ] {
            let spec = if fields.starts_with("steps") {
                format!("{{{fields}}}")
            } else {
                format!("{{steps: [{{image: i}}], {fields}}}")
            };
            let found = said(&task(&spec));
            assert_eq!(found.len(), 1, "{fields}: {found:?}");
            assert_eq!(found[0].severity, Severity::Warning, "{fields}");
        }
    }

    #[test]
    fn a_task_run_gives_params_to_the_task_inside() {
        table(
            task_run,
            &[
                (
                    "{params: [{name: x, value: v}], taskSpec: {steps: [{image: i, script: $(params.x)}]}}",
                    "",
                ),
                (
                    "{taskSpec: {steps: [{image: i, script: $(params.x)}]}}",
                    "non-existent variable in \"$(params.x)\": spec.taskSpec.steps[0].script",
                ),
            ],
        );
    }

    #[test]
    fn context_and_results() {
        table(
            step,
            &[
                (
                    "script: $(context.taskRun.foo)",
                    "non-existent variable in \"$(context.taskRun.foo)\": spec.steps[0].script",
                ),
                ("script: $(context.pipelineRun.name)", ""),
                (
                    "script: $(results.foo.path)",
                    "non-existent variable in \"$(results.foo.path)\": spec.steps[0].script",
                ),
                ("args: [$(results.foo.path)]", ""),
            ],
        );
    }

    #[test]
    fn whole_arrays_and_objects() {
        table(
            |fields| {
                task(&format!(
                    "{{params: [{{name: x, type: array}}, {{name: o, properties: {{k: {{}}}}}}], \
                     steps: [{{image: i, {fields}}}]}}"
                ))
            },
            &[
                (
                    "script: '$(params.x[*])'",
                    "variable type invalid in \"$(params.x[*])\": spec.steps[0].script",
                ),
                ("script: '$(params.x[0])'", ""),
                (
                    "args: ['a $(params.x[*])']",
                    "variable is not properly isolated in \"a $(params.x[*])\": \
                     spec.steps[0].args[0]",
                ),
                ("args: ['$(params.x[*])']", ""),
                (
                    "args: [$(params.o.zz)]",
                    "non-existent variable in \"$(params.o.zz)\": spec.steps[0].args[0]",
                ),
                (
                    "args: ['$(params.o[*])']",
                    "variable type invalid in \"$(params.o[*])\": spec.steps[0].args[0]",
                ),
                (
                    "args: [$(params.a.b.c)]",
                    "Invalid referencing of parameters in \"$(params.a.b.c)\"! Only two \
                     dot-separated components after the prefix \"params\" are allowed.: \
                     spec.steps[0].args[0]",
                ),
            ],
        );
    }

    #[test]
    fn declarations() {
        table(
            |params| task(&format!("{{params: {params}, steps: [{{image: i}}]}}")),
            &[
                (
                    "[{name: o, type: object}]",
                    "missing field(s): spec.params[0].properties",
                ),
                (
                    "[{name: a, type: string, default: [a]}]",
                    "\"string\" type does not match default value's type: \"array\": \
                     spec.params[0].type, spec.params[0].default.type",
                ),
                (
                    "[{name: a, type: array, default: [1, 2]}]",
                    "\"array\" type does not match default value's type: \"string\": \
                     spec.params[0].type, spec.params[0].default.type",
                ),
                ("[{name: a, default: true}]", ""),
                ("[{name: x}, {name: X}]", ""),
                (
                    "[{name: x}, {name: x}]",
                    "parameter appears more than once: spec.params[1].name",
                ),
                (
                    "[{name: 0x}]",
                    "The format of following array and string variable names is invalid: [0x]: \
                     spec.params[0].name",
                ),
                ("[{name: a.b}]", ""),
                (
                    "[{name: a, type: number}]",
                    "invalid value: number: spec.params[0].type",
                ),
            ],
        );
    }
}
