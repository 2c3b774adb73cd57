//! Results of steps, for later steps and for the Task; artifacts.

use super::harness::ran;
use crate::spec::param::ParamValue;

const PRODUCER: &str = r#"
    - name: a
      results: [{name: str}, {name: arr, type: array}, {name: obj, type: object, properties: {k: {}}}]
      run: |
        step-result str v
        step-result arr ["x","y"]
        step-result obj {"k":"w"}
"#;

#[tokio::test(start_paused = true)]
async fn later_steps_see_results_of_earlier_ones() {
    let ran = ran(&format!(
        r#"
tasks:
- name: t
  taskSpec:
    steps:{PRODUCER}
    - name: b
      image: i
      env: [{{name: E, value: "$(steps.a.results.str)"}}]
      args: ["$(steps.a.results.str)", "pre-$(steps.a.results.str)-post", "$(steps.a.results.arr[*])", "$(steps.a.results.arr[1])", "$(steps.a.results.obj.k)"]
      script: |
        args
        env E
"#
    ))
    .await;
    assert_eq!(
        ran.said("t"),
        "v|pre-v-post|x|y|y|w\nv\n",
        "{}",
        ran.of("t")
    );
}

#[tokio::test(start_paused = true)]
async fn a_result_of_a_step_that_does_not_exist_fails_the_step() {
    let ran = ran(r#"
tasks:
- name: t
  taskSpec:
    steps:
    - {name: a, results: [{name: str}], run: sleep 1}
    - {name: b, image: i, args: ["$(steps.a.results.str)"], script: args}
    - {name: c, run: sleep 1}
"#)
    .await;
    assert_eq!(ran.steps("t")[1..], ["1 Error Error", "1 Error Skipped"]);
    assert!(ran.said("t").contains("steps.a.results.str"));
    assert!(ran.log.launched("r-t", "step-b").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_task_may_take_results_of_its_steps() {
    let ran = ran(&format!(
        r#"
tasks:
- name: t
  taskSpec:
    results:
    - {{name: one, value: "$(steps.a.results.str)"}}
    - {{name: list, type: array, value: "$(steps.a.results.arr)"}}
    steps:{PRODUCER}
"#
    ))
    .await;
    assert_eq!(ran.result("t", "one"), Some("v".into()), "{}", ran.of("t"));
    assert_eq!(
        ran.result("t", "list"),
        Some(ParamValue::Array(vec!["x".to_owned(), "y".to_owned()]))
    );
    assert_eq!(ran.result("t", "str"), None);
    let own = &ran.task_run("t").status.steps[0].results;
    let names: Vec<&str> = own.iter().map(|result| result.name.as_str()).collect();
    assert_eq!(names, ["arr", "obj", "str"]);
}

#[tokio::test(start_paused = true)]
async fn artifacts_are_recorded_and_known_to_later_steps() {
    let ran = ran(r#"
tasks:
- name: t
  taskSpec:
    steps:
    - name: a
      run: 'write $(step.artifacts.path) {"outputs":[{"name":"image","values":[{"uri":"u","digest":{"sha256":"d"}}]}]}'
    - {name: b, run: "echo $(steps.a.outputs.image)"}
    - {name: c, run: "write $(step.artifacts.path) not json"}
"#)
    .await;
    assert!(ran.condition().is_true(), "{}", ran.of("t"));
    assert_eq!(
        ran.said("t"),
        "[{\"digest\":{\"sha256\":\"d\"},\"uri\":\"u\"}]\n"
    );
    let status = &ran.task_run("t").status;
    assert_eq!(status.steps[0].outputs.len(), 1);
    assert_eq!(
        status.artifacts.as_ref().unwrap()["outputs"][0]["name"],
        "image"
    );
}

#[tokio::test(start_paused = true)]
async fn step_actions_get_params_and_results() {
    let ran = super::harness::pipeline(
        r#"
tasks:
- name: t
  taskSpec:
    steps:
    - {name: a, results: [{name: arr, type: array}], run: 'step-result arr ["x","y"]'}
    - {name: b, ref: {name: act}, params: [{name: l, value: "$(steps.a.results.arr[*])"}, {name: s, value: v}]}
"#,
    )
    .and(
        r#"
apiVersion: tekton.dev/v1beta1
kind: StepAction
metadata: {name: act}
spec:
  params: [{name: l, type: array}, {name: s}]
  image: i
  args: ["$(params.l[*])", "$(params.s)"]
  script: args
"#,
    )
    .ran()
    .await;
    assert_eq!(ran.said("t"), "x|y|v\n", "{}", ran.of("t"));
    assert_eq!(ran.task_run("t").status.steps[1].name, "b");
}

#[tokio::test(start_paused = true)]
async fn step_actions_need_their_params_and_no_others() {
    let with = async |params: &str| {
        let ran = super::harness::pipeline(&format!(
            "tasks: [{{name: t, taskSpec: {{steps: [{{name: b, ref: {{name: act}}, params: {params}}}]}}}}]"
        ))
        .and("{apiVersion: tekton.dev/v1beta1, kind: StepAction, metadata: {name: act}, spec: {params: [{name: a}], image: i, script: sleep 1}}")
        .ran()
        .await;
        ran.verdict()
            + &ran
                .record
                .task_runs()
                .first()
                .map(|_| ran.of("t"))
                .unwrap_or_default()
    };
    let extra = with("[{name: a, value: v}, {name: q, value: v}]").await;
    assert!(
        extra.contains("extra params passed by Step to StepAction: [q]"),
        "{extra}"
    );
    let missing = with("[]").await;
    assert!(
        missing.contains("non-existent params in Step: [a]"),
        "{missing}"
    );
}

#[tokio::test(start_paused = true)]
async fn guards_sizes_and_results_of_steps_that_are_skipped() {
    let long = "x".repeat(5000);
    let ran = ran(&format!(
        r#"
tasks:
- name: t
  taskSpec:
    results: [{{name: r}}]
    steps:
    - {{name: a, run: "result r {long}"}}
    - name: b
      when: [{{input: $(workspaces.ghost.bound), operator: in, values: ["true"]}}]
      run: result r other
"#
    ))
    .await;
    assert_eq!(
        ran.steps("t"),
        ["0 Completed Completed", "0 Completed Skipped"]
    );
    assert_eq!(ran.result("t", "r"), Some(ParamValue::from(long.as_str())));
}

#[tokio::test(start_paused = true)]
async fn text_stays_text_and_steps_without_names_give_nothing() {
    let ran = ran(r#"
tasks:
- name: t
  taskSpec:
    steps:
    - {name: a, results: [{name: r}], run: 'step-result r {"a":"b"}'}
    - {results: [{name: q}], run: step-result q v}
    - {name: c, image: i, command: [echo], args: ["$(steps.a.results.r)", "$(steps.unnamed-1.results.q)"]}
"#)
    .await;
    assert_eq!(
        ran.said("t"),
        "{\"a\":\"b\"} $(steps.unnamed-1.results.q)\n",
        "{}",
        ran.of("t")
    );
}
