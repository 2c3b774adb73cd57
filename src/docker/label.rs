//! What everything in the engine is called and labelled.

use std::collections::{BTreeMap, HashMap};

use super::owner::OwnerProcess;

/// The run a container or volume belongs to.
pub(super) const RUN: &str = "dev.tekton.local/run";
/// The process it belongs to: see [`OwnerProcess`].
pub(super) const OWNER: &str = "dev.tekton.local/owner";
/// The process id in the above, for people.
pub(super) const PID: &str = "dev.tekton.local/pid";
/// The run whose Secrets a volume holds in memory.
pub(super) const SECRETS: &str = "dev.tekton.local/secrets";
/// The claim a volume is for.
pub(super) const CLAIM: &str = "dev.tekton.local/claim";
/// The version of the agent that a volume holds.
pub(super) const AGENT: &str = "dev.tekton.local/agent";
/// A random text that tells whether a volume was made or was there.
pub(super) const MADE: &str = "dev.tekton.local/made";

/// The state directory that records the run of a volume.
pub(super) const STATE_DIR: &str = "dev.tekton.local/state-dir";
/// What the keys of all labels of tkn-local begin with.
const PREFIX: &str = "dev.tekton.local/";

/// The name of a run's sandbox container and of its volume. No name of a claim is like it.
pub(super) fn run_name(run: &str) -> String {
    format!("tkn-local-run-{run}")
}

/// The name of the volume in memory for a run's Secrets. The dot keeps it from being the name of
/// another run's volume.
pub(super) fn secrets_name(run: &str) -> String {
    format!("tkn-local.secrets-{run}")
}

/// The name of a claim's volume. No name of a run is like it.
pub(super) fn claim_name(claim: &str) -> String {
    format!("tkn-local-claim-{claim}")
}

/// The name of a step's or sidecar's container, whose number is unique in its sandbox. Kubernetes
/// allows no underscore in names, so that no run is called so.
pub(super) fn container_name(run: &str, number: u32, container: &str) -> String {
    format!("{}_{number}_{container}", run_name(run))
}

/// The labels of a document without those that only tkn-local gives: with a forged owner, what a
/// killed command leaves would never be removed.
pub(super) fn of_document(labels: &BTreeMap<String, String>) -> HashMap<String, String> {
    let labels = labels.iter();
    labels
        .filter(|(key, _)| !key.starts_with(PREFIX))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The labels of all that belongs to a run.
pub(super) fn of_run(run: &str, owner: &OwnerProcess) -> HashMap<String, String> {
    HashMap::from([
        (RUN.to_owned(), run.to_owned()),
        (OWNER.to_owned(), owner.to_string()),
        (PID.to_owned(), owner.pid().to_string()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_things_have_one_name() {
        assert_ne!(run_name("claim-x"), claim_name("x"));
        assert_ne!(run_name("x-1-step-a"), container_name("x", 1, "step-a"));
        assert_ne!(run_name("run-x"), run_name("x"));
    }

    #[test]
    fn a_document_cannot_give_labels_of_ours() {
        let given = BTreeMap::from([OWNER, RUN, "dev.tekton.local/new", "app"].map(|key| {
            let value = "forged".to_owned();
            (key.to_owned(), value)
        }));
        let kept: Vec<String> = of_document(&given).into_keys().collect();
        assert_eq!(kept, ["app"]);
    }
}
