//! One attempt of a TaskRun laid out: the files it needs and the containers it is.

use std::collections::BTreeMap;

use super::env::{EnvSources, PodFacts, environment, name_fault};
use super::layout::{AttemptDir, file_name, workspace_dir};
use super::mounts::fixed_directory;
use super::security;
use super::volumes::{Backing, Sources};
use crate::language::paths::clean_absolute;
use crate::plan::permissions::Permissions;
use crate::plan::{BoundTask, Pod, TaskRunRequest, sidecar_resources, step_resources};
use crate::resolve::Library;
use crate::sandbox::{ContainerSpec, FileOp, Image, Mount, MountSource, VolumePath};
use crate::spec::core::{EnvFromSource, EnvVar, ResourceRequirements};
use crate::spec::task::{Sidecar, Step};
use crate::status::{Condition, Reason};
use crate::substitution::Scope;

/// What an attempt is laid out from, besides itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// Where ConfigMaps and Secrets are.
    pub(crate) library: &'a Library,
    /// Claims that are directories of the run's volume.
    pub(crate) run_claims: &'a BTreeMap<String, String>,
    /// Directories of the run's volume for the emptyDir workspaces of the TaskRun.
    pub(crate) storage: &'a BTreeMap<String, String>,
    /// What its Pods may ask for.
    pub(crate) permissions: &'a Permissions,
}

/// A container of a TaskRun: a step or a sidecar.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PodContainer<T> {
    /// As it is known now.
    pub(crate) source: T,
    /// `step-<name>` or `sidecar-<name>`.
    pub(crate) container: String,
    /// What to start.
    pub(crate) spec: ContainerSpec,
    /// The image it is from.
    pub(crate) image: Image,
}

/// An attempt laid out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    /// Its place in the run's volume.
    pub(crate) dir: AttemptDir,
    /// Its pod.
    pub(crate) pod: PodFacts,
    /// The files it needs before its containers start.
    pub(crate) ops: Vec<FileOp>,
    /// Its steps.
    pub(crate) steps: Vec<PodContainer<Step>>,
    /// Its sidecars.
    pub(crate) sidecars: Vec<PodContainer<Sidecar>>,
    /// Some directory must not be made before the TaskRun's turn: it lies in a workspace that
    /// another task may be filling.
    pub(crate) touches_shared_volume: bool,
}

/// Lays an attempt out. `image` gives the image of a reference, which has been looked up.
pub(crate) fn lay_out(
    bound: &BoundTask,
    request: &TaskRunRequest,
    attempt: usize,
    around: Surroundings<'_>,
    image: &dyn Fn(&str) -> Option<Image>,
) -> Result<Layout, Condition> {
    admit(bound, request, around.permissions)?;
    let dir = AttemptDir::new(&request.identity.name, attempt);
    let pod = pod_facts(request, attempt);
    let mut builder = Builder {
        bound,
        request,
        attempt,
        around,
        dir,
        pod,
        ops: Vec::new(),
        backings: BTreeMap::new(),
        touches_shared_volume: false,
    };
    builder.directories();
    builder.volumes()?;
    let steps = (0..bound.task.spec.steps.len())
        .map(|index| builder.step(index, image))
        .collect::<Result<_, _>>()?;
    let sidecars = (0..bound.task.spec.sidecars.len())
        .map(|index| builder.sidecar(index, image))
        .collect::<Result<_, _>>()?;
    builder.group_ownership();
    Ok(Layout {
        dir: builder.dir,
        pod: builder.pod,
        ops: builder.ops,
        steps,
        sidecars,
        touches_shared_volume: builder.touches_shared_volume,
    })
}

/// Holds the Pod against what it may ask for. Before the start this was done for every Pod that was
/// known; this one may have values that were not.
fn admit(
    bound: &BoundTask,
    request: &TaskRunRequest,
    permissions: &Permissions,
) -> Result<(), Condition> {
    let pod = Pod::new(bound, request)?;
    match permissions.denied(pod.value()).first() {
        Some(denied) => Err(pod_fault(request, &denied.to_string())),
        None => Ok(()),
    }
}

fn pod_facts(request: &TaskRunRequest, attempt: usize) -> PodFacts {
    let mut labels = request.identity.labels.clone();
    labels.insert(
        "tekton.dev/taskRun".to_owned(),
        request.identity.name.clone(),
    );
    labels.insert(
        "tekton.dev/taskRunUID".to_owned(),
        request.identity.uid.clone(),
    );
    let account = &request.overrides.service_account;
    PodFacts {
        name: crate::name::pod(&request.identity.name, attempt),
        namespace: request.identity.namespace.clone(),
        uid: request.identity.uid.clone(),
        labels,
        annotations: request.identity.annotations.clone(),
        service_account: if account.is_empty() {
            "default".to_owned()
        } else {
            account.clone()
        },
    }
}

/// The condition of a TaskRun whose container cannot be created
/// (`pkg/reconciler/taskrun/taskrun.go`).
pub(crate) fn config_fault(
    request: &TaskRunRequest,
    role: &str,
    name: &str,
    text: &str,
) -> Condition {
    Condition::failed(
        Reason::CreateContainerConfigError,
        format!(
            "the {role} \"{name}\" in TaskRun \"{}\" failed to start. The pod errored with the message: \"{text}.\"",
            request.identity.name
        ),
    )
}

/// The condition of a TaskRun whose pod cannot be made.
pub(crate) fn pod_fault(request: &TaskRunRequest, text: &str) -> Condition {
    Condition::failed(
        Reason::PodCreationFailed,
        format!(
            "failed to create task run pod \"{}\": {text}",
            request.identity.name
        ),
    )
}

/// The condition of a TaskRun whose image is not to be had.
pub(crate) fn image_fault(
    request: &TaskRunRequest,
    role: &str,
    name: &str,
    image: &str,
    text: &str,
) -> Condition {
    Condition::failed(
        Reason::TaskRunImagePullFailed,
        format!(
            "the {role} \"{name}\" in TaskRun \"{}\" failed to pull the image \"{image}\". The pod errored with the message: \"{text}.\"",
            request.identity.name
        ),
    )
}

pub(crate) struct Builder<'a> {
    pub(crate) bound: &'a BoundTask,
    pub(crate) request: &'a TaskRunRequest,
    pub(crate) attempt: usize,
    pub(crate) around: Surroundings<'a>,
    pub(crate) dir: AttemptDir,
    pub(crate) pod: PodFacts,
    pub(crate) ops: Vec<FileOp>,
    pub(crate) backings: BTreeMap<String, Backing>,
    pub(crate) touches_shared_volume: bool,
}

impl Builder<'_> {
    pub(crate) fn run_path(&self, path: &str) -> VolumePath {
        VolumePath::Run(self.dir.join(path))
    }

    /// Where a step's credentials are: without a Secret there are none to keep off the disk.
    pub(crate) fn creds_path(&self, index: usize) -> VolumePath {
        let path = self.dir.join(&format!("creds/{index}"));
        if self.around.library.has_secrets() {
            VolumePath::Secret(path)
        } else {
            VolumePath::Run(path)
        }
    }

    fn directories(&mut self) {
        let make = |builder: &Self, path: &str, mode: u32| FileOp::Directory {
            path: builder.run_path(path),
            mode,
            owner: None,
        };
        let mut ops = Vec::new();
        for path in ["workspace", "home", "results", "artifacts"] {
            ops.push(make(self, path, 0o777));
        }
        for path in ["steps", "scripts", "run", "downward"] {
            ops.push(make(self, path, 0o755));
        }
        for index in 0..self.bound.task.spec.steps.len() {
            let container = self.bound.container(index);
            ops.push(make(self, &format!("run/{index}"), 0o777));
            ops.push(FileOp::Directory {
                path: self.creds_path(index),
                mode: 0o777,
                owner: None,
            });
            for link in [container, index.to_string()] {
                let path = self.run_path(&format!("steps/{link}"));
                ops.push(FileOp::Symlink {
                    path,
                    target: format!("/tekton/run/{index}/status"),
                });
            }
        }
        self.ops.extend(ops);
        self.debug_files();
    }

    /// What every volume and workspace of the TaskRun is backed by, by volume name.
    fn volumes(&mut self) -> Result<(), Condition> {
        let sources = Sources {
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

    fn step(
        &mut self,
        index: usize,
        image: &dyn Fn(&str) -> Option<Image>,
    ) -> Result<PodContainer<Step>, Condition> {
        let mut step = self.bound.step(index, &Scope::new())?;
        let container = self.bound.container(index);
        let name = self.bound.step_name(index);
        step.compute_resources = step_resources(&step, self.request);
        let Some(image) = image(&step.image) else {
            return Err(image_fault(
                self.request,
                "step",
                &name,
                &step.image,
                "image is not known",
            ));
        };
        let sources = self.env_sources(&step.env_from, &step.env, &step.compute_resources);
        self.check_environment("step", &name, &sources)?;
        let targets: Vec<String> = step
            .volume_mounts
            .iter()
            .map(|mount| clean_absolute(&mount.mount_path))
            .collect();
        let mut mounts: Vec<Mount> = self
            .implicit(index, !step.script.is_empty())
            .into_iter()
            .filter(|mount| !targets.contains(&mount.target))
            .collect();
        mounts.extend(self.mounts(
            &step.volume_mounts,
            &step.env,
            &step.workspaces,
            "step",
            &name,
        )?);
        let working_dir = fixed_directory(&step.working_dir, &mounts);
        let mut spec = security::apply(step.security_context.as_ref(), self.request, &image)
            .map_err(|text| config_fault(self.request, "step", &name, &text))?;
        security::limits(&step.compute_resources, &mut spec);
        self.finish(&mut spec, &container, &image, mounts, working_dir);
        Ok(PodContainer {
            source: step,
            container,
            spec,
            image,
        })
    }

    fn sidecar(
        &mut self,
        index: usize,
        image: &dyn Fn(&str) -> Option<Image>,
    ) -> Result<PodContainer<Sidecar>, Condition> {
        let mut sidecar = self.bound.sidecar(index);
        let name = sidecar.name.clone();
        sidecar.compute_resources = sidecar_resources(&sidecar, self.request);
        let container = format!("sidecar-{name}");
        let Some(image) = image(&sidecar.image) else {
            return Err(image_fault(
                self.request,
                "sidecar",
                &name,
                &sidecar.image,
                "image is not known",
            ));
        };
        let sources = self.env_sources(&sidecar.env_from, &sidecar.env, &sidecar.compute_resources);
        self.check_environment("sidecar", &name, &sources)?;
        let mut mounts = Vec::new();
        if !sidecar.script.is_empty() {
            mounts.push(self.mount("scripts", "/tekton/scripts", true));
        }
        mounts.extend(self.mounts(
            &sidecar.volume_mounts,
            &sidecar.env,
            &sidecar.workspaces,
            "sidecar",
            &name,
        )?);
        let working_dir = fixed_directory(&sidecar.working_dir, &mounts);
        let mut spec = security::apply(sidecar.security_context.as_ref(), self.request, &image)
            .map_err(|text| config_fault(self.request, "sidecar", &name, &text))?;
        security::limits(&sidecar.compute_resources, &mut spec);
        self.finish(&mut spec, &container, &image, mounts, working_dir);
        Ok(PodContainer {
            source: sidecar,
            container,
            spec,
            image,
        })
    }

    fn env_sources<'a>(
        &'a self,
        env_from: &'a [EnvFromSource],
        env: &'a [EnvVar],
        resources: &'a ResourceRequirements,
    ) -> EnvSources<'a> {
        EnvSources {
            env_from,
            env,
            library: self.around.library,
            pod: &self.pod,
            resources,
        }
    }

    fn check_environment(
        &self,
        role: &str,
        name: &str,
        sources: &EnvSources<'_>,
    ) -> Result<(), Condition> {
        if let Some(fault) = name_fault(sources.env) {
            return Err(pod_fault(
                self.request,
                &format!("{role} \"{name}\": {fault}"),
            ));
        }
        environment(sources)
            .map(drop)
            .map_err(|text| config_fault(self.request, role, name, &text))
    }

    fn finish(
        &self,
        spec: &mut ContainerSpec,
        container: &str,
        image: &Image,
        mounts: Vec<Mount>,
        working_dir: Option<String>,
    ) {
        spec.task_run.clone_from(&self.request.identity.name);
        spec.attempt = self.attempt;
        container.clone_into(&mut spec.container);
        spec.image.clone_from(&image.id);
        spec.mounts = mounts;
        spec.working_dir = working_dir;
        spec.labels = self.pod.labels.clone();
    }

    /// `fsGroup`: the volumes that are written belong to the group.
    fn group_ownership(&mut self) {
        let context = self
            .request
            .overrides
            .pod_template
            .security_context
            .as_ref();
        let Some(gid) = context
            .and_then(|context| context.fs_group)
            .and_then(|gid| u32::try_from(gid).ok())
        else {
            return;
        };
        let owned = self
            .backings
            .values()
            .filter_map(|backing| match &backing.source {
                MountSource::Volume(path @ (VolumePath::Run(_) | VolumePath::Secret(_))) => {
                    Some(FileOp::GroupOwned {
                        path: path.clone(),
                        gid,
                    })
                }
                MountSource::Volume(VolumePath::Claim { .. })
                | MountSource::Host(_)
                | MountSource::Tmpfs => None,
            });
        let owned: Vec<FileOp> = owned.collect();
        self.ops.extend(owned);
    }
}
