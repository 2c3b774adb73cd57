//! The engine and its sandboxes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::container::FakeContainer;
use super::disk::Disk;
use super::log::{Call, Log, Name};
use crate::sandbox::{
    ContainerSpec, Engine, FileOp, Image, ImageRequest, PullProgress, Sandbox, SandboxError,
    SandboxSpec, VolumePath,
};

/// An engine without containers. Clones are the same engine.
#[derive(Debug, Clone, Default)]
pub struct FakeEngine {
    log: Log,
    disk: Arc<Mutex<Disk>>,
    behaviour: Behaviour,
}

#[derive(Debug, Clone, Default)]
struct Behaviour {
    start_delay: Duration,
    pull_delay: Duration,
    missing: BTreeSet<String>,
    refused: BTreeMap<String, String>,
    images: BTreeMap<String, Image>,
    lost_after: Option<Duration>,
    clone_delay: Duration,
}

impl FakeEngine {
    /// One that knows every image and does everything at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes this long to start a container.
    #[must_use]
    pub fn start_delay(mut self, delay: Duration) -> Self {
        self.behaviour.start_delay = delay;
        self
    }

    /// Takes this long to find an image.
    #[must_use]
    pub fn pull_delay(mut self, delay: Duration) -> Self {
        self.behaviour.pull_delay = delay;
        self
    }

    /// Does not have this image.
    #[must_use]
    pub fn missing(mut self, reference: &str) -> Self {
        self.behaviour.missing.insert(reference.to_owned());
        self
    }

    /// Takes this long to copy files of an earlier run.
    #[must_use]
    pub fn clone_delay(mut self, delay: Duration) -> Self {
        self.behaviour.clone_delay = delay;
        self
    }

    /// Knows this of an image.
    #[must_use]
    pub fn image(mut self, reference: &str, image: Image) -> Self {
        self.behaviour.images.insert(reference.to_owned(), image);
        self
    }

    /// Refuses to start containers of this name.
    #[must_use]
    pub fn refuse(mut self, container: &str, why: &str) -> Self {
        let refused = &mut self.behaviour.refused;
        refused.insert(container.to_owned(), why.to_owned());
        self
    }

    /// Loses its sandboxes after this time.
    #[must_use]
    pub const fn lost_after(mut self, after: Duration) -> Self {
        self.behaviour.lost_after = Some(after);
        self
    }

    /// What it was asked.
    pub const fn log(&self) -> &Log {
        &self.log
    }
}

impl Engine for FakeEngine {
    type Sandbox = FakeSandbox;

    async fn image(
        &self,
        request: &ImageRequest,
        _progress: impl Fn(PullProgress) + Send + Sync,
    ) -> Result<Image, SandboxError> {
        self.log.add(Call::Image(request.clone()));
        tokio::time::sleep(self.behaviour.pull_delay).await;
        let reference = &request.reference;
        if self.behaviour.missing.contains(reference) {
            return Err(SandboxError::Image {
                image: reference.clone(),
                message: format!("{reference} not found"),
            });
        }
        let known = self.behaviour.images.get(reference).cloned();
        Ok(known.unwrap_or_else(|| Image {
            id: format!("id-of-{reference}"),
            digest: format!("{reference}@sha256:0"),
            ..Image::default()
        }))
    }

    async fn open(&self, spec: SandboxSpec) -> Result<FakeSandbox, SandboxError> {
        self.log.add(Call::Open(spec.clone()));
        Ok(FakeSandbox {
            engine: self.clone(),
            run: spec.run,
            opened: Instant::now(),
        })
    }
}

/// A sandbox of a fake engine.
#[derive(Debug, Clone)]
pub struct FakeSandbox {
    engine: FakeEngine,
    run: String,
    opened: Instant,
}

impl FakeSandbox {
    pub(crate) const fn log(&self) -> &Log {
        &self.engine.log
    }

    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.engine
            .disk
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sandbox for FakeSandbox {
    type Container = FakeContainer;

    async fn files(&self, ops: Vec<FileOp>) -> Result<(), SandboxError> {
        {
            let mut disk = self.disk();
            ops.iter().for_each(|op| disk.apply(&self.run, op));
        }
        self.log().add(Call::Files(ops));
        Ok(())
    }

    async fn upload(&self, from: PathBuf, to: VolumePath) -> Result<u64, SandboxError> {
        self.log().add(Call::Upload(from, to));
        Ok(0)
    }

    async fn clone_paths(
        &self,
        paths: Vec<String>,
        progress: impl Fn(u64) + Send + Sync,
    ) -> Result<u64, SandboxError> {
        self.log().add(Call::Clone(paths));
        progress(0);
        tokio::time::sleep(self.engine.behaviour.clone_delay).await;
        progress(7);
        Ok(7)
    }

    async fn start(&self, spec: ContainerSpec) -> Result<FakeContainer, SandboxError> {
        let name = Name::of(&spec);
        self.log().add(Call::Start(Box::new(spec.clone())));
        tokio::time::sleep(self.engine.behaviour.start_delay).await;
        if let Some(why) = self.engine.behaviour.refused.get(&spec.container) {
            return Err(SandboxError::Container(why.clone()));
        }
        self.log().add(Call::Ready(name));
        Ok(FakeContainer::new(self.clone(), spec))
    }

    async fn lost(&self) -> String {
        match self.engine.behaviour.lost_after {
            Some(after) => tokio::time::sleep_until(self.opened + after).await,
            None => std::future::pending().await,
        }
        "the sandbox no longer exists".to_owned()
    }

    async fn close(&self, keep_volume: bool) -> Result<(), SandboxError> {
        self.log().add(Call::Close(keep_volume));
        if !keep_volume {
            self.disk().drop_volume(&self.run);
        }
        Ok(())
    }
}
