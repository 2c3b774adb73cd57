//! Fan-out.

use super::harness::{Ran, pipeline, ran};
use crate::spec::param::ParamValue;

fn matrix(matrix: &str, params: &str, rest: &str) -> String {
    let declared: Vec<String> = params
        .split(' ')
        .map(|name| format!("{{name: {name}, default: '-'}}"))
        .collect();
    let values: Vec<String> = params
        .split(' ')
        .map(|name| format!("$(params.{name})"))
        .collect();
    format!(
        "
tasks:
- name: t
  matrix: {matrix}
  taskSpec: {{params: [{}], steps: [{{name: s, run: echo {}}}]}}
{rest}",
        declared.join(", "),
        values.join(" ")
    )
}

fn said(ran: &Ran) -> Vec<String> {
    let children = ran.children().into_iter();
    children
        .filter(|name| name.starts_with("r-t"))
        .map(|name| ran.said(name).trim_end().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn combinations_have_tektons_order_and_names() {
    let yaml = matrix(
        "{params: [{name: os, value: [l, m, w]}, {name: arch, value: [x, a]}]}",
        "arch os",
        "",
    );
    let ran = ran(&yaml).await;
    ran.assert_counted("True Succeeded", [1, 0, 0, 0]);
    assert_eq!(
        ran.children(),
        ["r-t-0", "r-t-1", "r-t-2", "r-t-3", "r-t-4", "r-t-5"]
    );
    assert_eq!(said(&ran), ["x l", "x m", "x w", "a l", "a m", "a w"]);
}

#[tokio::test(start_paused = true)]
async fn includes_extend_add_and_are_dropped() {
    let params = "params: [{name: os, value: [l, m]}, {name: arch, value: [x, a]}]";
    let fan = async |include: &str| {
        said(
            &ran(&matrix(
                &format!("{{{params}, include: {include}}}"),
                "os arch f",
                "",
            ))
            .await,
        )
    };
    assert_eq!(
        fan("[{params: [{name: os, value: l}, {name: arch, value: x}, {name: f, value: O}]}, {params: [{name: os, value: bsd}]}]").await,
        ["l x O", "m x -", "l a -", "m a -", "bsd - -"]
    );
    assert_eq!(
        fan("[{params: [{name: os, value: bsd}, {name: arch, value: x}]}]").await,
        ["l x -", "m x -", "l a -", "m a -"]
    );
    let only = "{include: [{params: [{name: os, value: l}]}, {params: [{name: os, value: m}, {name: f, value: O}]}]}";
    assert_eq!(said(&ran(&matrix(only, "os f", "")).await), ["l -", "m O"]);
}

#[tokio::test(start_paused = true)]
async fn one_combination_has_no_index_and_still_gives_an_array() {
    let ran = ran(r#"
tasks:
- name: t
  matrix: {params: [{name: p, value: [v]}]}
  taskSpec: {params: [{name: p}], results: [{name: x}], steps: [{name: s, run: result x $(params.p)}]}
- name: c
  params: [{name: all, value: "$(tasks.t.results.x[*])"}]
  taskSpec: {params: [{name: all, type: array}], steps: [{name: s, image: i, script: args, args: ["$(params.all[*])"]}]}
results: [{name: all, value: "$(tasks.t.results.x[*])"}]
"#)
    .await;
    assert_eq!(ran.children(), ["r-t", "r-c"], "{}", ran.verdict());
    assert_eq!(ran.said("c"), "v\n");
    assert_eq!(
        ran.results(),
        [("all".to_owned(), ParamValue::Array(vec!["v".to_owned()]))]
    );
}

#[tokio::test(start_paused = true)]
async fn an_empty_array_skips_the_task_and_its_children() {
    let ran = pipeline(&format!(
        "params: [{{name: none, type: array, default: []}}]{}",
        matrix(
            r#"{params: [{name: p, value: "$(params.none[*])"}]}"#,
            "p",
            "- {name: c, runAfter: [t], run: sleep 1}"
        )
    ))
    .ran()
    .await;
    ran.assert_counted("True Completed", [0, 0, 0, 2]);
    assert_eq!(
        ran.skipped(),
        [
            "t: Matrix Parameters have an empty array",
            "c: Parent Tasks were skipped"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn siblings_of_a_failed_combination_end_and_count_as_one() {
    let ran = ran(r#"
tasks:
- name: t
  matrix: {params: [{name: p, value: ["0", "1", "0"]}]}
  taskSpec: {params: [{name: p}], steps: [{name: s, run: "sleep $(params.p)\nexit $(params.p)"}]}
finally:
- name: f
  params: [{name: s, value: "$(tasks.t.status) $(tasks.t.reason)"}]
  run: echo $(params.s)
"#)
    .await;
    ran.assert_counted("False Failed", [2, 1, 0, 0]);
    assert_eq!(
        ran.of("r-t-2"),
        "True Succeeded: All Steps have completed executing"
    );
    assert_eq!(ran.said("f"), "Failed StepFailed\n");
}

#[tokio::test(start_paused = true)]
async fn a_matrix_from_a_result_and_what_it_gives() {
    let ran = ran(r#"
tasks:
- name: a
  taskSpec:
    results: [{name: list, type: array}]
    steps: [{name: s, run: 'result list ["0","1","2","3","4","5","6","7","8","9","10","11"]'}]
- name: t
  matrix: {params: [{name: p, value: "$(tasks.a.results.list[*])"}]}
  taskSpec: {params: [{name: p}], results: [{name: x}], steps: [{name: s, run: result x $(params.p)}]}
- name: c
  runAfter: [t]
  params:
  - {name: all, value: "$(tasks.t.results.x[*])"}
  - {name: n, value: "$(tasks.t.matrix.length)/$(tasks.t.matrix.x.length)"}
  taskSpec:
    params: [{name: all, type: array}, {name: n}]
    steps: [{name: s, image: i, script: args, args: ["$(params.n)", "$(params.all[*])"]}]
"#)
    .await;
    assert_eq!(
        ran.said("c"),
        "12/12|0|1|2|3|4|5|6|7|8|9|10|11\n",
        "{}",
        ran.verdict()
    );
    assert_eq!(ran.children().len(), 14);
}

#[tokio::test(start_paused = true)]
async fn each_combination_has_its_own_attempts() {
    let ran = ran(r#"
tasks:
- name: t
  retries: 1
  matrix: {params: [{name: p, value: ["0", "1"]}]}
  taskSpec: {params: [{name: p}], steps: [{name: s, run: fail-before $(params.p)}]}
"#)
    .await;
    ran.assert_counted("True Succeeded", [1, 0, 0, 0]);
    let attempts = |name: &str| ran.task_run(name).status.retries_status.len();
    assert_eq!([attempts("r-t-0"), attempts("r-t-1")], [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_when_when_expressions_the_whole_matrix() {
    let yaml = matrix("{params: [{name: p, value: [a, b]}]}", "p", "").replace(
        "  matrix",
        "  when: [{input: a, operator: in, values: [b]}]\n  matrix",
    );
    let ran = ran(&yaml).await;
    ran.assert_counted("True Completed", [0, 0, 0, 1]);
    assert_eq!(ran.children(), Vec::<&str>::new());
}
