//! Why a sandbox could not do what it was asked.

/// Why the sandbox could not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SandboxError {
    /// The engine does not answer, or the sandbox no longer exists.
    #[error("{0}")]
    Engine(String),
    /// An image is not there and cannot be had.
    #[error("{message}")]
    Image {
        /// The reference asked for.
        image: String,
        /// What the engine said.
        message: String,
    },
    /// The engine refuses to start this container: its fault, not the engine's.
    #[error("{0}")]
    Container(String),
    /// A container was lost while it waited to be released: its program never started, and another
    /// container can do the same.
    #[error("the container was killed or removed from outside before its program started")]
    LostWaiting,
    /// A file could not be made.
    #[error("{0}")]
    File(String),
}
