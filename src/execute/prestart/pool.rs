//! Containers started before their turn.
//!
//! Starting a container takes the engine about a tenth of a second; releasing one that waits takes
//! milliseconds. Whoever sees a container coming says so ([`Prestart::want`]); the wishes are met
//! in order, never more than [`WINDOW`] of them waiting at a time. Whoever needs the container
//! takes it ([`Prestart::take`]): the one that waits if it is exactly what is needed, else a new
//! one at once.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::task::Waker;

use futures_util::future::{BoxFuture, FutureExt as _, MaybeDone, maybe_done};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::sandbox::{Container, ContainerSpec, FileOp, Sandbox, SandboxError};

/// Containers that may wait ahead of the tasks that run.
const WINDOW: usize = 4;

type Key = (String, usize, String);
type Started<S> = Result<(<S as Sandbox>::Container, Option<OwnedSemaphorePermit>), SandboxError>;

struct StartRequest<S: Sandbox> {
    spec: ContainerSpec,
    handle: JoinHandle<Option<Started<S>>>,
    urgent: CancellationToken,
    dropped: CancellationToken,
}

/// A place in the queue for the window; it holds for as long as it lives.
type Place = Pin<Box<MaybeDone<BoxFuture<'static, Result<OwnedSemaphorePermit, AcquireError>>>>>;

/// Starts containers ahead.
pub(crate) struct Prestart<S: Sandbox> {
    sandbox: S,
    requests: Arc<Mutex<HashMap<Key, StartRequest<S>>>>,
    window: Arc<Semaphore>,
    /// Opens the window when the first container has been taken: until then the engine's time
    /// belongs to it.
    opening: Once,
}

fn key(spec: &ContainerSpec) -> Key {
    (spec.task_run.clone(), spec.attempt, spec.container.clone())
}

impl<S: Sandbox> Prestart<S> {
    /// Nothing is wanted yet.
    pub(crate) fn new(sandbox: S) -> Self {
        Self {
            sandbox,
            requests: Arc::default(),
            window: Arc::new(Semaphore::new(0)),
            opening: Once::new(),
        }
    }

    fn requests(&self) -> MutexGuard<'_, HashMap<Key, StartRequest<S>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that this container will be needed, and the files it needs before it starts. A second
    /// wish for the same container changes nothing.
    pub(crate) fn want(&self, ops: Vec<FileOp>, spec: ContainerSpec) {
        let mut requests = self.requests();
        if requests.contains_key(&key(&spec)) {
            return;
        }
        let (urgent, dropped) = (CancellationToken::new(), CancellationToken::new());
        let handle = tokio::spawn(meet(
            self.sandbox.clone(),
            self.queue_up(),
            ops,
            spec.clone(),
            [&urgent, &dropped].map(CancellationToken::clone),
        ));
        requests.insert(
            key(&spec),
            StartRequest {
                spec,
                handle,
                urgent,
                dropped,
            },
        );
    }

    /// A place behind all earlier wishes. Taken here: tasks begin in any order.
    fn queue_up(&self) -> Place {
        let permit = Arc::clone(&self.window).acquire_owned();
        let mut place = Box::pin(maybe_done(permit.boxed()));
        let mut context = std::task::Context::from_waker(Waker::noop());
        // Whether it is its turn already is seen by who waits for it.
        let _is_ready = place.as_mut().poll(&mut context).is_ready();
        place
    }

    /// The container, started. Its files must have been made.
    pub(crate) async fn take(&self, spec: &ContainerSpec) -> Result<S::Container, SandboxError> {
        let container = self.waiting_or_new(spec).await;
        self.opening.call_once(|| self.window.add_permits(WINDOW));
        container
    }

    async fn waiting_or_new(&self, spec: &ContainerSpec) -> Result<S::Container, SandboxError> {
        let request = self.requests().remove(&key(spec));
        if let Some(request) = request {
            if request.spec == *spec {
                request.urgent.cancel();
                if let Ok(Some(Ok((container, _permit)))) = request.handle.await {
                    // The permit goes back here: the container waits no longer.
                    return Ok(container);
                }
            } else {
                give_up(request);
            }
        }
        self.sandbox.start(spec.clone()).await
    }

    /// Gives up what was wanted for a TaskRun.
    pub(crate) fn forget(&self, task_run: &str) {
        let mut requests = self.requests();
        let keys: Vec<Key> = requests
            .keys()
            .filter(|(name, _, _)| name == task_run)
            .cloned()
            .collect();
        for request in keys.iter().filter_map(|key| requests.remove(key)) {
            give_up(request);
        }
    }
}

async fn meet<S: Sandbox>(
    sandbox: S,
    mut place: Place,
    ops: Vec<FileOp>,
    spec: ContainerSpec,
    [urgent, dropped]: [CancellationToken; 2],
) -> Option<Started<S>> {
    let permit = tokio::select! {
        biased;
        () = dropped.cancelled() => return None,
        () = urgent.cancelled() => None,
        () = &mut place => place.as_mut().take_output().and_then(Result::ok),
    };
    // Its place, when it was not its turn, is somebody else's.
    drop(place);
    if let Err(error) = sandbox.files(ops).await {
        return Some(Err(error));
    }
    Some(
        sandbox
            .start(spec)
            .await
            .map(|container| (container, permit)),
    )
}

fn give_up<S: Sandbox>(request: StartRequest<S>) {
    request.dropped.cancel();
    tokio::spawn(async move {
        if let Ok(Some(Ok((container, _permit)))) = request.handle.await {
            container.discard();
        }
    });
}
