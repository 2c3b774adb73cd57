//! Steps: order, failure, guards, time.

use super::harness::{Ran, pipeline, ran};
use crate::sandbox::fake::{Call, FakeEngine};
use crate::sandbox::{Image, Launch};

/// Runs a task `a` of these steps.
async fn steps(yaml: &str) -> Ran {
    let indented = yaml.trim_start_matches('\n').replace('\n', "\n    ");
    ran(&format!(
        "tasks:\n- name: a\n  taskSpec:\n    results: [{{name: x}}]\n    steps:\n    {indented}"
    ))
    .await
}

/// What a step of task `a` was released with.
fn launch(ran: &Ran, step: &str) -> Launch {
    let calls = ran.log.calls().into_iter();
    let mut found = calls.filter_map(|recorded| match recorded.call {
        Call::Launch(name, launch) if name.container == step => Some(*launch),
        _ => None,
    });
    found.next().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_steps_after_a_failed_one_do_not_run() {
    let ran = steps(
        "
- {name: a, run: sleep 1}
- {name: b, run: exit 2}
- {name: c, run: sleep 1}",
    )
    .await;
    assert_eq!(
        ran.of("a"),
        r#"False StepFailed: "step-b" exited with code 2: Error"#
    );
    assert_eq!(
        ran.steps("a"),
        ["0 Completed Completed", "2 Error Error", "1 Error Skipped"]
    );
    assert_eq!(ran.log.count(|call| matches!(call, Call::Launch(..))), 2);
}

#[tokio::test(start_paused = true)]
async fn a_forgiven_step_fails_nothing() {
    let ran = steps(
        "
- {name: a, run: sleep 1}
- {name: b, onError: continue, run: exit 2}
- {name: c, run: sleep 1}",
    )
    .await;
    assert_eq!(
        ran.of("a"),
        "True Succeeded: All Steps have completed executing"
    );
    assert_eq!(
        ran.steps("a"),
        [
            "0 Completed Completed",
            "2 Completed Continued",
            "0 Completed Completed"
        ]
    );
    assert!(launch(&ran, "step-b").on_error_continue);
    assert!(!launch(&ran, "step-c").on_error_continue);
}

#[tokio::test(start_paused = true)]
async fn signals_are_255_and_forgiven_ones_minus_1() {
    let ran = steps("- {name: a, run: signal 9}").await;
    assert_eq!(
        ran.of("a"),
        r#"False StepFailed: "step-a" exited with code 255: Error"#
    );
    let ran = steps("- {name: a, onError: continue, run: signal 9}").await;
    assert_eq!(ran.steps("a"), ["-1 Completed Continued"]);
    let ran = steps("- {name: a, run: exit 137}").await;
    assert_eq!(ran.steps("a"), ["137 Error Error"]);
}

#[tokio::test(start_paused = true)]
async fn a_steps_timeout_fails_it_whatever_on_error_says() {
    for on_error in ["stopAndFail", "continue"] {
        let ran = steps(&format!(
            "- {{name: a, timeout: 1s, onError: {on_error}, run: sleep 5}}\n- {{name: b, run: sleep 1}}"
        ))
        .await;
        assert_eq!(
            ran.of("a"),
            r#"False StepFailed: "step-a" exited because the step exceeded the specified timeout limit"#
        );
        assert_eq!(ran.finished("a"), 1_000);
        assert_eq!(
            ran.steps("a"),
            ["1 Error TimeoutExceeded", "1 Error Skipped"]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_does_not_count_for_a_steps_timeout() {
    let ran = steps(
        "
- {name: a, run: sleep 5}
- {name: b, timeout: 2s, run: sleep 1}",
    )
    .await;
    assert!(ran.condition().is_true());
}

#[tokio::test(start_paused = true)]
async fn lack_of_memory_has_its_own_reason() {
    let ran = steps("- {name: a, run: oom}").await;
    assert_eq!(
        ran.of("a"),
        r#"False StepOOM: "step-a" exited with code 137: OOMKilled"#
    );
    assert_eq!(ran.steps("a"), ["137 OOMKilled OOMKilled"]);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_is_lost_fails_its_step_and_says_so() {
    let ran = steps("- {name: a, run: lost removed by somebody}").await;
    assert_eq!(ran.steps("a"), ["137 Error Error"]);
    assert!(ran.said("a").contains("removed by somebody"));
    ran.assert_counted("False Failed", [1, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_when_that_is_false_skips_its_step_alone() {
    let ran = steps(
        "
- {name: a, when: [{input: a, operator: in, values: [b]}], run: exit 1}
- {name: b, when: [{input: a, operator: notin, values: [b]}], run: sleep 1}",
    )
    .await;
    assert_eq!(
        ran.of("a"),
        "True Succeeded: All Steps have completed executing"
    );
    assert_eq!(
        ran.steps("a"),
        ["0 Completed Skipped", "0 Completed Completed"]
    );
}

#[tokio::test(start_paused = true)]
async fn guards_of_steps_see_params_and_results_of_steps() {
    let ran = pipeline(
        r#"
tasks:
- name: a
  params: [{name: list, value: [x, y]}]
  taskSpec:
    params: [{name: list, type: array}]
    steps:
    - {name: a, results: [{name: r}], run: step-result r foo}
    - {name: json, when: [{input: "$(params.list[*])", operator: in, values: ['["x","y"]']}], run: sleep 1}
    - {name: spliced, when: [{input: y, operator: in, values: ["$(params.list[*])"]}], run: sleep 1}
    - {name: result, when: [{input: $(steps.a.results.r), operator: in, values: [foo]}], run: sleep 1}
    - {name: absent, when: [{input: $(steps.a.results.q), operator: in, values: [foo]}], run: sleep 1}
"#,
    )
    .ran()
    .await;
    let ran_or_not: Vec<bool> = ran
        .steps("a")
        .iter()
        .map(|step| step.ends_with(" Completed"))
        .collect();
    assert_eq!(ran_or_not, [true, true, true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn cel_when_expressions_hold_or_fail_their_step() {
    let ran = steps("- {name: a, when: [{cel: \"'a' == 'a'\"}], run: sleep 1}").await;
    assert_eq!(ran.steps("a"), ["0 Completed Completed"]);
    let ran = steps("- {name: a, when: [{cel: '1 + 2'}], run: sleep 1}").await;
    assert_eq!(ran.steps("a"), ["1 Error Error"]);
}

#[tokio::test(start_paused = true)]
async fn on_error_may_be_a_param_and_must_be_a_known_word() {
    let with = async |value: &str| {
        let ran = pipeline(&format!(
            "
tasks:
- name: a
  params: [{{name: e, value: {value}}}]
  taskSpec:
    params: [{{name: e}}]
    steps: [{{name: s, onError: $(params.e), run: exit 1}}]"
        ))
        .ran()
        .await;
        ran.task_run("a").condition().unwrap().reason.clone()
    };
    assert_eq!(with("continue").await, "Succeeded");
    assert_eq!(with("foo").await, "PodCreationFailed");
}

#[tokio::test(start_paused = true)]
async fn entrypoint_and_cmd_of_the_image_are_kubernetes() {
    let image = |entrypoint: &[&str], cmd: &[&str]| Image {
        entrypoint: entrypoint.iter().map(|&word| word.to_owned()).collect(),
        cmd: cmd.iter().map(|&word| word.to_owned()).collect(),
        ..Image::default()
    };
    let engine = FakeEngine::new()
        .image("both", image(&["echo"], &["c"]))
        .image("cmd", image(&[], &["echo"]));
    let ran = pipeline(
        "
tasks:
- name: a
  taskSpec:
    steps:
    - {name: both, image: both}
    - {name: args, image: both, args: [a]}
    - {name: cmd, image: cmd, args: [x]}
    - {name: none, image: none}
    - {name: command, image: both, command: [echo, $(A)], args: [$$(A), $(B)], env: [{name: A, value: '1'}]}",
    )
    .on(engine)
    .ran()
    .await;
    let line = |step: &str| launch(&ran, step).argv.join(" ");
    assert_eq!(line("step-both"), "echo c");
    assert_eq!(line("step-args"), "echo a");
    assert_eq!(line("step-cmd"), "echo x");
    assert_eq!(line("step-none"), "");
    assert_eq!(line("step-command"), "echo 1 $(A) $(B)");
    assert!(ran.condition().is_true(), "{}", ran.verdict());
}

#[tokio::test(start_paused = true)]
async fn env_is_expanded_and_the_pods_wins() {
    let ran = pipeline(
        "
tasks:
- name: a
  taskSpec:
    steps:
    - {name: s, env: [{name: A, value: '1'}, {name: B, value: $(A)2}, {name: C, value: $(Z)}, {name: D, value: step}], run: sleep 1}
    sidecars: [{name: s, image: i}]",
    )
    .with("taskRunTemplate: {podTemplate: {env: [{name: D, value: pod}]}}")
    .ran()
    .await;
    let of = |container: &str, name: &str| {
        let env = launch(&ran, container).env;
        let found = env.into_iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value)
    };
    assert_eq!(of("step-s", "B").as_deref(), Some("12"));
    assert_eq!(of("step-s", "C").as_deref(), Some("$(Z)"));
    assert_eq!(of("step-s", "D").as_deref(), Some("pod"));
    assert_eq!(of("sidecar-s", "D"), None);
}

#[tokio::test(start_paused = true)]
async fn steps_without_names_are_numbered() {
    let ran = steps("- {run: sleep 1}\n- {run: sleep 1}\n- {run: exit 1}").await;
    assert_eq!(
        ran.of("a"),
        r#"False StepFailed: "step-unnamed-2" exited with code 1: Error"#
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_failing_step_wrote_stays_and_the_last_value_wins() {
    let ran = steps(
        r#"
- {name: a, run: "result x first"}
- {name: b, run: "result x last\nexit 1"}"#,
    )
    .await;
    assert_eq!(ran.result("a", "x"), Some("last".into()));
}

#[tokio::test(start_paused = true)]
async fn output_may_be_a_result_and_is_logged_as_well() {
    let ran =
        steps("- {name: a, image: i, script: echo sha, stdoutConfig: {path: $(results.x.path)}}")
            .await;
    assert_eq!(ran.result("a", "x"), Some("sha\n".into()));
    assert_eq!(ran.said("a"), "sha\n");
}

#[tokio::test(start_paused = true)]
async fn arrays_are_spliced_and_dollars_stay() {
    let ran = pipeline(
        r#"
tasks:
- name: a
  params: [{name: l, value: [x, y, z]}, {name: none, value: []}, {name: v, value: v}]
  taskSpec:
    params: [{name: l, type: array}, {name: none, type: array}, {name: v}]
    steps:
    - {name: s, image: i, script: args, args: ["$(params.l[*])", "$(params.none[*])", "$(params.l)", '$(params["l"][1])', "$(inputs.params.v)"]}
    - {name: t, image: i, script: "echo $$(params.v)"}
"#,
    )
    .ran()
    .await;
    assert_eq!(ran.said("a"), "x|y|z|x|y|z|y|v\n$v\n");
}

#[tokio::test(start_paused = true)]
async fn the_context_of_a_task_run() {
    let yaml = "steps: [{name: s, run: 'echo $(context.taskRun.name) $(context.task.name) $(context.taskRun.namespace)'}]";
    let ran = pipeline(&format!(
        "tasks: [{{name: a, taskRef: {{name: t}}}}, {{name: b, taskSpec: {{{yaml}}}}}]"
    ))
    .and(&format!(
        "{{apiVersion: tekton.dev/v1, kind: Task, metadata: {{name: t}}, spec: {{{yaml}}}}}"
    ))
    .ran()
    .await;
    assert_eq!(ran.said("a"), "r-a t default\n");
    assert_eq!(ran.said("b"), "r-b r-b default\n");
}

#[tokio::test(start_paused = true)]
async fn hermetic_steps_have_no_network() {
    let ran = pipeline(
        "
tasks:
- name: a
  taskSpec:
    metadata: {annotations: {experimental.tekton.dev/execution-mode: hermetic}}
    steps: [{name: s, run: sleep 1}]
    sidecars: [{name: s, image: i}]",
    )
    .ran()
    .await;
    assert!(launch(&ran, "step-s").hermetic);
    assert!(!launch(&ran, "sidecar-s").hermetic);
}

#[tokio::test(start_paused = true)]
async fn resources_of_a_task_and_of_single_steps() {
    let limits = async |specs: &str| {
        let ran = pipeline("tasks: [{name: a, taskSpec: {steps: [{name: x, run: sleep 1}, {name: y, run: sleep 1}]}}]")
            .with(&format!("taskRunSpecs: [{{pipelineTaskName: a, {specs}}}]"))
            .ran()
            .await;
        let cpus: Vec<i64> = ran
            .log
            .calls()
            .into_iter()
            .filter_map(|recorded| match recorded.call {
                Call::Start(spec) => Some(spec.nano_cpus),
                _ => None,
            })
            .collect();
        (cpus, ran.task_run("a").condition().unwrap().message.clone())
    };
    let (cpus, _) = limits("computeResources: {limits: {cpu: '2'}}").await;
    assert_eq!(cpus, [2_000_000_000, 2_000_000_000]);
    let (cpus, _) = limits("stepSpecs: [{name: y, computeResources: {limits: {cpu: '1'}}}]").await;
    assert_eq!(cpus, [0, 1_000_000_000]);
    let (_, message) =
        limits("stepSpecs: [{name: z, computeResources: {limits: {cpu: '1'}}}]").await;
    assert!(
        message.contains("invalid StepOverride: No Step named z"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_its_pipeline_forgives_has_its_own_reason() {
    let ran = ran("tasks: [{name: a, onError: continue, run: exit 3}]").await;
    assert_eq!(
        ran.of("a"),
        r#"False FailureIgnored: "step-s" exited with code 3: Error"#
    );
}
