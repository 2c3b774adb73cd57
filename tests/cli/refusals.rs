//! What a cluster takes and is refused here: until leave is given, a file for what is remote, or at
//! all. None of this needs an engine.

use crate::faults::{GOOD, NOWHERE, run};
use crate::harness::Scene;

#[test]
fn what_needs_permission_is_refused_before_an_engine_is_looked_for() {
    let text = "
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: r}
spec:
  taskSpec:
    volumes:
      - name: host
        hostPath: {path: /etc}
    steps:
      - image: busybox
        securityContext:
          privileged: true
";
    let _refused = run(text, &[])
        .exits(4)
        .tells("pipeline.yaml:9:")
        .tells("--allow-host-path")
        .tells("pipeline.yaml:13:")
        .tells("--allow-privileged");
    let _allowed = run(text, &["--allow-host-path", "--allow-privileged"]).exits(3);
    let _foreign = run(
        &text.replace(
            "spec:\n  taskSpec",
            "spec:\n  managedBy: example.dev/x\n  taskSpec",
        ),
        &[],
    )
    .exits(4)
    .tells("managed by \"example.dev/x\"");
}

/// Two tasks whose pods ask for something that one sandbox cannot give to both.
const PODS: &str = "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: r}
spec:
  pipelineSpec:
    tasks:
      - name: a
        taskSpec:
          results: [{name: ip}]
          steps: [{image: busybox, script: exit 0}]
      - name: b
        params: [{name: ip, value: $(tasks.a.results.ip)}]
        taskSpec:
          params: [{name: ip}]
          steps: [{image: busybox, script: exit 0}]
  taskRunTemplate:
    podTemplate: COMMON
  taskRunSpecs:
    - pipelineTaskName: b
      podTemplate: OWN
";

#[test]
fn pods_that_cannot_share_a_sandbox_are_reported_before_anything_starts() {
    for (common, own, line, told) in [
        (
            "{hostAliases: [{ip: 10.0.0.1, hostnames: [db]}]}",
            "{hostAliases: [{ip: 10.0.0.2, hostnames: [web, db]}]}",
            "pipeline.yaml:21:",
            "tasks \"a\" and \"b\" need db at 10.0.0.1, and at 10.0.0.2",
        ),
        (
            "{dnsConfig: {nameservers: [10.0.0.1]}}",
            "{dnsConfig: {searches: [here]}}",
            "pipeline.yaml:21:",
            "tasks \"a\" and \"b\" need different name servers, searches or options",
        ),
        (
            "{securityContext: {sysctls: [{name: net.ipv4.tcp_syncookies, value: '1'}]}}",
            "{securityContext: {sysctls: [{name: net.ipv4.tcp_syncookies, value: '2'}]}}",
            "pipeline.yaml:21:",
            "tasks \"a\" and \"b\" need net.ipv4.tcp_syncookies to be 1, and to be 2",
        ),
        (
            "{}",
            "{hostAliases: [{ip: $(params.ip), hostnames: [db]}]}",
            "pipeline.yaml:21:",
            "hostAliases of task \"b\" depends on $(tasks.a.results.ip), which is not known before",
        ),
    ] {
        let text = PODS.replace("COMMON", common).replace("OWN", own);
        let _output = run(&text, &[])
            .exits(4)
            .tells(line)
            .tells(told)
            .tells("error: 1 problem found; nothing was started");
        let scene = Scene::new();
        scene.write("pipeline.yaml", &text);
        let _valid_elsewhere = scene
            .tkn_local(["validate", "pipeline.yaml"])
            .run()
            .exits(0)
            .tells("warning: ")
            .tells(told);
    }
    let fans_out = PODS
        .replace("COMMON", "{}")
        .replace(
            "OWN",
            "{hostAliases: [{ip: $(params.ip), hostnames: [db]}]}",
        )
        .replace(
            "params: [{name: ip, value: $(tasks.a.results.ip)}]",
            "matrix: {params: [{name: ip, value: [10.0.0.1, 10.0.0.2]}]}",
        );
    let _each_another = run(&fans_out, &[])
        .exits(4)
        .tells("the TaskRuns of task \"b\" need db at 10.0.0.1, and at 10.0.0.2");
    let network = PODS
        .replace("COMMON", "{}")
        .replace("OWN", "{hostNetwork: true}");
    let told = "hostNetwork of task \"b\" also applies to these: a";
    let _refused = run(&network, &[]).exits(4).tells("--allow-host-network");
    let _noticed = run(&network, &["--allow-host-network"])
        .exits(3)
        .tells(told);
    let _strict = run(&network, &["--allow-host-network", "--strict"]).exits(4);
    let agreed = "{hostAliases: [{ip: 10.0.0.1, hostnames: [db]}], dnsConfig: {searches: [here]}}";
    let _agreed = run(&PODS.replace("COMMON", agreed).replace("OWN", agreed), &[]).exits(3);
}

#[test]
fn a_file_that_cannot_stand_for_a_reference_is_reported_with_what_it_holds() {
    let scene = Scene::new();
    scene.write(
        "run.yaml",
        "
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: r}
spec:
  taskRef: {resolver: git, params: [{name: pathInRepo, value: t.yaml}]}
",
    );
    scene.write("pipeline.yaml", GOOD);
    scene.write("empty.yaml", "# nothing yet\n");
    scene.write("faulty.yaml", &GOOD.replace("params:", "parms:"));
    let given = |file: &str| {
        let file = format!("git:t.yaml={file}");
        scene
            .tkn_local(["run", "run.yaml", "--resolve", &file])
            .env("DOCKER_HOST", NOWHERE)
            .run()
            .exits(4)
            .tells("; nothing was started")
    };
    let _wrong = given("pipeline.yaml")
        .tells("run.yaml:6:")
        .tells("git:t.yaml is wanted as a Task, and pipeline.yaml holds Pipeline \"build\"")
        .tells("give a file with a Task: --resolve 'git:t.yaml=FILE'");
    for (file, told) in [
        ("empty.yaml", "empty.yaml: the file holds no object"),
        ("faulty.yaml", "faulty.yaml:7:3"),
        ("absent.yaml", "absent.yaml"),
    ] {
        let _output = given(file)
            .tells(told)
            .tells(&format!("error: {file} cannot be used for git:t.yaml; "))
            .tells("hint: pass a file that holds the Pipeline, Task or StepAction: `--resolve 'git:t.yaml=FILE'`");
    }
}

#[test]
fn what_a_served_file_says_or_reaches_is_held_against_the_same_rules() {
    let scene = Scene::new();
    let run = "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: r}
spec:
  pipelineRef: {resolver: git, params: [{name: pathInRepo, value: p.yaml}]}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t}
spec:
  steps: [{name: s, image: busybox, securityContext: {privileged: true}}]
";
    let served = "
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec: {tasks: [{name: a, taskRef: {name: t}}]}
";
    scene.write("run.yaml", run);
    scene.write("p.yaml", served);
    let with_flags = |more: &[&str]| {
        let args = ["run", "run.yaml", "--resolve", "git:p.yaml=p.yaml"];
        let args = args.iter().chain(more);
        scene.tkn_local(args).env("DOCKER_HOST", NOWHERE).run()
    };
    let _refused = with_flags(&[])
        .exits(4)
        .tells("run.yaml:12:")
        .tells("--allow-privileged");
    let _allowed = with_flags(&["--allow-privileged"]).exits(3);
    scene.write("p.yaml", &served.replace("taskRef", "taskReff"));
    let _faulty = with_flags(&["--allow-privileged"])
        .exits(4)
        .tells("p.yaml:5:")
        .tells("did you mean \"taskRef\"?");
    scene.write(
        "p.yaml",
        &served.replace("{name: a,", "{name: a, runAfter: [b],"),
    );
    let _invalid = with_flags(&["--allow-privileged"])
        .exits(4)
        .tells("b wasn't present in Pipeline");
}

#[test]
fn a_custom_task_is_refused_by_name() {
    let text = "
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec:
  tasks:
    - name: wait
      taskRef: {apiVersion: example.dev/v1, kind: Wait, name: w}
";
    let _output = run(text, &[])
        .exits(4)
        .tells("example.dev/v1")
        .tells("Wait")
        .tells("nothing was started");
}
