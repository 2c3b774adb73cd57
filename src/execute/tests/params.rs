//! What the values of params may say.

use super::harness::{pipeline, ran};

#[tokio::test(start_paused = true)]
async fn a_value_may_name_what_the_task_knows_but_no_param() {
    let ran = ran(r#"
tasks:
- name: a
  params: [{name: who, value: "$(context.taskRun.name)"}, {name: raw, value: "$(params.other)"}]
  taskSpec:
    params: [{name: who}, {name: raw}, {name: other, default: o}]
    steps: [{name: s, run: "echo $(params.who) $(params.raw)"}]
"#)
    .await;
    assert_eq!(ran.said("a"), "r-a $(params.other)\n");
}

#[tokio::test(start_paused = true)]
async fn a_task_by_reference_gets_a_path_of_its_workspace() {
    let ran = pipeline(
        r#"
workspaces: [{name: shared}]
tasks:
- name: a
  taskRef: {name: t}
  params: [{name: file, value: "$(workspaces.data.path)/f"}]
  workspaces: [{name: data, workspace: shared}]
"#,
    )
    .with("workspaces: [{name: shared, emptyDir: {}}]")
    .and(
        r"
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t}
spec:
  params: [{name: file}]
  workspaces: [{name: data, mountPath: /d}]
  steps: [{name: s, run: echo $(params.file)}]
",
    )
    .ran()
    .await;
    assert_eq!(ran.said("a"), "/d/f\n", "{}", ran.verdict());
}

#[tokio::test(start_paused = true)]
async fn a_pods_variables_win_and_may_be_params_of_the_task() {
    let ran = pipeline(
        r#"
tasks:
- name: a
  params: [{name: x, value: given}]
  taskSpec:
    params: [{name: x}]
    steps:
    - {name: s, env: [{name: A, value: "1"}], run: "env A\nenv B"}
    - {name: t, run: env A}
"#,
    )
    .with(
        "taskRunTemplate: {podTemplate: {env: [{name: A, value: '2'}, {name: B, value: $(params.x)}]}}",
    )
    .ran()
    .await;
    assert_eq!(ran.said("a"), "2\ngiven\n2\n", "{}", ran.verdict());
}

const SECRETS: &str = r"
apiVersion: v1
kind: ServiceAccount
metadata: {name: default}
secrets: [{name: a}, {name: b}, {name: gone}]
---
apiVersion: v1
kind: Secret
metadata: {name: a, annotations: {tekton.dev/git-0: https://git}}
type: kubernetes.io/basic-auth
stringData: {username: u, password: p}
---
apiVersion: v1
kind: Secret
metadata: {name: b, annotations: {tekton.dev/git-0: https://git}}
type: kubernetes.io/basic-auth
stringData: {username: u, password: p}";

#[tokio::test(start_paused = true)]
async fn two_logins_for_one_server_end_the_entrypoint() {
    let ran = pipeline("tasks: [{name: a, run: exit 0}]")
        .and(SECRETS)
        .ran()
        .await;
    assert_eq!(
        ran.of("a"),
        r#"False StepFailed: "step-s" exited with code 2: Error"#
    );
    assert!(ran.said("a").contains("-basic-git"), "{}", ran.said("a"));
    assert_eq!(
        ran.notices(),
        ["Unable to retrieve some secrets (gone); attempting to use them may not succeed."]
    );
}
