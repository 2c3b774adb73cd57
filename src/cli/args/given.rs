//! What a command line changes in its runs, in a form that can be kept: a run that is resumed is
//! given the same again.

use std::path::{Path, PathBuf};

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::image_map;
use super::overrides::Overrides;
use super::param_flag::ParamFlag;
use super::partial_flags::{PartialArgs, PartialFlags};
use super::workspace_flag::WorkspaceFlag;
use crate::cli::error::CliError;
use crate::plan::permissions::Permissions;
use crate::spec::GoDuration;

/// Arguments as they were written, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Given {
    /// The directory that relative paths are below.
    pub(crate) cwd: PathBuf,
    pub(crate) param: Vec<String>,
    pub(crate) workspace: Vec<String>,
    /// Without values of Secrets: [`DataFlag::kept`](super::data_flag::DataFlag::kept).
    pub(crate) secret: Vec<String>,
    pub(crate) configmap: Vec<String>,
    pub(crate) service_account: Option<String>,
    pub(crate) timeout: Option<String>,
    pub(crate) image_map: Vec<String>,
    pub(crate) image_map_file: Vec<PathBuf>,
    pub(crate) resolve: Vec<String>,
    pub(crate) allow_unknown_fields: bool,
    pub(crate) allow_unknown_params: bool,
    pub(crate) permissions: Permissions,
    /// Which tasks run.
    pub(crate) partial: PartialArgs,
}

/// What several command lines say together; a later one takes precedence.
#[derive(Debug, Clone, Default)]
pub(crate) struct Merged {
    pub(crate) overrides: Overrides,
    pub(crate) permissions: Permissions,
    pub(crate) image_map: Vec<(Regex, String)>,
    /// References to resolvers and the files that stand for them.
    pub(crate) resolve: Vec<(String, PathBuf)>,
    pub(crate) allow_unknown_fields: bool,
    pub(crate) allow_unknown_params: bool,
    /// Workspaces the last command line gives.
    pub(crate) own_workspaces: Vec<String>,
    pub(crate) partial: PartialFlags,
}

impl Merged {
    /// Reads what the arguments name. `given` is in the order of time, the present one last.
    pub(crate) fn of(given: &[Given]) -> Result<Self, CliError> {
        let mut merged = Self::default();
        for (index, one) in given.iter().enumerate() {
            merged.add(one, index + 1 == given.len())?;
        }
        Ok(merged)
    }

    fn add(&mut self, given: &Given, is_last: bool) -> Result<(), CliError> {
        let cwd = &given.cwd;
        let partial = PartialFlags::parse(given.partial.clone(), cwd)?;
        self.partial = partial.over(std::mem::take(&mut self.partial));
        for argument in &given.param {
            self.overrides.params.push(ParamFlag::parse(argument, cwd)?);
        }
        self.workspaces(given, is_last)?;
        if let Some(account) = &given.service_account {
            self.overrides.service_account = Some(account.clone());
        }
        if let Some(timeout) = &given.timeout {
            self.overrides.timeout = Some(duration(timeout)?);
        }
        // The first image rule that matches is used.
        let mut map = given
            .image_map
            .iter()
            .map(|argument| image_map::parse(argument))
            .collect::<Result<Vec<_>, _>>()?;
        for file in &given.image_map_file {
            map.extend(image_map::read_file(&cwd.join(file))?);
        }
        map.append(&mut self.image_map);
        self.image_map = map;
        for argument in &given.resolve {
            let (key, file) = served(argument)?;
            self.resolve.push((key, cwd.join(file)));
        }
        self.allow_unknown_fields |= given.allow_unknown_fields;
        self.allow_unknown_params |= given.allow_unknown_params;
        self.permissions.extend(&given.permissions);
        Ok(())
    }

    fn workspaces(&mut self, given: &Given, is_last: bool) -> Result<(), CliError> {
        for argument in &given.workspace {
            let flag = WorkspaceFlag::parse(argument, &given.cwd)?;
            let name = flag.binding.name.clone();
            let all = &mut self.overrides.workspaces;
            all.retain(|earlier| earlier.binding.name != name);
            all.push(flag);
            if is_last {
                self.own_workspaces.push(name);
            }
        }
        Ok(())
    }
}

fn duration(text: &str) -> Result<GoDuration, CliError> {
    GoDuration::parse(text).ok_or_else(|| {
        CliError::usage(format!(
            "invalid value for `--timeout`: `{text}` is not a duration"
        ))
        .hint("a duration looks like 90s, 15m or 1h30m")
    })
}

/// `KIND:REF=FILE`. Both REF and FILE may hold `=`; the last one separates.
fn served(argument: &str) -> Result<(String, &Path), CliError> {
    argument
        .rsplit_once('=')
        .filter(|(key, file)| key.contains(':') && !file.is_empty())
        .map(|(key, file)| (key.to_owned(), Path::new(file)))
        .ok_or_else(|| {
            CliError::usage(format!(
                "invalid value for `--resolve`: `{argument}` is not of the form KIND:REF=FILE"
            ))
            .hint("for example `--resolve git:task/build.yaml=build.yaml`")
        })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{Given, Merged, Permissions};
    use crate::plan::permissions::Flag;

    fn given(param: &[&str], workspace: &[String]) -> Given {
        Given {
            cwd: "/nowhere".into(),
            param: param.iter().map(|&text| text.to_owned()).collect(),
            workspace: workspace.to_vec(),
            ..Given::default()
        }
    }

    #[test]
    fn the_present_command_line_counts_above_earlier_ones() {
        let mut permissions = Permissions::default();
        permissions.allow(Flag::HostPath);
        let earlier = Given {
            timeout: Some("1h".to_owned()),
            image_map: vec!["a=b".to_owned()],
            permissions,
            ..given(&["p=1", "q=1"], &[])
        };
        let own = Given {
            timeout: Some("2h".to_owned()),
            image_map: vec!["a=c".to_owned()],
            ..given(&["p=2"], &[])
        };
        let merged = Merged::of(&[earlier, own]).unwrap();
        let params: Vec<&str> = merged
            .overrides
            .params
            .iter()
            .map(|flag| flag.name.as_str())
            .collect();
        assert_eq!(params, ["p", "q", "p"], "the last of a name counts");
        assert_eq!(merged.overrides.timeout.unwrap().to_string(), "2h0m0s");
        assert_eq!(merged.image_map[0].1, "c", "the first match counts");
        assert!(merged.permissions.allows(Flag::HostPath, &Value::Null));
    }

    #[test]
    fn a_workspace_keeps_its_directory_until_it_is_given_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| format!("name={name},path={}", dir.path().display());
        let earlier = given(&[], &[path("kept"), path("given")]);
        let own = given(&[], &["name=given,emptyDir=".to_owned()]);
        let merged = Merged::of(&[earlier, own]).unwrap();
        assert_eq!(merged.own_workspaces, ["given"]);
        let uploads = merged.overrides.uploads();
        assert_eq!(uploads, [("kept".to_owned(), dir.path().to_owned())]);
    }
}
