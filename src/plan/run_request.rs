//! A PipelineRun that is to be planned.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::error::{Place, PlanError};
use super::identity::Identity;
use super::problem::Problem;
use crate::diagnostic::FieldPath;
use crate::resolve::{Library, ResolvedPipeline, resolve_pipeline};
use crate::spec::PipelineRun;
use crate::spec::pipeline::PipelineRunSpec;
use crate::substitution::Scope;

/// A PipelineRun to plan.
#[derive(Debug, Clone, Default)]
pub struct RunRequest {
    /// Who it is.
    pub identity: Identity,
    /// What it asks for.
    pub spec: PipelineRunSpec,
    /// The names of the pipelines it is inside of, outermost first.
    pub ancestors: Vec<String>,
    /// Tasks whose definition need not exist.
    pub disabled: BTreeSet<String>,
}

/// A run of a document, which gets a fresh identity.
impl From<&PipelineRun> for RunRequest {
    fn from(run: &PipelineRun) -> Self {
        Self {
            identity: Identity::new(&run.metadata),
            spec: run.spec.clone(),
            ..Self::default()
        }
    }
}

impl RunRequest {
    /// Its object without status.
    pub fn object(&self) -> Value {
        self.identity.object("PipelineRun", &json!(self.spec))
    }

    /// The pipeline it runs. Its params and context may stand in `pipelineRef`.
    pub fn pipeline(&self, library: &Library) -> Result<ResolvedPipeline, PlanError> {
        let spec = &self.spec;
        let mut scope = Scope::new();
        for param in &spec.params {
            scope.set_param(&param.name, &param.value);
        }
        scope.merge(&self.context());
        resolve_pipeline(
            spec.pipeline_ref.as_ref(),
            spec.pipeline_spec.as_ref(),
            library,
            &scope,
        )
        .map_err(|error| {
            let run = self.identity.qualified();
            let place = Place::of_run(FieldPath::root().key("pipelineRef"));
            PlanError::new(Problem::PipelineNotFound { run, error }, place)
        })
    }

    /// `context.pipelineRun`.
    pub(super) fn context(&self) -> Scope {
        let mut scope = Scope::new();
        scope.set("context.pipelineRun.name", &self.identity.name);
        scope.set("context.pipelineRun.namespace", &self.identity.namespace);
        scope.set("context.pipelineRun.uid", &self.identity.uid);
        scope
    }
}
