//! Disabled tasks, and files of an earlier run.

use std::time::Duration;

use super::harness::{Scenario, pipeline};
use crate::execute::{ExecuteError, Files, Interrupt};
use crate::sandbox::fake::{Call, FakeEngine};

#[tokio::test(start_paused = true)]
async fn a_disabled_task_keeps_its_place_and_takes_no_time() {
    let ran = pipeline(
        "
tasks:
- {name: a, run: sleep 2}
- {name: b, runAfter: [a], run: exit 1}
- {name: c, runAfter: [b], run: sleep 1}
finally: [{name: f, params: [{name: p, value: \"$(tasks.b.status)/$(tasks.status)\"}], run: echo $(params.p)}]",
    )
    .without("b", &[])
    .ran()
    .await;
    ran.assert_counted("True Completed", [3, 0, 0, 1]);
    assert_eq!(ran.skipped(), ["b: Disabled"]);
    assert_eq!(ran.started("c"), 2_000);
    assert_eq!(ran.said("f"), "None/Completed\n");
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_a_disabled_task_does_not_start_after_a_failure_before_it() {
    let ran = pipeline(
        "
tasks:
- {name: a, run: exit 1}
- {name: b, runAfter: [a], run: exit 1}
- {name: c, runAfter: [b], run: sleep 1}",
    )
    .without("b", &[])
    .ran()
    .await;
    assert_eq!(
        ran.skipped(),
        ["b: Disabled", "c: PipelineRun was stopping"]
    );
}

#[tokio::test(start_paused = true)]
async fn consumers_get_the_results_given_for_a_disabled_task() {
    let ran = pipeline(
        "
tasks:
- {name: a, run: result x never}
- {name: b, run: 'echo $(tasks.a.results.x)'}
finally: [{name: f, params: [{name: p, value: $(tasks.a.results.x)}], run: echo $(params.p)}]",
    )
    .without("a", &[("x", "given")])
    .ran()
    .await;
    assert_eq!(ran.said("b"), "given\n");
    assert_eq!(ran.said("f"), "given\n");
}

#[tokio::test(start_paused = true)]
async fn a_finally_task_without_the_result_of_a_disabled_task_is_skipped() {
    let ran = pipeline(
        "
tasks: [{name: a, run: result x never}]
finally: [{name: f, params: [{name: p, value: $(tasks.a.results.x)}], run: echo $(params.p)}]
results: [{name: x, value: $(tasks.a.results.x)}]",
    )
    .without("a", &[])
    .ran()
    .await;
    ran.assert_counted("True Completed", [0, 0, 0, 2]);
    assert_eq!(ran.skipped(), ["a: Disabled", "f: Results were missing"]);
    assert!(ran.results().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_definition_of_a_disabled_task_need_not_exist() {
    let ran = pipeline(
        "tasks: [{name: a, taskRef: {name: nowhere}}, {name: b, runAfter: [a], run: sleep 1}]",
    )
    .without("a", &[])
    .ran()
    .await;
    ran.assert_counted("True Completed", [1, 0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn with_everything_disabled_finally_runs() {
    let ran = pipeline("{tasks: [{name: a, run: sleep 1}], finally: [{name: f, run: sleep 1}]}")
        .without("a", &[])
        .ran()
        .await;
    ran.assert_counted("True Completed", [1, 0, 0, 1]);
    assert!(ran.has_started("f"));
}

#[tokio::test(start_paused = true)]
async fn a_disabled_finally_task_does_not_run() {
    let ran = pipeline("{tasks: [{name: a, run: sleep 1}], finally: [{name: f, run: sleep 1}]}")
        .without("f", &[])
        .ran()
        .await;
    ran.assert_counted("True Completed", [1, 0, 0, 1]);
    assert!(!ran.has_started("f"));
}

fn with_a_copy() -> Scenario {
    pipeline("tasks: [{name: a, run: sleep 1}]")
        .on(FakeEngine::new()
            .with_file("old", "workspaces/w/f", "content")
            .clone_delay(Duration::from_secs(5)))
        .with_files(Files::Clone {
            from: "old".to_owned(),
            paths: vec!["workspaces/w".to_owned()],
        })
}

#[tokio::test(start_paused = true)]
async fn files_are_copied_before_anything_starts() {
    let ran = with_a_copy().ran().await;
    assert!(ran.started("a") >= 5_000);
    let copied = ran.ended.unwrap().copied.unwrap();
    assert_eq!((copied.bytes, copied.took), (7, Duration::from_secs(5)));
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_copy_leaves_nothing() {
    for interrupt in [
        Interrupt::StopRunFinally,
        Interrupt::CancelRunFinally,
        Interrupt::Cancel,
        Interrupt::Kill,
    ] {
        let ran = with_a_copy().interrupted(2, interrupt).ran().await;
        assert!(
            matches!(ran.ended, Err(ExecuteError::Killed)),
            "{interrupt:?}"
        );
        assert!(ran.record.root().is_none(), "{interrupt:?}: no run began");
        assert!(
            ran.log.is_closed() && ran.log.has_removed_a_volume(),
            "{interrupt:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_is_taken_stays_when_the_run_fails() {
    let ran = pipeline("tasks: [{name: a, run: exit 1}]")
        .on(FakeEngine::new().with_file("old", "taskruns/a", "old"))
        .with_files(Files::Take {
            from: "old".to_owned(),
            without: vec!["taskruns".to_owned()],
        })
        .ran()
        .await;
    let removed = |call: &Call| matches!(call, Call::Files(ops) if format!("{ops:?}").contains("Remove { path: Run(\"taskruns\")"));
    let first = ran.log.find(removed);
    assert!(first.is_some() && ran.log.is_closed() && !ran.log.has_removed_a_volume());
}
