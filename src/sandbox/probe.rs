//! Checks of a container.

/// A check of a container that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// A command in the container must end with status 0.
    Exec(Vec<String>),
    /// A GET must answer with a status from 200 to 399.
    Http {
        /// Host, `127.0.0.1` by default.
        host: String,
        /// Port.
        port: u16,
        /// Path and query.
        path: String,
        /// Headers.
        headers: Vec<(String, String)>,
    },
    /// A connection must be accepted.
    Tcp {
        /// Host, `127.0.0.1` by default.
        host: String,
        /// Port.
        port: u16,
    },
}
