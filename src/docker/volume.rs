//! Volumes, and mounting parts of them.

use std::collections::BTreeMap;

use bollard::models::{Mount, MountType, MountVolumeOptions};

use crate::sandbox::link::{Attachment, PLACEHOLDER, RUN_ROOT, VolumePaths};
use crate::sandbox::{self, MountSource, SandboxError, VolumePath};

/// Where the volumes of claims are in the sandbox container, by name.
const CLAIM_ROOT: &str = "/tkn-local-claims";
/// Where the files of Secrets are in the sandbox container.
const SECRET_ROOT: &str = "/tkn-local-secrets";
/// From this version of the API a volume's sub-directory can be mounted by name.
const SUB_PATH_API: (usize, usize) = (1, 45);

/// How a part of a volume is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartialMount {
    /// By the engine's own option.
    SubPath,
    /// By binding the place where the engine keeps the volume. Only for paths that no step can
    /// change: the engine follows links on its own machine.
    Mountpoint,
}

impl PartialMount {
    /// What an engine can do. Older ones and Podman accept the option and mount the whole volume.
    pub(super) fn of_engine(api: (usize, usize), podman: bool) -> Self {
        if api >= SUB_PATH_API && !podman {
            Self::SubPath
        } else {
            Self::Mountpoint
        }
    }
}

/// A volume in the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Volume {
    pub(super) name: String,
    /// Where the engine keeps it, on its host.
    pub(super) mountpoint: String,
}

/// The volumes of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Volumes {
    pub(super) partial: PartialMount,
    pub(super) run: Volume,
    /// In memory.
    pub(super) secrets: Option<Volume>,
    pub(super) claims: BTreeMap<String, Volume>,
}

impl Volumes {
    /// The mounts of the sandbox container: every volume whole.
    pub(super) fn whole(&self) -> Vec<Mount> {
        let claims = self.claims.iter();
        let secrets = self.secrets.iter();
        std::iter::once(whole(&self.run.name, RUN_ROOT, false))
            .chain(secrets.map(|v| whole(&v.name, SECRET_ROOT, false)))
            .chain(claims.map(|(claim, v)| whole(&v.name, &format!("{CLAIM_ROOT}/{claim}"), false)))
            .collect()
    }

    /// A mount of a step's container.
    pub(super) fn mount(&self, mount: &sandbox::Mount) -> Result<Mount, SandboxError> {
        let base = Mount {
            target: Some(mount.target.clone()),
            read_only: Some(mount.read_only),
            ..Mount::default()
        };
        Ok(match &mount.source {
            MountSource::Tmpfs => Mount {
                typ: Some(MountType::TMPFS),
                ..base
            },
            MountSource::Host(path) => Mount {
                typ: Some(MountType::BIND),
                source: Some(path.clone()),
                ..base
            },
            MountSource::Volume(place) => {
                let (volume, path) = self.find(place)?;
                match self.partial {
                    _ if path.is_empty() => whole(&volume.name, &mount.target, mount.read_only),
                    PartialMount::SubPath => Mount {
                        typ: Some(MountType::VOLUME),
                        source: Some(volume.name.clone()),
                        volume_options: Some(MountVolumeOptions {
                            no_copy: Some(true),
                            subpath: Some(path.to_owned()),
                            ..MountVolumeOptions::default()
                        }),
                        ..base
                    },
                    PartialMount::Mountpoint => Mount {
                        typ: Some(MountType::BIND),
                        source: Some(format!("{}/{path}", volume.mountpoint)),
                        ..base
                    },
                }
            }
        })
    }

    /// The mounts that the engine makes, and those that the mounter attaches once the container is
    /// there, outer ones first: parts of volumes in which steps may have made links, and whatever
    /// lies below those. In place of the outermost the engine mounts an empty directory.
    pub(super) fn split(
        &self,
        mounts: &[sandbox::Mount],
    ) -> Result<(Vec<Mount>, Vec<Attachment>), SandboxError> {
        let outermost: Vec<&sandbox::Mount> = mounts
            .iter()
            .filter(|mount| self.must_be_attached(mount))
            .collect();
        let outer_of = |mount: &sandbox::Mount| {
            outermost
                .iter()
                .find(|outer| is_below(&mount.target, &outer.target))
        };
        let (mut engine, mut attached) = (Vec::new(), Vec::new());
        for mount in mounts {
            let outer = outer_of(mount);
            if outer.is_none() && !self.must_be_attached(mount) {
                engine.push(self.mount(mount)?);
                continue;
            }
            if outer.is_none() {
                engine.push(self.mount(&placeholder(&mount.target))?);
            }
            attached.push(self.attachment(mount, outer.map(|outer| outer.target.as_str()))?);
        }
        attached.sort_by_key(|mount| depth(&mount.target));
        Ok((engine, attached))
    }

    /// A part of a volume in which steps write. An engine that takes a sub-path keeps it inside
    /// its volume, which is enough for a claim; the volume of the run holds more than one
    /// workspace.
    fn must_be_attached(&self, mount: &sandbox::Mount) -> bool {
        let MountSource::Volume(place) = &mount.source else {
            return false;
        };
        let (VolumePath::Run(path) | VolumePath::Secret(path) | VolumePath::Claim { path, .. }) =
            place;
        let is_kept_in = match place {
            VolumePath::Run(_) => false,
            // Steps make no links on the way to a Secret's file.
            VolumePath::Secret(_) => true,
            VolumePath::Claim { .. } => self.partial == PartialMount::SubPath,
        };
        mount.is_part && !path.is_empty() && !is_kept_in
    }

    fn attachment(
        &self,
        mount: &sandbox::Mount,
        below: Option<&str>,
    ) -> Result<Attachment, SandboxError> {
        let source = match &mount.source {
            MountSource::Volume(place) => Some(self.path(place)?),
            MountSource::Tmpfs => None,
            MountSource::Host(path) => {
                let below = below.unwrap_or_default();
                return Err(SandboxError::Container(format!(
                    "the directory {path} of the host cannot be mounted at {}: that is below \
                     {below}, where a subPath is mounted; mount one of them elsewhere",
                    mount.target
                )));
            }
        };
        Ok(Attachment {
            source,
            target: mount.target.clone(),
            read_only: mount.read_only,
        })
    }

    fn find<'a>(&'a self, place: &'a VolumePath) -> Result<(&'a Volume, &'a str), SandboxError> {
        let (volume, path) = match place {
            VolumePath::Run(path) => (Some(&self.run), path),
            VolumePath::Secret(path) => (self.secrets.as_ref(), path),
            VolumePath::Claim { claim, path } => (self.claims.get(claim), path),
        };
        let volume = volume.ok_or_else(|| {
            let claim = match place {
                VolumePath::Claim { claim, .. } => claim,
                VolumePath::Run(path) | VolumePath::Secret(path) => path,
            };
            SandboxError::Container(format!(
                "claim {claim:?} is not mounted in the sandbox: its name must be known before the \
                 start, so it must not be made of results"
            ))
        })?;
        check_relative(path)?;
        Ok((volume, path.trim_end_matches('/')))
    }
}

impl VolumePaths for Volumes {
    fn path(&self, place: &VolumePath) -> Result<String, SandboxError> {
        let (_, path) = self.find(place)?;
        let root = match place {
            VolumePath::Run(_) => RUN_ROOT.to_owned(),
            VolumePath::Secret(_) => SECRET_ROOT.to_owned(),
            VolumePath::Claim { claim, .. } => format!("{CLAIM_ROOT}/{claim}"),
        };
        Ok(if path.is_empty() {
            root
        } else {
            format!("{root}/{path}")
        })
    }
}

/// What the engine mounts where a mount is attached later.
fn placeholder(target: &str) -> sandbox::Mount {
    sandbox::Mount {
        source: MountSource::Volume(VolumePath::Run(PLACEHOLDER.to_owned())),
        target: target.to_owned(),
        read_only: true,
        is_part: false,
    }
}

/// Whether a clean, absolute path lies below another one.
pub(super) fn is_below(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer.trim_end_matches('/'))
        .is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
}

fn depth(path: &str) -> usize {
    path.split('/').filter(|name| !name.is_empty()).count()
}

/// Refuses what leads out of a volume.
pub(super) fn check_relative(path: &str) -> Result<(), SandboxError> {
    if path.starts_with('/') || path.split('/').any(|part| part == "..") {
        return Err(SandboxError::File(format!(
            "{path:?} leads out of its volume"
        )));
    }
    Ok(())
}

/// A mount of a whole volume. Never filled from the image: a claim's content is its own.
pub(super) fn whole(name: &str, target: &str, read_only: bool) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(name.to_owned()),
        target: Some(target.to_owned()),
        read_only: Some(read_only),
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(true),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn volumes(partial: PartialMount) -> Volumes {
        let volume = |name: &str| Volume {
            name: name.to_owned(),
            mountpoint: format!("/engine/{name}"),
        };
        Volumes {
            partial,
            run: volume("run"),
            secrets: Some(volume("secrets")),
            claims: BTreeMap::from([("cache".to_owned(), volume("claim"))]),
        }
    }

    fn body(partial: PartialMount, source: VolumePath) -> serde_json::Value {
        let mount = sandbox::Mount {
            source: MountSource::Volume(source),
            target: "/t".to_owned(),
            read_only: true,
            is_part: false,
        };
        serde_json::to_value(volumes(partial).mount(&mount).unwrap()).unwrap()
    }

    fn split(partial: PartialMount, mounts: &[sandbox::Mount]) -> (Vec<String>, Vec<String>) {
        let (engine, attached) = volumes(partial).split(mounts).unwrap();
        let text = |mount: &Mount| {
            let sub_path = mount.volume_options.as_ref();
            let sub_path = sub_path.and_then(|options| options.subpath.as_deref());
            format!(
                "{} {}{}",
                mount.target.as_deref().unwrap_or_default(),
                mount.source.as_deref().unwrap_or_default(),
                sub_path.map_or(String::new(), |path| format!(":{path}")),
            )
        };
        let attached = attached
            .iter()
            .map(|mount| format!("{} {:?} {}", mount.target, mount.source, mount.read_only));
        (engine.iter().map(text).collect(), attached.collect())
    }

    fn mount(source: MountSource, target: &str, is_part: bool) -> sandbox::Mount {
        sandbox::Mount {
            source,
            target: target.to_owned(),
            read_only: false,
            is_part,
        }
    }

    #[test]
    fn a_sub_path_is_attached_and_the_engine_mounts_an_empty_directory() {
        let run = |path: &str| MountSource::Volume(VolumePath::Run(path.to_owned()));
        let mounts = [
            mount(run("workspaces/w"), "/w", false),
            mount(run("workspaces/w/a/b"), "/part", true),
            mount(MountSource::Tmpfs, "/part/x/tmp", false),
            mount(run("other"), "/part/x", false),
            mount(run("beside"), "/part-two", false),
        ];
        let (engine, attached) = split(PartialMount::Mountpoint, &mounts);
        assert_eq!(
            engine,
            [
                "/w /engine/run/workspaces/w",
                "/part /engine/run/placeholder",
                "/part-two /engine/run/beside",
            ]
        );
        assert_eq!(
            attached,
            [
                "/part Some(\"/tkn-local/workspaces/w/a/b\") false",
                "/part/x Some(\"/tkn-local/other\") false",
                "/part/x/tmp None false",
            ]
        );
    }

    #[test]
    fn an_engine_with_sub_paths_keeps_those_of_claims_inside() {
        let claim = |path: &str| {
            MountSource::Volume(VolumePath::Claim {
                claim: "cache".to_owned(),
                path: path.to_owned(),
            })
        };
        let mounts = [mount(claim("a"), "/a", true), mount(claim(""), "/c", false)];
        let (engine, attached) = split(PartialMount::SubPath, &mounts);
        assert_eq!(engine, ["/a claim:a", "/c claim"]);
        assert!(attached.is_empty());
        let (engine, attached) = split(PartialMount::Mountpoint, &mounts);
        assert_eq!(engine, ["/a /engine/run/placeholder", "/c claim"]);
        assert_eq!(attached, ["/a Some(\"/tkn-local-claims/cache/a\") false"]);
    }

    #[test]
    fn a_host_path_is_not_attached() {
        let part = MountSource::Volume(VolumePath::Run("w/a".to_owned()));
        let mounts = [
            mount(part, "/part", true),
            mount(MountSource::Host("/etc".to_owned()), "/part/etc", false),
        ];
        let error = volumes(PartialMount::SubPath).split(&mounts).unwrap_err();
        assert!(error.to_string().contains("/part/etc"), "{error}");
    }

    #[test]
    fn the_option_is_used_only_where_it_works() {
        assert_eq!(
            PartialMount::of_engine((1, 45), false),
            PartialMount::SubPath
        );
        assert_eq!(
            PartialMount::of_engine((2, 0), false),
            PartialMount::SubPath
        );
        assert_eq!(
            PartialMount::of_engine((1, 44), false),
            PartialMount::Mountpoint
        );
        assert_eq!(
            PartialMount::of_engine((1, 45), true),
            PartialMount::Mountpoint
        );
    }

    #[test]
    fn a_part_of_a_volume_is_mounted_by_either_way() {
        let place = VolumePath::Run("tasks/a".to_owned());
        assert_eq!(
            body(PartialMount::SubPath, place.clone()),
            json!({
                "Type": "volume", "Source": "run", "Target": "/t", "ReadOnly": true,
                "VolumeOptions": {"NoCopy": true, "Subpath": "tasks/a"},
            })
        );
        assert_eq!(
            body(PartialMount::Mountpoint, place),
            json!({
                "Type": "bind", "Source": "/engine/run/tasks/a", "Target": "/t", "ReadOnly": true,
            })
        );
    }

    #[test]
    fn the_root_of_a_claim_is_the_volume_itself() {
        let root = VolumePath::Claim {
            claim: "cache".to_owned(),
            path: String::new(),
        };
        let whole = json!({
            "Type": "volume", "Source": "claim", "Target": "/t", "ReadOnly": true,
            "VolumeOptions": {"NoCopy": true},
        });
        assert_eq!(body(PartialMount::SubPath, root.clone()), whole);
        assert_eq!(body(PartialMount::Mountpoint, root), whole);
    }

    #[test]
    fn paths_do_not_leave_their_volume() {
        let volumes = volumes(PartialMount::SubPath);
        let claim = |claim: &str, path: &str| VolumePath::Claim {
            claim: claim.to_owned(),
            path: path.to_owned(),
        };
        assert_eq!(
            volumes.path(&VolumePath::Run("a/b".to_owned())).unwrap(),
            "/tkn-local/a/b"
        );
        assert_eq!(
            volumes.path(&claim("cache", "x")).unwrap(),
            "/tkn-local-claims/cache/x"
        );
        assert_eq!(
            volumes.path(&VolumePath::Secret("a".to_owned())).unwrap(),
            "/tkn-local-secrets/a"
        );
        for place in [
            VolumePath::Run("/etc".to_owned()),
            VolumePath::Secret("../a".to_owned()),
            VolumePath::Run("a/../../b".to_owned()),
            claim("other", "x"),
        ] {
            assert!(volumes.path(&place).is_err(), "{place:?}");
        }
    }
}
