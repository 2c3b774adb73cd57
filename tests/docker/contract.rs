//! Docker, or what speaks its language, keeps what every engine promises.

use bollard::query_parameters::KillContainerOptions;
use tkn_local::docker::DockerEngine;
use tkn_local::sandbox::contract::{Act, Subject};

use crate::support::{docker, engine, image};

struct Real {
    engine: DockerEngine,
    image: String,
}

impl Real {
    async fn new() -> Self {
        let engine = engine().await;
        let image = image(&engine).await.id;
        Self { engine, image }
    }
}

impl Subject for Real {
    type Engine = DockerEngine;

    fn engine(&self) -> &DockerEngine {
        &self.engine
    }

    fn image(&self) -> &str {
        &self.image
    }

    fn argv(&self, program: &[Act]) -> Vec<String> {
        let line = |act: &Act| match act {
            Act::Say(text) => format!("echo '{text}'"),
            Act::Warn(text) => format!("echo '{text}' >&2"),
            Act::Sleep(time) => format!("sleep {}", time.as_secs_f64()),
            Act::IgnoreTerm => "trap '' TERM".to_owned(),
            Act::Cat(path) => format!("cat {path} || exit 1"),
            Act::Write(path, text) => format!("printf %s '{text}' >{path} || exit 1"),
            Act::Exit(code) => format!("exit {code}"),
        };
        let script = program.iter().map(line).collect::<Vec<_>>().join("\n");
        vec!["sh".to_owned(), "-c".to_owned(), script]
    }

    async fn kill_container(&self, id: &str) {
        // Podman answers with an error when the container is gone before it has looked twice.
        let docker = docker();
        drop(
            docker
                .kill_container(id, None::<KillContainerOptions>)
                .await,
        );
    }
}

tkn_local::sandbox::contract::engine_contract!(tokio::test, Real::new().await);
