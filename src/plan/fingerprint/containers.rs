//! Steps and sidecars among the inputs.

use super::change::DIGEST_OF_IMAGE;
use super::collect::Collector;
use crate::plan::bind::BoundTask;
use crate::spec::core::{EnvFromSource, EnvVar};
use crate::spec::task::{Sidecar, Step};
use crate::substitution::Scope;

impl Collector<'_> {
    pub(crate) fn containers(&mut self, bound: &BoundTask) {
        let mut labels = Vec::new();
        for index in 0..bound.task.spec.steps.len() {
            let label = bound.step_name(index);
            let owner = format!("step {label}");
            labels.push(label);
            match bound.step(index, &Scope::new()) {
                Ok(step) => self.step(&owner, step),
                Err(error) => self.text(owner, &error.to_string()),
            }
        }
        self.text("steps", &labels.join(" "));
        for index in 0..bound.task.spec.sidecars.len() {
            self.sidecar(index, bound.sidecar(index));
        }
    }

    fn step(&mut self, owner: &str, mut step: Step) {
        step.name.clear();
        step.display_name.clear();
        step.timeout = None;
        for result in &mut step.results {
            result.description.clear();
        }
        self.image(owner, &step.image);
        self.env(owner, &std::mem::take(&mut step.env));
        self.env_from(&step.env_from);
        self.object(owner, &step);
    }

    fn sidecar(&mut self, index: usize, mut sidecar: Sidecar) {
        let owner = match std::mem::take(&mut sidecar.name) {
            name if name.is_empty() => format!("sidecar {index}"),
            name => format!("sidecar {name}"),
        };
        self.image(&owner, &sidecar.image);
        self.env(&owner, &std::mem::take(&mut sidecar.env));
        self.env_from(&sidecar.env_from);
        self.object(&owner, &sidecar);
    }

    fn image(&mut self, owner: &str, image: &str) {
        if let Some(digest) = (self.images)(image) {
            self.text(format!("{DIGEST_OF_IMAGE}{owner}"), &digest);
        }
    }

    /// Each variable by itself, and their order, which decides what one can refer to.
    pub(crate) fn env(&mut self, owner: &str, env: &[EnvVar]) {
        for var in env {
            let name = format!("env {} of {owner}", var.name);
            match &var.value_from {
                None => self.text(name, &var.value),
                Some(source) => {
                    self.json(name, source);
                    let map = source.config_map_key_ref.iter();
                    self.config_maps.extend(map.map(|key| key.name.clone()));
                    let secret = source.secret_key_ref.iter();
                    self.secrets.extend(secret.map(|key| key.name.clone()));
                }
            }
        }
        if env.len() > 1 {
            let names: Vec<&str> = env.iter().map(|var| var.name.as_str()).collect();
            self.text(format!("order of env of {owner}"), &names.join(" "));
        }
    }

    fn env_from(&mut self, env_from: &[EnvFromSource]) {
        for source in env_from {
            let map = source.config_map_ref.iter();
            self.config_maps.extend(map.map(|it| it.name.clone()));
            let secret = source.secret_ref.iter();
            self.secrets.extend(secret.map(|it| it.name.clone()));
        }
    }
}
