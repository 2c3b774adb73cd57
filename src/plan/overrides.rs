//! The settings of one task: `taskRunSpecs` above `taskRunTemplate`.

use std::collections::{BTreeMap, BTreeSet};

use crate::spec::GoDuration;
use crate::spec::core::{PodTemplate, ResourceRequirements};
use crate::spec::pipeline::{PipelineRunSpec, PipelineTaskRunSpec};
use crate::spec::task::StepSpecOverride;

/// What `taskRunSpecs` and `taskRunTemplate` say of one task, merged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// The service account.
    pub service_account: String,
    /// The pod template.
    pub pod_template: PodTemplate,
    /// Resources of steps.
    pub step_specs: Vec<StepSpecOverride>,
    /// Resources of sidecars.
    pub sidecar_specs: Vec<StepSpecOverride>,
    /// Resources of the whole task.
    pub compute_resources: Option<ResourceRequirements>,
    /// Labels, above those of the run.
    pub labels: BTreeMap<String, String>,
    /// Annotations, above those of the run.
    pub annotations: BTreeMap<String, String>,
}

/// The settings of one task: `taskRunSpecs` entries in order, above `taskRunTemplate`.
pub(super) fn overrides(spec: &PipelineRunSpec, task: &str) -> (Overrides, Option<GoDuration>) {
    let template = &spec.task_run_template;
    let mut merged = Overrides {
        service_account: template.service_account_name.clone(),
        pod_template: template.pod_template.clone().unwrap_or_default(),
        ..Overrides::default()
    };
    let mut timeout = None;
    let entries = spec
        .task_run_specs
        .iter()
        .filter(|entry| entry.pipeline_task_name == task);
    for entry in entries {
        let PipelineTaskRunSpec {
            pipeline_task_name: _,
            service_account_name,
            pod_template,
            step_specs,
            sidecar_specs,
            metadata,
            compute_resources,
            timeout: own_timeout,
        } = entry.clone();
        if !service_account_name.is_empty() {
            merged.service_account = service_account_name;
        }
        if let Some(pod) = pod_template {
            merged.pod_template = merge_pod_templates(pod, merged.pod_template);
        }
        merged.step_specs = step_specs;
        merged.sidecar_specs = sidecar_specs;
        if let Some(metadata) = metadata {
            merged.labels = metadata.labels;
            merged.annotations = metadata.annotations;
        }
        merged.compute_resources = compute_resources;
        timeout = own_timeout.or(timeout);
    }
    (merged, timeout)
}

/// Merges pod templates field by field, env and volumes by name; the first wins
/// (`pkg/apis/pipeline/pod/template.go`, `MergePodTemplateWithDefault`).
fn merge_pod_templates(own: PodTemplate, base: PodTemplate) -> PodTemplate {
    let mut env = own.env;
    let names: BTreeSet<String> = env.iter().map(|var| var.name.clone()).collect();
    env.extend(
        base.env
            .into_iter()
            .filter(|var| !names.contains(&var.name)),
    );
    let mut volumes = own.volumes;
    let names: BTreeSet<String> = volumes.iter().map(|volume| volume.name.clone()).collect();
    volumes.extend(
        base.volumes
            .into_iter()
            .filter(|volume| !names.contains(&volume.name)),
    );
    let either = |own: BTreeMap<String, String>, base: BTreeMap<String, String>| {
        if own.is_empty() { base } else { own }
    };
    PodTemplate {
        env,
        volumes,
        security_context: own.security_context.or(base.security_context),
        host_aliases: if own.host_aliases.is_empty() {
            base.host_aliases
        } else {
            own.host_aliases
        },
        dns_policy: if own.dns_policy.is_empty() {
            base.dns_policy
        } else {
            own.dns_policy
        },
        dns_config: own.dns_config.or(base.dns_config),
        host_network: own.host_network || base.host_network,
        image_pull_secrets: if own.image_pull_secrets.is_empty() {
            base.image_pull_secrets
        } else {
            own.image_pull_secrets
        },
        node_selector: either(own.node_selector, base.node_selector),
        ..base
    }
}
