//! Which containers can be started before it is known whether their task will run.

use std::sync::Arc;

use crate::execute::options::RunContext;
use crate::execute::pipeline_run::drafts::TaskRunDraft;
use crate::execute::task_run::prepare::prepare;
use crate::plan::bind;
use crate::sandbox::{ContainerSpec, Engine, FileOp, MountSource, VolumePath};

/// Wishes for the first container of a TaskRun, when nothing about it can change and nobody can
/// see it before its turn.
pub(crate) async fn request<E: Engine>(context: &Arc<RunContext<E>>, draft: TaskRunDraft) -> bool {
    let Ok(bound) = bind(&draft.request, 0) else {
        return false;
    };
    let Ok(layout) = prepare(context, &bound, &draft.request, &draft.storage, 0).await else {
        return false;
    };
    let Some(first) = layout.steps.first() else {
        return false;
    };
    if layout.touches_shared_volume || !layout.sidecars.is_empty() || !is_settled(&first.spec) {
        return false;
    }
    let ops = layout.ops.into_iter().filter(is_own_directory).collect();
    context.prestart.want(ops, first.spec.clone());
    true
}

/// References to results have been replaced.
fn is_settled(spec: &ContainerSpec) -> bool {
    let late = |text: &str| text.contains("$(");
    let mounts = spec.mounts.iter().any(|mount| {
        late(&mount.target)
            || match &mount.source {
                MountSource::Volume(
                    VolumePath::Run(path)
                    | VolumePath::Secret(path)
                    | VolumePath::Claim { path, .. },
                )
                | MountSource::Host(path) => late(path),
                MountSource::Tmpfs => false,
            }
    });
    !mounts && !spec.working_dir.as_deref().is_some_and(late)
}

fn is_own_directory(op: &FileOp) -> bool {
    matches!(
        op,
        FileOp::Directory {
            path: VolumePath::Run(_) | VolumePath::Secret(_),
            ..
        } | FileOp::Symlink { .. }
    )
}
