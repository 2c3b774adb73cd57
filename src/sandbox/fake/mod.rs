//! An engine without containers: it records what it is asked and plays small scripts, so that
//! whole runs can be tested in virtual time.
//!
//! A step's script is read line by line by [`script`]; see there for what it can say. Its files
//! are those of an in-memory volume, reached through the mounts of the container as a real step
//! would reach them.

mod container;
#[cfg(test)]
mod contract;
mod disk;
mod engine;
mod log;
mod script;

pub use container::{FakeContainer, FakeControl};
pub use engine::{FakeEngine, FakeSandbox};
pub use log::{Call, Log, Name, Recorded};
