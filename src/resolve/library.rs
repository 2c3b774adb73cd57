//! The objects that can be referred to.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::ResolveError;
use crate::diagnostic::did_you_mean;
use crate::spec::Object;
use crate::spec::core::{ConfigMap, Secret, ServiceAccount};
use crate::spec::param::{Param, ParamValue};
use crate::spec::pipeline::Pipeline;
use crate::spec::task::{StepAction, Task};

/// A reference to a Task, Pipeline or StepAction, whichever way it is written.
#[derive(Debug, Clone, Copy)]
pub struct Reference<'a> {
    /// `metadata.name` of the object, without a resolver.
    pub name: &'a str,
    /// The resolver; empty for none.
    pub resolver: &'a str,
    /// The resolver's parameters.
    pub params: &'a [Param],
}

impl Reference<'_> {
    fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|param| param.name == name)
            .and_then(|param| param.value.as_str())
    }

    /// How `--resolve` spells it: `<resolver>:<the parameter that says what>`.
    pub fn key(&self) -> String {
        let what = match self.resolver {
            "git" => self.param("pathInRepo"),
            "http" => self.param("url"),
            "bundles" | "hub" | "cluster" => self.param("name"),
            _ => None,
        };
        let what = what.or_else(|| self.params.first().and_then(|param| param.value.as_str()));
        format!("{}:{}", self.resolver, what.unwrap_or(self.name))
    }
}

/// Everything the input offers to be referred to, by kind and name.
#[derive(Debug, Clone, Default)]
pub struct Library {
    pipelines: BTreeMap<String, Arc<Pipeline>>,
    tasks: BTreeMap<String, Arc<Task>>,
    step_actions: BTreeMap<String, Arc<StepAction>>,
    config_maps: BTreeMap<String, Arc<ConfigMap>>,
    secrets: BTreeMap<String, Arc<Secret>>,
    service_accounts: BTreeMap<String, Arc<ServiceAccount>>,
    served: BTreeMap<String, Served>,
}

/// What stands for a remote reference.
#[derive(Debug, Clone)]
struct Served {
    /// The file, as it was named.
    file: String,
    /// What is in it.
    objects: Vec<Object>,
}

impl Library {
    /// Takes the objects of the input. The first of a name stays.
    pub fn new<'a>(objects: impl IntoIterator<Item = &'a Object>) -> Self {
        let mut library = Self::default();
        for object in objects {
            library.add(object);
        }
        library
    }

    /// Adds an object; one of the same kind and name that is there stays.
    pub fn add(&mut self, object: &Object) {
        let name = object.metadata().name.clone();
        match object {
            Object::Pipeline(it) => keep(&mut self.pipelines, name, it),
            Object::Task(it) => keep(&mut self.tasks, name, it),
            Object::StepAction(it) => keep(&mut self.step_actions, name, it),
            Object::ConfigMap(it) => keep(&mut self.config_maps, name, it),
            Object::Secret(it) => keep(&mut self.secrets, name, it),
            Object::ServiceAccount(it) => keep(&mut self.service_accounts, name, it),
            // A claim is a volume of the engine, whatever its document says.
            Object::PersistentVolumeClaim(_) | Object::PipelineRun(_) | Object::TaskRun(_) => {}
        }
    }

    /// Serves a remote reference from what is in a file: `--resolve KIND:REF=FILE`.
    pub fn serve(&mut self, key: &str, file: &str, objects: Vec<Object>) {
        let file = file.to_owned();
        self.served.insert(key.to_owned(), Served { file, objects });
    }

    /// A ConfigMap.
    pub fn config_map(&self, name: &str) -> Option<&Arc<ConfigMap>> {
        self.config_maps.get(name)
    }

    /// A Secret.
    pub fn secret(&self, name: &str) -> Option<&Arc<Secret>> {
        self.secrets.get(name)
    }

    /// Every Secret, by name.
    pub fn secrets(&self) -> impl Iterator<Item = &Arc<Secret>> {
        self.secrets.values()
    }

    /// Whether there is a Secret.
    pub fn has_secrets(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// The names of the Secrets.
    pub fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.secrets.keys().map(String::as_str)
    }

    /// The names of the ConfigMaps.
    pub fn config_map_names(&self) -> impl Iterator<Item = &str> {
        self.config_maps.keys().map(String::as_str)
    }

    /// Gives a key of a Secret a value, and makes the Secret if there is none of that name.
    pub fn set_secret_value(&mut self, name: &str, key: &str, value: &[u8]) {
        let secret = self.secrets.entry(name.to_owned()).or_default();
        let secret = Arc::make_mut(secret);
        name.clone_into(&mut secret.metadata.name);
        secret.string_data.remove(key);
        secret.data.insert(key.to_owned(), STANDARD.encode(value));
    }

    /// The same for a ConfigMap.
    pub fn set_config_map_value(&mut self, name: &str, key: &str, value: &[u8]) {
        let map = self.config_maps.entry(name.to_owned()).or_default();
        let map = Arc::make_mut(map);
        name.clone_into(&mut map.metadata.name);
        map.data.remove(key);
        map.binary_data.remove(key);
        match std::str::from_utf8(value) {
            Ok(text) => map.data.insert(key.to_owned(), text.to_owned()),
            Err(_) => map
                .binary_data
                .insert(key.to_owned(), STANDARD.encode(value)),
        };
    }

    /// A ServiceAccount.
    pub fn service_account(&self, name: &str) -> Option<&Arc<ServiceAccount>> {
        self.service_accounts.get(name)
    }

    /// The Pipeline a reference means.
    pub fn pipeline(&self, reference: Reference<'_>) -> Result<Arc<Pipeline>, ResolveError> {
        self.find(
            "Pipeline",
            reference,
            &self.pipelines,
            |object| match object {
                Object::Pipeline(it) => Some(Arc::new((**it).clone())),
                _ => None,
            },
        )
    }

    /// The Task a reference means.
    pub fn task(&self, reference: Reference<'_>) -> Result<Arc<Task>, ResolveError> {
        self.find("Task", reference, &self.tasks, |object| match object {
            Object::Task(it) => Some(Arc::new((**it).clone())),
            _ => None,
        })
    }

    /// The StepAction a reference means.
    pub fn step_action(&self, reference: Reference<'_>) -> Result<Arc<StepAction>, ResolveError> {
        self.find(
            "StepAction",
            reference,
            &self.step_actions,
            |object| match object {
                Object::StepAction(it) => Some(Arc::new((**it).clone())),
                _ => None,
            },
        )
    }

    fn find<T>(
        &self,
        kind: &'static str,
        reference: Reference<'_>,
        local: &BTreeMap<String, Arc<T>>,
        of_kind: impl Fn(&Object) -> Option<Arc<T>>,
    ) -> Result<Arc<T>, ResolveError> {
        match reference.resolver {
            "" => local
                .get(reference.name)
                .cloned()
                .ok_or_else(|| absent(kind, reference.name, local.keys())),
            resolver => {
                if let Some(served) = self.served.get(&reference.key()) {
                    let found = served.objects.iter().find_map(of_kind);
                    return found.ok_or_else(|| unfit(kind, reference, served));
                }
                if resolver != "cluster" {
                    return Err(remote(kind, reference));
                }
                let name = reference.param("name").unwrap_or_default();
                local
                    .get(name)
                    .cloned()
                    .ok_or_else(|| absent(kind, name, local.keys()))
            }
        }
    }
}

fn keep<T: Clone>(known: &mut BTreeMap<String, Arc<T>>, name: String, object: &T) {
    known
        .entry(name)
        .or_insert_with(|| Arc::new(object.clone()));
}

fn absent<'a>(
    kind: &'static str,
    name: &str,
    known: impl Iterator<Item = &'a String>,
) -> ResolveError {
    ResolveError::NotFound {
        kind,
        name: name.to_owned(),
        near: did_you_mean(name, known.map(String::as_str)).map(str::to_owned),
    }
}

/// A file that was given for a reference and does not hold what is referred to.
fn unfit(kind: &'static str, reference: Reference<'_>, served: &Served) -> ResolveError {
    let objects = served.objects.iter();
    ResolveError::WrongKind {
        kind,
        key: reference.key(),
        file: served.file.clone(),
        held: objects
            .map(|object| format!("{} \"{}\"", object.kind(), object.metadata().name))
            .collect(),
    }
}

fn remote(kind: &'static str, reference: Reference<'_>) -> ResolveError {
    ResolveError::Remote {
        kind,
        resolver: reference.resolver.to_owned(),
        key: reference.key(),
    }
}

/// The reference `resolver: http` and a `url`, for a name that is a URL.
pub(super) fn concise_params(url: &str) -> Vec<Param> {
    vec![Param {
        name: "url".to_owned(),
        value: ParamValue::from(url),
    }]
}
