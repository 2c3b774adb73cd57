//! Builds the agent (see `src/agent`).
fn main() {}
