//! Looks up the images of a TaskRun and lays its pod out.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::execute::options::RunContext;
use crate::execute::pod::admit::admit;
use crate::execute::pod::builder::{Layout, Surroundings, lay_out};
use crate::execute::pod::failure::image_fault;
use crate::execute::pod::security;
use crate::plan::{BoundTask, TaskRunRequest};
use crate::resolve::Library;
use crate::sandbox::{Engine, Image};
use crate::status::{Condition, Reason};
use crate::substitution::Scope;

/// Looks the images of an attempt up and lays it out.
pub(crate) async fn prepare<E: Engine>(
    context: &Arc<RunContext<E>>,
    bound: &BoundTask,
    request: &TaskRunRequest,
    storage: &BTreeMap<String, String>,
    number: usize,
) -> Result<Layout, Condition> {
    let wanted = wanted_images(bound)?;
    if let Some(text) = wanted.iter().find_map(|wanted| wanted.above_limit.as_ref()) {
        return Err(Condition::failed(
            Reason::TaskRunValidationFailed,
            format!("[User error] {text}"),
        ));
    }
    admit(bound, request, number, &context.options.permissions)?;
    let images = look_up(context, wanted, request).await?;
    let around = Surroundings {
        library: &context.options.library,
        run_claims: &context.run_claims,
        storage,
    };
    lay_out(bound, request, number, around, &|reference| {
        images.get(reference).cloned()
    })
}

async fn look_up<E: Engine>(
    context: &Arc<RunContext<E>>,
    wanted: Vec<WantedImage>,
    request: &TaskRunRequest,
) -> Result<BTreeMap<String, Image>, Condition> {
    let mut images = BTreeMap::new();
    let secrets = pull_secrets(request, &context.options.library);
    for wanted in wanted {
        match context
            .images
            .get(&wanted.reference, &wanted.policy, &secrets)
            .await
        {
            Ok(image) => drop(images.insert(wanted.reference, image)),
            Err(error) => {
                return Err(image_fault(
                    request,
                    wanted.role,
                    &wanted.name,
                    &wanted.reference,
                    &error.to_string(),
                ));
            }
        }
    }
    Ok(images)
}

/// The credentials with which the images of a TaskRun are pulled.
pub(crate) fn pull_secrets(request: &TaskRunRequest, library: &Library) -> Vec<Vec<u8>> {
    let own = &request.overrides;
    let account = library.service_account(&own.service_account);
    let account = account.map(AsRef::as_ref);
    crate::execute::credentials::pull_secrets(
        account,
        &own.pod_template.image_pull_secrets,
        library,
    )
}

/// An image a container asks for.
pub(crate) struct WantedImage {
    pub(crate) role: &'static str,
    pub(crate) name: String,
    pub(crate) reference: String,
    pub(crate) policy: String,
    above_limit: Option<String>,
}

/// The images of a TaskRun, in the order of its steps and sidecars.
pub(crate) fn wanted_images(bound: &BoundTask) -> Result<Vec<WantedImage>, Condition> {
    let mut wanted = Vec::new();
    for index in 0..bound.task.spec.steps.len() {
        let step = bound.step(index, &Scope::new())?;
        wanted.push(WantedImage {
            role: "step",
            name: bound.step_name(index),
            above_limit: security::request_above_limit(&step.compute_resources),
            reference: step.image,
            policy: step.image_pull_policy,
        });
    }
    for index in 0..bound.task.spec.sidecars.len() {
        let sidecar = bound.sidecar(index);
        wanted.push(WantedImage {
            role: "sidecar",
            name: sidecar.name,
            above_limit: None,
            reference: sidecar.image,
            policy: sidecar.image_pull_policy,
        });
    }
    Ok(wanted)
}
