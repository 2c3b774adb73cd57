//! What the values of params may say.

use super::harness::{pipeline, ran};

#[tokio::test(start_paused = true)]
async fn task_148_a_value_may_name_what_the_task_knows_but_no_param() {
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
        r#"
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t}
spec:
  params: [{name: file}]
  workspaces: [{name: data, mountPath: /d}]
  steps: [{name: s, run: echo $(params.file)}]
"#,
    )
    .ran()
    .await;
    assert_eq!(ran.said("a"), "/d/f\n", "{}", ran.verdict());
}
