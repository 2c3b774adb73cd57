//! Programs: their output, their files, their end.

use std::time::Duration;

use bytes::Bytes;

use super::subject::{Act, Opened, SHARED, Subject, follow, shared, until_it_speaks};
use crate::sandbox::{
    Container as _, Control as _, Exit, FileOp, Launch, Sandbox as _, WantedFile,
};

/// So long that it never ends by itself.
const FOR_EVER: Act = Act::Sleep(Duration::from_secs(1000));
const SECOND: Duration = Duration::from_secs(1);

/// Output is told apart and complete, and the status is the program's.
pub async fn output_and_exit_status_are_those_of_the_program<S: Subject>(subject: &S) {
    let opened = Opened::new(subject).await;
    let ran = opened
        .ran(&[Act::Say("to out"), Act::Warn("to err"), Act::Exit(3)])
        .await;
    assert_eq!(ran.outcome.exit, Exit::Code(3));
    assert_eq!(
        (ran.out.as_str(), ran.err.as_str()),
        ("to out\n", "to err\n")
    );
    assert!(ran.outcome.started_at <= ran.outcome.finished_at);
    opened.end().await;
}

/// An empty command line is a success.
pub async fn a_container_with_nothing_to_run_succeeds<S: Subject>(subject: &S) {
    let opened = Opened::new(subject).await;
    let container = opened.start("empty").await.expect("it starts");
    let ran = follow(container, Launch::default()).await;
    assert_eq!(ran.outcome.exit, Exit::Code(0));
    opened.end().await;
}

/// A file that the sandbox makes is where it is mounted, until the sandbox removes it.
pub async fn files_are_seen_through_mounts_until_they_are_removed<S: Subject>(subject: &S) {
    let opened = Opened::new(subject).await;
    let file = FileOp::File {
        path: shared("given"),
        mode: 0o644,
        owner: None,
        content: Bytes::from_static(b"given"),
    };
    opened.sandbox.files(vec![file]).await.expect("it is made");
    let ran = opened.ran(&[Act::Cat("/shared/given")]).await;
    assert_eq!(ran.out.trim_end(), "given", "{SHARED}");
    let removed = FileOp::Remove {
        path: shared("given"),
    };
    let removed = opened.sandbox.files(vec![removed]).await;
    removed.expect("it is removed");
    let ran = opened.ran(&[Act::Cat("/shared/given")]).await;
    assert_eq!(ran.outcome.exit, Exit::Code(1));
    opened.end().await;
}

/// A read-only mount is one.
pub async fn a_read_only_mount_cannot_be_written<S: Subject>(subject: &S) {
    let opened = Opened::new(subject).await;
    let container = opened.start_with("reader", true).await.expect("it starts");
    let program = opened.launch(&[Act::Write("/shared/no", "text")]);
    assert_eq!(follow(container, program).await.outcome.exit, Exit::Code(1));
    let ran = opened.ran(&[Act::Cat("/shared/no")]).await;
    assert_eq!(ran.outcome.exit, Exit::Code(1));
    opened.end().await;
}

/// The files that were wanted come with the outcome; one that is missing does not.
pub async fn what_a_program_leaves_is_read<S: Subject>(subject: &S) {
    let opened = Opened::new(subject).await;
    let wanted = |name: &str| WantedFile {
        key: name.to_owned(),
        path: format!("{SHARED}/{name}"),
    };
    let launch = Launch {
        files: vec![wanted("result"), wanted("missing")],
        ..opened.launch(&[Act::Write("/shared/result", "value")])
    };
    let container = opened.start("writer").await.expect("it starts");
    let ran = follow(container, launch).await;
    let left = vec![("result".to_owned(), Bytes::from_static(b"value"))];
    assert_eq!(ran.outcome.files, left);
    opened.end().await;
}

/// The timeout of a program ends it.
pub async fn a_program_is_ended_by_its_timeout<S: Subject>(subject: &S) {
    let opened = Opened::new(subject).await;
    let launch = Launch {
        timeout: Some(SECOND),
        ..opened.launch(&[Act::Say("begin"), FOR_EVER])
    };
    let container = opened.start("late").await.expect("it starts");
    let ran = follow(container, launch).await;
    assert_eq!(
        (ran.outcome.exit, ran.out.as_str()),
        (Exit::TimedOut, "begin\n")
    );
    opened.end().await;
}

/// A program that is told to end is cancelled.
pub async fn a_program_that_is_told_to_end_is_cancelled<S: Subject>(subject: &S) {
    let opened = Opened::new(subject).await;
    let container = opened.start("told").await.expect("it starts");
    let control = container.control();
    let program = opened.launch(&[Act::Say("begin"), FOR_EVER]);
    let running = until_it_speaks(container, program).await;
    control.kill(30 * SECOND);
    let outcome = running.await.expect("nothing panics").expect("it ends");
    assert_eq!(outcome.exit, Exit::Cancelled);
    opened.end().await;
}

/// One that does not want to end is killed.
pub async fn a_program_that_ignores_sigterm_is_killed_after_its_grace<S: Subject>(subject: &S) {
    let opened = Opened::new(subject).await;
    let container = opened.start("stubborn").await.expect("it starts");
    let control = container.control();
    let program = opened.launch(&[Act::IgnoreTerm, Act::Say("begin"), FOR_EVER]);
    let running = until_it_speaks(container, program).await;
    control.kill(SECOND);
    let outcome = running.await.expect("nothing panics").expect("it ends");
    assert_eq!(outcome.exit, Exit::Cancelled);
    opened.end().await;
}
