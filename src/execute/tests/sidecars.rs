//! Sidecars.

use super::harness::{Ran, ran};
use crate::sandbox::fake::Call;

async fn with_sidecar(sidecar: &str, step: &str) -> Ran {
    ran(&format!(
        r#"
tasks:
- name: a
  timeout: 1m
  taskSpec:
    steps: [{{name: s, run: "{step}"}}]
    sidecars:
    - {sidecar}
"#
    ))
    .await
}

/// Exit status, reason and message of the first sidecar of task `a`.
fn sidecar(ran: &Ran) -> String {
    let ended = ran.task_run("a").status.sidecars[0]
        .terminated
        .clone()
        .unwrap();
    format!("{} {} {}", ended.exit_code, ended.reason, ended.message)
}

#[tokio::test(start_paused = true)]
async fn steps_wait_until_a_sidecar_is_ready() {
    let ran = with_sidecar(
        r#"{name: x, run: "ready-after 5\nsleep 9000", readinessProbe: {exec: {command: [check]}, periodSeconds: 1}}"#,
        "sleep 1",
    )
    .await;
    assert!(ran.condition().is_true());
    let released = ran.log.launched("r-a", "step-s").unwrap().as_secs();
    assert_eq!(released, 5);
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_may_end_well_before_the_steps() {
    let ran = with_sidecar("{name: x, run: exit 0}", "sleep 5").await;
    assert!(ran.condition().is_true());
    assert_eq!(sidecar(&ran), "0 Completed ");
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_ends_badly_fails_the_task_after_its_steps() {
    let ran = with_sidecar("{name: x, run: exit 1}", "sleep 5").await;
    assert_eq!(
        ran.of("a"),
        r#"False SidecarFailed: "sidecar-x" exited with code 1: Error"#
    );
    assert_eq!(ran.steps("a"), ["0 Completed Completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_ends_badly_beside_one_that_runs_does_not() {
    let ran = with_sidecar(
        "{name: x, run: exit 1}\n    - {name: y, run: sleep 9000}",
        "sleep 5",
    )
    .await;
    assert!(ran.condition().is_true());
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_runs_is_stopped_after_the_last_step() {
    let ran = with_sidecar("{name: x, run: sleep 9000}", "sleep 5").await;
    assert!(ran.condition().is_true());
    assert_eq!(
        sidecar(&ran),
        "0 Completed Sidecar container successfully stopped by nop image"
    );
    assert_eq!(ran.finished("a"), 5_000);
}

#[tokio::test(start_paused = true)]
async fn a_sidecars_script_gets_its_args() {
    let ran = with_sidecar(
        "{name: x, image: i, script: \"args\\nsleep 9000\", args: [p, q]}",
        "sleep 1",
    )
    .await;
    assert_eq!(ran.said("a"), "p|q\n");
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_is_never_ready_costs_the_task_its_time() {
    let ran = with_sidecar(
        r#"{name: x, run: "ready-after 9000\nsleep 9000", readinessProbe: {exec: {command: [check]}}}"#,
        "sleep 1",
    )
    .await;
    assert_eq!(
        ran.of("a"),
        r#"False TaskRunTimeout: TaskRun "r-a" failed to finish within "1m0s""#
    );
    assert_eq!(ran.finished("a"), 60_000);
    assert_eq!(ran.log.launched("r-a", "step-s"), None);
    assert_eq!(
        ran.said("a"),
        "waited for sidecar \"x\", which was not ready\n"
    );
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_ends_before_it_is_ready_holds_nothing_up() {
    let ran = with_sidecar(
        r#"{name: x, run: "ready-after 9000\nsleep 2", readinessProbe: {exec: {command: [check]}}}"#,
        "sleep 1",
    )
    .await;
    assert!(ran.condition().is_true());
    assert!(ran.finished("a") < 60_000);
}

#[tokio::test(start_paused = true)]
async fn sidecars_are_stopped_when_a_step_fails() {
    let ran = with_sidecar("{name: x, run: sleep 9000}", "exit 1").await;
    assert_eq!(ran.task_run("a").condition().unwrap().reason, "StepFailed");
    assert_eq!(
        ran.log
            .count(|call| matches!(call, Call::Kill(name, _) if name.container == "sidecar-x")),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_sidecars_liveness_probe_ends_it_after_its_failures() {
    let ran = with_sidecar(
        r#"{name: x, run: "ready-after 9000\nsleep 9000", livenessProbe: {exec: {command: [check]}, periodSeconds: 1, failureThreshold: 3}}"#,
        "sleep 30",
    )
    .await;
    assert_eq!(
        ran.log
            .count(|call| matches!(call, Call::Kill(name, _) if name.container == "sidecar-x")),
        1
    );
    assert_eq!(
        ran.task_run("a").condition().unwrap().reason,
        "SidecarFailed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_is_always_restarted_starts_again() {
    let ran = with_sidecar(
        r#"{name: x, restartPolicy: Always, run: "sleep 5\nexit 1"}"#,
        "sleep 30",
    )
    .await;
    assert!(ran.condition().is_true(), "{}", ran.of("a"));
    let launches = ran
        .log
        .count(|call| matches!(call, Call::Launch(name, _) if name.container == "sidecar-x"));
    assert!(launches > 1, "{launches}");
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_does_not_start_up_in_its_time_is_killed() {
    let ran = with_sidecar(
        r#"{name: x, run: "ready-after 9000\nsleep 9000", startupProbe: {exec: {command: [check]}, periodSeconds: 2, failureThreshold: 5}}"#,
        "sleep 1",
    )
    .await;
    assert_eq!(
        ran.of("a"),
        r#"False SidecarFailed: "sidecar-x" exited with code 137: Error"#
    );
    assert_eq!(ran.log.launched("r-a", "step-s").unwrap().as_secs(), 10);
}
