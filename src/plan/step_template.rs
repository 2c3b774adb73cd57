//! Merging a step with the template of its Task.

use serde_json::Value;

use crate::spec::core::{EnvVar, SecurityContext, VolumeMount};
use crate::spec::task::{Step, StepTemplate};

/// Kubernetes' strategic merge of a template and a step (`pkg/apis/pipeline/v1/merge.go`).
pub(super) fn merge_template(template: &StepTemplate, step: Step) -> Step {
    let text = |own: String, base: &str| if own.is_empty() { base.to_owned() } else { own };
    let list = |own: Vec<String>, base: &[String]| if own.is_empty() { base.to_vec() } else { own };
    Step {
        image: text(step.image, &template.image),
        working_dir: text(step.working_dir, &template.working_dir),
        image_pull_policy: text(step.image_pull_policy, &template.image_pull_policy),
        command: if step.script.is_empty() {
            list(step.command, &template.command)
        } else {
            step.command
        },
        args: list(step.args, &template.args),
        env: merge_env(&template.env, step.env),
        env_from: if step.env_from.is_empty() {
            template.env_from.clone()
        } else {
            step.env_from
        },
        volume_mounts: merge_mounts(&template.volume_mounts, step.volume_mounts),
        compute_resources: template
            .compute_resources
            .overridden_by(&step.compute_resources),
        security_context: merge_security(template.security_context.as_ref(), step.security_context),
        ..step
    }
}

/// The step's order stays; a variable only the template has goes before the first of the step's
/// that the template has later, else to the end.
fn merge_env(template: &[EnvVar], mut env: Vec<EnvVar>) -> Vec<EnvVar> {
    let own: Vec<String> = env.iter().map(|var| var.name.clone()).collect();
    for (position, var) in template.iter().enumerate() {
        if own.contains(&var.name) {
            continue;
        }
        let later: Vec<&str> = template[position + 1..]
            .iter()
            .map(|var| var.name.as_str())
            .collect();
        let place = env
            .iter()
            .position(|each| own.contains(&each.name) && later.contains(&each.name.as_str()));
        env.insert(place.unwrap_or(env.len()), var.clone());
    }
    env
}

fn merge_mounts(template: &[VolumeMount], mounts: Vec<VolumeMount>) -> Vec<VolumeMount> {
    let mut merged: Vec<VolumeMount> = template.to_vec();
    for mount in mounts {
        match merged
            .iter_mut()
            .find(|other| other.mount_path == mount.mount_path)
        {
            Some(base) => {
                base.name = mount.name;
                base.read_only |= mount.read_only;
                if !mount.sub_path.is_empty() {
                    base.sub_path = mount.sub_path;
                }
                if !mount.sub_path_expr.is_empty() {
                    base.sub_path_expr = mount.sub_path_expr;
                }
            }
            None => merged.push(mount),
        }
    }
    merged
}

fn merge_security(
    base: Option<&SecurityContext>,
    own: Option<SecurityContext>,
) -> Option<SecurityContext> {
    let (Some(base), Some(own)) = (base, own.as_ref()) else {
        return own.or_else(|| base.cloned());
    };
    let mut json = serde_json::to_value(base).unwrap_or_default();
    deep_merge(&mut json, serde_json::to_value(own).unwrap_or_default());
    serde_json::from_value(json).ok()
}

fn deep_merge(base: &mut Value, own: Value) {
    match (base, own) {
        (Value::Object(base), Value::Object(own)) => {
            for (key, value) in own {
                deep_merge(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, own) => *base = own,
    }
}
