//! The agent's own tests: its sources, compiled here as `build.rs` compiles them for the engine's
//! machine, so that they are linted and formatted with everything else.

#![cfg(target_os = "linux")]

#[path = "../../src/agent/main.rs"]
#[expect(
    dead_code,
    reason = "nothing here starts it: the build script's program does"
)]
#[expect(
    clippy::disallowed_methods,
    reason = "the rules about time, environment and exit are the command's"
)]
mod agent;
