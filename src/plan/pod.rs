//! The Pod that Tekton would create for a TaskRun, and where each part of it was written.

use serde_json::{Value, json};

use super::bind::BoundTask;
use super::container_names::truncated;
use super::task_run::TaskRunRequest;
use crate::diagnostic::{FieldPath, Segment};
use crate::spec::core::ResourceRequirements;
use crate::spec::task::{Sidecar, Step};
use crate::status::Condition;
use crate::substitution::{Scope, fields};

/// Fields of a step or sidecar that are Tekton's own and not those of a container.
const NOT_OF_A_CONTAINER: [&str; 12] = [
    "displayName",
    "script",
    "timeout",
    "workspaces",
    "onError",
    "stdoutConfig",
    "stderrConfig",
    "ref",
    "params",
    "results",
    "when",
    "computeResources",
];

/// What a part of a Pod was written in. The path is below the object's own spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The Task.
    Task(FieldPath),
    /// The StepAction of a step, by the step's index.
    StepAction(usize, FieldPath),
    /// The pod template that counts for the task.
    PodTemplate(FieldPath),
    /// What the run gives to a workspace, by the name the Task has for it.
    Workspace(String, FieldPath),
    /// The settings of the TaskRun itself: `stepSpecs`, `sidecarSpecs`, `computeResources`.
    TaskRun(FieldPath),
    /// The metadata of the TaskRun, which its Pod takes over.
    Metadata(FieldPath),
}

impl Origin {
    /// The same below this one.
    fn below(&self, rest: &[Segment]) -> Self {
        let join = |path: &FieldPath| FieldPath([path.0.as_slice(), rest].concat());
        match self {
            Self::Task(path) => Self::Task(join(path)),
            Self::StepAction(step, path) => Self::StepAction(*step, join(path)),
            Self::PodTemplate(path) => Self::PodTemplate(join(path)),
            Self::Workspace(name, path) => Self::Workspace(name.clone(), join(path)),
            Self::TaskRun(path) => Self::TaskRun(join(path)),
            Self::Metadata(path) => Self::Metadata(join(path)),
        }
    }
}

/// A part of the Pod and one of the places it may have been written in.
#[derive(Debug, Clone)]
struct Part {
    /// Its place in the Pod.
    at: FieldPath,
    origin: Origin,
    /// What stands at the origin, with the names a container has for its fields.
    written: Value,
}

/// A Pod as Kubernetes would be given it.
#[derive(Debug, Clone)]
pub struct Pod {
    value: Value,
    parts: Vec<Part>,
}

impl Pod {
    /// Builds the Pod of a TaskRun as far as it is known before its first step.
    ///
    /// # Errors
    ///
    /// The condition of a TaskRun of which a step cannot be resolved.
    pub fn new(bound: &BoundTask, request: &TaskRunRequest) -> Result<Self, Condition> {
        let mut builder = Builder {
            bound,
            request,
            containers: Vec::new(),
            volumes: Vec::new(),
            parts: Vec::new(),
        };
        for index in 0..bound.task.spec.steps.len() {
            builder.step(index)?;
        }
        for index in 0..bound.task.spec.sidecars.len() {
            builder.sidecar(index);
        }
        builder.volumes();
        Ok(builder.finish())
    }

    /// The Pod as JSON: `metadata` and `spec`.
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// Where the value at a path of the Pod was written; of one that was not written at all, where
    /// it could be.
    pub fn origin(&self, path: &FieldPath) -> Option<Origin> {
        let parts = || {
            let below = |part: &&Part| path.0.starts_with(&part.at.0);
            self.parts.iter().filter(below)
        };
        let exact = parts().find_map(|part| {
            let rest = self.rest(part, path)?;
            lookup(&part.written, &rest)?;
            Some(part.origin.below(&as_written(&rest)))
        });
        exact.or_else(|| {
            let part = parts().next()?;
            let rest = &path.0[part.at.0.len()..];
            Some(part.origin.below(&as_written(rest)))
        })
    }

    /// The rest of a path below a part, with the index an item of a merged list has in it.
    fn rest(&self, part: &Part, path: &FieldPath) -> Option<Vec<Segment>> {
        let mut rest = path.0[part.at.0.len()..].to_vec();
        let [Segment::Key(list), Segment::Index(index), ..] = rest.as_slice() else {
            return Some(rest);
        };
        let key = match list.as_str() {
            "env" => "name",
            "volumeMounts" => "mountPath",
            _ => return Some(rest),
        };
        let merged = lookup(&self.value, &[&part.at.0, &rest[..1]].concat())?;
        let wanted = merged.get(index)?.get(key);
        let own = part.written.get(list)?.as_array()?;
        let same = own.iter().position(|item| item.get(key) == wanted);
        rest[1] = Segment::Index(same.or_else(|| (*index < own.len()).then_some(*index))?);
        Some(rest)
    }
}

fn lookup<'v>(value: &'v Value, path: &[Segment]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, segment| match segment {
        Segment::Key(key) => value.get(key),
        Segment::Index(index) => value.get(index),
    })
}

/// A container's `resources` are `computeResources` in Tekton's types.
fn as_written(rest: &[Segment]) -> Vec<Segment> {
    let mut rest = rest.to_vec();
    if let Some(Segment::Key(first)) = rest.first_mut()
        && first == "resources"
    {
        "computeResources".clone_into(first);
    }
    rest
}

/// A step or sidecar with the fields a container has.
fn container(source: Value) -> Value {
    let Value::Object(mut fields) = source else {
        return source;
    };
    if let Some(resources) = fields.remove("computeResources") {
        fields.insert("resources".to_owned(), resources);
    }
    fields.retain(|key, _| !NOT_OF_A_CONTAINER.contains(&key.as_str()));
    Value::Object(fields)
}

struct Builder<'a> {
    bound: &'a BoundTask,
    request: &'a TaskRunRequest,
    containers: Vec<Value>,
    volumes: Vec<Value>,
    parts: Vec<Part>,
}

impl Builder<'_> {
    fn part(&mut self, at: &FieldPath, origin: Origin, written: Value) {
        self.parts.push(Part {
            at: at.clone(),
            origin,
            written,
        });
    }

    fn step(&mut self, index: usize) -> Result<(), Condition> {
        let mut step = self.bound.step(index, &Scope::new())?;
        step.compute_resources = step_resources(&step, self.request);
        step.name = truncated(&self.bound.container(index));
        self.container(&json!(step));
        let at = containers().index(self.containers.len() - 1);
        let spec = &self.bound.task.spec;
        let below = |key: &str| FieldPath::root().key(key);
        self.resources("stepSpecs", &at, &spec.steps[index].name);
        if let Some(Some(action)) = self.bound.task.actions.get(index) {
            let written = container(json!(action));
            self.part(&at, Origin::StepAction(index, FieldPath::root()), written);
        }
        let written = container(json!(spec.steps[index]));
        let place = below("steps").index(index);
        self.part(&at, Origin::Task(place), written);
        if let Some(template) = &spec.step_template {
            let written = container(json!(template));
            self.part(&at, Origin::Task(below("stepTemplate")), written);
        }
        self.template_env(&at);
        Ok(())
    }

    fn sidecar(&mut self, index: usize) {
        let mut sidecar = self.bound.sidecar(index);
        let name = sidecar.name.clone();
        sidecar.compute_resources = sidecar_resources(&sidecar, self.request);
        sidecar.name = truncated(&format!("sidecar-{name}"));
        self.container(&json!(sidecar));
        let at = containers().index(self.containers.len() - 1);
        self.resources("sidecarSpecs", &at, &name);
        let written = container(json!(self.bound.task.spec.sidecars[index]));
        let place = FieldPath::root().key("sidecars").index(index);
        self.part(&at, Origin::Task(place), written);
        self.template_env(&at);
    }

    /// The variables of the pod template are those of every container, and come last.
    fn container(&mut self, source: &Value) {
        let mut made = container(source.clone());
        let more = &self.request.overrides.pod_template.env;
        if !more.is_empty() {
            let env = made.get("env").and_then(Value::as_array);
            let all: Vec<Value> = env.into_iter().flatten().cloned().collect();
            let all: Vec<Value> = all
                .into_iter()
                .chain(more.iter().map(|var| json!(var)))
                .collect();
            made["env"] = json!(all);
        }
        self.containers.push(made);
    }

    fn template_env(&mut self, at: &FieldPath) {
        let env = &self.request.overrides.pod_template.env;
        if !env.is_empty() {
            let written = json!({"env": env});
            self.part(at, Origin::PodTemplate(FieldPath::root()), written);
        }
    }

    /// Resources that the TaskRun sets above those of its steps.
    fn resources(&mut self, list: &str, at: &FieldPath, name: &str) {
        let own = &self.request.overrides;
        let specs = if list == "stepSpecs" {
            &own.step_specs
        } else {
            &own.sidecar_specs
        };
        let found = specs.iter().enumerate().find(|(_, spec)| spec.name == name);
        if let Some((index, spec)) = found {
            let written = json!({"resources": spec.compute_resources});
            let place = FieldPath::root().key(list).index(index);
            self.part(at, Origin::TaskRun(place), written);
        }
        if let Some(resources) = own
            .compute_resources
            .as_ref()
            .filter(|_| list == "stepSpecs")
        {
            let written = json!({"resources": resources});
            self.part(at, Origin::TaskRun(FieldPath::root()), written);
        }
    }

    fn volume(&mut self, made: Value, origin: Origin, written: Value) {
        let at = FieldPath::root()
            .key("spec")
            .key("volumes")
            .index(self.volumes.len());
        self.volumes.push(made);
        self.part(&at, origin, written);
    }

    fn volumes(&mut self) {
        for (index, source) in self.bound.task.spec.volumes.iter().enumerate() {
            let mut volume = source.clone();
            fields::volume(&mut volume, &mut &self.bound.scope);
            let place = FieldPath::root().key("volumes").index(index);
            self.volume(json!(volume), Origin::Task(place), json!(source));
        }
        let template = &self.request.overrides.pod_template.volumes;
        for (index, volume) in template.iter().enumerate() {
            let place = FieldPath::root().key("volumes").index(index);
            self.volume(json!(volume), Origin::PodTemplate(place), json!(volume));
        }
        for workspace in &self.bound.workspaces {
            let name = workspace.declaration.name.clone();
            let mut made = json!(workspace.binding);
            if let Some(fields) = made.as_object_mut() {
                fields.remove("subPath");
                fields.remove("volumeClaimTemplate");
            }
            let written = made.clone();
            made["name"] = json!(crate::name::workspace_volume(&name));
            let origin = Origin::Workspace(name, FieldPath::root());
            self.volume(made, origin, written);
        }
    }

    fn finish(mut self) -> Pod {
        let template = &self.request.overrides.pod_template;
        let written = json!(template);
        let mut spec = written.clone();
        if let Some(fields) = spec.as_object_mut() {
            fields.remove("env");
        }
        spec["containers"] = json!(self.containers);
        spec["volumes"] = json!(self.volumes);
        let root = FieldPath::root();
        let origin = Origin::PodTemplate(root.clone());
        self.part(&root.key("spec"), origin, written);
        let metadata = json!({
            "name": crate::name::pod(&self.request.identity.name, 0),
            "labels": self.request.identity.labels,
            "annotations": self.request.identity.annotations,
        });
        let origin = Origin::Metadata(root.clone());
        self.part(&root.key("metadata"), origin, metadata.clone());
        Pod {
            value: json!({"metadata": metadata, "spec": spec}),
            parts: self.parts,
        }
    }
}

fn containers() -> FieldPath {
    FieldPath::root().key("spec").key("containers")
}

/// The resources of a step: its own and the template's, `stepSpecs` above, the task's in place of
/// all (`pkg/internal/computeresources/tasklevel`).
pub fn step_resources(step: &Step, request: &TaskRunRequest) -> ResourceRequirements {
    let own = &request.overrides.step_specs;
    let own = own.iter().find(|own| own.name == step.name);
    let merged = own.map_or_else(
        || step.compute_resources.clone(),
        |own| step.compute_resources.overridden_by(&own.compute_resources),
    );
    match &request.overrides.compute_resources {
        Some(task) => ResourceRequirements {
            limits: task.limits.clone(),
            ..merged
        },
        None => merged,
    }
}

/// The resources of a sidecar: its own, `sidecarSpecs` above.
pub fn sidecar_resources(sidecar: &Sidecar, request: &TaskRunRequest) -> ResourceRequirements {
    let own = &request.overrides.sidecar_specs;
    let own = own.iter().find(|own| own.name == sidecar.name);
    own.map_or_else(
        || sidecar.compute_resources.clone(),
        |own| {
            sidecar
                .compute_resources
                .overridden_by(&own.compute_resources)
        },
    )
}
