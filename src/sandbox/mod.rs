//! The sandbox a run executes in, as the executor sees it and every engine implements it.
//!
//! An [`Engine`] knows images, keeps the volumes of runs and opens [`Sandbox`]es over them; a
//! sandbox makes files and starts [`Container`]s; a container waits until it is released, runs one program and reports. In here are
//! the traits, the data they take and give, the client of the agent protocol ([`link`]), an
//! engine without containers for tests ([`fake`]) and the suite that every engine passes ([`contract`]). Nothing here names a real engine, a task or a
//! pipeline.

#[doc(hidden)]
pub mod contract;
mod error;
#[doc(hidden)]
pub mod fake;
mod file_op;
mod image;
pub mod link;
mod probe;
mod program;
mod spec;
mod traits;
mod volume;

pub use error::SandboxError;
pub use file_op::{FileOp, FileOwner};
pub use image::{Image, ImageRequest, PullPolicy, PullProgress};
pub use probe::Probe;
pub use program::{Credential, Exit, Launch, Outcome, Output, OutputSender, Pauses, WantedFile};
pub use spec::{ContainerSpec, SandboxSpec};
pub use traits::{Container, Control, Engine, Sandbox};
pub use volume::{Mount, MountSource, VolumeInfo, VolumeOwner, VolumePath};
