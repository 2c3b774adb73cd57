//! Breakpoints: the scripts a paused step is let go on with (`pkg/pod/scripts_constants.go`).

use bytes::Bytes;

use crate::execute::pod::builder::Builder;
use crate::plan::TaskRunRequest;
use crate::sandbox::{Container, FileOp, Mount};

/// The scripts: name, what they leave beside the step's post file, and with which content.
const SCRIPTS: [(&str, &str, &str); 4] = [
    ("debug-continue", "out.breakpointexit", "0"),
    ("debug-fail-continue", "out.breakpointexit", "1"),
    ("debug-beforestep-continue", "out.beforestepexit", ""),
    (
        "debug-beforestep-fail-continue",
        "out.beforestepexit.err",
        "",
    ),
];

/// True when a step waits after its program failed.
pub(crate) fn on_failure(request: &TaskRunRequest) -> bool {
    let points = request.breakpoints.as_ref();
    points.is_some_and(|points| points.on_failure == "enabled")
}

/// True when this step waits before its program starts.
pub(crate) fn before(request: &TaskRunRequest, step: &str) -> bool {
    let points = request.breakpoints.as_ref();
    points.is_some_and(|points| points.before_steps.iter().any(|name| name == step))
}

/// How to look into a step that waits, before its program or after, and how to let it continue.
pub(crate) fn advice(container: &impl Container, before: bool) -> String {
    let kind = if before { "debug-beforestep" } else { "debug" };
    let script =
        |name: &str| container.command_line(&format!("/tekton/debug/scripts/{kind}{name}"), false);
    format!(
        "look inside: {}\ncontinue: {}\nfail: {}",
        container.command_line("sh", true),
        script("-continue"),
        script("-fail-continue")
    )
}

impl Builder<'_> {
    /// The directory `/tekton/debug` of every step of a TaskRun that has breakpoints.
    pub(crate) fn debug_files(&mut self) {
        if self.request.breakpoints.is_none() {
            return;
        }
        let directory = |path| FileOp::Directory {
            path,
            mode: 0o755,
            owner: None,
        };
        for index in 0..self.bound.task.spec.steps.len() {
            let base = format!("debug/{index}");
            self.ops
                .push(directory(self.run_path(&format!("{base}/info/{index}"))));
            for (name, file, content) in SCRIPTS {
                let path = self.run_path(&format!("{base}/scripts/{name}"));
                let text = format!("#!/bin/sh\nprintf '{content}' >/tekton/run/{index}/{file}\n");
                self.ops.push(FileOp::File {
                    path,
                    mode: 0o755,
                    owner: None,
                    content: Bytes::from(text),
                });
            }
        }
    }

    /// Its mount.
    pub(crate) fn debug_mount(&self, index: usize) -> Option<Mount> {
        let wanted = self.request.breakpoints.is_some();
        wanted.then(|| self.mount(&format!("debug/{index}"), "/tekton/debug", true))
    }
}
