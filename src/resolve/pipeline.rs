//! From a PipelineRun, or a task that is a pipeline, to the pipeline it runs.

use std::collections::BTreeMap;

use super::error::ResolveError;
use super::library::{Library, Reference};
use super::task::concise;
use crate::spec::pipeline::{PipelineRef, PipelineSpec};
use crate::substitution::Scope;

/// A pipeline as written, and where it came from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResolvedPipeline {
    /// The Pipeline's name; `None` for one written in place.
    pub name: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// What it does.
    pub spec: PipelineSpec,
}

/// Finds the pipeline of a run.
pub fn resolve_pipeline(
    reference: Option<&PipelineRef>,
    spec: Option<&PipelineSpec>,
    library: &Library,
    scope: &Scope,
) -> Result<ResolvedPipeline, ResolveError> {
    if let Some(spec) = spec {
        return Ok(ResolvedPipeline {
            spec: spec.clone(),
            ..ResolvedPipeline::default()
        });
    }
    let Some(reference) = reference else {
        return Err(ResolveError::NoPipeline);
    };
    let name = scope.text(&reference.name);
    let (resolver, params) = concise(&name, &reference.resolver, &reference.params, scope);
    let pipeline = library.pipeline(Reference {
        name: &name,
        resolver: &resolver,
        params: &params,
    })?;
    Ok(ResolvedPipeline {
        name: Some(pipeline.metadata.name.clone()),
        labels: pipeline.metadata.labels.clone(),
        annotations: pipeline.metadata.annotations.clone(),
        spec: pipeline.spec.clone(),
    })
}
