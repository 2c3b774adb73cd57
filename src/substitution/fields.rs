//! Which fields of a Task take references, in one place for replacing and for checking.
//!
//! The list is Tekton's (`pkg/container/container_replacements.go`, `step_replacements.go`,
//! `pkg/reconciler/taskrun/resources/apply.go`).

use std::fmt;

use crate::spec::core::{
    ClaimVolume, ConfigMapVolume, EnvFromSource, EnvVar, KeyToPath, ProjectedSource, SecretVolume,
    Volume, VolumeMount,
};
use crate::spec::param::ParamValue;
use crate::spec::task::{Sidecar, Step, StepTemplate, TaskSpec};
use crate::spec::when::WhenExpression;
use crate::spec::workspace::WorkspaceBinding;

/// Where in an object a text stands: `script`, `env[2].value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The field.
    pub field: &'static str,
    /// The place in it, when it is a list.
    pub index: Option<usize>,
    /// The field of the item.
    pub sub: &'static str,
}

impl Place {
    const fn field(field: &'static str) -> Self {
        Self {
            field,
            index: None,
            sub: "",
        }
    }

    const fn item(field: &'static str, index: usize, sub: &'static str) -> Self {
        Self {
            field,
            index: Some(index),
            sub,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.field)?;
        if let Some(index) = self.index {
            write!(f, "[{index}]")?;
        }
        if !self.sub.is_empty() {
            write!(f, ".{}", self.sub)?;
        }
        Ok(())
    }
}

/// Is shown every text that takes references, and may change it.
pub trait Visitor {
    /// A text.
    fn text(&mut self, place: Place, text: &mut String);
    /// A list whose items may be whole arrays: `command` or `args`.
    fn list(&mut self, field: &'static str, list: &mut Vec<String>);
    /// The value of a parameter of a step.
    fn value(&mut self, place: Place, value: &mut ParamValue);
    /// One condition of a step's guard.
    fn when(&mut self, index: usize, when: &mut WhenExpression);
}

/// Shows the fields of a step.
pub fn step(step: &mut Step, visitor: &mut impl Visitor) {
    visitor.text(Place::field("name"), &mut step.name);
    visitor.text(Place::field("image"), &mut step.image);
    visitor.text(Place::field("imagePullPolicy"), &mut step.image_pull_policy);
    visitor.text(Place::field("script"), &mut step.script);
    visitor.text(Place::field("onError"), &mut step.on_error);
    if let Some(config) = &mut step.stdout_config {
        visitor.text(Place::field("stdoutConfig.path"), &mut config.path);
    }
    if let Some(config) = &mut step.stderr_config {
        visitor.text(Place::field("stderrConfig.path"), &mut config.path);
    }
    for (index, when) in step.when.iter_mut().enumerate() {
        visitor.when(index, when);
    }
    visitor.list("command", &mut step.command);
    visitor.list("args", &mut step.args);
    visitor.text(Place::field("workingDir"), &mut step.working_dir);
    env(&mut step.env, visitor);
    env_from(&mut step.env_from, visitor);
    mounts(&mut step.volume_mounts, visitor);
    for (index, param) in step.params.iter_mut().enumerate() {
        visitor.value(Place::item("params", index, "value"), &mut param.value);
    }
}

/// Shows the fields of a step template.
pub fn step_template(template: &mut StepTemplate, visitor: &mut impl Visitor) {
    visitor.text(Place::field("image"), &mut template.image);
    visitor.text(
        Place::field("imagePullPolicy"),
        &mut template.image_pull_policy,
    );
    visitor.list("command", &mut template.command);
    visitor.list("args", &mut template.args);
    visitor.text(Place::field("workingDir"), &mut template.working_dir);
    env(&mut template.env, visitor);
    env_from(&mut template.env_from, visitor);
    mounts(&mut template.volume_mounts, visitor);
}

/// Shows the fields of a sidecar.
pub fn sidecar(sidecar: &mut Sidecar, visitor: &mut impl Visitor) {
    visitor.text(Place::field("name"), &mut sidecar.name);
    visitor.text(Place::field("image"), &mut sidecar.image);
    visitor.text(
        Place::field("imagePullPolicy"),
        &mut sidecar.image_pull_policy,
    );
    visitor.text(Place::field("script"), &mut sidecar.script);
    visitor.list("command", &mut sidecar.command);
    visitor.list("args", &mut sidecar.args);
    visitor.text(Place::field("workingDir"), &mut sidecar.working_dir);
    env(&mut sidecar.env, visitor);
    env_from(&mut sidecar.env_from, visitor);
    mounts(&mut sidecar.volume_mounts, visitor);
}

fn env(env: &mut [EnvVar], visitor: &mut impl Visitor) {
    for (index, var) in env.iter_mut().enumerate() {
        visitor.text(Place::item("env", index, "value"), &mut var.value);
        let Some(source) = &mut var.value_from else {
            continue;
        };
        for (selector, name, key) in [
            (
                &mut source.secret_key_ref,
                "valueFrom.secretKeyRef.name",
                "valueFrom.secretKeyRef.key",
            ),
            (
                &mut source.config_map_key_ref,
                "valueFrom.configMapKeyRef.name",
                "valueFrom.configMapKeyRef.key",
            ),
        ] {
            if let Some(selector) = selector {
                visitor.text(Place::item("env", index, name), &mut selector.name);
                visitor.text(Place::item("env", index, key), &mut selector.key);
            }
        }
    }
}

fn env_from(env_from: &mut [EnvFromSource], visitor: &mut impl Visitor) {
    for (index, source) in env_from.iter_mut().enumerate() {
        visitor.text(Place::item("envFrom", index, "prefix"), &mut source.prefix);
        for (object, name) in [
            (&mut source.config_map_ref, "configMapRef.name"),
            (&mut source.secret_ref, "secretRef.name"),
        ] {
            if let Some(object) = object {
                visitor.text(Place::item("envFrom", index, name), &mut object.name);
            }
        }
    }
}

fn mounts(mounts: &mut [VolumeMount], visitor: &mut impl Visitor) {
    for (index, mount) in mounts.iter_mut().enumerate() {
        visitor.text(Place::item("volumeMounts", index, "name"), &mut mount.name);
        visitor.text(
            Place::item("volumeMounts", index, "mountPath"),
            &mut mount.mount_path,
        );
        visitor.text(
            Place::item("volumeMounts", index, "subPath"),
            &mut mount.sub_path,
        );
    }
}

fn items(items: &mut [KeyToPath], visitor: &mut impl Visitor) {
    for (index, item) in items.iter_mut().enumerate() {
        visitor.text(Place::item("items", index, "key"), &mut item.key);
        visitor.text(Place::item("items", index, "path"), &mut item.path);
    }
}

/// What both volumes and bindings can be filled from.
fn sources(
    (config_map, secret, claim): (
        &mut Option<ConfigMapVolume>,
        &mut Option<SecretVolume>,
        &mut Option<ClaimVolume>,
    ),
    visitor: &mut impl Visitor,
) {
    if let Some(config_map) = config_map {
        visitor.text(Place::field("configMap.name"), &mut config_map.name);
        items(&mut config_map.items, visitor);
    }
    if let Some(secret) = secret {
        visitor.text(Place::field("secret.secretName"), &mut secret.secret_name);
        items(&mut secret.items, visitor);
    }
    if let Some(claim) = claim {
        visitor.text(
            Place::field("persistentVolumeClaim.claimName"),
            &mut claim.claim_name,
        );
    }
}

fn projected_names(source: &mut ProjectedSource, visitor: &mut impl Visitor) {
    if let Some(config_map) = &mut source.config_map {
        visitor.text(
            Place::field("projected.sources.configMap.name"),
            &mut config_map.name,
        );
    }
    if let Some(secret) = &mut source.secret {
        visitor.text(
            Place::field("projected.sources.secret.name"),
            &mut secret.name,
        );
    }
}

/// Shows the fields of a volume.
pub fn volume(volume: &mut Volume, visitor: &mut impl Visitor) {
    visitor.text(Place::field("name"), &mut volume.name);
    sources(
        (
            &mut volume.config_map,
            &mut volume.secret,
            &mut volume.persistent_volume_claim,
        ),
        visitor,
    );
    for source in volume
        .projected
        .iter_mut()
        .flat_map(|projected| &mut projected.sources)
    {
        projected_names(source, visitor);
        if let Some(token) = &mut source.service_account_token {
            visitor.text(
                Place::field("projected.sources.serviceAccountToken.audience"),
                &mut token.audience,
            );
        }
    }
}

/// Shows the fields of what a run gives to a workspace.
pub fn binding(binding: &mut WorkspaceBinding, visitor: &mut impl Visitor) {
    visitor.text(Place::field("subPath"), &mut binding.sub_path);
    sources(
        (
            &mut binding.config_map,
            &mut binding.secret,
            &mut binding.persistent_volume_claim,
        ),
        visitor,
    );
    for source in binding
        .projected
        .iter_mut()
        .flat_map(|projected| &mut projected.sources)
    {
        projected_names(source, visitor);
        // Tekton leaves those of volumes as they are.
        let config_map = source.config_map.iter_mut().map(|it| &mut it.items);
        let secret = source.secret.iter_mut().map(|it| &mut it.items);
        for list in config_map.chain(secret) {
            items(list, visitor);
        }
    }
}

/// Shows the fields of a Task, those of its steps, sidecars and volumes among them.
pub fn task_spec(spec: &mut TaskSpec, visitor: &mut impl Visitor) {
    for each in &mut spec.steps {
        step(each, visitor);
    }
    for each in &mut spec.sidecars {
        sidecar(each, visitor);
    }
    if let Some(template) = &mut spec.step_template {
        step_template(template, visitor);
    }
    for each in &mut spec.volumes {
        volume(each, visitor);
    }
    for (index, workspace) in spec.workspaces.iter_mut().enumerate() {
        visitor.text(
            Place::item("workspaces", index, "mountPath"),
            &mut workspace.mount_path,
        );
    }
}
