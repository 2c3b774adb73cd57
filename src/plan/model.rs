//! The plan of a PipelineRun.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::identity::Identity;
use super::overrides::Overrides;
use super::reuse::ReusePlan;
use crate::language::{Graph, Timeouts};
use crate::resolve::ResolvedTask;
use crate::spec::pipeline::{PipelineResult, PipelineTask};
use crate::spec::workspace::WorkspaceBinding;
use crate::substitution::{ResultRef, Scope};

/// What a file's `spec.status` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requested {
    /// `PipelineRunPending`
    Pending,
    /// `Cancelled`
    Cancelled,
    /// `CancelledRunFinally`
    CancelledRunFinally,
    /// `StoppedRunFinally`
    StoppedRunFinally,
}

/// What a task of the pipeline is.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// A Task.
    Task(Arc<ResolvedTask>),
    /// A pipeline, planned when its params are known.
    Pipeline,
    /// Disabled: its definition need not exist; where it does, it only tells of its results.
    Absent(Option<Arc<ResolvedTask>>),
}

/// One task of the pipeline.
#[derive(Debug, Clone)]
pub struct PlannedTask {
    /// Its name.
    pub name: String,
    /// True for a finally task.
    pub finally: bool,
    /// As written.
    pub source: PipelineTask,
    /// What it is.
    pub body: Body,
    /// Further attempts after a failed one.
    pub retries: usize,
    /// The limit of one attempt.
    pub timeout: Option<Duration>,
    /// `onError: continue`.
    pub continue_on_error: bool,
    /// Its own settings.
    pub overrides: Overrides,
    /// Every result it refers to where a reference makes an edge.
    pub result_refs: Vec<ResultRef>,
}

/// The plan of one PipelineRun.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Who it is.
    pub identity: Identity,
    /// Its object without status.
    pub object: Value,
    /// The pipeline after substitution of params and context.
    pub pipeline_spec: Value,
    /// `context.pipeline.name`.
    pub pipeline_name: String,
    /// The names of the pipelines this run is inside of, outermost first, its own last.
    pub ancestors: Vec<String>,
    /// Params, context and workspaces.
    pub scope: Scope,
    /// The tasks in the order of the pipeline, finally tasks last.
    pub tasks: Vec<PlannedTask>,
    /// What waits for what.
    pub graph: Graph,
    /// The results of the pipeline.
    pub results: Vec<PipelineResult>,
    /// What the run gives to its workspaces.
    pub bindings: Vec<WorkspaceBinding>,
    /// The clocks.
    pub timeouts: Timeouts,
    /// What the file asks for.
    pub requested: Option<Requested>,
    /// What an earlier run and the request settle beforehand.
    pub reuse: ReusePlan,
    /// What identifies the content that workspaces begin with, as far as it can be known, by
    /// workspace.
    pub contents: BTreeMap<String, String>,
}

impl Plan {
    /// The place of a task.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.tasks.iter().position(|task| task.name == name)
    }

    /// The binding of a workspace of the run.
    pub fn binding(&self, workspace: &str) -> Option<&WorkspaceBinding> {
        self.bindings
            .iter()
            .find(|binding| binding.name == workspace)
    }
}
