//! The four clocks.

use super::harness::{pipeline, ran};

#[tokio::test(start_paused = true)]
async fn a_tasks_own_timeout_fails_it_and_finally_runs() {
    let ran = ran(r"
tasks: [{name: a, timeout: 2s, run: sleep 60}]
finally: [{name: f, run: sleep 1}]
")
    .await;
    ran.assert_counted("False Failed", [2, 1, 0, 0]);
    assert_eq!(
        ran.of("a"),
        r#"False TaskRunTimeout: TaskRun "r-a" failed to finish within "2s""#
    );
    assert_eq!(ran.finished("a"), 2_000);
    assert_eq!(ran.started("f"), 2_000);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_the_whole_timeout() {
    let ran = ran("tasks: [{name: a, timeout: 2s, retries: 1, run: sleep 60}]").await;
    ran.assert_counted("False Failed", [1, 1, 0, 0]);
    assert_eq!(ran.finished("a"), 4_000);
    assert_eq!(ran.task_run("a").status.retries_status.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pipelines_timeout_ends_everything() {
    let ran = pipeline(
        r"
tasks: [{name: a, run: sleep 60}, {name: b, runAfter: [a], run: sleep 1}]
finally: [{name: f, run: sleep 1}]
",
    )
    .with("timeouts: {pipeline: 3s}")
    .ran()
    .await;
    assert_eq!(
        ran.verdict(),
        r#"False PipelineRunTimeout: PipelineRun "r" failed to finish within "3s""#
    );
    assert_eq!(ran.took(), 3_000);
    assert!(!ran.has_started("f") && !ran.has_started("b"));
    assert_eq!(
        ran.of("a"),
        r#"False TaskRunCancelled: TaskRun "r-a" was cancelled. TaskRun cancelled as the PipelineRun it belongs to has timed out."#
    );
}

#[tokio::test(start_paused = true)]
async fn a_pipelines_timeout_during_finally_ends_it_too() {
    let ran = pipeline(
        r"
tasks: [{name: a, run: sleep 1}]
finally: [{name: f, run: sleep 60}]
",
    )
    .with("timeouts: {pipeline: 3s}")
    .ran()
    .await;
    assert_eq!(ran.condition().reason, "PipelineRunTimeout");
    assert_eq!(ran.took(), 3_000);
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_the_tasks_lets_finally_run() {
    let ran = pipeline(
        r"
tasks: [{name: a, run: sleep 60}, {name: b, runAfter: [a], run: sleep 1}]
finally: [{name: f, run: sleep 1}]
",
    )
    .with("timeouts: {pipeline: 1m, tasks: 3s}")
    .ran()
    .await;
    assert_eq!(
        ran.verdict(),
        r#"False PipelineRunTimeout: PipelineRun "r" failed due to tasks failed to finish within "3s""#
    );
    assert_eq!(ran.started("f"), 3_000);
    assert!(
        ran.progress()
            .iter()
            .any(|text| text.starts_with("Unknown PipelineRunTimeoutRunningFinally: "))
    );
    assert_eq!(ran.skipped(), ["b: PipelineRun was stopping"]);
}

/// The time of the tasks does not count once they are done.
#[tokio::test(start_paused = true)]
async fn finally_may_run_past_the_time_of_the_tasks() {
    let ran = pipeline(
        r"
tasks: [{name: a, run: sleep 2}]
finally: [{name: f, run: sleep 10}]
",
    )
    .with("timeouts: {pipeline: 1m, tasks: 3s}")
    .ran()
    .await;
    ran.assert_counted("True Succeeded", [2, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_finally_fails_the_run() {
    let ran = pipeline(
        r"
tasks: [{name: a, run: sleep 1}]
finally: [{name: f, run: sleep 50}]
",
    )
    .with("timeouts: {pipeline: 1m, finally: 2s}")
    .ran()
    .await;
    ran.assert_counted("False Failed", [2, 1, 0, 0]);
    assert_eq!(ran.took(), 3_000);
}

#[tokio::test(start_paused = true)]
async fn what_finally_may_take_the_tasks_may_not() {
    let ran = pipeline("{tasks: [{name: a, run: sleep 59}], finally: [{name: f, run: sleep 1}]}")
        .with("timeouts: {pipeline: 1m, finally: 2s}")
        .ran()
        .await;
    assert_eq!(
        ran.verdict(),
        r#"False PipelineRunTimeout: PipelineRun "r" failed due to tasks failed to finish within "58s""#
    );
    assert_eq!(ran.started("f"), 58_000);
}

#[tokio::test(start_paused = true)]
async fn a_task_may_take_an_hour_whatever_the_pipeline_may() {
    let ran = pipeline("tasks: [{name: a, run: sleep 9000}]")
        .with("timeouts: {pipeline: 3h}")
        .ran()
        .await;
    assert_eq!(
        ran.of("a"),
        r#"False TaskRunTimeout: TaskRun "r-a" failed to finish within "1h0m0s""#
    );
}

#[tokio::test(start_paused = true)]
async fn long_limits_of_tasks_are_those_of_their_task_runs() {
    let ran = pipeline(
        r"
tasks: [{name: a, run: sleep 9000}]
finally: [{name: f, run: sleep 9000}]
",
    )
    .with("timeouts: {pipeline: 3h, tasks: 2h}")
    .ran()
    .await;
    let limit = |task: &str| ran.task_run(task).object["spec"]["timeout"].clone();
    assert_eq!([limit("a"), limit("f")], ["2h0m0s", "1h0m0s"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_a_task_takes_its_time() {
    let ran = pipeline("tasks: [{name: a, timeout: 0s, run: sleep 90000}]")
        .with("timeouts: {pipeline: 0s}")
        .ran()
        .await;
    ran.assert_counted("True Succeeded", [1, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_takes_too_long_has_no_results() {
    let ran = ran(r#"
tasks:
- name: a
  timeout: 3s
  taskSpec:
    results: [{name: x}]
    steps:
    - {name: one, run: "result x v"}
    - {name: two, run: sleep 60}
    - {name: three, run: sleep 1}
"#)
    .await;
    assert_eq!(ran.result("a", "x"), None);
    assert_eq!(
        ran.steps("a"),
        [
            "0 Completed Completed",
            "1 TaskRunTimeout TaskRunTimeout",
            "1 TaskRunTimeout TaskRunTimeout"
        ]
    );
}
