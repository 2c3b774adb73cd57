//! StepActions (`pkg/apis/pipeline/v1beta1/stepaction_validation.go`).

use std::collections::BTreeSet;

use super::checker::Checker;
use super::usage::{Declared, usage};
use super::{params, results, texts, variables};
use crate::diagnostic::FieldPath;
use crate::spec::{Step, StepActionSpec};

/// The `spec` of a StepAction document.
pub(super) fn document(check: &mut Checker, at: &FieldPath, spec: &StepActionSpec) {
    if spec.image.is_empty() {
        check.missing(&at.key("image"));
    }
    if !spec.script.is_empty() && !spec.command.is_empty() {
        check.fault(&at.key("script"), "script cannot be used with command");
    }
    if !variables::find(&spec.script, "params").is_empty() {
        check.fault_with(
            &at.key("script"),
            "param substitution in scripts is not allowed.",
            Some("hand the value to the script in a variable of env".to_owned()),
        );
    }
    params::declarations(check, &at.key("params"), &spec.params);
    params::name_formats(check, &at.key("params"), &spec.params);
    usages(check, at, spec);
    results::of_step(check, &at.key("results"), &spec.results);
    mounts(check, &at.key("volumeMounts"), spec);
}

fn usages(check: &mut Checker, at: &FieldPath, spec: &StepActionSpec) {
    let declared = Declared::closed().and(&spec.params);
    let results: BTreeSet<&str> = spec.results.iter().map(|r| r.name.as_str()).collect();
    for text in texts::of_step(at, &as_step(spec)) {
        let checked = match text.field {
            "command" | "args" | "image" | "env" => true,
            "volumeMounts" => text.sub == "name",
            _ => false,
        };
        if checked {
            usage(check, &text.at, &text.value, text.slot(), &declared);
        }
    }
    for prefix in ["step.results", "results"] {
        variables::unknown(check, &at.key("script"), &spec.script, prefix, &results);
    }
}

/// Its fields are a step's: one list of those that take references will do for both.
fn as_step(spec: &StepActionSpec) -> Step {
    Step {
        image: spec.image.clone(),
        command: spec.command.clone(),
        args: spec.args.clone(),
        env: spec.env.clone(),
        volume_mounts: spec.volume_mounts.clone(),
        ..Step::default()
    }
}

fn mounts(check: &mut Checker, at: &FieldPath, spec: &StepActionSpec) {
    for (index, mount) in spec.volume_mounts.iter().enumerate() {
        let found = variables::find(&mount.name, "params");
        if found.len() != 1 || found.iter().any(|variable| variable.whole != mount.name) {
            check.fault_with(
                &at.index(index).key("name"),
                format_args!("invalid value: {}", mount.name),
                Some("expect the Name to be a single param reference".to_owned()),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::validate::testing::{step_action, table};

    #[test]
    fn step_actions() {
        table(
            step_action,
            &[
                ("{script: x}", "missing field(s): spec.image"),
                (
                    "{image: i, script: x, command: [sh]}",
                    "script cannot be used with command: spec.script",
                ),
                (
                    "{image: i, params: [{name: p}], script: $(params.p)}",
                    "param substitution in scripts is not allowed.: spec.script",
                ),
                (
                    "{image: i, env: [{name: A, value: $(params.p)}]}",
                    "non-existent variable in \"$(params.p)\": spec.env[0].value",
                ),
                ("{image: i, workingDir: $(params.p)}", ""),
                (
                    "{image: i, script: $(step.results.r.path)}",
                    "non-existent variable in \"$(step.results.r.path)\": spec.script",
                ),
                (
                    "{image: i, volumeMounts: [{name: v, mountPath: /v}]}",
                    "invalid value: v: spec.volumeMounts[0].name",
                ),
            ],
        );
    }
}
