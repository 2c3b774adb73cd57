//! What is known of the content that workspaces begin with: the directories of this machine they
//! start as copies of, now and for an earlier run, and who used their claims.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::cli::error::CliError;
use crate::plan::{FileTree, LAST_USED_BY, Plan};
use crate::state::RunReader;

/// What is in the directories, by workspace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directories {
    /// Now.
    pub(crate) now: BTreeMap<String, FileTree>,
    before: BTreeMap<String, FileTree>,
    /// The newest run that used a claim, by claim; the runs that are resumed do not count.
    users: BTreeMap<String, String>,
}

impl Directories {
    /// Reads the directories of these workspaces; `before` is what the source run began with.
    pub(crate) fn read(
        uploads: &[(String, PathBuf)],
        before: BTreeMap<String, FileTree>,
    ) -> Result<Self, CliError> {
        let mut now = BTreeMap::new();
        for (workspace, path) in uploads {
            let tree = FileTree::read(path).map_err(|error| {
                CliError::invalid(format!(
                    "cannot read the directory of the workspace {workspace}"
                ))
                .cause(error.to_string())
            })?;
            now.insert(workspace.clone(), tree);
        }
        Ok(Self {
            now,
            before,
            users: BTreeMap::new(),
        })
    }

    /// The same, knowing which of `runs`, newest first, used which claims. `source` is the run that
    /// is resumed.
    pub(crate) fn with_claims_of(mut self, runs: &[RunReader], source: Option<&str>) -> Self {
        let mut resumed = BTreeSet::new();
        let mut next = source;
        while let Some(id) = next.filter(|id| resumed.insert(*id)) {
            let run = runs.iter().find(|run| run.id() == id);
            next = run.and_then(|run| run.header().resumed_from.as_deref());
        }
        for run in runs.iter().filter(|run| !resumed.contains(run.id())) {
            let claims = run.header().settings.get("claims");
            let claims = claims.and_then(serde_json::Value::as_array);
            for claim in claims
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str())
            {
                let user = self.users.entry(claim.to_owned());
                user.or_insert_with(|| run.id().to_owned());
            }
        }
        self
    }

    /// Whether the directory of a workspace is what it was; `None` when it is no directory now.
    /// One that was none before, or of which nothing is known, has changed.
    pub(crate) fn is_unchanged(&self, workspace: &str) -> Option<bool> {
        let now = self.now.get(workspace)?;
        Some(self.before.get(workspace) == Some(now))
    }

    /// How many files changed, by workspace.
    pub(crate) fn changed_files(&self) -> BTreeMap<String, usize> {
        let known = self.now.iter().filter_map(|(name, now)| {
            let before = self.before.get(name)?;
            Some((name.clone(), before.changed_files(now)))
        });
        known.collect()
    }

    /// What identifies the content of each workspace of a run: the digest of a directory, and for a
    /// claim, which cannot be looked into, the run that used it last.
    pub(crate) fn contents(&self, plan: &Plan) -> BTreeMap<String, String> {
        let digests = self.now.iter();
        let digests = digests.map(|(name, tree)| (name.clone(), tree.digest()));
        let users = claims(plan).filter_map(|(workspace, claim)| {
            let user = self.users.get(&claim)?;
            Some((workspace, format!("{LAST_USED_BY}{user}")))
        });
        users.chain(digests).collect()
    }
}

/// The claims that workspaces of a run are bound to: workspace and claim.
pub(crate) fn claims(plan: &Plan) -> impl Iterator<Item = (String, String)> {
    plan.bindings.iter().filter_map(|binding| {
        let claim = binding.persistent_volume_claim.as_ref()?;
        Some((binding.name.clone(), plan.scope.text(&claim.claim_name)))
    })
}
