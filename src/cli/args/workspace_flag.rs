//! `-w name=…`: workspaces from the command line, as `tkn pipeline start` spells them, and
//! `path=DIR`.

use std::path::{Path, PathBuf};

use crate::cli::error::CliError;
use crate::diagnostic::did_you_mean;
use crate::spec::core::{ClaimVolume, ConfigMapVolume, EmptyDir, KeyToPath, SecretVolume};
use crate::spec::{PersistentVolumeClaim, WorkspaceBinding};

const KEYS: [&str; 9] = [
    "name",
    "emptyDir",
    "claimName",
    "config",
    "secret",
    "volumeClaimTemplateFile",
    "subPath",
    "path",
    "item",
];

/// A workspace as given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WorkspaceFlag {
    /// The binding.
    pub(crate) binding: WorkspaceBinding,
    /// The directory of this machine it starts as a copy of.
    pub(crate) upload: Option<PathBuf>,
}

impl WorkspaceFlag {
    /// Reads `name=src,emptyDir=` and the like. Relative paths are below `cwd`.
    pub(crate) fn parse(argument: &str, cwd: &Path) -> Result<Self, CliError> {
        Parser { argument, cwd }.parse()
    }
}

struct Parser<'a> {
    argument: &'a str,
    cwd: &'a Path,
}

impl Parser<'_> {
    fn fault(&self, why: impl std::fmt::Display) -> CliError {
        CliError::usage(format!(
            "invalid value for `-w`: `{}`: {why}",
            self.argument
        ))
    }

    fn parse(&self) -> Result<WorkspaceFlag, CliError> {
        let mut binding = WorkspaceBinding::default();
        let mut upload = None;
        let mut items = Vec::new();
        for part in self.argument.split(',') {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            if !matches!(key, "emptyDir" | "item") && value.is_empty() && KEYS.contains(&key) {
                return Err(self.fault(format_args!("`{key}` needs a value")));
            }
            match key {
                "name" => value.clone_into(&mut binding.name),
                "subPath" => value.clone_into(&mut binding.sub_path),
                "path" => upload = Some(self.directory(value)?),
                "item" => items.push(self.item(value)?),
                _ => self.source(&mut binding, key, value)?,
            }
        }
        if binding.name.is_empty() {
            return Err(self
                .fault("`name` is missing")
                .hint("for example `-w name=src,emptyDir=`"));
        }
        self.one_source(&mut binding, upload.is_some())?;
        self.place_items(&mut binding, items)?;
        Ok(WorkspaceFlag { binding, upload })
    }

    fn source(
        &self,
        binding: &mut WorkspaceBinding,
        key: &str,
        value: &str,
    ) -> Result<(), CliError> {
        match key {
            "emptyDir" => {
                binding.empty_dir = Some(EmptyDir {
                    medium: value.to_owned(),
                    ..EmptyDir::default()
                });
            }
            "claimName" => {
                binding.persistent_volume_claim = Some(ClaimVolume {
                    claim_name: value.to_owned(),
                    ..ClaimVolume::default()
                });
            }
            "config" => {
                binding.config_map = Some(ConfigMapVolume {
                    name: value.to_owned(),
                    ..ConfigMapVolume::default()
                });
            }
            "secret" => {
                binding.secret = Some(SecretVolume {
                    secret_name: value.to_owned(),
                    ..SecretVolume::default()
                });
            }
            "volumeClaimTemplateFile" => {
                binding.volume_claim_template = Some(self.template(value)?);
            }
            _ => {
                let error = self.fault(format_args!("unknown key {key:?}"));
                return Err(match did_you_mean(key, KEYS) {
                    Some(near) => error.hint(format!("did you mean {near:?}?")),
                    None => error.hint(format!("the keys are {}", KEYS.join(", "))),
                });
            }
        }
        Ok(())
    }

    /// A directory that is copied starts from an `emptyDir`.
    fn one_source(&self, binding: &mut WorkspaceBinding, copied: bool) -> Result<(), CliError> {
        let sources = [
            copied,
            binding.empty_dir.is_some(),
            binding.persistent_volume_claim.is_some(),
            binding.config_map.is_some(),
            binding.secret.is_some(),
            binding.volume_claim_template.is_some(),
        ];
        match sources.into_iter().filter(|given| *given).count() {
            1 => {}
            0 => {
                return Err(self.fault("it has no source").hint(
                    "use `emptyDir=` for an empty directory, `path=DIR` for a copy of a local one",
                ));
            }
            _ => return Err(self.fault("it has more than one source")),
        }
        if copied {
            binding.empty_dir = Some(EmptyDir::default());
        }
        Ok(())
    }

    fn directory(&self, value: &str) -> Result<PathBuf, CliError> {
        let path = self.cwd.join(value);
        let metadata = path.metadata().map_err(|error| {
            self.fault(format_args!("cannot read {}", path.display()))
                .cause(error.to_string())
        })?;
        if metadata.is_dir() {
            Ok(path)
        } else {
            Err(self.fault(format_args!("{} is not a directory", path.display())))
        }
    }

    fn item(&self, value: &str) -> Result<KeyToPath, CliError> {
        let (key, path) = value
            .split_once('=')
            .ok_or_else(|| self.fault("`item` must be of the form item=KEY=PATH"))?;
        Ok(KeyToPath {
            key: key.to_owned(),
            path: path.to_owned(),
            ..KeyToPath::default()
        })
    }

    fn place_items(
        &self,
        binding: &mut WorkspaceBinding,
        items: Vec<KeyToPath>,
    ) -> Result<(), CliError> {
        if items.is_empty() {
            return Ok(());
        }
        match (&mut binding.config_map, &mut binding.secret) {
            (Some(map), _) => map.items = items,
            (None, Some(secret)) => secret.items = items,
            (None, None) => return Err(self.fault("`item` needs `config` or `secret`")),
        }
        Ok(())
    }

    fn template(&self, value: &str) -> Result<PersistentVolumeClaim, CliError> {
        let path = self.cwd.join(value);
        let unusable = |why: String| {
            self.fault(format_args!("cannot use {}", path.display()))
                .cause(why)
        };
        let text = std::fs::read_to_string(&path).map_err(|error| unusable(error.to_string()))?;
        let claim: serde_json::Value =
            serde_yaml::from_str(&text).map_err(|error| unusable(error.to_string()))?;
        serde_json::from_value(claim).map_err(|error| unusable(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::WorkspaceFlag;

    fn parse(argument: &str, cwd: &Path) -> Result<WorkspaceFlag, String> {
        WorkspaceFlag::parse(argument, cwd).map_err(|error| error.message)
    }

    #[test]
    fn every_form_of_tkn_is_read() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join("pvc.yaml"),
            "spec:\n  accessModes: [ReadWriteOnce]\n",
        )
        .unwrap();
        for (argument, expected) in [
            ("name=s,emptyDir=", json!({"name": "s", "emptyDir": {}})),
            ("name=s,emptyDir", json!({"name": "s", "emptyDir": {}})),
            (
                "name=s,emptyDir=Memory",
                json!({"name": "s", "emptyDir": {"medium": "Memory"}}),
            ),
            (
                "name=s,claimName=c,subPath=d/e",
                json!({"name": "s", "subPath": "d/e", "persistentVolumeClaim": {"claimName": "c"}}),
            ),
            (
                "name=s,config=c,item=k=p/q",
                json!({"name": "s", "configMap": {"name": "c", "items": [{"key": "k", "path": "p/q"}]}}),
            ),
            (
                "name=s,secret=x",
                json!({"name": "s", "secret": {"secretName": "x"}}),
            ),
            (
                "name=s,volumeClaimTemplateFile=pvc.yaml",
                json!({"name": "s", "volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}}),
            ),
            ("name=s,path=.", json!({"name": "s", "emptyDir": {}})),
        ] {
            let flag = parse(argument, dir.path()).unwrap();
            assert_eq!(
                serde_json::to_value(&flag.binding).unwrap(),
                expected,
                "{argument}"
            );
            assert_eq!(
                flag.upload.is_some(),
                argument.contains("path="),
                "{argument}"
            );
        }
    }

    #[test]
    fn what_cannot_be_meant_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        for (argument, expected) in [
            ("emptyDir=", "`name` is missing"),
            ("name=s", "it has no source"),
            ("name=s,subPath=x", "it has no source"),
            ("name=s,emptyDir=,secret=x", "it has more than one source"),
            ("name=s,path=.,claimName=x", "it has more than one source"),
            ("name=s,emptydir=", "unknown key \"emptydir\""),
            ("name=s,claimName=", "`claimName` needs a value"),
            (
                "name=s,emptyDir=,item=k=p",
                "`item` needs `config` or `secret`",
            ),
            (
                "name=s,config=c,item=k",
                "`item` must be of the form item=KEY=PATH",
            ),
        ] {
            let found = parse(argument, dir.path()).unwrap_err();
            assert_eq!(
                found,
                format!("invalid value for `-w`: `{argument}`: {expected}")
            );
        }
        for argument in ["name=s,path=file", "name=s,path=none"] {
            assert!(parse(argument, dir.path()).is_err(), "{argument}");
        }
    }
}
