//! Workspaces: who shares what.

use super::harness::pipeline;
use crate::sandbox::fake::{Call, FakeEngine};

const WRITE_THEN_READ: &str = r#"
workspaces: [{name: w}]
tasks:
- name: a
  workspaces: [{name: w}]
  taskSpec: {workspaces: [{name: w}], steps: [{name: s, run: write /workspace/w/f v}]}
- name: b
  runAfter: [a]
  workspaces: [{name: w}]
  taskSpec: {workspaces: [{name: w}], steps: [{name: s, run: "cat $(workspaces.w.path)/f"}]}
"#;

#[tokio::test(start_paused = true)]
async fn tasks_share_the_workspaces_of_the_run() {
    for binding in [
        "emptyDir: {}",
        "volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}",
        "persistentVolumeClaim: {claimName: c}",
    ] {
        let ran = pipeline(WRITE_THEN_READ)
            .with(&format!("workspaces: [{{name: w, {binding}}}]"))
            .ran()
            .await;
        assert_eq!(ran.said("b"), "v\n", "{binding}: {}", ran.verdict());
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_claim_outlives_the_run() {
    let read = r"
workspaces: [{name: w}]
tasks:
- name: b
  workspaces: [{name: w}]
  taskSpec: {workspaces: [{name: w}], steps: [{name: s, run: cat /workspace/w/f}]}
";
    for (binding, there) in [
        ("emptyDir: {}", false),
        ("persistentVolumeClaim: {claimName: c}", true),
    ] {
        let engine = FakeEngine::new();
        let bound = format!("workspaces: [{{name: w, {binding}}}]");
        let first = pipeline(WRITE_THEN_READ)
            .with(&bound)
            .on(engine.clone())
            .ran()
            .await;
        assert!(first.condition().is_true());
        let second = pipeline(read).with(&bound).on(engine).ran().await;
        assert_eq!(second.condition().is_true(), there, "{binding}");
    }
}

#[tokio::test(start_paused = true)]
async fn sub_paths_are_joined_and_replaced() {
    let ran = pipeline(
        r"
params: [{name: d, default: y}]
workspaces: [{name: w}]
tasks:
- name: a
  workspaces: [{name: w, subPath: $(params.d)}]
  taskSpec: {workspaces: [{name: w}], steps: [{name: s, run: write /workspace/w/f v}]}
- name: b
  runAfter: [a]
  workspaces: [{name: w}]
  taskSpec: {workspaces: [{name: w}], steps: [{name: s, run: cat /workspace/w/y/f}]}
",
    )
    .with("workspaces: [{name: w, emptyDir: {}, subPath: $(context.pipelineRun.name)}]")
    .ran()
    .await;
    assert_eq!(ran.said("b"), "v\n", "{}", ran.verdict());
}

#[tokio::test(start_paused = true)]
async fn a_workspace_that_a_script_mentions_is_mounted() {
    let yaml = r#"
workspaces: [{name: tree}]
tasks: [{name: a, run: "write $(workspaces.tree.path)/f v\ncat /workspace/tree/f"}]
"#;
    let ran = pipeline(yaml)
        .with("workspaces: [{name: tree, emptyDir: {}}]")
        .ran()
        .await;
    assert_eq!(ran.said("a"), "v\n", "{}", ran.verdict());
}

#[tokio::test(start_paused = true)]
async fn secrets_and_config_maps_are_read_only_files() {
    let ran = pipeline(
        r#"
workspaces: [{name: s}, {name: c}]
tasks:
- name: a
  workspaces: [{name: s}, {name: c}]
  taskSpec:
    workspaces: [{name: s}, {name: c}]
    steps: [{name: s, run: "cat /workspace/s/k\ncat /workspace/c/k\nwrite /workspace/s/k other"}]
"#,
    )
    .with("workspaces: [{name: s, secret: {secretName: s}}, {name: c, configMap: {name: c}}]")
    .and("{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {k: dg==}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {k: w}}")
    .ran()
    .await;
    assert_eq!(ran.said("a"), "v\nw\n", "{}", ran.of("a"));
    assert_eq!(ran.steps("a"), ["1 Error Error"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_may_have_two_claims() {
    let ran = pipeline(
        r#"
workspaces: [{name: v}, {name: w}]
tasks:
- name: a
  workspaces: [{name: v}, {name: w}]
  taskSpec:
    workspaces: [{name: v}, {name: w}]
    steps: [{name: s, run: "write /workspace/v/f 1\nwrite /workspace/w/f 2\ncat /workspace/v/f"}]
"#,
    )
    .with("workspaces: [{name: v, persistentVolumeClaim: {claimName: c}}, {name: w, persistentVolumeClaim: {claimName: d}}]")
    .ran()
    .await;
    assert_eq!(ran.said("a"), "1\n");
    assert!(
        ran.log
            .find(|call| matches!(call, Call::Open(spec) if spec.claims == ["c", "d"]))
            .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn read_only_and_optional_workspaces() {
    let ran = pipeline(
        r#"
workspaces: [{name: v}]
tasks:
- name: a
  workspaces: [{name: v}]
  taskSpec:
    workspaces: [{name: v, readOnly: true}, {name: w, optional: true}]
    steps:
    - {name: s, run: "echo $(workspaces.w.bound)/$(workspaces.w.path)/$(workspaces.v.bound)"}
    - {name: t, run: write /workspace/v/f 1}
"#,
    )
    .with("workspaces: [{name: v, emptyDir: {}}]")
    .ran()
    .await;
    assert_eq!(ran.said("a"), "false//true\n");
    assert_eq!(ran.steps("a")[1], "1 Error Error");
}

#[tokio::test(start_paused = true)]
async fn an_isolated_workspace_is_seen_by_who_lists_it() {
    let ran = pipeline(
        r#"
workspaces: [{name: w}]
tasks:
- name: a
  workspaces: [{name: w}]
  taskSpec:
    workspaces: [{name: w}]
    steps:
    - {name: s, workspaces: [{name: w, mountPath: /own}], run: "write /own/f v\necho $(workspaces.w.path)"}
    - {name: t, run: "echo $(workspaces.w.path)\ncat /workspace/w/f"}
"#,
    )
    .with("workspaces: [{name: w, emptyDir: {}}]")
    .ran()
    .await;
    assert_eq!(ran.said("a"), "/own\n/workspace/w\n", "{}", ran.verdict());
    assert_eq!(ran.steps("a"), ["0 Completed Completed", "1 Error Error"]);
}

#[tokio::test(start_paused = true)]
async fn steps_share_workspace_and_sidecars_do_not() {
    let ran = pipeline(
        r#"
tasks:
- name: a
  taskSpec:
    steps: [{name: s, run: write /workspace/f v}, {name: t, run: cat /workspace/f}]
    sidecars: [{name: x, run: "sleep 1\ncat /workspace/f"}]
"#,
    )
    .ran()
    .await;
    assert_eq!(ran.said("a"), "v\n");
}

#[tokio::test(start_paused = true)]
async fn a_required_workspace_must_be_bound() {
    let ran = pipeline(
        "
tasks: [{name: a, taskSpec: {workspaces: [{name: w}], steps: [{name: s, run: sleep 1}]}}]",
    )
    .ran()
    .await;
    assert!(!ran.condition().is_true());
    assert!(!ran.has_started("a"));
    let ran = pipeline("{workspaces: [{name: w}], tasks: [{name: a, run: sleep 1}]}")
        .ran()
        .await;
    assert_eq!(
        ran.verdict(),
        "False InvalidWorkspaceBindings: [User error] PipelineRun default/r doesn't bind Pipeline default/r's Workspaces correctly: pipeline requires workspace with name \"w\" be provided by pipelinerun"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_pipeline_does_not_know_is_not_an_error() {
    let ran = pipeline("tasks: [{name: a, run: sleep 1}]")
        .with("params: [{name: extra, value: v}]\nworkspaces: [{name: more, emptyDir: {}}]")
        .ran()
        .await;
    assert!(ran.condition().is_true());
}

/// Volumes of tasks in a child pipeline and of a matrix, whose claims are named by params.
#[tokio::test(start_paused = true)]
async fn claims_of_volumes_are_there_before_the_start() {
    let volume = "volumes: [{name: v, persistentVolumeClaim: {claimName: c-$(params.n)}}]";
    let ran = pipeline(&format!(
        "
tasks:
- name: m
  matrix: {{params: [{{name: n, value: [one, two]}}]}}
  taskSpec:
    params: [{{name: n}}]
    {volume}
    steps: [{{name: s, volumeMounts: [{{name: v, mountPath: /v}}], run: sleep 1}}]
- name: sub
  pipelineSpec:
    tasks:
    - name: b
      params: [{{name: n, value: child}}]
      taskSpec:
        params: [{{name: n}}]
        {volume}
        steps: [{{name: s, volumeMounts: [{{name: v, mountPath: /v}}], run: sleep 1}}]"
    ))
    .ran()
    .await;
    assert!(ran.condition().is_true(), "{}", ran.verdict());
    let opened = |call: &Call| matches!(call, Call::Open(spec) if spec.claims == ["c-child", "c-one", "c-two"]);
    assert!(ran.log.find(opened).is_some(), "{:?}", ran.log.calls());
}
