//! The sandbox on a real container engine: the only code that speaks the engine's API.
//!
//! A sandbox is a container that runs the agent's `supervise`, with a volume; a step is a
//! container that runs the agent's `step` in the network of the first. All talk to the steps goes
//! over the first container's attached streams (`sandbox::link`).

mod agent_image;
mod archive;
mod body;
mod credential;
mod endpoint;
mod engine;
mod error;
mod image;
mod label;
mod open;
mod owner;
mod reap;
mod sandbox;
mod volume;

pub use endpoint::{Address, Endpoint, Surroundings};
pub use engine::DockerEngine;
pub use error::ConnectError;
pub use sandbox::DockerSandbox;
