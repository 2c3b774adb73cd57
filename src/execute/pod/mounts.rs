//! What a container of a TaskRun sees of the volumes.

use std::cell::Cell;

use super::builder::Builder;
use super::env::expand;
use super::failure::{config_fault, pod_fault};
use super::volumes::Backing;
use crate::language::paths::clean_absolute;
use crate::plan::{BoundWorkspace, join_sub_path};
use crate::sandbox::{FileOp, Mount, MountSource, VolumePath};
use crate::spec::core::VolumeMount;
use crate::spec::workspace::WorkspaceUsage;
use crate::status::Condition;

impl Builder<'_> {
    pub(crate) fn mount(&self, path: &str, target: &str, read_only: bool) -> Mount {
        Mount {
            source: MountSource::Volume(self.run_path(path)),
            target: target.to_owned(),
            read_only,
            is_part: false,
        }
    }

    /// The directories Tekton gives to every step (`pkg/pod/pod.go`, `implicitVolumeMounts`).
    pub(crate) fn implicit(&self, index: usize, scripted: bool) -> Vec<Mount> {
        let mut mounts = vec![
            self.mount("workspace", "/workspace", false),
            self.mount("home", "/tekton/home", false),
            self.mount("results", "/tekton/results", false),
            self.mount("steps", "/tekton/steps", true),
            self.mount("artifacts", "/tekton/artifacts", false),
            self.mount("run", "/tekton/run", true),
            self.mount(
                &format!("run/{index}"),
                &format!("/tekton/run/{index}"),
                false,
            ),
            Mount {
                source: MountSource::Volume(self.creds_path(index)),
                target: "/tekton/creds".to_owned(),
                read_only: false,
                is_part: false,
            },
        ];
        if scripted {
            mounts.push(self.mount("scripts", "/tekton/scripts", true));
        }
        mounts.extend(self.debug_mount(index));
        mounts
    }

    /// The mounts a container asks for, and its workspaces.
    pub(crate) fn mounts(
        &mut self,
        settings: &[VolumeMount],
        env: &[(String, String)],
        usages: &[WorkspaceUsage],
        role: &str,
        name: &str,
    ) -> Result<Vec<Mount>, Condition> {
        let mut mounts = self.volume_mounts(settings, env, role, name)?;
        for workspace in self.bound.workspaces.clone() {
            let Some(target) = self.workspace_target(&workspace, usages) else {
                continue;
            };
            let place = format!(
                "{role} \"{name}\": mountPath of workspace \"{}\"",
                workspace.declaration.name
            );
            let target = self.target(&target, &place)?;
            if mounts.iter().any(|mount: &Mount| mount.target == target) {
                continue;
            }
            let volume = crate::name::workspace_volume(&workspace.declaration.name);
            let Some(backing) = self.backings.get(&volume).cloned() else {
                continue;
            };
            let source = self
                .below(&backing, &workspace.binding.sub_path)
                .map_err(|text| config_fault(self.request, role, name, &text))?;
            let read_only = workspace.declaration.read_only || backing.read_only;
            mounts.push(Mount {
                source,
                target,
                read_only,
                is_part: !workspace.binding.sub_path.is_empty() && !holds_files(&backing),
            });
        }
        Ok(mounts)
    }

    fn volume_mounts(
        &mut self,
        settings: &[VolumeMount],
        env: &[(String, String)],
        role: &str,
        name: &str,
    ) -> Result<Vec<Mount>, Condition> {
        let mut mounts = Vec::new();
        for (index, mount) in settings.iter().enumerate() {
            let Some(backing) = self.backings.get(&mount.name).cloned() else {
                return Err(pod_fault(
                    self.request,
                    &format!(
                        "{role} \"{name}\" mounts volume \"{}\", which is not among the volumes of the Task",
                        mount.name
                    ),
                ));
            };
            let sub_path = sub_path(mount, env)
                .map_err(|text| config_fault(self.request, role, name, &text))?;
            let place = format!("{role} \"{name}\": volumeMounts[{index}].mountPath");
            let target = self.target(&mount.mount_path, &place)?;
            let source = self
                .below(&backing, &sub_path)
                .map_err(|text| config_fault(self.request, role, name, &text))?;
            let read_only = mount.read_only || backing.read_only;
            mounts.push(Mount {
                source,
                target,
                read_only,
                is_part: !sub_path.is_empty() && !holds_files(&backing),
            });
        }
        Ok(mounts)
    }

    /// The target of a mount, after substitution. What validation says of a path that is written
    /// down must also hold for one that is made of params.
    fn target(&self, path: &str, place: &str) -> Result<String, Condition> {
        let target = clean_absolute(path);
        if is_reserved(&target) {
            return Err(pod_fault(
                self.request,
                &format!(
                    "{place}: Invalid value: \"{path}\": nothing can be mounted at / or under \
                     /tekton, other than at /tekton/home"
                ),
            ));
        }
        Ok(target)
    }

    /// Where a container has a workspace; `None` when it does not have it.
    fn workspace_target(
        &self,
        workspace: &BoundWorkspace,
        usages: &[WorkspaceUsage],
    ) -> Option<String> {
        let usage = usages
            .iter()
            .find(|usage| usage.name == workspace.declaration.name);
        let declared = workspace.declaration.mount_path.clone();
        match usage {
            Some(usage) if !usage.mount_path.is_empty() => {
                Some(self.bound.scope.text(&usage.mount_path))
            }
            Some(_) => Some(declared),
            None => (!workspace.is_isolated(&self.bound.task.spec)).then_some(declared),
        }
    }

    /// A place below the root of a volume, made when it is a directory of a volume that is written.
    fn below(&mut self, backing: &Backing, sub_path: &str) -> Result<MountSource, String> {
        if sub_path.is_empty() {
            return Ok(backing.source.clone());
        }
        let Some(sub_path) = join_sub_path(sub_path, "").filter(|_| !sub_path.starts_with('/'))
        else {
            return Err(format!(
                "subPath \"{sub_path}\" must be relative and stay inside its volume"
            ));
        };
        let join = |path: &str| {
            if path.is_empty() {
                sub_path.clone()
            } else {
                format!("{path}/{sub_path}")
            }
        };
        let path = match &backing.source {
            MountSource::Volume(VolumePath::Run(path)) => VolumePath::Run(join(path)),
            MountSource::Volume(VolumePath::Secret(path)) => VolumePath::Secret(join(path)),
            MountSource::Volume(VolumePath::Claim { claim, path }) => VolumePath::Claim {
                claim: claim.clone(),
                path: join(path),
            },
            MountSource::Host(path) => return Ok(MountSource::Host(join(path))),
            MountSource::Tmpfs => return Err("a subPath of memory is not supported".to_owned()),
        };
        if !holds_files(backing) {
            self.touches_shared_volume = true;
            self.ops.push(FileOp::Directory {
                path: path.clone(),
                mode: 0o777,
                owner: None,
            });
        }
        Ok(MountSource::Volume(path))
    }
}

/// Whether a volume holds what was put there before the start. No step can write in it.
fn holds_files(backing: &Backing) -> bool {
    backing.read_only
        && backing
            .ops
            .iter()
            .any(|op| matches!(op, FileOp::File { .. }))
}

/// Whether a clean, absolute path is where the entrypoint and its files are, or above them
/// (`pkg/apis/pipeline/v1/container_validation.go`, which lets mounts in at `/tekton/home`).
fn is_reserved(target: &str) -> bool {
    let is_at_or_below = |outer: &str| target == outer || target.starts_with(&format!("{outer}/"));
    target == "/" || (is_at_or_below("/tekton") && !is_at_or_below("/tekton/home"))
}

/// Where in its volume a mount begins. `subPathExpr` is expanded with the environment as the
/// container gets it; a variable that is not there keeps the container from starting.
fn sub_path(mount: &VolumeMount, env: &[(String, String)]) -> Result<String, String> {
    if mount.sub_path_expr.is_empty() {
        return Ok(mount.sub_path.clone());
    }
    let missing = Cell::new(false);
    let expanded = expand(&mount.sub_path_expr, |wanted| {
        let found = env.iter().rev().find(|(name, _)| name == wanted);
        missing.set(missing.get() || found.is_none());
        found.map(|(_, value)| value.clone())
    });
    if missing.get() {
        return Err(format!("missing value for {:?}", mount.sub_path_expr));
    }
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::is_reserved;

    #[test]
    fn mounts_stay_off_the_directories_of_the_entrypoint() {
        for target in [
            "/",
            "/tekton",
            "/tekton/bin",
            "/tekton/run/0",
            "/tekton/homes",
        ] {
            assert!(is_reserved(target), "{target}");
        }
        for target in [
            "/tekton/home",
            "/tekton/home/.ssh",
            "/tektonic",
            "/workspace",
        ] {
            assert!(!is_reserved(target), "{target}");
        }
    }
}
