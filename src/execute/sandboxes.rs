//! The volume and the sandbox of a job: made, opened, filled and closed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::options::{Options, RunContext};
use super::pipeline_run::drafts::{claim_of_template, run_claims};
use super::prestart::upcoming::Upcoming;
use crate::plan::{Job, TaskRunRequest, bind};
use crate::sandbox::{Engine, FileOp, Sandbox, SandboxError, SandboxSpec, VolumeOwner, VolumePath};
use crate::spec::workspace::WorkspaceBinding;
use crate::substitution::fields;

/// What the sandbox of a job must offer. `runs` are its TaskRuns.
pub(crate) fn sandbox_spec(job: &Job, runs: &[Upcoming], options: &Options) -> SandboxSpec {
    let mut spec = SandboxSpec {
        run: options.run_id.clone(),
        volume: options.run_id.clone(),
        hostname: crate::name::pod(job.name(), 0),
        secrets: options.library.has_secrets(),
        ..SandboxSpec::default()
    };
    super::pod::settings::apply(job, &mut spec);
    let mut claims = BTreeSet::new();
    if let Job::Pipeline(plan) = job {
        for binding in &plan.bindings {
            let mut binding = binding.clone();
            fields::binding(&mut binding, &mut &plan.scope);
            claims.extend(claim(&binding));
        }
    }
    for run in runs {
        let request = &run.draft.request;
        claims.extend(request.workspaces.iter().filter_map(claim));
        claims.extend(volume_claims(request));
    }
    // Those of templates are directories of the run's own volume, and a name made of results is
    // not known yet.
    let of_templates = match job {
        Job::Pipeline(plan) => run_claims(plan),
        Job::Task(request) => task_claims(request),
    };
    claims.retain(|claim| !of_templates.contains_key(claim) && !claim.contains("$("));
    spec.claims = claims.into_iter().collect();
    super::carry_over::ask(&mut spec, &options.files);
    spec
}

/// Opens the sandbox of a job, over a new volume unless it takes that of an earlier run.
pub(crate) async fn open<E: Engine>(
    engine: &E,
    spec: SandboxSpec,
    options: &Options,
) -> Result<E::Sandbox, SandboxError> {
    let volume = spec.volume.clone();
    let is_new = volume == options.run_id;
    if is_new {
        engine.create_volume(&volume, &options.state_dir).await?;
    }
    let opened = engine.open(spec).await;
    if opened.is_err() && is_new {
        // The first error is reported, not that of cleaning up.
        let owner = VolumeOwner::Run(volume);
        engine.remove_volume(&owner).await.unwrap_or_default();
    }
    opened
}

/// Closes the sandbox of a job and, unless it is to stay, removes the volume it is open over.
pub(crate) async fn close<E: Engine>(
    engine: &E,
    sandbox: &E::Sandbox,
    options: &Options,
    keep_volume: bool,
) -> Result<(), SandboxError> {
    sandbox.close().await?;
    if keep_volume {
        return Ok(());
    }
    let owner = VolumeOwner::Run(options.volume().to_owned());
    engine.remove_volume(&owner).await
}

fn claim(binding: &WorkspaceBinding) -> Option<String> {
    let claim = binding.persistent_volume_claim.as_ref()?;
    Some(claim.claim_name.clone())
}

/// The claims among the volumes of a TaskRun.
fn volume_claims(request: &TaskRunRequest) -> Vec<String> {
    let own = &request.task.spec.volumes;
    let volumes = own.iter().chain(&request.overrides.pod_template.volumes);
    let mut claims = volumes.filter(|volume| volume.persistent_volume_claim.is_some());
    let Some(first) = claims.next() else {
        return Vec::new();
    };
    let bound = bind(request, 0).ok();
    std::iter::once(first)
        .chain(claims)
        .filter_map(|volume| {
            let mut volume = volume.clone();
            if let Some(bound) = &bound {
                fields::volume(&mut volume, &mut &bound.scope);
            }
            Some(volume.persistent_volume_claim?.claim_name)
        })
        .collect()
}

pub(crate) fn task_claims(request: &TaskRunRequest) -> BTreeMap<String, String> {
    request
        .workspaces
        .iter()
        .filter_map(|binding| {
            Some((
                claim_of_template(binding, &request.identity)?,
                super::pod::layout::workspace_dir(&binding.name),
            ))
        })
        .collect()
}

pub(crate) async fn upload<E: Engine>(
    context: &Arc<RunContext<E>>,
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
            None => VolumePath::Run(super::pod::layout::workspace_dir(workspace)),
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
