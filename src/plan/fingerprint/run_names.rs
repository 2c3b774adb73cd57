//! What differs from run to run without being an input.

use std::collections::BTreeMap;

use crate::plan::task_run::TaskRunRequest;

/// The names and uids of a TaskRun, of the run it belongs to and of that run's own claims, with
/// what stands for each.
#[derive(Debug, Clone)]
pub(crate) struct RunNames(Vec<(String, String)>);

impl RunNames {
    /// Those of one TaskRun. `run_claims` are the claims made of templates.
    pub(crate) fn new(request: &TaskRunRequest, run_claims: &BTreeMap<String, String>) -> Self {
        let context = |key: &str| format!("$(context.{key})");
        let run_uid = request.outer.get("context.pipelineRun.uid");
        let mut names: Vec<(String, String)> = run_claims
            .iter()
            .map(|(claim, directory)| (claim.clone(), format!("$(claim of {directory})")))
            .collect();
        names.push((request.identity.name.clone(), context("taskRun.name")));
        names.push((request.identity.uid.clone(), context("taskRun.uid")));
        if let Some(run) = &request.pipeline_run {
            names.push((run.clone(), context("pipelineRun.name")));
        }
        if let Some(uid) = run_uid.as_ref().and_then(|uid| uid.as_str()) {
            names.push((uid.to_owned(), context("pipelineRun.uid")));
        }
        names.retain(|(name, _)| !name.is_empty());
        // The name of a TaskRun starts with its run's.
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Self(names)
    }

    /// The text with placeholders where a name stands as a word of its own.
    pub(crate) fn hidden(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(next) = text[at..].chars().next() {
            if let Some((name, placeholder)) = self.found_at(text, at) {
                out.push_str(placeholder);
                at += name.len();
            } else {
                out.push(next);
                at += next.len_utf8();
            }
        }
        out
    }

    fn found_at(&self, text: &str, at: usize) -> Option<&(String, String)> {
        let joined = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
        if joined(text[..at].chars().next_back()) {
            return None;
        }
        self.0.iter().find(|(name, _)| {
            let rest = text[at..].strip_prefix(name.as_str());
            rest.is_some_and(|rest| !joined(rest.chars().next()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::RunNames;
    use crate::plan::{Identity, TaskRunRequest};

    #[test]
    fn names_are_hidden_as_words_and_once() {
        let mut request = TaskRunRequest {
            identity: Identity {
                name: "ci-build".into(),
                uid: "u-1".into(),
                ..Identity::default()
            },
            pipeline_run: Some("ci".into()),
            ..TaskRunRequest::default()
        };
        request.outer.set("context.pipelineRun.uid", "u-2");
        let claims = [("pvc-0a".to_owned(), "workspaces/w".to_owned())].into();
        let names = RunNames::new(&request, &claims);
        for (text, hidden) in [
            ("circle vci ci2 öci", "circle vci ci2 öci"),
            ("ci", "$(context.pipelineRun.name)"),
            (
                "x-ci_ci-build:u-1/u-2",
                "x-$(context.pipelineRun.name)_$(context.taskRun.name):$(context.taskRun.uid)/$(context.pipelineRun.uid)",
            ),
            ("pvc-0a", "$(claim of workspaces/w)"),
        ] {
            assert_eq!(names.hidden(text), hidden);
        }
    }
}
