//! References that lead nowhere.

/// A reference that leads nowhere. Displays as the part of Tekton's message that says so; the hint
/// says how to supply what is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No object of this kind and name is in the given files.
    #[error("{}s.tekton.dev \"{name}\" not found in the given files", .kind.to_lowercase())]
    NotFound {
        /// `Pipeline`, `Task` or `StepAction`.
        kind: &'static str,
        /// `metadata.name`.
        name: String,
        /// A name that is close.
        near: Option<String>,
    },
    /// Only other namespaces have an object of this kind and name.
    #[error("{}s.tekton.dev \"{name}\" not found in the given files", .kind.to_lowercase())]
    OtherNamespace {
        /// `Pipeline`, `Task` or `StepAction`.
        kind: &'static str,
        /// `metadata.name`.
        name: String,
        /// Those that have one.
        namespaces: Vec<String>,
    },
    /// The file given for a remote reference holds no object of this kind.
    #[error("{key} is wanted as a {kind}, and {file} holds {}", listed(.held))]
    WrongKind {
        /// `Pipeline`, `Task` or `StepAction`.
        kind: &'static str,
        /// How `--resolve` spells the reference.
        key: String,
        /// The file, as it was named.
        file: String,
        /// What it holds: `Task "a"`.
        held: Vec<String>,
    },
    /// No file is given for a remote reference.
    #[error("references of the {resolver} resolver are not fetched")]
    Remote {
        /// `Pipeline`, `Task` or `StepAction`.
        kind: &'static str,
        /// The resolver.
        resolver: String,
        /// How `--resolve` spells the reference.
        key: String,
    },
    /// A run with neither `pipelineRef` nor `pipelineSpec`.
    #[error("neither pipelineRef nor pipelineSpec is given")]
    NoPipeline,
    /// The StepAction of a step.
    #[error("failed to resolve step ref for step \"{step}\" (index {index}): {error}")]
    StepAction {
        /// The step's name.
        step: String,
        /// Its place in the Task.
        index: usize,
        /// The Task; `None` for one written in place.
        task: Option<String>,
        /// Why.
        error: Box<Self>,
    },
}

fn listed(held: &[String]) -> String {
    if held.is_empty() {
        "nothing".to_owned()
    } else {
        held.join(", ")
    }
}

impl ResolveError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NotFound {
                near: Some(near), ..
            } => format!("did you mean \"{near}\"?"),
            Self::NotFound { near: None, .. } => {
                "give the file or directory that holds it as well".to_owned()
            }
            Self::OtherNamespace { namespaces, .. } => format!(
                "it is in namespace {}; remove its metadata.namespace, or set that of the run",
                namespaces.join(", ")
            ),
            Self::WrongKind { kind, key, .. } => {
                format!("give a file with a {kind}: --resolve '{key}=FILE'")
            }
            Self::Remote { kind, key, .. } => {
                format!("give a file with the {kind}: --resolve '{key}=FILE'")
            }
            Self::NoPipeline => "give one of them".to_owned(),
            Self::StepAction { error, .. } => error.hint(),
        }
    }
}
