//! The objects that can be referred to.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::ResolveError;
use crate::diagnostic::did_you_mean;
use crate::name::nearest_namespace;
use crate::spec::core::{ConfigMap, Secret, ServiceAccount};
use crate::spec::param::{Param, ParamValue};
use crate::spec::pipeline::Pipeline;
use crate::spec::task::{StepAction, Task};
use crate::spec::{Object, ObjectMeta};

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

    /// The name of what is looked for in the files.
    pub fn local_name(&self) -> &str {
        match self.resolver {
            "cluster" => self.param("name").unwrap_or_default(),
            _ => self.name,
        }
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

/// The objects of one kind, by name; those of one name in several namespaces stand in the order of
/// the input.
#[derive(Debug, Clone)]
struct Shelf<T>(Arc<BTreeMap<String, SameName<T>>>);

/// The objects of one name, each with its namespace.
type SameName<T> = Vec<(String, Arc<T>)>;

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Shelf<T> {
    /// Adds an object; one of the same name and namespace that is there stays.
    fn add(&mut self, metadata: &ObjectMeta, object: &T) {
        let known = Arc::make_mut(&mut self.0);
        let same = known.entry(metadata.name.clone()).or_default();
        if !same
            .iter()
            .any(|(namespace, _)| *namespace == metadata.namespace)
        {
            same.push((metadata.namespace.clone(), Arc::new(object.clone())));
        }
    }

    /// What a name means in a namespace.
    fn get(&self, namespace: &str, name: &str) -> Option<&Arc<T>> {
        let same = self.0.get(name)?;
        let namespaces = same.iter().map(|(namespace, _)| namespace.as_str());
        let nearest = nearest_namespace(namespace, namespaces)?;
        same.get(nearest).map(|(_, object)| object)
    }

    /// The objects of this name in all namespaces, to change; a new one where there is none.
    fn all_mut(&mut self, name: &str) -> impl Iterator<Item = &mut T>
    where
        T: Default,
    {
        let same = Arc::make_mut(&mut self.0)
            .entry(name.to_owned())
            .or_default();
        if same.is_empty() {
            same.push((String::new(), Arc::default()));
        }
        same.iter_mut().map(|(_, object)| Arc::make_mut(object))
    }

    /// The namespaces that have an object of this name.
    fn namespaces(&self, name: &str) -> Vec<&str> {
        let same = self.0.get(name).into_iter().flatten();
        same.map(|(namespace, _)| namespace.as_str()).collect()
    }
}

/// Everything the input offers to be referred to from one namespace, by kind and name.
#[derive(Debug, Clone, Default)]
pub struct Library {
    /// Where it is referred from; empty where that is not said.
    namespace: String,
    pipelines: Shelf<Pipeline>,
    tasks: Shelf<Task>,
    step_actions: Shelf<StepAction>,
    config_maps: Shelf<ConfigMap>,
    secrets: Shelf<Secret>,
    service_accounts: Shelf<ServiceAccount>,
    served: Arc<BTreeMap<String, Served>>,
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
    /// Takes the objects of the input. The first of a name and namespace stays.
    pub fn new<'a>(objects: impl IntoIterator<Item = &'a Object>) -> Self {
        let mut library = Self::default();
        for object in objects {
            library.add(object);
        }
        library
    }

    /// The same objects, seen from a namespace.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            ..self.clone()
        }
    }

    /// Adds an object; one of the same kind, name and namespace that is there stays.
    pub fn add(&mut self, object: &Object) {
        let metadata = object.metadata();
        match object {
            Object::Pipeline(it) => self.pipelines.add(metadata, it),
            Object::Task(it) => self.tasks.add(metadata, it),
            Object::StepAction(it) => self.step_actions.add(metadata, it),
            Object::ConfigMap(it) => self.config_maps.add(metadata, it),
            Object::Secret(it) => self.secrets.add(metadata, it),
            Object::ServiceAccount(it) => self.service_accounts.add(metadata, it),
            // A claim is a volume of the engine, whatever its document says.
            Object::PersistentVolumeClaim(_) | Object::PipelineRun(_) | Object::TaskRun(_) => {}
        }
    }

    /// Serves a remote reference from what is in a file: `--resolve KIND:REF=FILE`.
    pub fn serve(&mut self, key: &str, file: &str, objects: Vec<Object>) {
        let file = file.to_owned();
        let served = Arc::make_mut(&mut self.served);
        served.insert(key.to_owned(), Served { file, objects });
    }

    /// A ConfigMap.
    pub fn config_map(&self, name: &str) -> Option<&Arc<ConfigMap>> {
        self.config_maps.get(&self.namespace, name)
    }

    /// A Secret.
    pub fn secret(&self, name: &str) -> Option<&Arc<Secret>> {
        self.secrets.get(&self.namespace, name)
    }

    /// Every Secret, by name.
    pub fn secrets(&self) -> impl Iterator<Item = &Arc<Secret>> {
        let names = self.secrets.0.keys();
        names.filter_map(|name| self.secret(name))
    }

    /// Whether there is a Secret.
    pub fn has_secrets(&self) -> bool {
        !self.secrets.0.is_empty()
    }

    /// The names of the Secrets.
    pub fn secret_names(&self) -> impl Iterator<Item = &str> {
        self.secrets.0.keys().map(String::as_str)
    }

    /// The names of the ConfigMaps.
    pub fn config_map_names(&self) -> impl Iterator<Item = &str> {
        self.config_maps.0.keys().map(String::as_str)
    }

    /// Gives a key of a Secret a value, and makes the Secret if there is none of that name.
    pub fn set_secret_value(&mut self, name: &str, key: &str, value: &[u8]) {
        for secret in self.secrets.all_mut(name) {
            name.clone_into(&mut secret.metadata.name);
            secret.string_data.remove(key);
            secret.data.insert(key.to_owned(), STANDARD.encode(value));
        }
    }

    /// The same for a ConfigMap.
    pub fn set_config_map_value(&mut self, name: &str, key: &str, value: &[u8]) {
        for map in self.config_maps.all_mut(name) {
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
    }

    /// A ServiceAccount.
    pub fn service_account(&self, name: &str) -> Option<&Arc<ServiceAccount>> {
        self.service_accounts.get(&self.namespace, name)
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

    fn find<T: Clone>(
        &self,
        kind: &'static str,
        reference: Reference<'_>,
        local: &Shelf<T>,
        of_kind: impl Fn(&Object) -> Option<Arc<T>>,
    ) -> Result<Arc<T>, ResolveError> {
        let local_of = |namespace: &str, name: &str| {
            let found = local.get(namespace, name).cloned();
            found.ok_or_else(|| absent(kind, name, local))
        };
        match reference.resolver {
            "" => local_of(&self.namespace, reference.name),
            resolver => {
                if let Some(served) = self.served.get(&reference.key()) {
                    let found = served.objects.iter().find_map(of_kind);
                    return found.ok_or_else(|| unfit(kind, reference, served));
                }
                if resolver != "cluster" {
                    return Err(remote(kind, reference));
                }
                let namespace = reference.param("namespace").unwrap_or(&self.namespace);
                local_of(namespace, reference.param("name").unwrap_or_default())
            }
        }
    }
}

fn absent<T: Clone>(kind: &'static str, name: &str, known: &Shelf<T>) -> ResolveError {
    let namespaces = known.namespaces(name);
    if !namespaces.is_empty() {
        return ResolveError::OtherNamespace {
            kind,
            name: name.to_owned(),
            namespaces: namespaces.into_iter().map(str::to_owned).collect(),
        };
    }
    ResolveError::NotFound {
        kind,
        name: name.to_owned(),
        near: did_you_mean(name, known.0.keys().map(String::as_str)).map(str::to_owned),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Library, Reference};
    use crate::spec::{ConfigMap, Object, Task};

    fn task(namespace: &str) -> Object {
        let object = json!({
            "metadata": {"name": "t", "namespace": namespace},
            "spec": {"description": namespace},
        });
        Object::Task(Box::new(serde_json::from_value::<Task>(object).unwrap()))
    }

    fn found(library: &Library, resolver: &str, namespace: Option<&str>) -> Result<String, String> {
        let mut params = vec![json!({"name": "name", "value": "t"})];
        params.extend(namespace.map(|name| json!({"name": "namespace", "value": name})));
        let params: Vec<_> = params
            .into_iter()
            .map(|param| serde_json::from_value(param).unwrap())
            .collect();
        let reference = Reference {
            name: "t",
            resolver,
            params: &params,
        };
        let task = library.task(reference).map_err(|error| error.hint())?;
        Ok(task.spec.description.clone())
    }

    #[test]
    fn one_name_in_two_namespaces_is_two_tasks() {
        let library = Library::new(&[task("dev"), task("prod")]);
        let of = |namespace: &str| found(&library.in_namespace(namespace), "", None);
        assert_eq!(of("prod"), Ok("prod".to_owned()));
        assert_eq!(of("dev"), Ok("dev".to_owned()));
        assert_eq!(of("default"), Ok("dev".to_owned()));
        let message = of("test").unwrap_err();
        assert!(
            message.contains("it is in namespace dev, prod"),
            "{message}"
        );
        let in_prod = library.in_namespace("prod");
        assert_eq!(
            found(&in_prod, "cluster", Some("dev")),
            Ok("dev".to_owned())
        );
        assert_eq!(found(&in_prod, "cluster", None), Ok("prod".to_owned()));
    }

    #[test]
    fn config_maps_have_namespaces_too() {
        let map = |namespace: &str| {
            let object = json!({
                "metadata": {"name": "c", "namespace": namespace},
                "data": {"of": namespace},
            });
            Object::ConfigMap(Box::new(
                serde_json::from_value::<ConfigMap>(object).unwrap(),
            ))
        };
        let library = Library::new(&[map("dev"), map("prod")]);
        let of = |namespace: &str| {
            let library = library.in_namespace(namespace);
            library
                .config_map("c")
                .map(|map| map.metadata.namespace.clone())
        };
        assert_eq!(of("prod").as_deref(), Some("prod"));
        assert_eq!(of("other"), None);
    }
}
