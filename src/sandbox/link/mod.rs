//! The command's half of the agent protocol, for every engine.
//!
//! In: the two streams of a supervisor that an engine has started ([`Incoming`] and a writer).
//! Out: a [`Supervisor`] to ask for files and copies, and an [`AgentContainer`] for each container
//! whose agent connects. The other half is `src/agent`; both compile `protocol.rs`. How a container
//! or a supervisor is created is the engine's business and never decided here.

mod container;
mod files;
mod program;
#[path = "../../agent/protocol.rs"]
#[expect(
    dead_code,
    reason = "the agent compiles this file too and uses the other half"
)]
mod protocol;
mod reader;
mod supervisor;
mod watchdog;

pub use container::{AgentContainer, AgentControl, PendingContainer};
pub(crate) use protocol::{
    AGENT_DIRECTORY, AGENT_FILE, Attachment, FileOperation, PLACEHOLDER, RUN_ROOT,
    SOCKET_DIRECTORY, SOCKETS, SOURCE_ROOT,
};
pub use reader::{Incoming, Piece};
pub use supervisor::Supervisor;
pub(crate) use supervisor::VolumePaths;
pub use watchdog::EngineContainer;
