//! Steps (`pkg/apis/pipeline/v1/container_validation.go`).

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::checker::Checker;
use super::names::{self, repeats};
use super::texts::{self, Text};
use super::{refs, results, variables, when};
use crate::diagnostic::FieldPath;
use crate::language::paths::clean;
use crate::spec::core::VolumeMount;
use crate::spec::{Step, StepTemplate, TaskSpec};

static STEP_RESULT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\$\(steps\..*?\.results\..*?\)").ok());
static STEP_ARTIFACT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\$\(steps\.([^.]+)\.(?:inputs|outputs)\.([^.)]+)\)|\$\(step\.artifacts\.path\)")
        .ok()
});

/// The steps of a Task, each as it is after the stepTemplate was merged into it.
pub(super) fn all(check: &mut Checker, at: &FieldPath, spec: &TaskSpec) {
    let steps = at.key("steps");
    let names = spec.steps.iter().map(|step| step.name.as_str());
    for (index, _) in repeats(names).into_iter().filter(|(_, n)| !n.is_empty()) {
        check.repeated(&steps.index(index).key("name"));
    }
    for (index, step) in spec.steps.iter().enumerate() {
        let at = steps.index(index);
        one(check, &at, step, spec.step_template.as_ref());
    }
    if let Some(template) = &spec.step_template {
        let at = at.key("stepTemplate");
        mounts(check, &at, &template.volume_mounts);
        for text in texts::of_template(&at, template) {
            misplaced(check, &text);
        }
    }
}

fn one(check: &mut Checker, at: &FieldPath, step: &Step, template: Option<&StepTemplate>) {
    match &step.step_ref {
        Some(reference) => {
            refs::reference(
                check,
                &at.key("ref"),
                &reference.name,
                &reference.resolver,
                &reference.params,
            );
            beside_ref(check, at, step);
        }
        None => inline(check, at, step, template),
    }
    if !step.name.is_empty() {
        names::label(check, &at.key("name"), &step.name);
    }
    if let Some(timeout) = step.timeout.filter(|timeout| timeout.0 < 0) {
        check.fault(
            &at.key("timeout"),
            format_args!("invalid value: {timeout}: negative timeout"),
        );
    }
    mounts(check, at, &step.volume_mounts);
    on_error(check, at, &step.on_error);
    for text in texts::of_step(at, step) {
        misplaced(check, &text);
        bracketed_workspace(check, &text);
    }
    step_results(check, at, step);
    when::expressions(check, &at.key("when"), &step.when);
}

fn beside_ref(check: &mut Checker, at: &FieldPath, step: &Step) {
    for (field, word, used) in [
        ("image", "image", !step.image.is_empty()),
        ("command", "command", !step.command.is_empty()),
        ("args", "args", !step.args.is_empty()),
        ("script", "script", !step.script.is_empty()),
        ("workingDir", "working dir", !step.working_dir.is_empty()),
        ("env", "env", !step.env.is_empty()),
        (
            "volumeMounts",
            "volumeMounts",
            !step.volume_mounts.is_empty(),
        ),
        ("results", "results", !step.results.is_empty()),
    ] {
        if used {
            check.fault(
                &at.key(field),
                format_args!("{word} cannot be used with Ref"),
            );
        }
    }
    if step.security_context.is_some() {
        check.warning(
            &at.key("securityContext"),
            "the StepAction's securityContext takes its place, even when it has none",
            None,
        );
    }
}

/// Workspaces have no bracket form: such a reference stays as it is.
fn bracketed_workspace(check: &mut Checker, text: &Text) {
    let mut rest = text.value.as_str();
    while let Some(start) = rest.find("$(workspaces[") {
        let from = &rest[start..];
        let whole = from.find(')').map_or(from, |end| &from[..=end]);
        let quoted = whole["$(workspaces[".len()..].split(['\'', '"']).nth(1);
        let hint = quoted.map(|name| format!("write $(workspaces.{name}.path)"));
        let shown: String = whole.chars().take(80).collect();
        let message = format!("{shown} stays as it is: workspaces are not referred to in brackets");
        check.warning(&text.at, message, hint);
        rest = &from["$(workspaces[".len()..];
    }
}

fn inline(check: &mut Checker, at: &FieldPath, step: &Step, template: Option<&StepTemplate>) {
    if !step.params.is_empty() {
        check.fault(&at.key("params"), "params cannot be used without Ref");
    }
    let image = template.map_or("", |template| template.image.as_str());
    if step.image.is_empty() && image.is_empty() {
        check.missing(&at.key("image"));
    }
    let command = !step.command.is_empty() || template.is_some_and(|t| !t.command.is_empty());
    if command && !step.script.is_empty() {
        let hint = step
            .command
            .is_empty()
            .then(|| "the command comes from the stepTemplate".to_owned());
        check.fault_with(
            &at.key("script"),
            "script cannot be used with command",
            hint,
        );
    }
}

fn mounts(check: &mut Checker, at: &FieldPath, mounts: &[VolumeMount]) {
    for (index, mount) in mounts.iter().enumerate() {
        let at = at.key("volumeMounts").index(index);
        let path = clean(&mount.mount_path);
        if path.starts_with("/tekton/") && !path.starts_with("/tekton/home") {
            check.fault(
                &at.key("mountPath"),
                format_args!(
                    "volumeMount cannot be mounted under /tekton/ (volumeMount {:?} mounted at \
                     {:?})",
                    mount.name, mount.mount_path
                ),
            );
        }
        if mount.name.starts_with("tekton-internal-") {
            check.fault(
                &at.key("name"),
                format_args!(
                    "volumeMount name {:?} cannot start with \"tekton-internal-\"",
                    mount.name
                ),
            );
        }
    }
}

fn on_error(check: &mut Checker, at: &FieldPath, word: &str) {
    if !word.is_empty() && !word.starts_with("$(params") && !is_on_error(word) {
        check.fault_with(
            &at.key("onError"),
            format_args!("invalid value: {word:?}"),
            Some("Task step onError must be either \"continue\" or \"stopAndFail\"".to_owned()),
        );
    }
}

pub(super) fn is_on_error(word: &str) -> bool {
    matches!(word, "continue" | "stopAndFail")
}

/// Results and artifacts of other steps are known when the step starts, too late for most fields.
fn misplaced(check: &mut Checker, text: &Text) {
    let early = matches!(
        text.field,
        "name" | "image" | "imagePullPolicy" | "workingDir" | "envFrom" | "volumeMounts"
    );
    let matches = |regex: &LazyLock<Option<Regex>>| {
        regex
            .as_ref()
            .is_some_and(|regex| regex.is_match(&text.value))
    };
    if (early || text.field == "script") && matches(&STEP_RESULT) {
        check.fault(
            &text.at,
            "stepResult substitutions are only allowed in env, command and args. Found usage in",
        );
    }
    if early && matches(&STEP_ARTIFACT) {
        check.fault(
            &text.at,
            "stepArtifact substitutions are only allowed in env, command, args and script. Found \
             usage in",
        );
    }
}

fn step_results(check: &mut Checker, at: &FieldPath, step: &Step) {
    if step.results.is_empty() {
        return;
    }
    let known: BTreeSet<&str> = step.results.iter().map(|r| r.name.as_str()).collect();
    variables::unknown(
        check,
        &at.key("script"),
        &step.script,
        "step.results",
        &known,
    );
    results::of_step(check, &at.key("results"), &step.results);
}

#[cfg(test)]
mod tests {
    use crate::validate::testing::{step, table, task};

    #[test]
    fn steps_and_images() {
        table(
            task,
            &[
                ("{description: d}", "missing field(s): spec.steps"),
                (
                    "{steps: [{name: a}]}",
                    "missing field(s): spec.steps[0].image",
                ),
                ("{stepTemplate: {image: i}, steps: [{name: a}]}", ""),
            ],
        );
    }

    #[test]
    fn script_and_command() {
        table(
            task,
            &[
                (
                    "{steps: [{image: i, script: x, command: [sh]}]}",
                    "script cannot be used with command: spec.steps[0].script",
                ),
                ("{steps: [{image: i, script: x, args: [sh]}]}", ""),
                (
                    "{stepTemplate: {command: [sh]}, steps: [{image: i, script: x}]}",
                    "script cannot be used with command: spec.steps[0].script",
                ),
            ],
        );
    }

    #[test]
    fn names_of_steps() {
        table(
            task,
            &[
                (
                    "{steps: [{name: a, image: i}, {name: a, image: i}]}",
                    "expected exactly one, got both: spec.steps[1].name",
                ),
                ("{steps: [{image: i}, {image: i}]}", ""),
                (
                    "{steps: [{name: Bad_Name, image: i}]}",
                    "invalid value \"Bad_Name\": spec.steps[0].name",
                ),
            ],
        );
    }

    #[test]
    fn fields_of_a_step() {
        table(
            step,
            &[
                (
                    "timeout: -5s",
                    "invalid value: -5s: negative timeout: spec.steps[0].timeout",
                ),
                ("timeout: \"0\"", ""),
                ("stdoutConfig: {path: /out}, stderrConfig: {path: /out}", ""),
                (
                    "onError: Ignore",
                    "invalid value: \"Ignore\": spec.steps[0].onError",
                ),
                (
                    "volumeMounts: [{name: v, mountPath: /tekton//results/}]",
                    "volumeMount cannot be mounted under /tekton/ (volumeMount \"v\" mounted at \
                     \"/tekton//results/\"): spec.steps[0].volumeMounts[0].mountPath",
                ),
                ("volumeMounts: [{name: v, mountPath: /tekton/home/x}]", ""),
                (
                    "volumeMounts: [{name: tekton-internal-x, mountPath: /x}]",
                    "volumeMount name \"tekton-internal-x\" cannot start with \
                     \"tekton-internal-\": spec.steps[0].volumeMounts[0].name",
                ),
            ],
        );
    }

    #[test]
    fn results_of_steps_come_late() {
        table(
            step,
            &[
                ("env: [{name: A, value: $(steps.a.results.r)}]", ""),
                (
                    "workingDir: $(steps.a.results.r)",
                    "stepResult substitutions are only allowed in env, command and args. Found \
                     usage in: spec.steps[0].workingDir",
                ),
                (
                    "imagePullPolicy: $(steps.a.outputs.r)",
                    "stepArtifact substitutions are only allowed in env, command, args and script. \
                     Found usage in: spec.steps[0].imagePullPolicy",
                ),
                ("script: $(steps.a.outputs.r)", ""),
                (
                    "script: $(steps.a.results.r)",
                    "stepResult substitutions are only allowed in env, command and args. Found \
                     usage in: spec.steps[0].script",
                ),
            ],
        );
    }

    #[test]
    fn a_ref_stands_nearly_alone() {
        table(
            |fields| task(&format!("{{steps: [{{ref: {{name: r}}, {fields}}}]}}")),
            &[
                ("name: a, timeout: 1s, params: [{name: p, value: v}]", ""),
                (
                    "workingDir: /x",
                    "working dir cannot be used with Ref: spec.steps[0].workingDir",
                ),
                (
                    "script: x",
                    "script cannot be used with Ref: spec.steps[0].script",
                ),
            ],
        );
    }
}
