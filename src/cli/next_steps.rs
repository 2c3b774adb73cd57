//! Commands to go on with after a run that did not succeed.

/// Each command and what it does, for the end of the summary of run `id`.
pub(super) fn next_steps(id: &str) -> Vec<(String, String)> {
    vec![(format!("tkn-local logs {id}"), "All logs".to_owned())]
}
