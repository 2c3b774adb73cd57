//! StepActions.

use super::harness::{Ran, pipeline};

async fn acted(task: &str, action: &str) -> Ran {
    pipeline(&format!("tasks: [{{name: t, taskSpec: {task}}}]"))
        .and(&format!(
            "apiVersion: tekton.dev/v1beta1\nkind: StepAction\nmetadata: {{name: act}}\nspec: {action}"
        ))
        .ran()
        .await
}

#[tokio::test(start_paused = true)]
async fn defaults_of_an_action_see_what_is_given() {
    let action = "{image: i, command: [echo], args: [$(params.b)], \
                  params: [{name: a, default: x}, {name: b, default: '$(params.a)-y'}]}";
    let given = "{steps: [{name: s, ref: {name: act}, params: [{name: a, value: z}]}]}";
    assert_eq!(acted(given, action).await.said("t"), "z-y\n");
    let circular = "{image: i, command: [echo], params: \
                    [{name: a, default: $(params.b)}, {name: b, default: $(params.a)}]}";
    let ran = acted("{steps: [{name: s, ref: {name: act}}]}", circular).await;
    assert!(
        ran.of("t")
            .contains("circular dependency detected in parameter references"),
        "{}",
        ran.of("t")
    );
}

#[tokio::test(start_paused = true)]
async fn objects_merge_over_three_levels() {
    let task = "{params: [{name: o, type: object, properties: {k1: {}, k2: {}}, default: {k1: task}}], \
                steps: [{name: s, ref: {name: act}, params: [{name: o, value: '$(params.o[*])'}]}]}";
    let action = "{image: i, command: [echo], \
                  args: [$(params.o.k1), $(params.o.k2), $(params.o.k3)], \
                  params: [{name: o, type: object, properties: {k1: {}, k2: {}, k3: {}}, \
                  default: {k3: action}}]}";
    let ran = pipeline(&format!(
        "tasks: [{{name: t, params: [{{name: o, value: {{k2: run}}}}], taskSpec: {task}}}]"
    ))
    .and(&format!(
        "apiVersion: tekton.dev/v1beta1\nkind: StepAction\nmetadata: {{name: act}}\nspec: {action}"
    ))
    .ran()
    .await;
    assert_eq!(ran.said("t"), "task run action\n", "{}", ran.verdict());
}

#[tokio::test(start_paused = true)]
async fn the_template_reaches_an_action_and_its_settings_win() {
    let task = "{stepTemplate: {env: [{name: T, value: t}]}, \
                steps: [{name: s, ref: {name: act}, securityContext: {runAsUser: 7}}]}";
    let ran = acted(task, "{image: i, command: [env, T]}").await;
    assert_eq!(ran.said("t"), "t\n");
    let spec = ran.task_run("t").status.task_spec.clone().unwrap();
    assert_eq!(spec.pointer("/steps/0/securityContext"), None);
}

#[tokio::test(start_paused = true)]
async fn an_action_writes_results_of_its_task_only() {
    let ran = acted(
        "{steps: [{name: s, ref: {name: act}}]}",
        "{image: i, script: 'write $(results.x.path) v'}",
    )
    .await;
    assert_eq!(
        ran.of("t"),
        "False PodCreationFailed: failed to create task run pod \"r-t\": non-existent variable in \
         \"$(results.x.path)\": steps[0].script. Maybe invalid TaskSpec"
    );
}
