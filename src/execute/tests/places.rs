//! Where programs run and what they find there.

use super::harness::{Ran, pipeline, ran};
use crate::sandbox::fake::{Call, FakeEngine};
use crate::sandbox::{Image, Launch};

fn launch(ran: &Ran, container: &str) -> Launch {
    let calls = ran.log.calls();
    let found = calls.into_iter().find_map(|recorded| match recorded.call {
        Call::Launch(name, launch) if name.container == container => Some(*launch),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{container} was not released: {}", ran.verdict()))
}

#[tokio::test(start_paused = true)]
async fn working_directories() {
    let image = Image {
        working_dir: "/of/image".to_owned(),
        ..Image::default()
    };
    let ran = pipeline(
        "
tasks:
- name: a
  taskSpec:
    steps:
    - {name: none, image: i, run: exit 0}
    - {name: below, workingDir: /workspace/sub/dir, run: exit 0}
    - {name: far, workingDir: /a/b/c, run: exit 0}
    - {name: relative, workingDir: rel, run: exit 0}",
    )
    .on(FakeEngine::new().image("i", image))
    .ran()
    .await;
    let dir = |step: &str| launch(&ran, step).working_dir;
    assert_eq!(dir("step-none"), "/of/image");
    assert_eq!(dir("step-below"), "/workspace/sub/dir");
    assert_eq!(dir("step-far"), "/a/b/c");
    assert_eq!(dir("step-relative"), "/workspace/rel");
}

const BOUND: &str = "workspaces: [{name: w, emptyDir: {}}]";

#[tokio::test(start_paused = true)]
async fn workspaces_lie_where_they_say() {
    let ran = pipeline(
        r#"
workspaces: [{name: w}]
tasks:
- name: a
  workspaces: [{name: w}, {name: own, workspace: w}]
  taskSpec:
    workspaces: [{name: w}, {name: own, mountPath: /my/own}]
    steps: [{name: s, run: "write /workspace/w/f x\necho $(workspaces.w.path) $(workspaces.own.path)\ncat /my/own/f"}]
"#,
    )
    .with(BOUND)
    .ran()
    .await;
    assert_eq!(
        ran.said("a"),
        "/workspace/w /my/own\nx\n",
        "{}",
        ran.verdict()
    );
}

#[tokio::test(start_paused = true)]
async fn sidecars_see_shared_workspaces_and_may_mount_their_volumes() {
    let ran = pipeline(
        r#"
workspaces: [{name: w}]
tasks:
- name: a
  workspaces: [{name: w}]
  taskSpec:
    workspaces: [{name: w}]
    sidecars:
    - name: x
      volumeMounts: [{name: $(workspaces.w.volume), mountPath: /also}]
      run: "write $(workspaces.w.path)/f seen\ncat /also/f\nsleep 900"
    steps: [{name: s, run: "sleep 2\ncat $(workspaces.w.path)/f"}]
"#,
    )
    .with(BOUND)
    .ran()
    .await;
    assert_eq!(ran.said("a"), "seen\nseen\n", "{}", ran.verdict());
}

#[tokio::test(start_paused = true)]
async fn projected_volumes_merge_and_take_variables() {
    let ran = pipeline(
        r#"
tasks:
- name: a
  params: [{name: n, value: m}]
  taskSpec:
    params: [{name: n}]
    volumes:
    - name: all
      projected: {sources: [{configMap: {name: $(params.n)}}, {secret: {name: s}}]}
    - {name: one, configMap: {name: $(params.n)}}
    steps:
    - name: s
      volumeMounts: [{name: all, mountPath: /all}, {name: one, mountPath: /one}]
      run: "cat /all/k\ncat /all/q\ncat /one/k"
"#,
    )
    .and(
        r"
apiVersion: v1
kind: ConfigMap
metadata: {name: m}
data: {k: v}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {q: r}",
    )
    .ran()
    .await;
    assert_eq!(ran.said("a"), "v\nr\nv\n", "{}", ran.verdict());
}

#[tokio::test(start_paused = true)]
async fn commands_keep_their_order_and_names_of_variables_are_no_text() {
    let ran = ran(r"
tasks:
- name: a
  params: [{name: p, value: v}]
  taskSpec:
    params: [{name: p}]
    steps:
    - {name: order, image: i, command: [echo, -c], args: [echo $0, x]}
    - {name: env, env: [{name: $(params.p), value: $(params.p)}], run: exit 0}
")
    .await;
    assert_eq!(
        launch(&ran, "step-order").argv,
        ["echo", "-c", "echo $0", "x"]
    );
    let env = launch(&ran, "step-env").env;
    assert!(env.contains(&("$(params.p)".to_owned(), "v".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn sidecars_get_nothing_of_the_step_template() {
    let ran = ran(r#"
tasks:
- name: a
  taskSpec:
    stepTemplate: {image: i, env: [{name: T, value: t}]}
    steps: [{name: s, run: "sleep 1\nenv T"}]
    sidecars: [{name: x, run: sleep 900}]
"#)
    .await;
    assert_eq!(ran.said("a"), "t\n");
    let of_template = |(name, _): &(String, String)| name == "T";
    assert!(!launch(&ran, "sidecar-x").env.iter().any(of_template));
}
