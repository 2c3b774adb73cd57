//! One attempt of a TaskRun laid out: the files it needs and the containers it is.

use std::collections::BTreeMap;

use super::env::{EnvSources, PodFacts, environment};
use super::failure::{config_fault, image_fault};
use super::layout::{AttemptDir, fixed_directory};
use super::security;
use super::volumes::Backing;
use crate::language::paths::clean_absolute;
use crate::plan::{BoundTask, TaskRunRequest, sidecar_resources, step_resources};
use crate::resolve::Library;
use crate::sandbox::{ContainerSpec, FileOp, Image, Mount, VolumePath};
use crate::spec::core::{
    EnvFromSource, EnvVar, ResourceRequirements, SecurityContext, VolumeMount,
};
use crate::spec::task::{Sidecar, Step};
use crate::spec::workspace::WorkspaceUsage;
use crate::status::Condition;
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

/// What a step and a sidecar have in common, as they are written.
struct Written<'a> {
    /// `step` or `sidecar`, for messages.
    role: &'static str,
    name: String,
    container: String,
    image: &'a str,
    env_from: &'a [EnvFromSource],
    env: &'a [EnvVar],
    resources: &'a ResourceRequirements,
    /// The mounts it has without asking.
    implicit: Vec<Mount>,
    mounts: &'a [VolumeMount],
    workspaces: &'a [WorkspaceUsage],
    working_dir: &'a str,
    security: Option<&'a SecurityContext>,
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

    fn step(
        &mut self,
        index: usize,
        image: &dyn Fn(&str) -> Option<Image>,
    ) -> Result<PodContainer<Step>, Condition> {
        let mut step = self.bound.step(index, &Scope::new())?;
        step.compute_resources = step_resources(&step, self.request);
        let targets: Vec<String> = step
            .volume_mounts
            .iter()
            .map(|mount| clean_absolute(&mount.mount_path))
            .collect();
        let implicit = self.implicit(index, !step.script.is_empty());
        let implicit = implicit.into_iter();
        let written = Written {
            role: "step",
            name: self.bound.step_name(index),
            container: self.bound.container(index),
            image: &step.image,
            env_from: &step.env_from,
            env: &step.env,
            resources: &step.compute_resources,
            implicit: implicit
                .filter(|mount| !targets.contains(&mount.target))
                .collect(),
            mounts: &step.volume_mounts,
            workspaces: &step.workspaces,
            working_dir: &step.working_dir,
            security: step.security_context.as_ref(),
        };
        let (spec, image) = self.container(written, image)?;
        Ok(PodContainer {
            container: spec.container.clone(),
            source: step,
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
        sidecar.compute_resources = sidecar_resources(&sidecar, self.request);
        let mut implicit = Vec::new();
        if !sidecar.script.is_empty() {
            implicit.push(self.mount("scripts", "/tekton/scripts", true));
        }
        let written = Written {
            role: "sidecar",
            name: sidecar.name.clone(),
            container: format!("sidecar-{}", sidecar.name),
            image: &sidecar.image,
            env_from: &sidecar.env_from,
            env: &sidecar.env,
            resources: &sidecar.compute_resources,
            implicit,
            mounts: &sidecar.volume_mounts,
            workspaces: &sidecar.workspaces,
            working_dir: &sidecar.working_dir,
            security: sidecar.security_context.as_ref(),
        };
        let (spec, image) = self.container(written, image)?;
        Ok(PodContainer {
            container: spec.container.clone(),
            source: sidecar,
            spec,
            image,
        })
    }

    /// The container of a step or sidecar, and its image.
    fn container(
        &mut self,
        written: Written<'_>,
        image: &dyn Fn(&str) -> Option<Image>,
    ) -> Result<(ContainerSpec, Image), Condition> {
        let (role, name) = (written.role, written.name.as_str());
        let Some(image) = image(written.image) else {
            let text = "image is not known";
            return Err(image_fault(self.request, role, name, written.image, text));
        };
        let env = self.environment(&written)?;
        let mut mounts = written.implicit;
        mounts.extend(self.mounts(written.mounts, &env, written.workspaces, role, name)?);
        let mut spec = security::apply(written.security, self.request, &image)
            .map_err(|text| config_fault(self.request, role, name, &text))?;
        security::limits(written.resources, &mut spec);
        spec.task_run.clone_from(&self.request.identity.name);
        spec.attempt = self.attempt;
        spec.container = written.container;
        spec.image.clone_from(&image.id);
        spec.working_dir = fixed_directory(written.working_dir, &mounts);
        spec.mounts = mounts;
        spec.labels = self.pod.labels.clone();
        Ok((spec, image))
    }

    /// The environment of a container, the variables of the pod template last.
    fn environment(&self, written: &Written<'_>) -> Result<Vec<(String, String)>, Condition> {
        let (role, name) = (written.role, written.name.as_str());
        let template = &self.request.overrides.pod_template.env;
        let vars: Vec<EnvVar> = written.env.iter().chain(template).cloned().collect();
        let sources = EnvSources {
            env_from: written.env_from,
            env: &vars,
            library: self.around.library,
            pod: &self.pod,
            resources: written.resources,
        };
        environment(&sources).map_err(|text| config_fault(self.request, role, name, &text))
    }
}
