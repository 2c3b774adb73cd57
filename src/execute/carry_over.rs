//! The files a resumed run begins with.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::options::{Files, RunContext};
use crate::sandbox::{Engine, FileOp, Sandbox, SandboxError, SandboxSpec, VolumePath};

/// What was copied from an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Bytes of content.
    pub bytes: u64,
    /// How long it took.
    pub took: Duration,
}

/// Says over which volume the sandbox is opened, and which one it copies from.
pub(super) fn ask(spec: &mut SandboxSpec, files: &Files) {
    match files {
        Files::Fresh => {}
        Files::Clone { from, .. } => spec.clone_from = Some(from.clone()),
        Files::Take { from, .. } => spec.volume.clone_from(from),
    }
}

/// Puts the files in place. `progress` gets the bytes copied so far.
pub(super) async fn carry_over<E: Engine>(
    context: &Arc<RunContext<E>>,
    progress: impl Fn(u64) + Send + Sync,
) -> Result<Option<Copied>, SandboxError> {
    match &context.options.files {
        Files::Fresh => Ok(None),
        Files::Take { without, .. } => {
            let remove = |path: &String| FileOp::Remove {
                path: VolumePath::Run(path.clone()),
            };
            let ops: Vec<FileOp> = without.iter().map(remove).collect();
            context.sandbox.files(ops).await.map(|()| None)
        }
        Files::Clone { paths, .. } => {
            let since = Instant::now();
            let bytes = context.sandbox.clone_paths(paths.clone(), progress).await?;
            let took = since.elapsed();
            Ok(Some(Copied { bytes, took }))
        }
    }
}
