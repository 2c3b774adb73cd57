//! The directories of this machine that workspaces start as copies of, as they are now and as they
//! were for an earlier run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::cli::error::CliError;
use crate::plan::FileTree;

/// What is in the directories, by workspace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directories {
    /// Now.
    pub(crate) now: BTreeMap<String, FileTree>,
    before: BTreeMap<String, FileTree>,
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
        Ok(Self { now, before })
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

    /// What identifies the content of each workspace.
    pub(crate) fn digests(&self) -> BTreeMap<String, String> {
        let digests = self.now.iter();
        digests
            .map(|(name, tree)| (name.clone(), tree.digest()))
            .collect()
    }
}
