//! Volumes and workspaces: what backs them, and the files they start with.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::env::PodFacts;
use crate::resolve::{Library, config_map_data, secret_data};
use crate::sandbox::{FileOp, MountSource, VolumePath};
use crate::spec::core::{
    ConfigMapVolume, DownwardApiVolume, KeyToPath, ProjectedSource, ProjectedVolume, SecretVolume,
    Volume,
};
use crate::spec::workspace::WorkspaceBinding;

/// The mode of a file of a ConfigMap or Secret when nothing else is said.
const DEFAULT_MODE: i64 = 0o644;

/// What a volume is made of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Backing {
    /// What is mounted.
    pub(crate) source: MountSource,
    /// Writing fails whatever the mount says.
    pub(crate) read_only: bool,
    /// What must be there first.
    pub(crate) ops: Vec<FileOp>,
}

/// What volumes are made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources<'a> {
    /// The group that volumes belong to.
    pub(crate) fs_group: Option<u32>,
    /// Where ConfigMaps and Secrets are.
    pub(crate) library: &'a Library,
    /// The pod.
    pub(crate) pod: &'a PodFacts,
    /// Claims that are directories of the run's volume: those made of templates.
    pub(crate) run_claims: &'a BTreeMap<String, String>,
}

fn is_without_source(volume: &Volume) -> bool {
    let name = volume.name.clone();
    let bare = Volume {
        name,
        ..Volume::default()
    };
    *volume == bare
}

impl Sources<'_> {
    /// A volume of a Task; `dir` is its own place in the run's volume. The error is what a kubelet
    /// says.
    pub(crate) fn volume(&self, volume: &Volume, dir: &str) -> Result<Backing, String> {
        if let Some(claim) = &volume.persistent_volume_claim {
            return Ok(self.claim(&claim.claim_name, claim.read_only));
        }
        if let Some(host) = &volume.host_path {
            return Ok(Backing {
                source: MountSource::Host(host.path.clone()),
                read_only: false,
                ops: Vec::new(),
            });
        }
        if let Some(source) = &volume.config_map {
            return self.config_map(source, dir);
        }
        if let Some(source) = &volume.secret {
            return self.secret(source, dir);
        }
        if let Some(source) = &volume.projected {
            return self.projected(source, dir);
        }
        if let Some(source) = &volume.downward_api {
            return Ok(self.files(&run_path(dir), self.downward(source, None)));
        }
        match &volume.empty_dir {
            Some(_) => Ok(empty(dir)),
            // Without a source it is an `emptyDir` (`pkg/apis/core/v1/defaults.go`).
            None if is_without_source(volume) => Ok(empty(dir)),
            None => Err("this type of volume is not supported here".to_owned()),
        }
    }

    /// A workspace; `dir` is its place in the run's volume when it is one of the run's own.
    pub(crate) fn workspace(
        &self,
        binding: &WorkspaceBinding,
        dir: &str,
    ) -> Result<Backing, String> {
        if let Some(claim) = &binding.persistent_volume_claim {
            return Ok(self.claim(&claim.claim_name, claim.read_only));
        }
        if let Some(source) = &binding.config_map {
            return self.config_map(source, dir);
        }
        if let Some(source) = &binding.secret {
            return self.secret(source, dir);
        }
        if let Some(source) = &binding.projected {
            return self.projected(source, dir);
        }
        Ok(empty(dir))
    }

    fn claim(&self, claim: &str, read_only: bool) -> Backing {
        match self.run_claims.get(claim) {
            Some(dir) => Backing {
                read_only,
                ..empty(dir)
            },
            None => Backing {
                source: MountSource::Volume(VolumePath::Claim {
                    claim: claim.to_owned(),
                    path: String::new(),
                }),
                read_only,
                ops: Vec::new(),
            },
        }
    }

    fn config_map(&self, source: &ConfigMapVolume, dir: &str) -> Result<Backing, String> {
        let data = self
            .library
            .config_map(&source.name)
            .map(|object| config_map_data(object));
        let wanted = Wanted {
            kind: "configmap",
            name: &source.name,
            items: &source.items,
            optional: source.optional,
        };
        wanted
            .files(data, source.default_mode)
            .map(|content| self.files(&run_path(dir), content))
    }

    fn secret(&self, source: &SecretVolume, dir: &str) -> Result<Backing, String> {
        let data = self
            .library
            .secret(&source.secret_name)
            .map(|object| secret_data(object));
        let wanted = Wanted {
            kind: "secret",
            name: &source.secret_name,
            items: &source.items,
            optional: source.optional,
        };
        wanted
            .files(data, source.default_mode)
            .map(|content| self.files(&self.secret_path(dir), content))
    }

    fn projected(&self, source: &ProjectedVolume, dir: &str) -> Result<Backing, String> {
        let mut content = Vec::new();
        for each in &source.sources {
            content.extend(self.projection(each, source.default_mode)?);
        }
        let has_secret = source.sources.iter().any(|each| each.secret.is_some());
        let root = if has_secret {
            self.secret_path(dir)
        } else {
            run_path(dir)
        };
        Ok(self.files(&root, content))
    }

    /// Where the files of a Secret are. Where there is none, an optional one is an empty directory.
    fn secret_path(&self, dir: &str) -> VolumePath {
        if self.library.has_secrets() {
            VolumePath::Secret(dir.to_owned())
        } else {
            run_path(dir)
        }
    }

    fn projection(
        &self,
        source: &ProjectedSource,
        mode: Option<i64>,
    ) -> Result<Vec<Content>, String> {
        if let Some(map) = &source.config_map {
            let data = self
                .library
                .config_map(&map.name)
                .map(|object| config_map_data(object));
            return Wanted {
                kind: "configmap",
                name: &map.name,
                items: &map.items,
                optional: map.optional,
            }
            .files(data, mode);
        }
        if let Some(secret) = &source.secret {
            let data = self
                .library
                .secret(&secret.name)
                .map(|object| secret_data(object));
            return Wanted {
                kind: "secret",
                name: &secret.name,
                items: &secret.items,
                optional: secret.optional,
            }
            .files(data, mode);
        }
        if let Some(downward) = &source.downward_api {
            return Ok(self.downward(downward, mode));
        }
        let token = source.service_account_token.as_ref();
        Ok(token
            .map(|token| Content {
                path: token.path.clone(),
                mode: mode.unwrap_or(DEFAULT_MODE),
                data: Vec::new(),
            })
            .into_iter()
            .collect())
    }

    /// `mode` is that of the projected volume it is part of.
    fn downward(&self, source: &DownwardApiVolume, mode: Option<i64>) -> Vec<Content> {
        let mode = source.default_mode.or(mode).unwrap_or(DEFAULT_MODE);
        source
            .items
            .iter()
            .map(|item| {
                let value = item
                    .field_ref
                    .as_ref()
                    .and_then(|field| self.pod.field(&field.field_path));
                Content {
                    path: item.path.clone(),
                    mode: item.mode.unwrap_or(mode),
                    data: value.unwrap_or_default().into_bytes(),
                }
            })
            .collect()
    }
}

struct Content {
    path: String,
    mode: i64,
    data: Vec<u8>,
}

struct Wanted<'a> {
    kind: &'a str,
    name: &'a str,
    items: &'a [KeyToPath],
    optional: bool,
}

impl Wanted<'_> {
    fn files(
        &self,
        data: Option<BTreeMap<String, Vec<u8>>>,
        mode: Option<i64>,
    ) -> Result<Vec<Content>, String> {
        let mode = mode.unwrap_or(DEFAULT_MODE);
        let Some(data) = data else {
            return if self.optional {
                Ok(Vec::new())
            } else {
                Err(format!("{} \"{}\" not found", self.kind, self.name))
            };
        };
        if self.items.is_empty() {
            return Ok(data
                .into_iter()
                .map(|(path, data)| Content { path, mode, data })
                .collect());
        }
        let mut content = Vec::new();
        for item in self.items {
            match data.get(&item.key).cloned() {
                Some(data) => content.push(Content {
                    path: item.path.clone(),
                    mode: item.mode.unwrap_or(mode),
                    data,
                }),
                None if self.optional => {}
                None => {
                    return Err(format!(
                        "references non-existent {} key: {}",
                        self.kind, item.key
                    ));
                }
            }
        }
        Ok(content)
    }
}

fn run_path(path: impl Into<String>) -> VolumePath {
    VolumePath::Run(path.into())
}

fn empty(dir: &str) -> Backing {
    Backing {
        source: MountSource::Volume(run_path(dir)),
        read_only: false,
        ops: vec![FileOp::Directory {
            path: run_path(dir),
            mode: 0o777,
            owner: None,
        }],
    }
}

/// What a group may do with a read-only volume that belongs to it: a kubelet adds these bits
/// (`pkg/volume/volume_linux.go`).
const GROUP_READS: u32 = 0o440;
const GROUP_ENTERS: u32 = 0o2550;

impl Sources<'_> {
    /// A directory with these files alone. `root` is in the run's volume, or in memory.
    fn files(&self, root: &VolumePath, content: Vec<Content>) -> Backing {
        let owner = self.fs_group.map(|gid| (0, gid));
        let more = |bits: u32| if owner.is_some() { bits } else { 0 };
        let mut ops = vec![
            FileOp::Remove { path: root.clone() },
            FileOp::Directory {
                path: root.clone(),
                mode: 0o755 | more(GROUP_ENTERS),
                owner,
            },
        ];
        ops.extend(content.into_iter().filter_map(|file| {
            let path =
                crate::plan::join_sub_path(&file.path, "").filter(|path| !path.is_empty())?;
            let wanted = u32::try_from(file.mode).unwrap_or(0o644) & 0o7777;
            Some(FileOp::File {
                path: below(root, &path),
                mode: wanted | more(GROUP_READS),
                owner,
                content: Bytes::from(file.data),
            })
        }));
        Backing {
            source: MountSource::Volume(root.clone()),
            read_only: true,
            ops,
        }
    }
}

fn below(root: &VolumePath, path: &str) -> VolumePath {
    match root {
        VolumePath::Secret(dir) => VolumePath::Secret(format!("{dir}/{path}")),
        VolumePath::Run(dir) => run_path(format!("{dir}/{path}")),
        VolumePath::Claim { claim, path: dir } => VolumePath::Claim {
            claim: claim.clone(),
            path: format!("{dir}/{path}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::{Backing, Sources};
    use crate::execute::pod::env::PodFacts;
    use crate::resolve::Library;
    use crate::sandbox::{FileOp, MountSource, VolumePath};
    use crate::spec::Object;

    fn volume(value: Value) -> Result<Backing, String> {
        volume_of(value, None)
    }

    fn volume_of(volume: Value, fs_group: Option<u32>) -> Result<Backing, String> {
        let map: Object = Object::ConfigMap(Box::new(
            serde_json::from_value(
                json!({"metadata": {"name": "m"}, "data": {"k": "v", "l": "w"}}),
            )
            .unwrap(),
        ));
        let library = Library::new([&map]);
        let claims = BTreeMap::from([("pvc-1".to_owned(), "workspaces/w".to_owned())]);
        let sources = Sources {
            library: &library,
            pod: &PodFacts::default(),
            run_claims: &claims,
            fs_group,
        };
        sources.volume(&serde_json::from_value(volume).unwrap(), "d")
    }

    fn written(backing: &Backing) -> Vec<String> {
        let file = |op: &FileOp| match op {
            FileOp::File {
                path: VolumePath::Run(path),
                mode,
                content,
                ..
            } => Some(format!(
                "{path} {mode:o} {}",
                String::from_utf8_lossy(content)
            )),
            _ => None,
        };
        backing.ops.iter().filter_map(file).collect()
    }

    #[test]
    fn maps_become_read_only_files() {
        let all =
            volume(json!({"name": "v", "configMap": {"name": "m", "defaultMode": 256}})).unwrap();
        assert!(all.read_only);
        assert_eq!(written(&all), ["d/k 400 v", "d/l 400 w"]);
        let one = volume(json!({"name": "v", "configMap": {"name": "m", "items": [{"key": "k", "path": "a/b"}]}})).unwrap();
        assert_eq!(written(&one), ["d/a/b 644 v"]);
        let outside = volume(json!({"name": "v", "configMap": {"name": "m", "items": [{"key": "k", "path": "../b"}]}})).unwrap();
        assert!(written(&outside).is_empty());
        assert_eq!(
            volume(json!({"name": "v", "secret": {"secretName": "no"}})),
            Err("secret \"no\" not found".into())
        );
    }

    #[test]
    fn a_key_may_be_listed_twice() {
        let items = json!([{"key": "k", "path": "one"}, {"key": "k", "path": "two/three"}]);
        let twice = volume(json!({"name": "v", "configMap": {"name": "m", "items": items}}));
        assert_eq!(
            written(&twice.unwrap()),
            ["d/one 644 v", "d/two/three 644 v"]
        );
    }

    #[test]
    fn the_default_mode_of_a_projected_volume_is_that_of_all_its_sources() {
        let sources = json!([
            {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
            {"serviceAccountToken": {"path": "token"}},
            {"configMap": {"name": "m", "items": [{"key": "k", "path": "k", "mode": 0o600}]}},
        ]);
        let projected =
            json!({"name": "v", "projected": {"defaultMode": 0o440, "sources": sources}});
        assert_eq!(
            written(&volume(projected).unwrap()),
            ["d/name 440 ", "d/token 440 ", "d/k 600 v"]
        );
    }

    #[test]
    fn a_group_reads_a_read_only_volume_and_does_not_write_it() {
        let items = json!([{"key": "k", "path": "k", "mode": 0o400}, {"key": "l", "path": "l"}]);
        let map =
            json!({"name": "v", "configMap": {"name": "m", "defaultMode": 0o444, "items": items}});
        let backing = volume_of(map, Some(2000)).unwrap();
        assert_eq!(written(&backing), ["d/k 440 v", "d/l 444 w"]);
        let owners = backing.ops.iter().filter_map(|op| match op {
            FileOp::File { owner, .. } | FileOp::Directory { owner, .. } => Some(*owner),
            _ => None,
        });
        assert!(owners.into_iter().all(|owner| owner == Some((0, 2000))));
    }

    #[test]
    fn claims_of_templates_are_directories_of_the_run() {
        let claim = |name: &str| {
            volume(json!({"name": "v", "persistentVolumeClaim": {"claimName": name}}))
                .unwrap()
                .source
        };
        assert_eq!(
            claim("pvc-1"),
            MountSource::Volume(VolumePath::Run("workspaces/w".into()))
        );
        assert_eq!(
            claim("mine"),
            MountSource::Volume(VolumePath::Claim {
                claim: "mine".into(),
                path: String::new()
            })
        );
    }
}
