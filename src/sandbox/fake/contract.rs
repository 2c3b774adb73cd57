//! The fake keeps what every engine promises.

use super::FakeEngine;
use crate::sandbox::contract::{Act, Subject};

struct Fake(FakeEngine);

impl Subject for Fake {
    type Engine = FakeEngine;

    fn engine(&self) -> &FakeEngine {
        &self.0
    }

    fn image(&self) -> &'static str {
        "any"
    }

    fn argv(&self, program: &[Act]) -> Vec<String> {
        let line = |act: &Act| match act {
            Act::Say(text) => format!("echo {text}"),
            Act::Warn(text) => format!("warn {text}"),
            Act::Sleep(time) => format!("sleep {}", time.as_secs_f64()),
            Act::IgnoreTerm => "ignore-term".to_owned(),
            Act::Cat(path) => format!("cat {path}"),
            Act::Write(path, text) => format!("write {path} {text}"),
            Act::Exit(code) => format!("exit {code}"),
        };
        vec![program.iter().map(line).collect::<Vec<_>>().join("\n")]
    }

    async fn kill_container(&self, id: &str) {
        self.0.kill_container(id);
    }
}

crate::sandbox::contract::engine_contract!(
    tokio::test(start_paused = true),
    Fake(FakeEngine::new())
);
