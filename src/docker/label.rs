//! What everything in the engine is called and labelled.

use std::collections::HashMap;

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

/// The name of a run's sandbox container and of its volume.
pub(super) fn run_name(run: &str) -> String {
    format!("tkn-local-{run}")
}

/// The name of the volume in memory for a run's Secrets. The dot keeps it from being the name of
/// another run's volume.
pub(super) fn secrets_name(run: &str) -> String {
    format!("tkn-local.secrets-{run}")
}

/// The name of a claim's volume.
pub(super) fn claim_name(claim: &str) -> String {
    format!("tkn-local-claim-{claim}")
}

/// The labels of all that belongs to a run.
pub(super) fn of_run(run: &str, owner: &OwnerProcess) -> HashMap<String, String> {
    HashMap::from([
        (RUN.to_owned(), run.to_owned()),
        (OWNER.to_owned(), owner.to_string()),
        (PID.to_owned(), owner.pid().to_string()),
    ])
}
