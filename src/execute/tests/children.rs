//! Pipelines in pipelines.

use super::harness::pipeline;
use crate::execute::Interrupt;

const CHILD: &str = r"
tasks:
- name: sub
  pipelineSpec:
    tasks: [{name: a, run: SCRIPT}]
    finally: [{name: f, run: sleep 1}]
- {name: next, runAfter: [sub], run: sleep 1}
";

#[tokio::test(start_paused = true)]
async fn a_child_pipeline_is_a_run_with_its_own_finally() {
    let ran = pipeline(&CHILD.replace("SCRIPT", "sleep 2")).ran().await;
    ran.assert_counted("True Succeeded", [2, 0, 0, 0]);
    let child = ran.record.run("r-sub").unwrap();
    assert_eq!(
        child.condition().unwrap().message,
        "Tasks Completed: 2 (Failed: 0, Cancelled 0), Skipped: 0"
    );
    assert_eq!(ran.children(), ["r-sub", "r-next"]);
    let kinds: Vec<&str> = ran
        .record
        .root()
        .unwrap()
        .status
        .child_references
        .iter()
        .map(|child| child.kind.as_str())
        .collect();
    assert_eq!(kinds, ["PipelineRun", "TaskRun"]);
    assert_eq!(ran.started("next"), 3_000);
    assert!(ran.has_started("r-sub-f"));
}

#[tokio::test(start_paused = true)]
async fn a_child_that_fails_fails_its_parent() {
    let ran = pipeline(&CHILD.replace("SCRIPT", "exit 1")).ran().await;
    ran.assert_counted("False Failed", [1, 1, 0, 1]);
    assert_eq!(ran.skipped(), ["next: PipelineRun was stopping"]);
    assert!(ran.has_started("r-sub-f"));
}

#[tokio::test(start_paused = true)]
async fn a_child_has_an_hour() {
    let ran = pipeline(&CHILD.replace("SCRIPT", "sleep 9000"))
        .with("timeouts: {pipeline: 5h}")
        .ran()
        .await;
    let child = ran
        .record
        .run("r-sub")
        .unwrap()
        .condition()
        .unwrap()
        .clone();
    assert_eq!(child.reason, "PipelineRunTimeout");
    ran.assert_counted("False Failed", [1, 1, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_child_is_cancelled_with_its_parent() {
    let ran = pipeline(&CHILD.replace("SCRIPT", "sleep 60"))
        .interrupted(2, Interrupt::Cancel)
        .ran()
        .await;
    assert_eq!(
        ran.verdict(),
        r#"False Cancelled: PipelineRun "r" was cancelled"#
    );
    let child = ran
        .record
        .run("r-sub")
        .unwrap()
        .condition()
        .unwrap()
        .clone();
    assert_eq!(child.reason, "Cancelled");
    assert_eq!(ran.took(), 2_000);
    assert!(!ran.has_started("r-sub-f"));
}

#[tokio::test(start_paused = true)]
async fn a_childs_timeout_counts_as_the_parents_when_it_is_the_parents() {
    let ran = pipeline(&CHILD.replace("SCRIPT", "sleep 60"))
        .with("timeouts: {pipeline: 5s}")
        .ran()
        .await;
    assert_eq!(
        ran.verdict(),
        r#"False PipelineRunTimeout: PipelineRun "r" failed to finish within "5s""#
    );
    assert_eq!(ran.took(), 5_000);
}

#[tokio::test(start_paused = true)]
async fn a_child_gets_params_and_workspaces_of_its_parent() {
    let ran = pipeline(
        r#"
params: [{name: p, default: v}]
workspaces: [{name: w}]
tasks:
- name: sub
  params: [{name: q, value: "$(params.p)"}]
  workspaces: [{name: x, workspace: w}]
  pipelineSpec:
    params: [{name: q}]
    workspaces: [{name: x}]
    tasks:
    - name: a
      workspaces: [{name: y, workspace: x}]
      taskSpec: {workspaces: [{name: y}], steps: [{name: s, run: write /workspace/y/f $(params.q)}]}
- name: after
  runAfter: [sub]
  workspaces: [{name: w}]
  taskSpec: {workspaces: [{name: w}], steps: [{name: s, run: cat /workspace/w/f}]}
"#,
    )
    .with("workspaces: [{name: w, emptyDir: {}}]")
    .ran()
    .await;
    assert_eq!(ran.said("after"), "v\n", "{}", ran.verdict());
}

#[tokio::test(start_paused = true)]
async fn a_child_that_cannot_be_planned_fails_as_a_run() {
    let ran = pipeline(
        r"
tasks:
- name: sub
  pipelineSpec: {params: [{name: q}], tasks: [{name: a, run: sleep 1}]}
",
    )
    .ran()
    .await;
    assert!(!ran.condition().is_true());
    assert!(!ran.has_started("r-sub-a"));
}

#[tokio::test(start_paused = true)]
async fn a_child_in_finally_that_takes_too_long_fails_the_run() {
    let ran = pipeline(
        "
tasks: [{name: a, run: sleep 1}]
finally: [{name: sub, pipelineSpec: {tasks: [{name: a, run: sleep 60}]}}]",
    )
    .with("timeouts: {pipeline: 1m, finally: 2s}")
    .ran()
    .await;
    ran.assert_counted("False Failed", [2, 1, 0, 0]);
    assert_eq!(ran.took(), 3_000);
}
