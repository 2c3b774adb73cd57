//! Containers and sandboxes: started ahead, checked, lost, closed.

use std::time::Duration;

use super::subject::{Act, Opened, Subject, follow, until_it_speaks};
use crate::sandbox::{
    Container as _, Control as _, Engine as _, Exit, Probe, Sandbox as _, SandboxError,
};

/// So long that it never ends by itself.
const FOR_EVER: Act = Act::Sleep(Duration::from_secs(1000));
/// How often a probe is tried before it must have passed.
const TRIES: usize = 50;

/// Containers wait for their release, in any order; one that is not needed can be given up.
pub async fn containers_start_side_by_side_and_wait<S: Subject>(subject: &S) {
    let opened = Opened::new(subject).await;
    let (one, two) = tokio::join!(opened.start("one"), opened.start("two"));
    let (one, two) = (one.expect("it starts"), two.expect("it starts"));
    assert_ne!(one.id(), two.id());
    assert!(two.uri().ends_with(&two.id()) && two.uri() != two.id());
    let ran = follow(two, opened.launch(&[Act::Say("two")])).await;
    assert_eq!(ran.out, "two\n");
    one.discard();
    opened.end().await;
}

/// A check of a program that runs passes.
pub async fn a_probe_passes_while_its_program_runs<S: Subject>(subject: &S) {
    let opened = Opened::new(subject).await;
    let container = opened.start("server").await.expect("it starts");
    let control = container.control();
    let program = opened.launch(&[Act::Say("begin"), FOR_EVER]);
    let running = until_it_speaks(container, program).await;
    let mut tries = 0;
    let probe = || Probe::Exec(subject.argv(&[Act::Exit(0)]));
    while !control.probe(probe(), Duration::from_secs(5)).await {
        tries += 1;
        assert!(tries < TRIES, "the probe never passes");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    control.kill(Duration::ZERO);
    let outcome = running.await.expect("nothing panics").expect("it ends");
    assert_eq!(outcome.exit, Exit::Cancelled);
    opened.end().await;
}

/// A container that is killed from outside is lost, and its sandbox is not.
pub async fn a_container_lost_while_it_runs_is_reported<S: Subject>(subject: &S) {
    let opened = Opened::new(subject).await;
    let container = opened.start("lost").await.expect("it starts");
    let id = container.id();
    let program = opened.launch(&[Act::Say("begin"), FOR_EVER]);
    let running = until_it_speaks(container, program).await;
    subject.kill_container(&id).await;
    let outcome = running.await.expect("nothing panics").expect("it ends");
    assert!(matches!(outcome.exit, Exit::Lost(_)), "{outcome:?}");
    assert_eq!(opened.ran(&[Act::Say("alive")]).await.out, "alive\n");
    opened.end().await;
}

/// One that never ran its program says so: it can be started again.
pub async fn a_container_lost_while_it_waits_can_be_started_again<S: Subject>(subject: &S) {
    let opened = Opened::new(subject).await;
    let container = opened.start("lost").await.expect("it starts");
    subject.kill_container(&container.id()).await;
    let (sender, _outputs) = tokio::sync::mpsc::channel(4);
    let outcome = container
        .run(opened.launch(&[Act::Say("no")]), sender)
        .await;
    assert!(
        matches!(outcome, Err(SandboxError::LostWaiting)),
        "{outcome:?}"
    );
    let again = opened.start("lost").await.expect("it starts");
    let ran = follow(again, opened.launch(&[Act::Say("again")])).await;
    assert_eq!(ran.out, "again\n");
    opened.end().await;
}

/// What runs ends with its sandbox; after that nothing starts, and closing again does nothing.
pub async fn closing_ends_what_runs_and_can_be_repeated<S: Subject>(subject: &S) {
    let opened = Opened::new(subject).await;
    let container = opened.start("running").await.expect("it starts");
    let _waiting = opened.start("waiting").await.expect("it starts");
    let program = opened.launch(&[Act::IgnoreTerm, Act::Say("begin"), FOR_EVER]);
    let running = until_it_speaks(container, program).await;
    opened.sandbox.close().await.expect("it closes");
    let outcome = running.await.expect("nothing panics");
    assert!(
        matches!(outcome, Err(SandboxError::Engine(_)))
            || matches!(&outcome, Ok(outcome) if matches!(outcome.exit, Exit::Lost(_))),
        "{outcome:?}"
    );
    let late = opened.start("late").await;
    assert!(matches!(late, Err(SandboxError::Engine(_))));
    opened.sandbox.close().await.expect("it closes again");
    opened.end().await;
}

/// Whoever asks is answered.
pub async fn engine_and_sandbox_answer<S: Subject>(subject: &S) {
    let opened = Opened::new(subject).await;
    subject.engine().ping().await.expect("the engine answers");
    opened.sandbox.ping().await;
    opened.end().await;
}

/// What a live process owns is no leftover.
pub async fn a_sweep_spares_what_is_alive<S: Subject>(subject: &S) {
    let opened = Opened::new(subject).await;
    let container = opened.start("alive").await.expect("it starts");
    let of_run = |names: Vec<String>| names.iter().any(|name| name.contains(&opened.run));
    let left = subject.engine().leftovers().await.expect("it answers");
    assert!(!of_run(left));
    let swept = subject.engine().sweep().await.expect("it answers");
    assert!(!of_run(swept));
    let ran = follow(container, opened.launch(&[Act::Say("alive")])).await;
    assert_eq!(ran.out, "alive\n");
    opened.end().await;
}
