//! Runs that end before their first container, and what is no reason to.

use super::harness::{Ran, pipeline};
use crate::sandbox::fake::{Call, FakeEngine};

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

#[tokio::test(start_paused = true)]
async fn a_container_that_was_lost_while_it_waited_is_started_again() {
    let ran = pipeline("tasks: [{name: a, taskSpec: {steps: [{name: s, run: echo hello}]}}]")
        .on(FakeEngine::new().lose_waiting("step-s"))
        .ran()
        .await;
    assert!(ran.condition().is_true(), "{:?}", ran.condition());
    let started = ran.log.count(|call| matches!(call, Call::Start(_)));
    let launched = ran.log.count(|call| matches!(call, Call::Launch(..)));
    assert_eq!((started, launched), (2, 1));
}
