//! Which documents are ours.

use serde_json::Value;

use super::node::Node;
use crate::diagnostic::did_you_mean;
use crate::spec::{
    ConfigMap, Object, ObjectSchema, PersistentVolumeClaim, Pipeline, PipelineRun, Secret,
    ServiceAccount, StepAction, Task, TaskRun,
};

/// A kind of document this runner reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Pipeline,
    PipelineRun,
    Task,
    TaskRun,
    StepAction,
    ConfigMap,
    Secret,
    PersistentVolumeClaim,
    ServiceAccount,
}

const TEKTON: [(&str, Kind); 5] = [
    ("Pipeline", Kind::Pipeline),
    ("PipelineRun", Kind::PipelineRun),
    ("Task", Kind::Task),
    ("TaskRun", Kind::TaskRun),
    ("StepAction", Kind::StepAction),
];
const CORE: [(&str, Kind); 4] = [
    ("ConfigMap", Kind::ConfigMap),
    ("Secret", Kind::Secret),
    ("PersistentVolumeClaim", Kind::PersistentVolumeClaim),
    ("ServiceAccount", Kind::ServiceAccount),
];
const VERSIONS: [&str; 3] = ["tekton.dev/v1", "tekton.dev/v1beta1", "tekton.dev/v1alpha1"];
/// Kinds of tekton.dev that mean nothing on a laptop.
const WITHOUT_MEANING: [&str; 3] = ["CustomRun", "Run", "VerificationPolicy"];

/// Kinds that Tekton no longer has, and what to do with their documents.
const REMOVED: [(&str, &str); 3] = [
    (
        "ClusterTask",
        "Tekton removed ClusterTask: write kind: Task here, and leave out kind: ClusterTask where \
         a taskRef names it",
    ),
    (
        "PipelineResource",
        "Tekton removed PipelineResource: clone with a Task and a workspace instead, such as \
         git-clone of the catalog; give an image or URL as a param",
    ),
    (
        "Condition",
        "Tekton removed Condition: write a when expression on the task instead",
    ),
];
/// What can be said of objects that make runs, or are made into files, by other programs.
const MAKERS: [(&str, &str); 4] = [
    (
        "TriggerTemplate",
        "its runs are under spec.resourcetemplates: write one of them to a file, put values where \
         $(tt.params.NAME) stands, and run that: tkn-local run FILE",
    ),
    (
        "EventListener",
        "it makes runs of a TriggerTemplate: write that one's resource to a file and run it",
    ),
    (
        "Kustomization",
        "it names other files: kubectl kustomize DIRECTORY | tkn-local run -",
    ),
    (
        "CronJob",
        "run what it creates: the PipelineRun or TaskRun in a file of its own",
    ),
];

/// What makes a run of a document that is none.
pub(super) fn maker_hint(kind: &str) -> Option<&'static str> {
    let known = MAKERS.iter().find(|(maker, _)| *maker == kind);
    known.map(|(_, hint)| *hint)
}

/// What a document is to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Class {
    /// One to read.
    Read { kind: Kind, api_version: String },
    /// A list of documents under `items`.
    List,
    /// One that plays no part in a run.
    Ignored { kind: String, api_version: String },
    /// No object of Kubernetes at all.
    NoObject,
    /// Nearly one to read.
    Fault {
        field: &'static str,
        message: String,
        hint: Option<String>,
    },
}

/// Sorts a document by its `apiVersion` and `kind`.
pub(super) fn classify(root: &Node) -> Class {
    if root.entries().is_none() || (root.get("apiVersion").is_none() && root.get("kind").is_none())
    {
        return Class::NoObject;
    }
    match (text(root, "apiVersion"), text(root, "kind")) {
        (Ok(api_version), Ok(kind)) => by_name(api_version, kind),
        (Err(fault), _) | (_, Err(fault)) => fault,
    }
}

fn text<'a>(root: &'a Node, field: &'static str) -> Result<&'a str, Class> {
    let fault = |message: String| Class::Fault {
        field,
        message,
        hint: None,
    };
    match root.get(field) {
        Some(node) if !node.is_null() => match node.as_str() {
            Some("") => Err(fault(format!("missing field(s): {field}"))),
            Some(text) => Ok(text),
            None => Err(fault(format!(
                "{field}: invalid type: {}, expected a string",
                node.noun()
            ))),
        },
        _ => Err(fault(format!("missing field(s): {field}"))),
    }
}

fn by_name(api_version: &str, kind: &str) -> Class {
    let find = |kinds: &[(&str, Kind)]| {
        let hit = kinds.iter().find(|(name, _)| *name == kind);
        hit.map(|(_, kind)| *kind)
    };
    let read = |kind| Class::Read {
        kind,
        api_version: api_version.to_owned(),
    };
    let tekton = find(&TEKTON);
    let of_tekton = api_version == "tekton.dev" || api_version.starts_with("tekton.dev/");
    match (api_version, tekton) {
        ("v1", _) if find(&CORE).is_some() => find(&CORE).map_or(Class::NoObject, read),
        ("v1", None) if kind == "List" => Class::List,
        ("tekton.dev/v1", Some(known)) if known != Kind::StepAction => read(known),
        ("tekton.dev/v1beta1", Some(known)) => read(known),
        ("tekton.dev/v1alpha1", Some(Kind::StepAction)) => read(Kind::StepAction),
        (version, Some(known)) if of_tekton || !version.contains('/') => {
            version_fault(version, kind, known)
        }
        (_, None) if of_tekton && is_list(kind) => Class::List,
        (_, None) if of_tekton && !WITHOUT_MEANING.contains(&kind) => kind_fault(api_version, kind),
        _ => Class::Ignored {
            kind: kind.to_owned(),
            api_version: api_version.to_owned(),
        },
    }
}

fn is_list(kind: &str) -> bool {
    kind.strip_suffix("List")
        .is_some_and(|item| TEKTON.iter().any(|(name, _)| *name == item))
}

fn version_fault(version: &str, name: &str, kind: Kind) -> Class {
    if version == "tekton.dev/v1alpha1" {
        return Class::Fault {
            field: "apiVersion",
            message: format!("there is no kind {name:?} of apiVersion {version:?}"),
            hint: Some(
                "Tekton removed v1alpha1: write apiVersion: tekton.dev/v1, and see what has \
                 changed with tkn-local validate FILE"
                    .to_owned(),
            ),
        };
    }
    let right = if kind == Kind::StepAction {
        "tekton.dev/v1beta1"
    } else {
        "tekton.dev/v1"
    };
    Class::Fault {
        field: "apiVersion",
        message: format!("apiVersion {version:?} has no kind {name:?}"),
        hint: Some(format!("write apiVersion: {right}")),
    }
}

fn kind_fault(api_version: &str, kind: &str) -> Class {
    let hint = if let Some((_, hint)) = REMOVED.iter().find(|(removed, _)| *removed == kind) {
        Some((*hint).to_owned())
    } else if VERSIONS.contains(&api_version) {
        did_you_mean(kind, TEKTON.iter().map(|(name, _)| *name))
            .map(|name| format!("did you mean {name:?}?"))
    } else {
        Some("the apiVersion of Tekton is tekton.dev/v1".to_owned())
    };
    Class::Fault {
        field: "kind",
        message: format!("unknown kind {kind:?} of apiVersion {api_version:?}"),
        hint,
    }
}

impl Kind {
    /// The shape of its documents.
    pub(super) const fn schema(self) -> &'static ObjectSchema {
        match self {
            Self::Pipeline => Pipeline::SCHEMA,
            Self::PipelineRun => PipelineRun::SCHEMA,
            Self::Task => Task::SCHEMA,
            Self::TaskRun => TaskRun::SCHEMA,
            Self::StepAction => StepAction::SCHEMA,
            Self::ConfigMap => ConfigMap::SCHEMA,
            Self::Secret => Secret::SCHEMA,
            Self::PersistentVolumeClaim => PersistentVolumeClaim::SCHEMA,
            Self::ServiceAccount => ServiceAccount::SCHEMA,
        }
    }

    /// Makes the object of a value that fits the schema.
    pub(super) fn object(self, value: Value) -> Result<Object, serde_json::Error> {
        use serde_json::from_value as from;
        Ok(match self {
            Self::Pipeline => Object::Pipeline(from(value)?),
            Self::PipelineRun => Object::PipelineRun(from(value)?),
            Self::Task => Object::Task(from(value)?),
            Self::TaskRun => Object::TaskRun(from(value)?),
            Self::StepAction => Object::StepAction(from(value)?),
            Self::ConfigMap => Object::ConfigMap(from(value)?),
            Self::Secret => Object::Secret(from(value)?),
            Self::PersistentVolumeClaim => Object::PersistentVolumeClaim(from(value)?),
            Self::ServiceAccount => Object::ServiceAccount(from(value)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, Kind, classify};
    use crate::manifest::yaml;

    fn class(yaml: &str) -> Class {
        classify(&yaml::parse(yaml).remove(0).unwrap())
    }

    #[test]
    fn a_misspelt_kind_is_unknown() {
        let Class::Fault {
            field,
            message,
            hint,
        } = class("{apiVersion: tekton.dev/v1, kind: Pipelin}")
        else {
            panic!("not a fault");
        };
        assert_eq!(field, "kind");
        assert!(message.contains("unknown kind \"Pipelin\""), "{message}");
        assert_eq!(hint.as_deref(), Some("did you mean \"Pipeline\"?"));
    }

    #[test]
    fn versions_and_kinds_belong_together() {
        let read = |yaml| match class(yaml) {
            Class::Read { kind, .. } => Some(kind),
            _ => None,
        };
        assert_eq!(
            read("{apiVersion: tekton.dev/v1alpha1, kind: StepAction}"),
            Some(Kind::StepAction)
        );
        assert_eq!(read("{apiVersion: v1, kind: Secret}"), Some(Kind::Secret));
        for faulty in [
            "{apiVersion: tekton.dev/v1, kind: StepAction}",
            "{apiVersion: tekton.dev/v2, kind: Task}",
            "{apiVersion: tekton.dev, kind: Task}",
            "{apiVersion: v1, kind: Task}",
            "{apiVersion: true, kind: Task}",
            "{apiVersion: tekton.dev/v1, kind: task}",
            "{apiVersion: tekton.dev/v1beta1, kind: 42}",
            "{kind: Task}",
            "{apiVersion: tekton.dev/v1}",
            "{apiVersion: tekton.dev/v1alpha1, kind: ClusterTask}",
        ] {
            assert!(matches!(class(faulty), Class::Fault { .. }), "{faulty}");
        }
    }

    #[test]
    fn documents_of_others_are_ignored() {
        for ignored in [
            "{apiVersion: v1, kind: LimitRange}",
            "{apiVersion: apps/v1, kind: Deployment}",
            "{apiVersion: acme.io/v1, kind: Task}",
            "{apiVersion: tekton.dev/v1alpha1, kind: VerificationPolicy}",
            "{apiVersion: triggers.tekton.dev/v1beta1, kind: EventListener}",
        ] {
            assert!(matches!(class(ignored), Class::Ignored { .. }), "{ignored}");
        }
        assert_eq!(class("[a]"), Class::NoObject);
        assert_eq!(class("{services: {}}"), Class::NoObject);
        assert_eq!(class("{apiVersion: v1, kind: List}"), Class::List);
        assert_eq!(
            class("{apiVersion: tekton.dev/v1, kind: TaskList}"),
            Class::List
        );
    }
}
