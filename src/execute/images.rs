//! The images of a run: mapped, and looked up once each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use regex::Regex;
use tokio::sync::OnceCell;

use crate::sandbox::{Engine, Image, ImageRequest, PullPolicy, PullProgress, SandboxError};

/// How references in the YAML become images.
#[derive(Debug, Clone, Default)]
pub struct ImageRules {
    /// Patterns on the requested reference and the image to use instead; the first match wins.
    pub map: Vec<(Regex, String)>,
    /// Overrides the policy of every step.
    pub pull: Option<PullPolicy>,
}

impl ImageRules {
    /// What to ask the engine for.
    pub fn request(&self, requested: &str, policy: &str, pull_secrets: &[Vec<u8>]) -> ImageRequest {
        let mapped = self
            .map
            .iter()
            .find(|(pattern, _)| pattern.is_match(requested));
        let own = match policy {
            "Always" => PullPolicy::Always,
            "Never" => PullPolicy::Never,
            _ => PullPolicy::Missing,
        };
        ImageRequest {
            requested: requested.to_owned(),
            reference: mapped.map_or_else(|| requested.to_owned(), |(_, image)| image.clone()),
            pull: self.pull.unwrap_or(own),
            pull_secrets: pull_secrets.to_vec(),
        }
    }
}

type Slot = Arc<OnceCell<Result<Image, SandboxError>>>;

/// Who does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silent {
    /// The engine.
    Engine,
    /// The sandbox of the run, while the engine does.
    Sandbox,
}

/// How far something is that takes a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// An image is pulled.
    Pull(PullProgress),
    /// So many bytes of an earlier run's files have been copied.
    Copy(u64),
    /// Nothing has been heard for so long.
    Silent(Silent, Duration),
    /// What was silent for so long has answered.
    Answered(Duration),
}

/// Takes how far it is.
pub type Progress = Arc<dyn Fn(Waiting) + Send + Sync>;

/// Looks images up, each reference once.
#[derive(Clone)]
pub struct Images<E> {
    engine: E,
    rules: Arc<ImageRules>,
    progress: Progress,
    slots: Arc<Mutex<HashMap<(String, String), Slot>>>,
}

impl<E: Engine> Images<E> {
    /// Looks up with this engine.
    pub fn new(engine: E, rules: ImageRules, progress: Progress) -> Self {
        Self {
            engine,
            rules: Arc::new(rules),
            progress,
            slots: Arc::default(),
        }
    }

    /// The image a container asks for.
    pub async fn get(
        &self,
        requested: &str,
        policy: &str,
        pull_secrets: &[Vec<u8>],
    ) -> Result<Image, SandboxError> {
        let request = self.rules.request(requested, policy, pull_secrets);
        let key = (request.reference.clone(), format!("{:?}", request.pull));
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(key).or_default())
        };
        let progress = Arc::clone(&self.progress);
        let found = slot.get_or_init(|| {
            self.engine
                .image(&request, move |state| progress(Waiting::Pull(state)))
        });
        let mut image = found.await.clone()?;
        // The digest of a substitute would be taken for that of the original.
        if request.reference != requested {
            requested.clone_into(&mut image.digest);
        }
        Ok(image)
    }

    /// The digest of an image that has been looked up, by the reference in the YAML.
    pub fn known_digest(&self, requested: &str) -> Option<String> {
        let request = self.rules.request(requested, "", &[]);
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots
            .iter()
            .filter(|((reference, _), _)| *reference == request.reference)
            .find_map(|(_, slot)| slot.get()?.as_ref().ok().map(|image| image.id.clone()))
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::ImageRules;
    use crate::sandbox::PullPolicy;

    #[test]
    fn the_first_pattern_that_matches_wins() {
        let rules = ImageRules {
            map: vec![
                (Regex::new("(^|/)alpine(:|$)").unwrap(), "busybox".into()),
                (Regex::new(".*").unwrap(), "debian".into()),
            ],
            pull: None,
        };
        assert_eq!(
            rules
                .request("docker.io/library/alpine:3", "", &[])
                .reference,
            "busybox"
        );
        assert_eq!(rules.request("golang", "Always", &[]).reference, "debian");
        assert_eq!(
            rules.request("golang", "Always", &[]).pull,
            PullPolicy::Always
        );
        assert_eq!(
            ImageRules::default().request("a/b", "Never", &[]).pull,
            PullPolicy::Never
        );
    }
}
