//! Which workspaces a task gets.

use std::collections::BTreeSet;

use crate::resolve::ResolvedTask;
use crate::spec::param::ParamValue;
use crate::spec::pipeline::PipelineTask;
use crate::spec::task::TaskSpec;
use crate::spec::when::WhenExpression;
use crate::spec::workspace::WorkspacePipelineTaskBinding;
use crate::substitution::fields::{self, Place, Visitor};
use crate::substitution::references;

/// Joins two sub-paths and tidies the result, as Go's `path.Join`. `None` when it would leave the
/// workspace.
pub fn join_sub_path(first: &str, second: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in first.split('/').chain(second.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The workspaces a task of a pipeline gets: those it lists, and those a task written in place
/// mentions besides.
pub fn wanted_workspaces(
    task: &PipelineTask,
    resolved: &ResolvedTask,
) -> Vec<WorkspacePipelineTaskBinding> {
    let mut wanted = task.workspaces.clone();
    if resolved.name.is_none() {
        for name in mentioned_workspaces(&resolved.spec) {
            if !wanted.iter().any(|usage| usage.name == name) {
                wanted.push(WorkspacePipelineTaskBinding {
                    name,
                    ..WorkspacePipelineTaskBinding::default()
                });
            }
        }
    }
    wanted
}

/// The workspaces a task written in place mentions: they are bound to it without being declared
/// (`pkg/workspace/apply.go`, `FindWorkspacesUsedByTask`).
pub(super) fn mentioned_workspaces(spec: &TaskSpec) -> BTreeSet<String> {
    let mut found = Mentions(BTreeSet::new());
    let mut spec = spec.clone();
    for step in &mut spec.steps {
        fields::step(step, &mut found);
    }
    for sidecar in &mut spec.sidecars {
        fields::sidecar(sidecar, &mut found);
    }
    if let Some(template) = &mut spec.step_template {
        fields::step_template(template, &mut found);
    }
    found.0
}

struct Mentions(BTreeSet<String>);

impl Mentions {
    fn scan(&mut self, text: &str) {
        let names = references(text).into_iter().filter_map(|reference| {
            reference
                .strip_prefix("workspaces.")?
                .rsplit_once('.')
                .map(|(name, _)| name.to_owned())
        });
        self.0.extend(names);
    }
}

impl Visitor for Mentions {
    fn text(&mut self, _: Place, text: &mut String) {
        self.scan(text);
    }

    fn list(&mut self, _: &'static str, list: &mut Vec<String>) {
        list.iter().for_each(|item| self.scan(item));
    }

    fn value(&mut self, _: Place, value: &mut ParamValue) {
        value.texts().into_iter().for_each(|text| self.scan(text));
    }

    /// A `when` expression may ask whether a workspace is bound.
    fn when(&mut self, _: usize, _: &mut WhenExpression) {}
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{join_sub_path, mentioned_workspaces};

    #[test]
    fn sub_paths_join_and_stay_inside() {
        assert_eq!(join_sub_path("x", "y").as_deref(), Some("x/y"));
        assert_eq!(join_sub_path("a/..", "/b/./").as_deref(), Some("b"));
        assert_eq!(join_sub_path("", "").as_deref(), Some(""));
        assert_eq!(join_sub_path("a", "../../b"), None);
    }

    #[test]
    fn a_mention_is_enough() {
        let spec = serde_json::from_value(json!({
            "steps": [{"script": "ls $(workspaces.tree.path)", "args": ["$(workspaces.a-b.bound)"]}],
            "stepTemplate": {"env": [{"name": "E", "value": "$(workspaces.t.path)/x"}]},
        }))
        .unwrap();
        assert_eq!(
            mentioned_workspaces(&spec).into_iter().collect::<Vec<_>>(),
            ["a-b", "t", "tree"]
        );
    }
}
