//! The sandbox on a real container engine: the only code that speaks the engine's API.
//!
//! A sandbox is a container that runs the agent's `supervise`, with a volume; a step is a
//! container that runs the agent's `step` in the network of the first. All talk to the steps goes
//! over the first container's attached streams (`supervisor.rs`).

mod agent_image;
mod archive;
mod body;
mod container;
mod credential;
mod endpoint;
mod engine;
mod error;
mod files;
mod image;
mod label;
mod launch;
mod open;
mod owner;
#[path = "../agent/protocol.rs"]
#[expect(
    dead_code,
    reason = "the agent compiles this file too and uses the other half"
)]
mod protocol;
mod reader;
mod reap;
mod sandbox;
mod supervisor;
mod volume;

pub use container::{DockerContainer, DockerControl};
pub use endpoint::{Address, Endpoint, Surroundings};
pub use engine::DockerEngine;
pub use error::ConnectError;
pub use reap::{Reaped, VolumeInfo};
pub use sandbox::DockerSandbox;
