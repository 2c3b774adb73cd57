//! What the sandbox of a job must offer, and what is in it before the start.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::{Context, Options};
use super::run::Job;
use super::sandbox::{Engine, FileOp, Sandbox, SandboxError, SandboxSpec, VolumePath};
use super::units::{Maker, Storage, claim_of_template};
use crate::plan::{Body, TaskRunRequest, bind};

/// What the sandbox of a job must offer.
pub(super) fn sandbox_spec(job: &Job, options: &Options) -> SandboxSpec {
    let mut spec = SandboxSpec {
        run: options.run_id.clone(),
        hostname: crate::name::pod(job.name(), 0),
        ..SandboxSpec::default()
    };
    super::pod::apply(job, &mut spec);
    match job {
        Job::Pipeline(plan) => {
            let bound = plan.bindings.iter().map(|binding| {
                let mut binding = binding.clone();
                crate::substitution::fields::binding(&mut binding, &mut &plan.scope);
                binding
            });
            spec.claims = bound
                .filter_map(|binding| Some(binding.persistent_volume_claim?.claim_name))
                .collect();
            for task in &plan.tasks {
                if let Body::Task(resolved) = &task.body {
                    let maker = Maker {
                        plan,
                        scope: &plan.scope,
                        storage: &Storage::new(),
                    };
                    let scope = maker.preview(plan.index_of(&task.name).unwrap_or_default());
                    spec.claims.extend(volume_claims(
                        scope.as_ref().map(|unit| &unit.request),
                        resolved,
                    ));
                }
            }
        }
        Job::Task(request) => {
            let own = request
                .workspaces
                .iter()
                .filter_map(|binding| binding.persistent_volume_claim.as_ref());
            spec.claims = own.map(|claim| claim.claim_name.clone()).collect();
            spec.claims
                .extend(volume_claims(Some(request), &request.task));
        }
    }
    spec.claims.sort();
    spec.claims.dedup();
    super::carry_over::ask(&mut spec, &options.files);
    spec
}

/// The claims among the volumes of a Task.
fn volume_claims(
    request: Option<&TaskRunRequest>,
    task: &crate::resolve::ResolvedTask,
) -> Vec<String> {
    let bound = request.and_then(|request| bind(request, 0).ok());
    let pod = request
        .map(|request| request.overrides.pod_template.volumes.clone())
        .unwrap_or_default();
    let mut volumes = task.spec.volumes.clone();
    volumes.extend(pod);
    volumes
        .into_iter()
        .filter_map(|mut volume| {
            if let Some(bound) = &bound {
                crate::substitution::fields::volume(&mut volume, &mut &bound.scope);
            }
            Some(volume.persistent_volume_claim?.claim_name)
        })
        .collect()
}

pub(super) fn task_claims(request: &TaskRunRequest) -> BTreeMap<String, String> {
    request
        .workspaces
        .iter()
        .filter_map(|binding| {
            Some((
                claim_of_template(binding, &request.identity)?,
                super::layout::workspace_dir(&binding.name),
            ))
        })
        .collect()
}

pub(super) async fn upload<E: Engine>(
    context: &Arc<Context<E>>,
    job: &Job,
) -> Result<(), SandboxError> {
    for (workspace, from) in &context.options.uploads {
        let claim = match job {
            Job::Pipeline(plan) => plan
                .binding(workspace)
                .and_then(|binding| binding.persistent_volume_claim.clone()),
            Job::Task(_) => None,
        };
        let to = match claim {
            Some(claim) => VolumePath::Claim {
                claim: claim.claim_name,
                path: String::new(),
            },
            None => VolumePath::Run(super::layout::workspace_dir(workspace)),
        };
        let directory = FileOp::Directory {
            path: to.clone(),
            mode: 0o777,
            owner: None,
        };
        context.sandbox.files(vec![directory]).await?;
        context.sandbox.upload(from.clone(), to).await?;
    }
    Ok(())
}
