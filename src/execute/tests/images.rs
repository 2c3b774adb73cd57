//! Images that are not to be had, and containers that cannot be made.

use std::collections::BTreeSet;

use super::harness::{Ran, pipeline};
use crate::sandbox::fake::{Call, FakeEngine};

async fn without_image(yaml: &str) -> Ran {
    pipeline(yaml)
        .on(FakeEngine::new().missing("gone"))
        .ran()
        .await
}

fn launches(ran: &Ran) -> usize {
    ran.log.count(|call| matches!(call, Call::Launch(..)))
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_missing_is_reported_before_any_step_runs() {
    let ran = without_image(
        "tasks: [{name: a, taskSpec: {steps: [{name: x, run: sleep 1}, {name: y, run: sleep 1}, {name: z, image: gone, script: sleep 1}]}}]",
    )
    .await;
    assert_eq!(launches(&ran), 0);
    assert_eq!(
        ran.of("a"),
        r#"False TaskRunImagePullFailed: the step "z" in TaskRun "r-a" failed to pull the image "gone". The pod errored with the message: "gone not found.""#
    );
    assert_eq!(ran.condition().reason, "Failed");
}

#[tokio::test(start_paused = true)]
async fn a_missing_image_of_a_sidecar_is_reported_as_such() {
    let ran = without_image(
        "tasks: [{name: a, taskSpec: {steps: [{name: x, run: sleep 1}], sidecars: [{name: y, image: gone}]}}]",
    )
    .await;
    assert_eq!(launches(&ran), 0);
    assert!(
        ran.of("a").contains(r#"the sidecar "y" in TaskRun"#),
        "{}",
        ran.of("a")
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_called_after_steps_keeps_its_name() {
    let ran = without_image(
        "tasks: [{name: a, taskSpec: {steps: [{name: step-x, image: gone, script: sleep 1}]}}]",
    )
    .await;
    let of = ran.of("a");
    assert!(of.contains(r#"the step "step-x" in TaskRun"#), "{of}");
}

/// A task that may be skipped may have an image that does not exist, as on a cluster.
#[tokio::test(start_paused = true)]
async fn a_missing_image_of_a_task_that_is_skipped_is_not_an_error() {
    let ran = without_image(
        "
tasks:
- {name: a, run: sleep 1}
- {name: b, when: [{input: a, operator: in, values: [b]}], taskSpec: {steps: [{name: x, image: gone, script: sleep 1}]}}",
    )
    .await;
    ran.assert_counted("True Completed", [1, 0, 0, 1]);
}

/// The run can still succeed: it goes on as on a cluster.
#[tokio::test(start_paused = true)]
async fn a_missing_image_of_a_task_whose_failure_is_ignored_fails_that_task_alone() {
    let ran = without_image(
        "
tasks:
- {name: a, onError: continue, taskSpec: {steps: [{name: x, image: gone, script: sleep 1}]}}
- {name: b, runAfter: [a], run: sleep 1}",
    )
    .await;
    assert_eq!(
        ran.verdict(),
        "True Succeeded: Tasks Completed: 2 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 0"
    );
    assert!(ran.of("a").contains("failed to pull the image"));
}

#[tokio::test(start_paused = true)]
async fn each_image_is_asked_for_once() {
    let ran =
        pipeline("tasks: [{name: a, run: sleep 1}, {name: b, retries: 1, run: fail-before 1}]")
            .ran()
            .await;
    assert!(ran.condition().is_true());
    assert_eq!(ran.log.count(|call| matches!(call, Call::Image(_))), 1);
}

/// Those of a matrix, of a child pipeline, of its finally tasks; not those of a disabled task.
#[tokio::test(start_paused = true)]
async fn all_images_are_asked_for_before_the_first_container_starts() {
    let ran = pipeline(
        "
tasks:
- {name: a, run: sleep 1}
- name: m
  runAfter: [a]
  matrix: {params: [{name: v, value: [one, two]}]}
  taskSpec: {params: [{name: v}], steps: [{name: x, image: of-$(params.v), script: sleep 1}]}
- name: sub
  runAfter: [m]
  pipelineSpec:
    tasks: [{name: b, taskSpec: {steps: [{name: x, image: of-child, script: sleep 1}]}}]
    finally: [{name: f, taskSpec: {steps: [{name: x, image: of-finally, script: sleep 1}]}}]
- {name: off, taskSpec: {steps: [{name: x, image: of-disabled, script: sleep 1}]}}",
    )
    .without("off", &[])
    .ran()
    .await;
    assert!(ran.condition().is_true(), "{}", ran.verdict());
    let settings: BTreeSet<String> = ran
        .log
        .calls()
        .iter()
        .take_while(|recorded| !matches!(recorded.call, Call::Start(_)))
        .filter_map(|recorded| match &recorded.call {
            Call::Image(request) => Some(request.requested.clone()),
            _ => None,
        })
        .collect();
    for image in ["of-one", "of-two", "of-child", "of-finally"] {
        assert!(settings.contains(image), "{image}: {settings:?}");
    }
    assert!(!settings.contains("of-disabled"), "{settings:?}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_image_of_one_combination_ends_the_run_before_it_starts() {
    let ran = without_image(
        "
tasks:
- {name: a, run: sleep 1}
- name: m
  runAfter: [a]
  matrix: {params: [{name: v, value: [there, gone]}]}
  taskSpec: {params: [{name: v}], steps: [{name: x, image: $(params.v), script: sleep 1}]}",
    )
    .await;
    assert_eq!(launches(&ran), 0);
    assert_eq!(ran.children(), ["r-m-1"]);
    ran.assert_counted("False Failed", [1, 1, 0, 1]);
}

/// Its own guards and failures decide whether it is needed.
#[tokio::test(start_paused = true)]
async fn a_missing_image_of_a_child_run_is_reported_when_its_turn_comes() {
    let ran = without_image(
        "
tasks:
- {name: a, run: sleep 1}
- name: sub
  runAfter: [a]
  pipelineSpec: {tasks: [{name: b, taskSpec: {steps: [{name: x, image: gone, script: sleep 1}]}}]}",
    )
    .await;
    ran.assert_counted("False Failed", [2, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_missing_keeps_every_step_from_running() {
    let ran = pipeline(
        "
tasks:
- name: a
  taskSpec:
    steps:
    - {name: x, run: sleep 1}
    - {name: y, env: [{name: E, valueFrom: {secretKeyRef: {name: s, key: k}}}], run: sleep 1}",
    )
    .ran()
    .await;
    assert_eq!(launches(&ran), 0);
    assert_eq!(
        ran.task_run("a").condition().unwrap().reason,
        "CreateContainerConfigError",
        "{}",
        ran.of("a")
    );
}

#[tokio::test(start_paused = true)]
async fn a_field_that_a_pod_requires_keeps_every_step_from_running() {
    for (field, fault) in [
        (
            "env: [{value: v}]",
            "spec.containers[1].env[0].name: Required value",
        ),
        (
            "volumeMounts: [{name: v}]",
            "spec.containers[1].volumeMounts[0].mountPath: Required value",
        ),
    ] {
        let ran = pipeline(&format!(
            "tasks: [{{name: a, taskSpec: {{volumes: [{{name: v, emptyDir: {{}}}}], steps: [{{name: x, run: sleep 1}}, {{name: y, {field}, run: sleep 1}}]}}}}]",
        ))
        .ran()
        .await;
        assert_eq!(launches(&ran), 0);
        assert_eq!(
            ran.of("a"),
            format!(
                "False PodCreationFailed: failed to create task run pod \"r-a\": Pod \"r-a-pod\" is invalid: {fault}"
            )
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_the_engine_refuses_fails_its_task_alone() {
    let ran = pipeline("tasks: [{name: a, taskSpec: {steps: [{name: odd, run: sleep 1}]}}, {name: b, run: sleep 1}]")
        .on(FakeEngine::new().refuse("step-odd", "no such user"))
        .ran()
        .await;
    ran.assert_counted("False Failed", [2, 1, 0, 0]);
    let of = ran.of("a");
    assert!(
        of.contains("CreateContainerConfigError") && of.contains("no such user"),
        "{of}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_privileged_container_behind_a_name_made_of_params_needs_permission() {
    let ran = pipeline(
        "
params: [{name: t, default: root}]
tasks: [{name: a, taskRef: {name: $(params.t)}}]",
    )
    .and(
        "
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: root}
spec:
  steps: [{name: s, image: i, securityContext: {privileged: true}, script: sleep 1}]
  sidecars: [{name: x, image: i, securityContext: {privileged: true}, script: sleep 1}]",
    )
    .ran()
    .await;
    assert_eq!(launches(&ran), 0);
    let of = ran.of("a");
    assert!(of.contains("allow it with --allow-privileged"), "{of}");
}

#[tokio::test(start_paused = true)]
async fn a_root_image_cannot_run_as_non_root() {
    let ran = pipeline(
        "tasks: [{name: a, taskSpec: {steps: [{name: x, securityContext: {runAsNonRoot: true}, run: sleep 1}]}}]",
    )
    .ran()
    .await;
    assert_eq!(
        ran.task_run("a").condition().unwrap().reason,
        "CreateContainerConfigError"
    );
}
