//! The engine that speaks Docker's API.

use std::path::PathBuf;

use super::engine::{Connect, Connected, EngineRequest};
use super::error::CliError;
use super::exit::ExitStatus;
use super::reaper::Reaper;
use crate::docker::{ConnectError, DockerEngine, Surroundings};

/// Finds Docker, Podman, or whatever speaks their language.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DockerConnector;

impl Connect for DockerConnector {
    type Engine = DockerEngine;

    async fn connect(&self, request: EngineRequest) -> Result<Connected<DockerEngine>, CliError> {
        let engine = DockerEngine::connect(&surroundings(request))
            .await
            .map_err(|error| unreachable_engine(&error))?;
        let endpoint = engine.endpoint();
        let name = format!(
            "{} at {} ({})",
            engine.version(),
            endpoint.address,
            endpoint.origin
        );
        let cores = engine.cores().await;
        Ok(Connected {
            engine,
            name,
            cores,
        })
    }

    fn reaper(&self, request: &EngineRequest) -> Option<Reaper> {
        let started = Reaper::start(request.host.as_deref());
        tracing::debug!(
            ?started,
            "started the process that removes what this one leaves"
        );
        started.ok()
    }
}

fn surroundings(request: EngineRequest) -> Surroundings {
    let EngineRequest { host, variables } = request;
    let variable = |name: &str| variables.get(name).cloned();
    let home = variable("HOME").map(PathBuf::from);
    Surroundings {
        engine_host: host,
        docker_host: variable("DOCKER_HOST"),
        docker_context: variable("DOCKER_CONTEXT"),
        docker_tls_verify: variable("DOCKER_TLS_VERIFY"),
        docker_cert_path: variable("DOCKER_CERT_PATH").map(PathBuf::from),
        docker_config: variable("DOCKER_CONFIG")
            .map(PathBuf::from)
            .or_else(|| Some(home.as_ref()?.join(".docker"))),
        runtime_dir: variable("XDG_RUNTIME_DIR").map(PathBuf::from),
        home,
    }
}

fn unreachable_engine(error: &ConnectError) -> CliError {
    let failure = match error {
        ConnectError::Unreachable { tried } => tried.iter().fold(
            CliError::new(ExitStatus::Engine, "cannot reach a container engine"),
            CliError::cause,
        ),
        ConnectError::Address { .. }
        | ConnectError::Context { .. }
        | ConnectError::Architecture { .. } => CliError::from_source(ExitStatus::Engine, error),
    };
    failure.hint(error.hint())
}

#[cfg(test)]
mod tests {
    use super::{EngineRequest, surroundings, unreachable_engine};
    use crate::docker::ConnectError;

    #[test]
    fn the_configuration_of_docker_is_in_the_home_unless_said_otherwise() {
        let request = |pairs: &[(&str, &str)]| EngineRequest {
            host: Some("unix:///x".to_owned()),
            variables: pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        let found = surroundings(request(&[("HOME", "/h"), ("DOCKER_HOST", "tcp://y:1")]));
        assert_eq!(found.docker_config, Some("/h/.docker".into()));
        assert_eq!(found.engine_host.as_deref(), Some("unix:///x"));
        assert_eq!(found.docker_host.as_deref(), Some("tcp://y:1"));
        let found = surroundings(request(&[("HOME", "/h"), ("DOCKER_CONFIG", "/c")]));
        assert_eq!(found.docker_config, Some("/c".into()));
    }

    #[test]
    fn every_place_that_was_tried_is_named() {
        let error = unreachable_engine(&ConnectError::Unreachable {
            tried: vec![
                "unix:///a: gone".to_owned(),
                "unix:///b: refused".to_owned(),
            ],
        });
        assert_eq!(error.causes, ["unix:///a: gone", "unix:///b: refused"]);
        assert_eq!(error.hints.len(), 1);
    }
}
