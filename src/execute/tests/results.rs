//! Results between tasks, and of the pipeline.

use super::harness::{pipeline, ran};
use crate::spec::param::ParamValue;

fn array(items: &[&str]) -> ParamValue {
    ParamValue::Array(items.iter().map(|&item| item.to_owned()).collect())
}

#[tokio::test(start_paused = true)]
async fn newlines_are_kept() {
    let ran = ran(r#"
tasks:
- {name: a, run: 'result x v1\n'}
- name: b
  params: [{name: p, value: "$(tasks.a.results.x)"}]
  when: [{input: $(tasks.a.results.x), operator: notin, values: [v1]}]
  run: echo $(params.p)
results: [{name: all, value: $(tasks.a.results.x)}]
"#)
    .await;
    assert!(ran.has_started("b"));
    assert_eq!(
        ran.results(),
        [("all".to_owned(), ParamValue::from("v1\n"))]
    );
}

const PRODUCER: &str = r#"
- name: a
  taskSpec:
    results: [{name: list, type: array}, {name: map, properties: {k: {}}}, {name: text}]
    steps: [{name: s, run: "result list [\"a\",\"b\"]\nresult map {\"k\":\"v\"}\nresult text t"}]
"#;

#[tokio::test(start_paused = true)]
async fn arrays_and_objects_reach_their_consumers() {
    let ran = ran(&format!(
        r#"
tasks:
{PRODUCER}
- name: b
  params:
  - {{name: whole, value: "$(tasks.a.results.list[*])"}}
  - {{name: one, value: "$(tasks.a.results.list[1])"}}
  - {{name: key, value: "$(tasks.a.results.map.k)"}}
  - {{name: map, value: "$(tasks.a.results.map[*])"}}
  taskSpec:
    params: [{{name: whole, type: array}}, {{name: one}}, {{name: key}}, {{name: map, type: object, properties: {{k: {{}}}}}}]
    steps:
    - {{name: s, image: i, script: args, args: ["$(params.whole[*])", "$(params.one)", "$(params.key)", "$(params.map.k)"]}}
"#
    ))
    .await;
    assert_eq!(ran.said("b"), "a|b|b|v|v\n", "{}", ran.verdict());
}

#[tokio::test(start_paused = true)]
async fn an_item_that_an_array_has_not_ends_the_run() {
    let ran = ran(&format!(
        r#"
tasks:
{PRODUCER}
- {{name: b, params: [{{name: p, value: "$(tasks.a.results.list[2])"}}], run: "echo $(params.p)"}}
finally: [{{name: f, run: sleep 1}}]
"#
    ))
    .await;
    assert_eq!(
        ran.verdict(),
        "False PipelineValidationFailed: PipelineRun default/r can't be Run; couldn't resolve all references: array Result Index 2 for Task a Result list is out of bound of size 2"
    );
    assert!(!ran.has_started("f"));
}

#[tokio::test(start_paused = true)]
async fn a_result_of_another_type_fails_its_task() {
    let ran = ran(r"
tasks:
- name: a
  taskSpec:
    results: [{name: list, type: array}]
    steps: [{name: s, run: result list not json}]
")
    .await;
    assert_eq!(
        ran.task_run("a").condition().unwrap().reason,
        "TaskRunValidationFailed"
    );
    ran.assert_counted("False Failed", [1, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_object_without_a_declared_key_fails_its_task() {
    let ran = ran(r#"
tasks:
- name: a
  taskSpec:
    results: [{name: map, properties: {k: {}, l: {}}}]
    steps: [{name: s, run: 'result map {"k":"v"}'}]
"#)
    .await;
    assert_eq!(
        ran.task_run("a").condition().unwrap().reason,
        "TaskRunValidationFailed"
    );
}

#[tokio::test(start_paused = true)]
async fn results_of_skipped_tasks_are_left_out() {
    let ran = ran(r#"
tasks:
- {name: a, when: [{input: a, operator: in, values: [b]}], run: "result x v"}
- {name: b, run: "result x w"}
results:
- {name: first, value: $(tasks.a.results.x)}
- {name: second, value: $(tasks.b.results.x)}
"#)
    .await;
    ran.assert_counted("True Completed", [1, 0, 0, 1]);
    assert_eq!(
        ran.results(),
        [("second".to_owned(), ParamValue::from("w"))]
    );
}

#[tokio::test(start_paused = true)]
async fn a_success_without_the_result_fails_the_run() {
    let ran = ran(r#"
tasks:
- {name: a, run: declare x}
- {name: b, run: "result x w"}
results:
- {name: first, value: $(tasks.a.results.x)}
- {name: second, value: $(tasks.b.results.x)}
"#)
    .await;
    assert_eq!(ran.condition().reason, "CouldntGetPipelineResult");
    assert_eq!(
        ran.results(),
        [("second".to_owned(), ParamValue::from("w"))]
    );
}

#[tokio::test(start_paused = true)]
async fn results_of_finally_and_of_failed_tasks_count() {
    let ran = ran(r#"
tasks: [{name: a, run: "result x v\nexit 1"}]
finally: [{name: f, run: "result y w"}]
results:
- {name: failed, value: $(tasks.a.results.x)}
- {name: last, value: $(finally.f.results.y)}
"#)
    .await;
    ran.assert_counted("False Failed", [2, 1, 0, 0]);
    assert_eq!(
        ran.results(),
        [
            ("failed".to_owned(), ParamValue::from("v")),
            ("last".to_owned(), ParamValue::from("w"))
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn results_have_the_shape_they_are_written_in() {
    let ran = ran(&format!(
        r#"
tasks:
{PRODUCER}
results:
- {{name: list, type: array, value: ["$(tasks.a.results.text)", "$(tasks.a.results.list[0])"]}}
- {{name: whole, type: array, value: "$(tasks.a.results.list[*])"}}
- {{name: map, type: object, value: {{t: "$(tasks.a.results.text)"}}}}
- {{name: text, value: "pre-$(tasks.a.results.text)"}}
"#
    ))
    .await;
    let map = ParamValue::Object([("t".to_owned(), "t".to_owned())].into_iter().collect());
    assert_eq!(
        ran.results(),
        [
            ("list".to_owned(), array(&["t", "a"])),
            ("whole".to_owned(), array(&["a", "b"])),
            ("map".to_owned(), map),
            ("text".to_owned(), ParamValue::from("pre-t")),
        ],
        "{}",
        ran.verdict()
    );
}

#[tokio::test(start_paused = true)]
async fn a_value_is_not_expanded_again() {
    let ran = pipeline(
        r#"
params: [{name: a}, {name: b, default: never}]
tasks:
- name: t
  params: [{name: p, value: $(params.a)}]
  taskSpec: {params: [{name: p}], steps: [{name: s, image: i, script: args, args: ["$(params.p)"]}]}
"#,
    )
    .with("params: [{name: a, value: $(params.b)}]")
    .ran()
    .await;
    assert_eq!(ran.said("t"), "$(params.b)\n");
}

#[tokio::test(start_paused = true)]
async fn embedded_tasks_see_the_params_of_the_run_last() {
    let said = async |task: &str| {
        let ran = pipeline(&format!("tasks: [{task}]"))
            .with("params: [{name: v, value: o}]")
            .ran()
            .await;
        ran.said("t")
    };
    assert_eq!(said("{name: t, run: echo $(params.v)}").await, "o\n");
    let own =
        "taskSpec: {params: [{name: v, default: d}], steps: [{name: s, run: echo $(params.v)}]}";
    assert_eq!(said(&format!("{{name: t, {own}}}")).await, "o\n");
    assert_eq!(
        said(&format!(
            "{{name: t, params: [{{name: v, value: t}}], {own}}}"
        ))
        .await,
        "t\n"
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_by_reference_sees_no_params_of_the_run() {
    let ran = pipeline("tasks: [{name: t, taskRef: {name: x}}]")
        .with("params: [{name: v, value: o}]")
        .and("{apiVersion: tekton.dev/v1, kind: Task, metadata: {name: x}, spec: {params: [{name: v}], steps: [{name: s, run: echo $(params.v)}]}}")
        .ran()
        .await;
    let condition = ran.condition();
    assert_eq!(condition.reason, "PipelineValidationFailed");
    assert!(
        condition
            .message
            .contains("missing values for these params which have no default values: [v]"),
        "{}",
        condition.message
    );
    assert!(ran.log.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn artifacts_of_a_task_reach_a_later_one_as_compact_json() {
    let ran = ran(r#"
tasks:
- name: a
  run: |-
    write /tekton/artifacts/provenance.json {"outputs": [{"name": "image", "values": [{"uri": "u", "digest": {"sha256": "d"}}]}]}
- {name: b, runAfter: [a], run: "echo $(tasks.a.outputs.image) $(tasks.a.outputs) $(tasks.a.inputs.image)"}
"#)
    .await;
    let json = r#"[{"digest":{"sha256":"d"},"uri":"u"}]"#;
    assert_eq!(
        ran.said("b"),
        format!("{json} {json} $(tasks.a.inputs.image)\n"),
        "{}",
        ran.verdict()
    );
}
