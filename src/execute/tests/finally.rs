//! Finally tasks, and what they are told.

use super::harness::{pipeline, ran};

const REPORT: &str = r#"
finally:
- name: f
  params:
  - {name: all, value: $(tasks.status)}
  - {name: a, value: "$(tasks.a.status)/$(tasks.a.reason)"}
  - {name: b, value: "$(tasks.b.status)/$(tasks.b.reason)"}
  run: echo $(params.all) $(params.a) $(params.b)
"#;

async fn told(tasks: &str) -> String {
    let ran = ran(&format!("tasks:\n{tasks}{REPORT}")).await;
    ran.said("f").trim_end().to_owned()
}

#[tokio::test(start_paused = true)]
async fn finally_is_reported_what_failed_and_what_never_ran() {
    assert_eq!(
        told("- {name: a, run: exit 1}\n- {name: b, runAfter: [a], run: sleep 1}").await,
        "Failed Failed/StepFailed None/"
    );
}

#[tokio::test(start_paused = true)]
async fn finally_is_reported_of_success_skips_and_ignored_failures() {
    assert_eq!(
        told("- {name: a, run: sleep 1}\n- {name: b, run: sleep 1}").await,
        "Succeeded Succeeded/Succeeded Succeeded/Succeeded"
    );
    assert_eq!(
        told("- {name: a, run: sleep 1}\n- {name: b, when: [{input: a, operator: in, values: [b]}], run: sleep 1}").await,
        "Completed Succeeded/Succeeded None/"
    );
    assert_eq!(
        told("- {name: a, onError: continue, run: exit 1}\n- {name: b, run: sleep 1}").await,
        "Failed Failed/FailureIgnored Succeeded/Succeeded"
    );
}

#[tokio::test(start_paused = true)]
async fn finally_runs_after_a_failure_and_the_run_has_failed() {
    let ran = ran(r#"
tasks: [{name: a, run: "sleep 2\nexit 1"}]
finally: [{name: f, run: sleep 1}, {name: g, run: sleep 1}]
"#)
    .await;
    ran.assert_counted("False Failed", [3, 1, 0, 0]);
    assert_eq!([ran.started("f"), ran.started("g")], [2_000, 2_000]);
    assert!(
        ran.record
            .root()
            .unwrap()
            .status
            .finally_start_time
            .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn a_finally_task_without_its_result_is_skipped() {
    let ran = ran(r#"
tasks: [{name: a, run: declare x}]
finally:
- {name: f, params: [{name: p, value: $(tasks.a.results.x)}], run: "echo $(params.p)"}
"#)
    .await;
    ran.assert_counted("True Completed", [1, 0, 0, 1]);
    assert_eq!(ran.skipped(), ["f: Results were missing"]);
}

/// Unlike in the DAG, what is missing comes before the guard.
#[tokio::test(start_paused = true)]
async fn missing_results_come_before_the_when_of_a_finally_task() {
    let ran = ran(r"
tasks: [{name: a, run: declare x}]
finally:
- {name: f, when: [{input: $(tasks.a.results.x), operator: in, values: [y]}], run: sleep 1}
- {name: g, when: [{input: $(tasks.status), operator: in, values: [Failed]}], run: sleep 1}
")
    .await;
    assert_eq!(
        ran.skipped(),
        [
            "f: Results were missing",
            "g: When Expressions evaluated to false"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn finally_tasks_do_not_stop_each_other() {
    let ran = ran(r"
tasks: [{name: a, run: sleep 1}]
finally: [{name: f, run: exit 1}, {name: g, run: sleep 5}]
")
    .await;
    ran.assert_counted("False Failed", [3, 1, 0, 0]);
    assert_eq!(ran.finished("g"), 6_000);
}

#[tokio::test(start_paused = true)]
async fn a_forgiven_finally_task_does_not_fail_the_run() {
    let ran = ran(r"
tasks: [{name: a, run: sleep 1}]
finally: [{name: f, onError: continue, run: exit 1}]
")
    .await;
    assert_eq!(
        ran.verdict(),
        "True Succeeded: Tasks Completed: 2 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 0"
    );
}

#[tokio::test(start_paused = true)]
async fn a_status_in_a_finally_script_stays_text() {
    let ran = ran(r#"
tasks: [{name: a, run: sleep 1}]
finally: [{name: f, run: "echo $(tasks.a.status)"}]
"#)
    .await;
    assert_eq!(ran.said("f"), "$(tasks.a.status)\n");
}

#[tokio::test(start_paused = true)]
async fn a_failed_task_lends_its_results_to_finally() {
    let ran = ran(r#"
tasks: [{name: a, run: "result x v\nexit 1"}]
finally: [{name: f, params: [{name: p, value: $(tasks.a.results.x)}], run: "echo $(params.p)"}]
"#)
    .await;
    assert_eq!(ran.said("f"), "v\n");
}

#[tokio::test(start_paused = true)]
async fn a_matrix_may_be_in_finally_and_an_empty_one_is_skipped() {
    let ran = pipeline(
        r#"
params: [{name: none, type: array, default: []}]
tasks: [{name: a, run: sleep 1}]
finally:
- name: f
  matrix: {params: [{name: p, value: [x, y]}]}
  taskSpec: {params: [{name: p}], steps: [{name: s, run: "echo $(params.p)"}]}
- name: g
  matrix: {params: [{name: p, value: "$(params.none[*])"}]}
  taskSpec: {params: [{name: p}], steps: [{name: s, run: "echo $(params.p)"}]}
"#,
    )
    .ran()
    .await;
    ran.assert_counted("True Completed", [2, 0, 0, 1]);
    assert_eq!(ran.children(), ["r-a", "r-f-0", "r-f-1"]);
    assert_eq!(ran.skipped(), ["g: Matrix Parameters have an empty array"]);
}
