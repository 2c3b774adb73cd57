//! Guards, and what they mean for those who come after.

use super::harness::{Ran, pipeline, ran};

const NO: &str = "when: [{input: a, operator: in, values: [b]}]";

/// Task `a` is skipped by its guard; `rest` are further tasks.
async fn after_a_false_guard(rest: &str) -> Ran {
    let yaml = format!("tasks:\n- {{name: a, {NO}, run: \"result x v\"}}\n{rest}");
    ran(&yaml).await
}

#[tokio::test(start_paused = true)]
async fn ordering_children_of_a_false_when_run() {
    let ran = after_a_false_guard("- {name: b, runAfter: [a], run: sleep 1}").await;
    ran.assert_counted("True Completed", [1, 0, 0, 1]);
    assert_eq!(ran.skipped(), ["a: When Expressions evaluated to false"]);
}

#[tokio::test(start_paused = true)]
async fn consumers_of_a_false_when_are_skipped_and_theirs_too() {
    let ran = after_a_false_guard(
        "- {name: b, params: [{name: p, value: $(tasks.a.results.x)}], run: 'echo $(params.p)'}
- {name: c, runAfter: [b], run: sleep 1}",
    )
    .await;
    ran.assert_counted("True Completed", [0, 0, 0, 3]);
    assert_eq!(
        ran.skipped(),
        [
            "a: When Expressions evaluated to false",
            "b: Results were missing",
            "c: Parent Tasks were skipped"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_when_on_a_result_that_is_not_there_is_false() {
    let ran = after_a_false_guard(
        "- {name: b, when: [{input: $(tasks.a.results.x), operator: in, values: [y]}], run: sleep 1}
- {name: c, runAfter: [b], run: sleep 1}",
    )
    .await;
    assert_eq!(
        ran.skipped(),
        [
            "a: When Expressions evaluated to false",
            "b: When Expressions evaluated to false"
        ]
    );
    assert!(ran.has_started("c"));
}

#[tokio::test(start_paused = true)]
async fn a_negated_when_on_a_result_that_is_not_there_lacks_it() {
    let ran = after_a_false_guard(
        "- {name: b, when: [{input: $(tasks.a.results.x), operator: notin, values: [y]}], run: sleep 1}
- {name: c, runAfter: [b], run: sleep 1}",
    )
    .await;
    assert_eq!(
        ran.skipped()[1..],
        ["b: Results were missing", "c: Parent Tasks were skipped"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_matrix_of_a_skipped_task_lacks_its_results() {
    let ran = ran(r#"
tasks:
- name: a
  when: [{input: a, operator: in, values: [b]}]
  taskSpec:
    results: [{name: x, type: array}]
    steps: [{name: s, run: 'result x ["1"]'}]
- name: b
  matrix: {params: [{name: p, value: "$(tasks.a.results.x[*])"}]}
  taskSpec: {params: [{name: p}], steps: [{name: s, run: "echo $(params.p)"}]}
"#)
    .await;
    ran.assert_counted("True Completed", [0, 0, 0, 2]);
    assert_eq!(ran.skipped()[1], "b: Results were missing");
}

#[tokio::test(start_paused = true)]
async fn one_guarded_arm_of_a_diamond_does_not_stop_its_end() {
    let ran = ran(r"
tasks:
- {name: a, run: sleep 1}
- {name: b, runAfter: [a], when: [{input: a, operator: in, values: [b]}], run: sleep 1}
- {name: c, runAfter: [a], run: sleep 1}
- {name: d, runAfter: [b, c], run: sleep 1}
")
    .await;
    ran.assert_counted("True Completed", [3, 0, 0, 1]);
    assert_eq!(ran.started("d"), 2_000);
}

#[tokio::test(start_paused = true)]
async fn a_skipped_arm_of_a_diamond_skips_its_end_at_once() {
    let ran = ran(r#"
tasks:
- {name: a, when: [{input: a, operator: in, values: [b]}], run: "result x v"}
- {name: b, run: "echo $(tasks.a.results.x)"}
- {name: c, run: sleep 9}
- {name: d, runAfter: [b, c], run: sleep 1}
"#)
    .await;
    assert_eq!(
        ran.skipped()[1..],
        ["b: Results were missing", "d: Parent Tasks were skipped"]
    );
    assert_eq!(ran.took(), 9_000);
    let incomplete = ran.progress();
    assert_eq!(
        incomplete,
        ["Unknown Running: Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 1, Skipped: 3"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_reason_stays() {
    let ran = after_a_false_guard("- {name: b, run: exit 1}").await;
    ran.assert_counted("False Failed", [1, 1, 0, 1]);
    assert_eq!(ran.skipped(), ["a: When Expressions evaluated to false"]);
}

/// Runs one task with this guard, and says whether it ran.
async fn runs(when: &str) -> bool {
    let ran = pipeline(&format!(
        "
params: [{{name: list, type: array, default: [x, y]}}, {{name: none, type: array, default: []}}]
tasks:
- {{name: a, when: {when}, run: sleep 1}}"
    ))
    .ran()
    .await;
    assert!(ran.condition().is_true());
    ran.has_started("a")
}

#[tokio::test(start_paused = true)]
async fn guards_compare_byte_by_byte() {
    assert!(runs("[{input: a, operator: in, values: [a]}]").await);
    assert!(!runs("[{input: A, operator: in, values: [a]}]").await);
    assert!(!runs(r#"[{input: "a\n", operator: in, values: [a]}]"#).await);
}

#[tokio::test(start_paused = true)]
async fn all_when_expressions_must_hold() {
    assert!(
        !runs("[{input: a, operator: in, values: [a]}, {input: a, operator: notin, values: [a]}]")
            .await
    );
}

#[tokio::test(start_paused = true)]
async fn arrays_are_spliced_into_values() {
    assert!(runs(r#"[{input: y, operator: in, values: ["$(params.list[*])"]}]"#).await);
    assert!(!runs(r#"[{input: y, operator: in, values: ["$(params.none[*])"]}]"#).await);
    assert!(runs(r#"[{input: y, operator: notin, values: ["$(params.none[*])"]}]"#).await);
}

#[tokio::test(start_paused = true)]
async fn a_whole_array_as_input_is_json() {
    assert!(runs(r#"[{input: "$(params.list[*])", operator: in, values: ['["x","y"]']}]"#).await);
}

#[tokio::test(start_paused = true)]
async fn cel_is_evaluated_and_must_be_a_boolean() {
    assert!(runs(r#"[{cel: "'$(params.list[0])' == 'x'"}]"#).await);
    assert!(!runs(r#"[{cel: "'$(params.list[0])' == 'b'"}]"#).await);
    let ran = ran("tasks: [{name: a, when: [{cel: '1 + 2'}], run: sleep 1}]").await;
    assert_eq!(ran.condition().reason, "CELEvaluationFailed");
    assert!(!ran.has_started("a"));
}

#[tokio::test(start_paused = true)]
async fn an_optional_workspace_tells_whether_it_is_bound() {
    let yaml = r#"
workspaces: [{name: w, optional: true}]
tasks:
- {name: a, when: [{input: $(workspaces.w.bound), operator: in, values: ["true"]}], run: sleep 1}
"#;
    assert!(!ran(yaml).await.has_started("a"));
    let bound = pipeline(yaml).with("workspaces: [{name: w, emptyDir: {}}]");
    assert!(bound.ran().await.has_started("a"));
}
