//! Runs that end before their first container, and what is no reason to.

use super::harness::{Ran, pipeline};

async fn of(tasks: &str, run: &str, documents: &str) -> Ran {
    let scenario = pipeline(tasks).with(run);
    let ran = if documents.is_empty() {
        scenario.ran().await
    } else {
        scenario.and(documents).ran().await
    };
    assert!(ran.children().is_empty() || ran.condition().is_true());
    ran
}

const TASK: &str = r"
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t}
spec:
  params: [{name: p, default: d}]
  steps: [{name: s, run: echo $(params.p)}]
";

#[tokio::test(start_paused = true)]
async fn settings_for_a_task_that_is_not_there() {
    let ran = of(
        "tasks: [{name: a, run: exit 0}]",
        "taskRunSpecs: [{pipelineTaskName: ghost}]",
        "",
    )
    .await;
    assert_eq!(ran.condition().reason, "InvalidTaskRunSpecs");
}

#[tokio::test(start_paused = true)]
async fn an_item_that_an_array_has_not() {
    let ran = of(
        "{params: [{name: arr, type: array, default: [x, y]}], \
         tasks: [{name: a, params: [{name: p, value: '$(params.arr[5])'}], run: exit 0}]}",
        "{}",
        "",
    )
    .await;
    assert_eq!(ran.condition().reason, "ParamArrayIndexingInvalid");
}

#[tokio::test(start_paused = true)]
async fn a_task_of_finally_that_is_not_there() {
    let ran = of(
        "{tasks: [{name: a, run: exit 0}], finally: [{name: z, taskRef: {name: nowhere}}]}",
        "{}",
        "",
    )
    .await;
    assert_eq!(ran.condition().reason, "CouldntGetTask");
    assert!(!ran.has_started("a"));
}

#[tokio::test(start_paused = true)]
async fn a_task_may_be_given_more_than_it_asks_for() {
    let ran = of(
        "tasks: [{name: a, taskRef: {name: t}, params: [{name: p, value: v}, {name: more, value: m}]}]",
        "{}",
        TASK,
    )
    .await;
    assert_eq!(ran.said("a"), "v\n", "{}", ran.verdict());
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_not_listed() {
    let ran = of(
        "{params: [{name: p, enum: [x]}], tasks: [{name: a, run: exit 0}]}",
        "params: [{name: p, value: y}]",
        "",
    )
    .await;
    assert_eq!(ran.condition().reason, "InvalidParamValue");
}
