//! Tasks, alone and embedded.

use std::collections::BTreeSet;

use super::checker::Checker;
use super::params::{self, Declared, Slot};
use super::texts::{self, Text};
use super::{results, sidecar, step, variables, volumes, workspaces};
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
        }
        if text.field == "script" {
            variables::unknown(check, &text.at, &text.text, "results", &results);
        }
    }
}

/// What the webhook looks for in every field of a step that takes variables.
fn in_step(check: &mut Checker, text: &Text, declared: &Declared) {
    let slot = if text.is_element() {
        Slot::Element
    } else {
        Slot::Text
    };
    params::usage(check, &text.at, &text.text, slot, declared);
    for (prefix, known) in [
        ("context.taskRun", TASK_RUN_CONTEXT.as_slice()),
        ("context.task", TASK_CONTEXT.as_slice()),
    ] {
        let known = known.iter().copied().collect();
        variables::unknown(check, &text.at, &text.text, prefix, &known);
    }
}
