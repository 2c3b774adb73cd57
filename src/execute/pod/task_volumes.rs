//! The volumes and workspaces of a TaskRun, and whom they belong to.

use std::collections::BTreeMap;

use super::builder::Builder;
use super::failure::{config_fault, pod_fault};
use super::layout::{file_name, workspace_dir};
use super::volumes::Sources;
use crate::sandbox::{FileOp, MountSource, VolumePath};
use crate::status::Condition;

impl Builder<'_> {
    /// What every volume and workspace of the TaskRun is backed by, by volume name.
    pub(crate) fn volumes(&mut self) -> Result<(), Condition> {
        let sources = Sources {
            fs_group: self.fs_group(),
            library: self.around.library,
            pod: &self.pod,
            run_claims: self.around.run_claims,
        };
        let mut volumes = self.bound.task.spec.volumes.clone();
        for volume in &mut volumes {
            crate::substitution::fields::volume(volume, &mut &self.bound.scope);
        }
        volumes.extend(self.request.overrides.pod_template.volumes.clone());
        let mut backings = BTreeMap::new();
        for volume in &volumes {
            let dir = self
                .dir
                .join(&format!("volumes/{}", file_name(&volume.name)));
            let backing = sources
                .volume(volume, &dir)
                .map_err(|text| self.volume_fault(&volume.name, &text))?;
            if backings.insert(volume.name.clone(), backing).is_some() {
                return Err(pod_fault(
                    self.request,
                    &format!("multiple volumes with same name \"{}\"", volume.name),
                ));
            }
        }
        for workspace in &self.bound.workspaces {
            let name = &workspace.declaration.name;
            let own = self
                .around
                .storage
                .get(name)
                .cloned()
                .unwrap_or_else(|| self.dir.join(&workspace_dir(name)));
            let backing = sources
                .workspace(&workspace.binding, &own)
                .map_err(|text| self.volume_fault(name, &text))?;
            backings.insert(crate::name::workspace_volume(name), backing);
        }
        self.ops
            .extend(backings.values().flat_map(|backing| backing.ops.clone()));
        self.backings = backings;
        Ok(())
    }

    fn volume_fault(&self, name: &str, text: &str) -> Condition {
        let step = self
            .bound
            .task
            .spec
            .steps
            .first()
            .map_or("", |step| step.name.as_str());
        config_fault(
            self.request,
            "step",
            step,
            &format!("volume \"{name}\": {text}"),
        )
    }

    fn fs_group(&self) -> Option<u32> {
        let template = &self.request.overrides.pod_template;
        let context = template.security_context.as_ref();
        u32::try_from(context?.fs_group?).ok()
    }

    /// `fsGroup`: the volumes that are written belong to the group. Files of ConfigMaps and Secrets
    /// are made for it.
    pub(crate) fn group_ownership(&mut self) {
        let Some(gid) = self.fs_group() else {
            return;
        };
        let owned: Vec<FileOp> = self
            .backings
            .values()
            .filter(|backing| !backing.read_only)
            .filter_map(|backing| match &backing.source {
                MountSource::Volume(path @ VolumePath::Run(_)) => Some(FileOp::GroupOwned {
                    path: path.clone(),
                    gid,
                }),
                MountSource::Volume(VolumePath::Claim { .. } | VolumePath::Secret(_))
                | MountSource::Host(_)
                | MountSource::Tmpfs => None,
            })
            .collect();
        self.ops.extend(owned);
    }
}
