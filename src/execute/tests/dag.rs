//! Order and failure among the tasks of a pipeline.

use super::harness::{pipeline, ran};

#[tokio::test(start_paused = true)]
async fn independent_tasks_run_together() {
    let ran = ran(r"
tasks:
- {name: a, run: sleep 5}
- {name: b, run: sleep 5}
")
    .await;
    ran.assert_counted("True Succeeded", [2, 0, 0, 0]);
    assert!(ran.started("b") < ran.finished("a") && ran.started("a") < ran.finished("b"));
    assert_eq!(ran.children(), ["r-a", "r-b"]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_tasks_at_once_is_kept_and_all_run() {
    let ran = pipeline(
        r"
tasks:
- {name: a, run: sleep 5}
- {name: b, run: sleep 5}
- {name: c, run: sleep 5}
",
    )
    .jobs(2)
    .ran()
    .await;
    ran.assert_counted("True Succeeded", [3, 0, 0, 0]);
    assert_eq!(
        [ran.started("a"), ran.started("b"), ran.started("c")],
        [0, 0, 5_000]
    );
}

#[tokio::test(start_paused = true)]
async fn a_result_in_a_param_makes_an_edge() {
    let ran = ran(r#"
tasks:
- name: b
  params: [{name: p, value: v-$(tasks.a.results.x)}]
  run: echo $(params.p)
- {name: a, run: "sleep 2\nresult x 1"}
"#)
    .await;
    ran.assert_counted("True Succeeded", [2, 0, 0, 0]);
    assert!(ran.started("b") >= ran.finished("a"));
    assert_eq!(ran.said("b"), "v-1\n");
    assert_eq!(ran.children(), ["r-b", "r-a"]);
}

#[tokio::test(start_paused = true)]
async fn a_result_in_a_script_makes_an_edge_and_is_replaced() {
    let ran = ran(r#"
tasks:
- {name: b, run: "echo got $(tasks.a.results.x)"}
- {name: a, run: "sleep 2\nresult x 1"}
"#)
    .await;
    assert_eq!(ran.said("b"), "got 1\n");
    assert!(ran.started("b") >= ran.finished("a"));
}

#[tokio::test(start_paused = true)]
async fn a_result_in_a_display_name_makes_no_edge() {
    let ran = ran(r#"
tasks:
- {name: b, displayName: "b $(tasks.a.results.x)", run: sleep 1}
- {name: a, run: "sleep 2\nresult x 1"}
"#)
    .await;
    ran.assert_counted("True Succeeded", [2, 0, 0, 0]);
    assert_eq!(ran.started("b"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_result_in_a_sub_path_makes_no_edge() {
    let ran = pipeline(
        r#"
workspaces: [{name: w}]
tasks:
- name: b
  workspaces: [{name: w, subPath: "$(tasks.a.results.x)"}]
  taskSpec:
    workspaces: [{name: w}]
    steps: [{name: s, run: sleep 1}]
- {name: a, run: "sleep 2\nresult x 1"}
"#,
    )
    .with("workspaces: [{name: w, emptyDir: {}}]")
    .ran()
    .await;
    assert_eq!(ran.started("b"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_bracketed_result_makes_no_edge_and_stays_text() {
    let ran = ran(r#"
tasks:
- name: b
  params: [{name: p, value: "$(tasks.a.results['x'])"}]
  run: echo $(params.p)
- {name: a, run: "sleep 2\nresult x 1"}
"#)
    .await;
    assert_eq!(ran.started("b"), 0);
    assert_eq!(ran.said("b"), "$(tasks.a.results['x'])\n");
}

#[tokio::test(start_paused = true)]
async fn a_failure_lets_running_tasks_end_and_starts_no_more() {
    let ran = ran(r#"
tasks:
- {name: a, run: "sleep 1\nexit 1"}
- {name: b, run: sleep 5}
- {name: c, runAfter: [b], run: sleep 1}
"#)
    .await;
    ran.assert_counted("False Failed", [2, 1, 0, 1]);
    assert_eq!(ran.skipped(), ["c: PipelineRun was stopping"]);
    assert_eq!(ran.finished("b"), 5_000);
    assert_eq!(
        ran.of("a"),
        r#"False StepFailed: "step-s" exited with code 1: Error"#
    );
    assert!(!ran.has_started("c"));
}

#[tokio::test(start_paused = true)]
async fn a_failure_can_be_forgiven() {
    let ran = ran(r"
tasks:
- {name: a, onError: continue, run: exit 1}
- {name: b, runAfter: [a], run: sleep 1}
")
    .await;
    assert_eq!(
        ran.verdict(),
        "True Succeeded: Tasks Completed: 2 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 0"
    );
    assert_eq!(
        ran.of("a"),
        r#"False FailureIgnored: "step-s" exited with code 1: Error"#
    );
    assert!(ran.has_started("b"));
}

#[tokio::test(start_paused = true)]
async fn retries_go_on_while_the_run_stops() {
    let ran = ran(r#"
tasks:
- {name: a, run: exit 1}
- {name: b, retries: 1, run: "sleep 2\nfail-before 1"}
"#)
    .await;
    ran.assert_counted("False Failed", [2, 1, 0, 0]);
    assert_eq!(
        ran.of("b"),
        "True Succeeded: All Steps have completed executing"
    );
    assert_eq!(ran.task_run("b").status.retries_status.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_result_that_was_not_written_fails_its_consumer() {
    let ran = ran(r"
tasks:
- {name: a, run: declare x}
- name: b
  params: [{name: p, value: $(tasks.a.results.x)}]
  run: echo $(params.p)
- {name: c, runAfter: [b], run: sleep 1}
finally:
- {name: f, run: sleep 1}
")
    .await;
    assert_eq!(
        ran.verdict(),
        "False PipelineValidationFailed: Tasks Completed: 2 (Failed: 0, Cancelled 0), Skipped: 1, Failed Validation: 1 (task \"a\" completed successfully but did not emit the result \"x\", which is referenced by task \"b\")"
    );
    assert!(!ran.has_started("b") && ran.has_started("f"));
    assert_eq!(ran.children(), ["r-a", "r-f"]);
    assert_eq!(ran.skipped(), ["c: PipelineRun was stopping"]);
}

/// The pass in which a consumer fails its validation starts nothing else.
#[tokio::test(start_paused = true)]
async fn nothing_starts_beside_a_consumer_without_its_result() {
    let ran = ran(r"
tasks:
- {name: a, run: declare x}
- {name: c, runAfter: [a], run: sleep 1}
- name: b
  params: [{name: p, value: $(tasks.a.results.x)}]
  run: echo $(params.p)
")
    .await;
    assert!(!ran.has_started("c"));
    assert_eq!(ran.skipped(), ["c: PipelineRun was stopping"]);
}

/// Also those before it in the file that wait for it end.
#[tokio::test(start_paused = true)]
async fn those_who_wait_for_a_consumer_without_its_result_are_skipped() {
    let ran = ran(r#"
tasks:
- {name: c, runAfter: [b], run: sleep 1}
- {name: b, run: "echo $(tasks.a.results.x)"}
- {name: a, run: declare x}
finally: [{name: f, run: sleep 1}]
"#)
    .await;
    assert_eq!(ran.condition().reason, "PipelineValidationFailed");
    assert_eq!(ran.skipped(), ["c: PipelineRun was stopping"]);
    assert!(ran.has_started("f"));
}

#[tokio::test(start_paused = true)]
async fn a_forgiven_consumer_is_skipped_without_its_result() {
    let ran = ran(r"
tasks:
- {name: a, run: declare x}
- name: b
  onError: continue
  params: [{name: p, value: $(tasks.a.results.x)}]
  run: echo $(params.p)
")
    .await;
    ran.assert_counted("True Completed", [1, 0, 0, 1]);
    assert_eq!(ran.skipped(), ["b: Results were missing"]);
}

#[tokio::test(start_paused = true)]
async fn a_forgiven_failure_lends_what_it_wrote() {
    let ran = ran(r#"
tasks:
- {name: a, onError: continue, run: "result x v\nexit 1"}
- {name: b, run: "echo $(tasks.a.results.x)"}
"#)
    .await;
    assert_eq!(ran.said("b"), "v\n");
    assert!(ran.condition().is_true());
}

#[tokio::test(start_paused = true)]
async fn a_forgiven_failure_that_wrote_nothing_fails_its_consumer() {
    let ran = ran(r#"
tasks:
- {name: a, onError: continue, run: "declare x\nexit 1"}
- {name: b, run: "echo $(tasks.a.results.x)"}
"#)
    .await;
    assert_eq!(
        ran.verdict(),
        "False PipelineValidationFailed: Tasks Completed: 1 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 0, Failed Validation: 1 (Invalid task result reference: Could not find result with name x for pipeline task a)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_result_nobody_declares_ends_the_run_before_it_starts() {
    let ran = ran(r#"
tasks:
- {name: a, run: "result x v"}
- {name: b, run: "echo $(tasks.a.results.y)"}
"#)
    .await;
    assert_eq!(ran.condition().reason, "InvalidTaskResultReference");
    assert!(ran.log.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_without_tasks_succeeds() {
    let ran = pipeline("{params: [{name: a}]}")
        .with("params: [{name: a, value: v}]")
        .ran()
        .await;
    ran.assert_counted("True Succeeded", [0, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn children_and_skips_are_in_the_order_of_the_pipeline() {
    let ran = pipeline(
        r"
params: [{name: v, default: q}]
tasks:
- {name: z, runAfter: [a], run: sleep 1}
- {name: y, when: [{input: $(params.v), operator: in, values: [x]}], run: sleep 1}
- {name: a, run: sleep 1}
- {name: b, when: [{input: $(params.v), operator: notin, values: [q]}], run: sleep 1}
finally:
- {name: f, run: sleep 1}
",
    )
    .ran()
    .await;
    assert_eq!(ran.children(), ["r-z", "r-a", "r-f"]);
    let status = &ran.record.root().unwrap().status;
    let inputs: Vec<(&str, &str)> = status
        .skipped_tasks
        .iter()
        .map(|task| (task.name.as_str(), task.when_expressions[0].input.as_str()))
        .collect();
    assert_eq!(inputs, [("y", "q"), ("b", "q")]);
}

#[tokio::test(start_paused = true)]
async fn display_names_are_replaced() {
    let ran = ran(r#"
params: [{name: v, default: q}]
tasks:
- {name: a, displayName: Build $(params.v), run: "result x 1"}
- {name: b, runAfter: [a], displayName: "After $(tasks.a.results.x)", params: [{name: p, value: $(tasks.a.results.x)}], run: "echo $(params.p)"}
- name: m
  displayName: On $(params.os)
  matrix:
    params: [{name: os, value: [l, m]}]
    include: [{name: the mac, params: [{name: os, value: m}]}]
  taskSpec: {params: [{name: os}], steps: [{name: s, run: "echo $(params.os)"}]}
"#)
    .await;
    let status = &ran.record.root().unwrap().status;
    let names: Vec<&str> = status
        .child_references
        .iter()
        .map(|child| child.display_name.as_str())
        .collect();
    assert_eq!(names, ["Build q", "After 1", "On l", "the mac"]);
}

#[tokio::test(start_paused = true)]
async fn containers_know_which_part_they_are_of() {
    let ran = ran(r"
tasks:
- {name: a, run: sleep 1}
finally:
- {name: f, run: sleep 1}
")
    .await;
    let member = |task: &str| {
        let name = format!("r-{task}");
        ran.log
            .calls()
            .into_iter()
            .find_map(|recorded| match recorded.call {
                crate::sandbox::fake::Call::Start(spec) if spec.task_run == name => {
                    spec.labels.get("tekton.dev/memberOf").cloned()
                }
                _ => None,
            })
    };
    assert_eq!(member("a").as_deref(), Some("tasks"));
    assert_eq!(member("f").as_deref(), Some("finally"));
}
