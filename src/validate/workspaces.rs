//! Workspaces: declarations, uses and bindings.

use std::collections::BTreeSet;

use super::checker::{Checker, meant};
use super::names::{self, repeats};
use crate::diagnostic::FieldPath;
use crate::language::paths::clean;
use crate::spec::workspace::{PipelineWorkspaceDeclaration, WorkspaceUsage};
use crate::spec::{PipelineTask, TaskSpec, WorkspaceBinding};

/// The sources a binding can have, as Tekton lists them.
const SOURCES: [&str; 5] = [
    "persistentVolumeClaim",
    "volumeClaimTemplate",
    "emptyDir",
    "configMap",
    "secret",
];

/// The declarations of a Task and what its steps and sidecars make of them
/// (`validateDeclaredWorkspaces`, `validateWorkspaceUsages`).
pub(super) fn of_task(check: &mut Checker, at: &FieldPath, spec: &TaskSpec) {
    let declared = at.key("workspaces");
    for (index, name) in repeats(spec.workspaces.iter().map(|w| w.name.as_str())) {
        check.fault(
            &declared.index(index).key("name"),
            format_args!("workspace name {name:?} must be unique"),
        );
    }
    mount_paths(check, &declared, spec);
    let names: BTreeSet<&str> = spec.workspaces.iter().map(|w| w.name.as_str()).collect();
    for (index, step) in spec.steps.iter().enumerate() {
        usages(
            check,
            &at.key("steps").index(index),
            &step.workspaces,
            &names,
        );
    }
    for (index, sidecar) in spec.sidecars.iter().enumerate() {
        let at = at.key("sidecars").index(index);
        usages(check, &at, &sidecar.workspaces, &names);
    }
}

fn mount_paths(check: &mut Checker, at: &FieldPath, spec: &TaskSpec) {
    let template = spec.step_template.iter().flat_map(|t| &t.volume_mounts);
    let mut taken: BTreeSet<String> = spec
        .steps
        .iter()
        .flat_map(|step| &step.volume_mounts)
        .chain(template)
        .map(|mount| clean(&mount.mount_path))
        .collect();
    for (index, workspace) in spec.workspaces.iter().enumerate() {
        let path = if workspace.mount_path.is_empty() {
            clean(&format!("/workspace/{}", workspace.name))
        } else {
            clean(&workspace.mount_path)
        };
        if !taken.insert(path.clone()) {
            check.fault(
                &at.index(index).key("mountPath"),
                format_args!("workspace mount path {path:?} must be unique"),
            );
        }
    }
}

fn usages(check: &mut Checker, at: &FieldPath, used: &[WorkspaceUsage], names: &BTreeSet<&str>) {
    for (index, usage) in used.iter().enumerate() {
        if !names.contains(usage.name.as_str()) {
            check.fault_with(
                &at.key("workspaces").index(index).key("name"),
                format_args!("undefined workspace {:?}", usage.name),
                meant(&usage.name, names.iter().copied()),
            );
        }
    }
}

/// The declarations of a Pipeline.
pub(super) fn of_pipeline(
    check: &mut Checker,
    at: &FieldPath,
    declared: &[PipelineWorkspaceDeclaration],
) {
    for (index, workspace) in declared.iter().enumerate() {
        if workspace.name.is_empty() {
            check.invalid(
                &at.index(index),
                format_args!("workspace {index} has empty name"),
            );
        }
    }
    for (index, name) in repeats(declared.iter().map(|w| w.name.as_str())) {
        check.invalid(
            &at.index(index),
            format_args!("workspace with name {name:?} appears more than once"),
        );
    }
}

/// What a task of a Pipeline takes of it. A run that contains its Pipeline may give it more
/// workspaces than it declares; then `known` is `None`.
pub(super) fn of_pipeline_task(
    check: &mut Checker,
    at: &FieldPath,
    task: &PipelineTask,
    known: Option<&BTreeSet<&str>>,
) {
    let at = at.key("workspaces");
    let Some(known) = known else {
        return;
    };
    for (index, name) in repeats(task.workspaces.iter().map(|w| w.name.as_str())) {
        check.fault(
            &at.index(index),
            format_args!("workspace name {name:?} must be unique"),
        );
    }
    for (index, binding) in task.workspaces.iter().enumerate() {
        let (field, source) = if binding.workspace.is_empty() {
            ("name", binding.name.as_str())
        } else {
            ("workspace", binding.workspace.as_str())
        };
        if !known.contains(source) {
            check.fault_with(
                &at.index(index).key(field),
                format_args!(
                    "invalid value: pipeline task {:?} expects workspace with name {source:?} but \
                     none exists in pipeline spec",
                    task.name
                ),
                meant(source, known.iter().copied()),
            );
        }
    }
}

/// What a TaskRun gives.
pub(super) fn of_task_run(check: &mut Checker, at: &FieldPath, bindings: &[WorkspaceBinding]) {
    for (index, binding) in bindings.iter().enumerate() {
        one_binding(check, &at.index(index), binding);
    }
    names::distinct_ignoring_case(check, at, bindings.iter().map(|b| b.name.as_str()));
}

/// What a PipelineRun gives.
pub(super) fn of_pipeline_run(check: &mut Checker, at: &FieldPath, bindings: &[WorkspaceBinding]) {
    for (index, binding) in bindings.iter().enumerate() {
        one_binding(check, &at.index(index), binding);
        let earlier = bindings[..index]
            .iter()
            .rposition(|other| other.name == binding.name);
        if let Some(earlier) = earlier {
            check.fault(
                &at.index(index).key("name"),
                format_args!(
                    "workspace {:?} provided by pipelinerun more than once, at index {earlier} \
                     and {index}",
                    binding.name
                ),
            );
        }
    }
}

fn one_binding(check: &mut Checker, at: &FieldPath, binding: &WorkspaceBinding) {
    if *binding == WorkspaceBinding::default() {
        check.missing(at);
        return;
    }
    let given = [
        binding.volume_claim_template.is_some(),
        binding.persistent_volume_claim.is_some(),
        binding.empty_dir.is_some(),
        binding.config_map.is_some(),
        binding.secret.is_some(),
        binding.projected.is_some(),
        binding.csi.is_some(),
    ]
    .into_iter()
    .filter(|given| *given)
    .count();
    check.exactly_one(&SOURCES.map(|source| at.key(source)), given);
    if given == 1 {
        source(check, at, binding);
    }
}

fn source(check: &mut Checker, at: &FieldPath, binding: &WorkspaceBinding) {
    let missing = if let Some(claim) = &binding.persistent_volume_claim {
        claim
            .claim_name
            .is_empty()
            .then_some("persistentVolumeClaim.claimName")
    } else if let Some(config_map) = &binding.config_map {
        config_map.name.is_empty().then_some("configMap.name")
    } else if let Some(secret) = &binding.secret {
        secret.secret_name.is_empty().then_some("secret.secretName")
    } else if let Some(projected) = &binding.projected {
        projected.sources.is_empty().then_some("projected.sources")
    } else if let Some(csi) = &binding.csi {
        csi.driver.is_empty().then_some("csi.driver")
    } else {
        None
    };
    if let Some(field) = missing {
        let mut path = at.clone();
        path.0.extend(FieldPath::parse(field).0);
        check.missing(&path);
    }
}

#[cfg(test)]
mod tests {
    use crate::validate::testing::{pipeline, pipeline_run, table, task};

    #[test]
    fn a_binding_has_one_source() {
        let sources = "spec.workspaces[0].persistentVolumeClaim, \
                       spec.workspaces[0].volumeClaimTemplate, spec.workspaces[0].emptyDir, \
                       spec.workspaces[0].configMap, spec.workspaces[0].secret";
        table(
            |binding| {
                pipeline_run(&format!(
                    "{{pipelineRef: {{name: p}}, workspaces: [{binding}]}}"
                ))
            },
            &[
                ("{name: w, emptyDir: {}}", ""),
                (
                    "{name: w, emptyDir: {}, secret: {secretName: s}}",
                    &format!("expected exactly one, got both: {sources}"),
                ),
                (
                    "{name: w}",
                    &format!("expected exactly one, got neither: {sources}"),
                ),
                (
                    "{name: w, configMap: {}}",
                    "missing field(s): spec.workspaces[0].configMap.name",
                ),
                (
                    "{name: w, emptyDir: {}}, {name: w, emptyDir: {}}",
                    "workspace \"w\" provided by pipelinerun more than once, at index 0 and 1: \
                     spec.workspaces[1].name",
                ),
            ],
        );
    }

    #[test]
    fn workspaces_of_a_task() {
        table(
            task,
            &[
                (
                    "{workspaces: [{name: w, mountPath: /m}], steps: [{image: i, volumeMounts: \
                     [{name: v, mountPath: /m/}]}]}",
                    "workspace mount path \"/m\" must be unique: spec.workspaces[0].mountPath",
                ),
                (
                    "{workspaces: [{name: w}], steps: [{image: i, workspaces: [{name: q}]}]}",
                    "undefined workspace \"q\": spec.steps[0].workspaces[0].name",
                ),
                (
                    "{workspaces: [{name: w}, {name: w, mountPath: /x}], steps: [{image: i}]}",
                    "workspace name \"w\" must be unique: spec.workspaces[1].name",
                ),
            ],
        );
    }

    #[test]
    fn pipeline_tasks_take_what_the_pipeline_declares() {
        table(
            pipeline,
            &[
                (
                    "{workspaces: [{name: w}], tasks: [{name: a, taskRef: {name: t}, workspaces: \
                     [{name: s, workspace: x}]}]}",
                    "invalid value: pipeline task \"a\" expects workspace with name \"x\" but none \
                     exists in pipeline spec: spec.tasks[0].workspaces[0].workspace",
                ),
                (
                    "{workspaces: [{name: w}, {name: w}]}",
                    "invalid value: workspace with name \"w\" appears more than once: \
                     spec.workspaces[1]",
                ),
            ],
        );
    }
}
