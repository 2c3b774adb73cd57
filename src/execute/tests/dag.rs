//! Order, failure and skipping among the tasks of a pipeline.

use super::harness::{pipeline, ran};

#[tokio::test(start_paused = true)]
async fn pipeline_46_independent_tasks_run_together() {
    let ran = ran("
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
async fn pipeline_47_a_result_in_a_param_makes_an_edge() {
    let ran = ran("
tasks:
- name: b
  params: [{name: p, value: v-$(tasks.a.results.x)}]
  run: echo $(params.p)
- {name: a, run: \"sleep 2\\nresult x 1\"}
")
    .await;
    ran.assert_counted("True Succeeded", [2, 0, 0, 0]);
    assert!(ran.started("b") >= ran.finished("a"));
    assert_eq!(ran.said("b"), "v-1\n");
    assert_eq!(ran.children(), ["r-b", "r-a"]);
}
