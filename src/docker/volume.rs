//! Volumes, and mounting parts of them.

use std::collections::BTreeMap;

use bollard::models::{Mount, MountType, MountVolumeOptions};

use crate::sandbox::link::{RUN_ROOT, VolumePaths};
use crate::sandbox::{self, MountSource, SandboxError, VolumePath};

/// Where the volumes of claims are in the sandbox container, by name.
const CLAIM_ROOT: &str = "/tkn-local-claims";
/// From this version of the API a volume's sub-directory can be mounted by name.
const SUB_PATH_API: (usize, usize) = (1, 45);

/// So many names at the end of the place where an engine keeps a volume are the volume's own, as
/// in `<name>/_data`; those before them need not be in a mount table.
const OWN_PARTS: usize = 2;

/// How a part of a volume is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartialMount {
    /// By the engine's own option.
    SubPath,
    /// By binding the place where the engine keeps the volume.
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
    pub(super) claims: BTreeMap<String, Volume>,
}

impl Volumes {
    /// The mounts of the sandbox container: every volume whole.
    pub(super) fn whole(&self) -> Vec<Mount> {
        let claims = self.claims.iter();
        std::iter::once(whole(&self.run.name, RUN_ROOT, false))
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

    /// What is bound by a path that may lead elsewhere: the target of each mount, and with what
    /// the path ends.
    pub(super) fn places(
        &self,
        mounts: &[sandbox::Mount],
    ) -> Result<Vec<(String, String)>, SandboxError> {
        let mut places = Vec::new();
        for mount in mounts.iter().filter(|mount| mount.is_part) {
            let MountSource::Volume(place) = &mount.source else {
                continue;
            };
            let (volume, path) = self.find(place)?;
            if self.partial == PartialMount::Mountpoint && !path.is_empty() {
                let parts: Vec<&str> = volume.mountpoint.trim_matches('/').split('/').collect();
                let own = parts[parts.len().saturating_sub(OWN_PARTS)..].join("/");
                places.push((mount.target.clone(), format!("/{own}/{path}")));
            }
        }
        Ok(places)
    }

    fn find<'a>(&'a self, place: &'a VolumePath) -> Result<(&'a Volume, &'a str), SandboxError> {
        let (volume, path) = match place {
            VolumePath::Run(path) => (Some(&self.run), path),
            VolumePath::Claim { claim, path } => (self.claims.get(claim), path),
        };
        let volume = volume.ok_or_else(|| {
            let claim = match place {
                VolumePath::Claim { claim, .. } => claim,
                VolumePath::Run(path) => path,
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
            VolumePath::Claim { claim, .. } => format!("{CLAIM_ROOT}/{claim}"),
        };
        Ok(if path.is_empty() {
            root
        } else {
            format!("{root}/{path}")
        })
    }
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

    #[test]
    fn what_is_bound_by_its_path_can_be_recognised() {
        let mut mounted = volumes(PartialMount::Mountpoint);
        mounted.run.mountpoint = "/var/lib/engine/volumes/run/_data".to_owned();
        let mounts = [
            MountSource::Volume(VolumePath::Run("a/b".to_owned())),
            MountSource::Volume(VolumePath::Claim {
                claim: "cache".to_owned(),
                path: String::new(),
            }),
            MountSource::Tmpfs,
        ]
        .map(|source| sandbox::Mount {
            source,
            target: "/t".to_owned(),
            read_only: true,
            is_part: true,
        });
        let expected = vec![("/t".to_owned(), "/run/_data/a/b".to_owned())];
        assert_eq!(mounted.places(&mounts).unwrap(), expected);
        let whole = mounts.clone().map(|mount| sandbox::Mount {
            is_part: false,
            ..mount
        });
        assert!(mounted.places(&whole).unwrap().is_empty());
        mounted.partial = PartialMount::SubPath;
        assert!(mounted.places(&mounts).unwrap().is_empty());
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
        for place in [
            VolumePath::Run("/etc".to_owned()),
            VolumePath::Run("a/../../b".to_owned()),
            claim("other", "x"),
        ] {
            assert!(volumes.path(&place).is_err(), "{place:?}");
        }
    }
}
