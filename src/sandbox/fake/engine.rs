//! The engine and its sandboxes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::container::FakeContainer;
use super::disk::Disk;
use super::log::{Call, Log, Name};
use crate::sandbox::{
    ContainerSpec, Engine, FileOp, Image, ImageRequest, PullProgress, Sandbox, SandboxError,
    SandboxSpec, VolumeInfo, VolumeOwner, VolumePath,
};

/// An engine without containers. Clones are the same engine.
#[derive(Debug, Clone, Default)]
pub struct FakeEngine {
    log: Log,
    disk: Arc<Mutex<Disk>>,
    volumes: Arc<Mutex<Vec<VolumeInfo>>>,
    /// Containers started so far.
    started: Arc<AtomicUsize>,
    /// The ids of the containers that were killed from outside.
    killed: watch::Sender<BTreeSet<String>>,
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
    silent_after: Option<Duration>,
    clone_delay: Duration,
    lost_waiting: Option<String>,
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

    /// Loses the first container of this name while it waits to be released.
    #[must_use]
    pub fn lose_waiting(mut self, container: &str) -> Self {
        self.behaviour.lost_waiting = Some(container.to_owned());
        self
    }

    /// Kills a container without the knowledge of its sandbox.
    pub fn kill_container(&self, id: &str) {
        self.killed.send_modify(|killed| {
            killed.insert(id.to_owned());
        });
    }

    /// Loses its sandboxes after this time.
    #[must_use]
    pub const fn lost_after(mut self, after: Duration) -> Self {
        self.behaviour.lost_after = Some(after);
        self
    }

    /// Has the volume of an earlier run, with this file in it.
    #[must_use]
    pub fn with_file(self, run: &str, path: &str, content: &'static str) -> Self {
        let file = FileOp::File {
            path: VolumePath::Run(path.to_owned()),
            mode: 0o644,
            owner: None,
            content: Bytes::from_static(content.as_bytes()),
        };
        self.disk().apply(run, &file);
        let volume = VolumeInfo {
            name: format!("volume-of-{run}"),
            owner: VolumeOwner::Run(run.to_owned()),
            state_dir: String::new(),
            in_use: false,
        };
        self.known_volumes().push(volume);
        self
    }

    /// Has the volumes of another fake, and those that either makes from here on.
    #[must_use]
    pub fn with_volumes_of(mut self, other: &Self) -> Self {
        self.volumes = Arc::clone(&other.volumes);
        self.disk = Arc::clone(&other.disk);
        self
    }

    /// Has these volumes instead of those it had, which are returned.
    pub fn replace_volumes(&self, volumes: Vec<VolumeInfo>) -> Vec<VolumeInfo> {
        std::mem::replace(&mut *self.known_volumes(), volumes)
    }

    /// Answers nothing any more after this time.
    #[must_use]
    pub const fn silent_after(mut self, after: Duration) -> Self {
        self.behaviour.silent_after = Some(after);
        self
    }

    /// What it was asked.
    pub const fn log(&self) -> &Log {
        &self.log
    }

    fn check_volume(&self, run: &str) -> Result<(), SandboxError> {
        let volumes = self.known_volumes();
        if volumes.iter().any(|volume| volume.is_of_run(run)) {
            return Ok(());
        }
        Err(SandboxError::Engine(format!(
            "the volume of the run {run} no longer exists"
        )))
    }

    fn known_volumes(&self) -> MutexGuard<'_, Vec<VolumeInfo>> {
        self.volumes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine for FakeEngine {
    type Sandbox = FakeSandbox;

    async fn ping(&self) -> Result<(), SandboxError> {
        let silent = self.behaviour.silent_after;
        if silent.is_some_and(|after| self.log.elapsed() >= after) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

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

    async fn create_volume(&self, run: &str, state_dir: &str) -> Result<(), SandboxError> {
        self.log.add(Call::CreateVolume(run.to_owned()));
        let mut volumes = self.known_volumes();
        if volumes.iter().any(|volume| volume.is_of_run(run)) {
            return Err(SandboxError::Engine(format!(
                "there is a volume of {run} already"
            )));
        }
        volumes.push(VolumeInfo {
            name: format!("volume-of-{run}"),
            owner: VolumeOwner::Run(run.to_owned()),
            state_dir: state_dir.to_owned(),
            in_use: false,
        });
        Ok(())
    }

    async fn volumes(&self) -> Result<Vec<VolumeInfo>, SandboxError> {
        Ok(self.known_volumes().clone())
    }

    async fn remove_volume(&self, owner: &VolumeOwner) -> Result<(), SandboxError> {
        self.log.add(Call::RemoveVolume(owner.clone()));
        self.known_volumes().retain(|volume| volume.owner != *owner);
        self.disk().drop_volume(owner);
        Ok(())
    }

    async fn open(&self, spec: SandboxSpec) -> Result<FakeSandbox, SandboxError> {
        self.log.add(Call::Open(spec.clone()));
        for run in spec.clone_from.iter().chain([&spec.volume]) {
            self.check_volume(run)?;
        }
        Ok(FakeSandbox {
            engine: self.clone(),
            clone_from: spec.clone_from,
            volume: spec.volume,
            opened: Instant::now(),
            closed: CancellationToken::new(),
        })
    }

    async fn leftovers(&self) -> Result<Vec<String>, SandboxError> {
        Ok(Vec::new())
    }

    async fn sweep(&self) -> Result<Vec<String>, SandboxError> {
        Ok(Vec::new())
    }

    async fn remove_old_versions(&self) -> Result<(), SandboxError> {
        Ok(())
    }
}

/// A sandbox of a fake engine.
#[derive(Debug, Clone)]
pub struct FakeSandbox {
    engine: FakeEngine,
    /// The run whose volume it is opened over.
    volume: String,
    /// The run whose volume can be copied from.
    clone_from: Option<String>,
    opened: Instant,
    closed: CancellationToken,
}

impl FakeSandbox {
    pub(crate) const fn log(&self) -> &Log {
        &self.engine.log
    }

    /// Ends when the container of this id was killed from outside.
    pub(super) async fn killed(&self, id: &str) {
        let mut killed = self.engine.killed.subscribe();
        if killed.wait_for(|killed| killed.contains(id)).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether the container of this id was killed from outside.
    pub(super) fn is_killed(&self, id: &str) -> bool {
        self.engine.killed.borrow().contains(id)
    }

    /// Ends when it is closed.
    pub(super) async fn closed(&self) -> SandboxError {
        self.closed.cancelled().await;
        closed()
    }

    fn check_open(&self) -> Result<(), SandboxError> {
        if self.closed.is_cancelled() {
            Err(closed())
        } else {
            Ok(())
        }
    }

    /// The run whose volume it is opened over.
    pub(crate) fn volume(&self) -> &str {
        &self.volume
    }

    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.engine.disk()
    }
}

fn closed() -> SandboxError {
    SandboxError::Engine("the sandbox is closed".to_owned())
}

impl Sandbox for FakeSandbox {
    type Container = FakeContainer;

    async fn files(&self, ops: Vec<FileOp>) -> Result<(), SandboxError> {
        self.check_open()?;
        {
            let mut disk = self.disk();
            ops.iter().for_each(|op| disk.apply(&self.volume, op));
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
        self.log().add(Call::Clone(paths.clone()));
        progress(0);
        tokio::time::sleep(self.engine.behaviour.clone_delay).await;
        let from = self.clone_from.as_deref().unwrap_or_default();
        let mut disk = self.disk();
        let copied = paths.iter().map(|path| disk.copy(from, &self.volume, path));
        let bytes = copied.sum();
        drop(disk);
        progress(bytes);
        Ok(bytes)
    }

    async fn start(&self, spec: ContainerSpec) -> Result<FakeContainer, SandboxError> {
        self.check_open()?;
        let name = Name::of(&spec);
        self.log().add(Call::Start(Box::new(spec.clone())));
        tokio::time::sleep(self.engine.behaviour.start_delay).await;
        if let Some(why) = self.engine.behaviour.refused.get(&spec.container) {
            return Err(SandboxError::Container(why.clone()));
        }
        let number = self.engine.started.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}-{number}", spec.container);
        let is_lost = self.engine.behaviour.lost_waiting.as_ref() == Some(&spec.container);
        if is_lost && self.log().count(|call| *call == Call::Ready(name.clone())) == 0 {
            self.engine.kill_container(&id);
        }
        self.log().add(Call::Ready(name));
        Ok(FakeContainer::new(self.clone(), spec, id))
    }

    async fn ping(&self) {}

    async fn lost(&self) -> String {
        match self.engine.behaviour.lost_after {
            Some(after) => tokio::time::sleep_until(self.opened + after).await,
            None => std::future::pending().await,
        }
        "the sandbox no longer exists".to_owned()
    }

    async fn close(&self) -> Result<(), SandboxError> {
        if !self.closed.is_cancelled() {
            self.log().add(Call::Close);
            self.closed.cancel();
        }
        Ok(())
    }
}
