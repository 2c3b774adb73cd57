//! What the engine says when it refuses, in the terms of the layers above.

use std::time::Duration;

use bollard::errors::Error;

use crate::sandbox::SandboxError;

/// Why no engine can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// An address that cannot be used.
    #[error("the engine's address {address:?} ({origin}) cannot be used: {reason}")]
    Address {
        /// The address as given.
        address: String,
        /// Where it comes from.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A context that does not exist or cannot be read.
    #[error("the Docker context {name:?} ({origin}) cannot be used: {reason}")]
    Context {
        /// Its name.
        name: String,
        /// Where it comes from.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing answers.
    #[error("cannot reach a container engine; tried {}", tried.join("; "))]
    Unreachable {
        /// Each address, where it comes from, and what happened.
        tried: Vec<String>,
    },
    /// The engine's machine cannot run the agent.
    #[error("the engine runs on {engine}, and this tkn-local carries an agent for {agent}")]
    Architecture {
        /// The engine's architecture.
        engine: String,
        /// The agent's.
        agent: String,
    },
}

impl ConnectError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Address { .. } => {
                "use an address such as unix:///var/run/docker.sock or tcp://host:2375".to_owned()
            }
            Self::Context { .. } => {
                "`docker context ls` lists the contexts; `docker context use default` restores the default"
                    .to_owned()
            }
            Self::Unreachable { .. } => {
                "start the engine (`docker info` shows whether it runs; for Podman: `systemctl \
                 --user start podman.socket`) or pass `--engine-host`"
                    .to_owned()
            }
            Self::Architecture { engine, .. } => {
                format!("build tkn-local with TKN_LOCAL_AGENT_TARGET={engine}-unknown-linux-musl")
            }
        }
    }
}

/// How long the engine may take for an answer.
const ANSWER: Duration = Duration::from_secs(120);

/// The answer of the engine, which must be whole in time.
pub(super) async fn in_time<T>(
    request: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::time::timeout(ANSWER, request)
        .await
        .unwrap_or(Err(Error::RequestTimeoutError))
}

/// What the engine said, without the client's words around it.
pub(super) fn message(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        Error::DockerStreamError { error } => error.trim().to_owned(),
        Error::RequestTimeoutError => {
            format!("the engine did not answer within {} s", ANSWER.as_secs())
        }
        // The client wraps what the connection said in layers that mean nothing to a user.
        Error::HyperLegacyError { .. } | Error::HyperResponseError { .. } => root_cause(error),
        error => with_causes(error),
    }
}

/// The innermost error, without the number the operating system gives it.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    let text = innermost.to_string();
    match text.split_once(" (os error ") {
        Some((text, _)) => text.to_lowercase(),
        None => text,
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// Whether the engine answered with this HTTP status.
pub(super) fn has_status(error: &Error, status: u16) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code, .. } if *status_code == status)
}

/// An error of the engine.
pub(super) fn engine(doing: &str) -> impl FnOnce(Error) -> SandboxError {
    let doing = doing.to_owned();
    move |error| SandboxError::Engine(format!("cannot {doing}: {}", message(&error)))
}

/// An error of a container, unless the engine did not answer at all.
pub(super) fn container(error: Error) -> SandboxError {
    if matches!(error, Error::DockerResponseServerError { .. }) {
        SandboxError::Container(message(&error))
    } else {
        engine("start a container")(error)
    }
}
