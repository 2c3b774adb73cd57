//! Stopping a run that goes on.

use std::time::Duration;

use super::harness::{Scenario, pipeline};
use crate::event::TaskState;
use crate::execute::{ExecuteError, Interrupt};
use crate::sandbox::fake::{Call, FakeEngine};

const CANCELLED: &str = r#"False Cancelled: PipelineRun "r" was cancelled"#;

fn three(f: &str) -> Scenario {
    pipeline(&format!(
        r#"
tasks: [{{name: a, run: "result x v\nsleep 10"}}, {{name: b, runAfter: [a], run: sleep 1}}]
finally: [{{name: f, run: {f}}}]
results: [{{name: x, value: $(tasks.a.results.x)}}]
"#
    ))
}

#[tokio::test(start_paused = true)]
async fn cancel_ends_at_once_without_finally() {
    let ran = three("sleep 1")
        .interrupted(2, Interrupt::Cancel)
        .ran()
        .await;
    assert_eq!(ran.verdict(), CANCELLED);
    assert_eq!(ran.took(), 2_000);
    assert!(!ran.has_started("f"));
    assert_eq!(ran.results(), []);
    assert_eq!(
        ran.of("a"),
        r#"False TaskRunCancelled: TaskRun "r-a" was cancelled. TaskRun cancelled as the PipelineRun it belongs to has been cancelled."#
    );
    assert_eq!(ran.steps("a"), ["1 TaskRunCancelled TaskRunCancelled"]);
}

#[tokio::test(start_paused = true)]
async fn cancel_run_finally_skips_the_rest_and_runs_finally() {
    let ran = three("sleep 1")
        .interrupted(2, Interrupt::CancelRunFinally)
        .ran()
        .await;
    assert_eq!(ran.verdict(), CANCELLED);
    assert_eq!(ran.started("f"), 2_000);
    assert_eq!(ran.skipped().len(), 1);
    assert!(
        ran.progress()
            .iter()
            .any(|text| text.starts_with("Unknown CancelledRunningFinally: "))
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_finally_wins_over_the_cancellation() {
    let ran = three("exit 1")
        .interrupted(2, Interrupt::CancelRunFinally)
        .ran()
        .await;
    ran.assert_counted("False Failed", [2, 1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn stop_run_finally_lets_what_runs_end_with_its_retries() {
    let ran = pipeline(
        r#"
tasks: [{name: a, retries: 1, run: "sleep 5\nfail-before 1"}, {name: b, runAfter: [a], run: sleep 1}]
finally: [{name: f, run: sleep 1}]
"#,
    )
    .interrupted(2, Interrupt::StopRunFinally)
    .ran()
    .await;
    assert_eq!(ran.verdict(), CANCELLED);
    assert_eq!(
        ran.of("a"),
        "True Succeeded: All Steps have completed executing"
    );
    assert_eq!(ran.skipped(), ["b: PipelineRun was gracefully stopped"]);
    assert_eq!(ran.started("f"), 10_000);
    assert!(
        ran.progress()
            .iter()
            .any(|text| text.starts_with("Unknown StoppedRunningFinally: "))
    );
}

#[tokio::test(start_paused = true)]
async fn a_file_may_ask_for_finally_alone() {
    let ran = three("sleep 1")
        .with("status: CancelledRunFinally")
        .ran()
        .await;
    assert_eq!(ran.verdict(), CANCELLED);
    assert_eq!(ran.children(), ["r-f"]);
    assert_eq!(
        ran.skipped(),
        [
            "a: PipelineRun was gracefully cancelled",
            "b: PipelineRun was gracefully cancelled"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_pending_run_does_not_start() {
    let ran = three("sleep 1")
        .with("status: PipelineRunPending")
        .ran()
        .await;
    assert_eq!(
        ran.verdict(),
        r#"Unknown PipelineRunPending: PipelineRun "r" is pending"#
    );
    assert!(ran.log.calls().is_empty());
    assert!(!ran.record.root().unwrap().is_started());
}

/// `Cancelled` in the file: nothing starts.
#[tokio::test(start_paused = true)]
async fn a_file_may_ask_for_nothing() {
    let ran = three("sleep 1").with("status: Cancelled").ran().await;
    assert_eq!(ran.verdict(), CANCELLED);
    assert_eq!(ran.children(), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn a_finally_task_under_way_is_left_alone_by_cancel_run_finally() {
    let ran = pipeline("{tasks: [{name: a, run: sleep 1}], finally: [{name: f, run: sleep 5}]}")
        .interrupted(2, Interrupt::CancelRunFinally)
        .ran()
        .await;
    assert_eq!(
        ran.of("f"),
        "True Succeeded: All Steps have completed executing"
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_request_that_is_stronger_wins() {
    let ran = three("sleep 60")
        .interrupted(2, Interrupt::CancelRunFinally)
        .interrupted(4, Interrupt::Cancel)
        .ran()
        .await;
    assert_eq!(ran.verdict(), CANCELLED);
    assert_eq!(ran.took(), 4_000);
    assert_eq!(
        ran.task_run("f").condition().unwrap().reason,
        "TaskRunCancelled"
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_task_is_not_tried_again() {
    let ran = pipeline("tasks: [{name: a, retries: 3, run: sleep 60}]")
        .interrupted(2, Interrupt::CancelRunFinally)
        .ran()
        .await;
    assert_eq!(ran.verdict(), CANCELLED);
    assert_eq!(ran.task_run("a").status.retries_status.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_program_that_ignores_the_signal_is_given_the_grace() {
    let ran = pipeline(r#"tasks: [{name: a, run: "ignore-term\nsleep 60"}]"#)
        .interrupted(2, Interrupt::Cancel)
        .ran()
        .await;
    assert_eq!(ran.took(), 5_000);
    let grace = Duration::from_secs(3);
    assert_eq!(
        ran.log
            .count(|call| matches!(call, Call::Kill(_, with) if *with == grace)),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn kill_waits_for_nothing_and_keeps_the_volume() {
    let ran = pipeline(r#"tasks: [{name: a, run: "ignore-term\nsleep 60"}]"#)
        .interrupted(2, Interrupt::Kill)
        .ran()
        .await;
    assert!(matches!(ran.ended, Err(ExecuteError::Killed)));
    assert_eq!(
        ran.log.find(|call| *call == Call::Close),
        Some(Duration::from_secs(2))
    );
    assert!(!ran.log.has_removed_a_volume());
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_that_is_lost_ends_the_run_as_the_engines_fault() {
    let ran = three("sleep 1")
        .on(FakeEngine::new().lost_after(Duration::from_secs(3)))
        .ran()
        .await;
    assert!(matches!(ran.ended, Err(ExecuteError::Engine(_))));
}

#[tokio::test(start_paused = true)]
async fn the_volume_goes_with_a_success_and_stays_after_a_failure() {
    for (script, kept) in [("sleep 1", false), ("exit 1", true)] {
        let ran = pipeline(&format!("tasks: [{{name: a, run: {script}}}]"))
            .ran()
            .await;
        assert_eq!(ran.ended.as_ref().unwrap().volume_kept, kept);
        assert!(ran.log.is_closed());
        assert_eq!(ran.log.has_removed_a_volume(), !kept);
    }
}

/// A run whose images take a minute to come, asked for this after two seconds.
async fn while_pulling(interrupt: Interrupt) -> super::harness::Ran {
    let engine = FakeEngine::new().pull_delay(Duration::from_secs(60));
    let run = pipeline("{tasks: [{name: a, run: sleep 1}], finally: [{name: f, run: sleep 1}]}");
    run.on(engine).interrupted(2, interrupt).ran().await
}

#[tokio::test(start_paused = true)]
async fn a_pull_does_not_keep_a_run_from_being_cancelled() {
    let ran = while_pulling(Interrupt::Cancel).await;
    assert_eq!(ran.verdict(), CANCELLED);
    assert_eq!(ran.took(), 2_000);
    assert!(!ran.has_started("a"));
    assert!(ran.log.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_pull_does_not_keep_a_run_from_being_killed() {
    let ran = while_pulling(Interrupt::Kill).await;
    assert!(matches!(ran.ended, Err(ExecuteError::Killed)));
    assert_eq!(ran.log.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_while_it_pulls_runs_finally() {
    let ran = while_pulling(Interrupt::CancelRunFinally).await;
    assert_eq!(ran.verdict(), CANCELLED);
    assert!(!ran.has_started("a") && ran.has_started("f"));
    assert_eq!(ran.skipped(), ["a: PipelineRun was gracefully cancelled"]);
}

#[tokio::test(start_paused = true)]
async fn each_combination_is_reported_by_its_name_that_it_was_cancelled() {
    let ran = pipeline(
        r#"
tasks:
- name: t
  matrix: {params: [{name: p, value: [x, y]}]}
  taskSpec: {params: [{name: p}], steps: [{name: s, run: "sleep 60"}]}
"#,
    )
    .interrupted(2, Interrupt::Cancel)
    .ran()
    .await;
    for name in ["r-t-0", "r-t-1"] {
        assert_eq!(
            ran.of(name),
            format!(
                "False TaskRunCancelled: TaskRun \"{name}\" was cancelled. TaskRun cancelled as the PipelineRun it belongs to has been cancelled."
            )
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_its_place_is_cancelled_without_a_container() {
    let ran = pipeline("tasks: [{name: a, run: sleep 60}, {name: b, run: sleep 60}]")
        .jobs(1)
        .interrupted(2, Interrupt::CancelRunFinally)
        .ran()
        .await;
    assert_eq!(ran.verdict(), CANCELLED);
    assert_eq!(
        ran.task_run("b").condition().unwrap().reason,
        "TaskRunCancelled"
    );
    assert!(!ran.has_started("b"));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_its_place_never_starts_after_a_graceful_stop() {
    let ran = pipeline(
        "
tasks: [{name: a, run: sleep 60}, {name: b, run: sleep 60}]
finally: [{name: f, run: sleep 1}]",
    )
    .jobs(1)
    .interrupted(2, Interrupt::StopRunFinally)
    .ran()
    .await;
    assert_eq!(ran.verdict(), CANCELLED);
    assert!(ran.task_run("a").condition().unwrap().is_true());
    assert!(ran.has_started("f"));
    assert!(!ran.has_started("b"));
    assert_eq!(ran.task_run("b").state(), TaskState::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_for_its_place_is_not_called_running() {
    let ran = pipeline("tasks: [{name: a, run: sleep 60}, {name: b, run: sleep 60}]")
        .jobs(1)
        .interrupted(2, Interrupt::Kill)
        .ran()
        .await;
    assert_eq!(ran.task_run("a").state(), TaskState::Running);
    assert_eq!(ran.task_run("b").state(), TaskState::NotStarted);
}
