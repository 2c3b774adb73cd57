//! Attempts.

use super::harness::{pipeline, ran};

#[tokio::test(start_paused = true)]
async fn a_task_is_tried_again_until_it_succeeds() {
    let ran = ran(r#"
tasks:
- {name: a, retries: 2, run: "echo try $(context.task.retry-count)\nfail-before 2"}
- {name: b, runAfter: [a], run: sleep 1}
"#)
    .await;
    ran.assert_counted("True Succeeded", [2, 0, 0, 0]);
    let status = &ran.task_run("a").status;
    assert_eq!(ran.said("a"), "try 0\ntry 1\ntry 2\n");
    let pods: Vec<&str> = status
        .retries_status
        .iter()
        .chain([status])
        .map(|attempt| attempt.pod_name.as_str())
        .collect();
    assert_eq!(pods, ["r-a-pod", "r-a-pod-retry1", "r-a-pod-retry2"]);
    assert_eq!(ran.children(), ["r-a", "r-b"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_always_fails_is_tried_once_more_than_its_retries() {
    let ran = ran("tasks: [{name: a, retries: 2, run: exit 4}]").await;
    ran.assert_counted("False Failed", [1, 1, 0, 0]);
    let status = &ran.task_run("a").status;
    assert_eq!(status.retries_status.len(), 2);
    let reasons: Vec<&str> = status
        .retries_status
        .iter()
        .map(|attempt| attempt.conditions[0].reason.as_str())
        .collect();
    assert_eq!(reasons, ["StepFailed", "StepFailed"]);
}

#[tokio::test(start_paused = true)]
async fn attempts_share_claims_and_nothing_else() {
    let ran = pipeline(r"
workspaces: [{name: claim}, {name: template}, {name: own}]
tasks:
- name: a
  retries: 1
  workspaces: [{name: claim}, {name: template}]
  taskSpec:
    workspaces: [{name: claim}, {name: template}]
    steps:
    - name: s
      run: |
        append /workspace/claim/f $(context.task.retry-count)
        append /workspace/template/f $(context.task.retry-count)
        append /workspace/f $(context.task.retry-count)
        cat /workspace/claim/f
        cat /workspace/template/f
        cat /workspace/f
        fail-before 1
")
    .with("workspaces:\n- {name: claim, persistentVolumeClaim: {claimName: c}}\n- {name: own, emptyDir: {}}\n- {name: template, volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}")
    .ran()
    .await;
    assert!(ran.condition().is_true(), "{}", ran.verdict());
    assert_eq!(ran.said("a"), "0\n0\n0\n01\n01\n1\n");
}

/// The results are called as the attempts that write them.
#[tokio::test(start_paused = true)]
async fn results_of_a_failed_attempt_are_forgotten() {
    let ran = ran(r#"
tasks:
- name: a
  retries: 1
  taskSpec:
    results: [{name: x0}, {name: x1}]
    steps: [{name: s, run: "result x$(context.task.retry-count) v\nfail-before 1"}]
"#)
    .await;
    assert!(ran.condition().is_true());
    assert_eq!(ran.result("a", "x0"), None);
    assert_eq!(ran.result("a", "x1"), Some("v".into()));
}

#[tokio::test(start_paused = true)]
async fn context_retries_is_known_to_params() {
    let ran = ran(r#"
tasks:
- name: a
  retries: 3
  params: [{name: n, value: $(context.pipelineTask.retries)}]
  taskSpec: {params: [{name: n}], steps: [{name: s, run: "echo $(params.n)"}]}
"#)
    .await;
    assert_eq!(ran.said("a"), "3\n");
}
