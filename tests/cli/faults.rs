//! What a user is told when something is wrong, and with which exit status. None of this needs an
//! engine.

use crate::harness::{Output, Scene};

const NOWHERE: &str = "unix:///nowhere/docker.sock";

const GOOD: &str = "
apiVersion: tekton.dev/v1
kind: Pipeline
metadata:
  name: build
spec:
  params:
    - name: revision
    - name: files
      type: array
      default: [a]
  workspaces:
    - name: source
  tasks:
    - name: compile
      workspaces:
        - name: source
      taskSpec:
        workspaces:
          - name: source
        steps:
          - image: busybox
            script: echo $(params.revision)
";

/// Runs the pipeline where no engine answers.
fn run(text: &str, args: &[&str]) -> Output {
    let scene = Scene::new();
    scene.write("pipeline.yaml", text);
    scene
        .tkn_local(["run", "pipeline.yaml"].iter().chain(args))
        .env("DOCKER_HOST", NOWHERE)
        .run()
}

const GIVEN: [&str; 4] = ["-p", "revision=x", "-w", "name=source,emptyDir="];

#[test]
fn a_typo_in_a_field_is_shown_with_its_line() {
    let _output = run(
        &GOOD.replace(
            "workspaces:\n    - name: source\n  tasks",
            "workspces:\n    - name: source\n  tasks",
        ),
        &GIVEN,
    )
    .exits(4)
    .tells("pipeline.yaml:12:3")
    .tells("workspces")
    .tells("did you mean \"workspaces\"?")
    .tells("nothing was started");
}

#[test]
fn a_missing_task_is_shown_at_its_reference() {
    let text = "
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec:
  tasks:
    - name: a
      taskRef:
        name: compil
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: compile}
spec: {steps: [{image: busybox}]}
";
    let _output = run(text, &[])
        .exits(4)
        .tells("Couldn't retrieve Task \"compil\"")
        .tells("did you mean \"compile\"?")
        .tells("pipeline.yaml:9:9")
        .tells("error: 1 fault; nothing was started");
    let _dry = run(text, &["--dry-run"])
        .exits(4)
        .tells("error: 1 fault; nothing was started");
}

#[test]
fn a_cycle_is_named() {
    let text = "
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec:
  tasks:
    - {name: a, runAfter: [b], taskRef: {name: t}}
    - {name: b, runAfter: [a], taskRef: {name: t}}
";
    let _output = run(text, &[])
        .exits(4)
        .tells("cycle")
        .tells("pipeline.yaml:");
}

#[test]
fn a_param_that_is_missing_or_mistyped_is_told() {
    let _missing = run(GOOD, &GIVEN[2..])
        .exits(4)
        .tells("missing parameters: [revision]")
        .tells("pipeline.yaml:8:13")
        .tells("-p NAME=VALUE");
    let _mistyped = run(GOOD, &["-p", "revison=x", "-w", "name=source,emptyDir="])
        .exits(4)
        .tells("-p revison is not declared; did you mean \"revision\"?");
    let _malformed = run(GOOD, &["-p", "revision"])
        .exits(2)
        .tells("-p revision: this is not of the form name=value");
    let _shape = run(GOOD, &["-p", "files=[1]"])
        .exits(2)
        .tells("-p files: this is no array of strings");
}

#[test]
fn a_workspace_that_makes_no_sense_is_told() {
    for (flag, expected) in [
        ("name=source", "it does not say what it is"),
        ("emptyDir=", "it has no name"),
        ("name=source,emptydir=", "did you mean \"emptyDir\"?"),
        ("name=source,path=nothing-here", "cannot read"),
    ] {
        let _output = run(GOOD, &["-p", "revision=x", "-w", flag])
            .exits(2)
            .tells(&format!("-w {flag}: "))
            .tells(expected);
    }
}

#[test]
fn an_engine_that_does_not_answer_is_named_with_what_to_do() {
    let _output = run(GOOD, &GIVEN)
        .exits(3)
        .tells("error: no container engine answers")
        .tells(NOWHERE)
        .tells("--engine-host");
}

#[test]
fn what_needs_leave_is_refused_before_an_engine_is_looked_for() {
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
fn pods_that_cannot_share_a_sandbox_are_told_before_anything_starts() {
    for (common, own, line, told) in [
        (
            "{hostAliases: [{ip: 10.0.0.1, hostnames: [db]}]}",
            "{hostAliases: [{ip: 10.0.0.2, hostnames: [web, db]}]}",
            "pipeline.yaml:21:",
            "tasks \"a\" and \"b\" want db at 10.0.0.1, and at 10.0.0.2",
        ),
        (
            "{dnsConfig: {nameservers: [10.0.0.1]}}",
            "{dnsConfig: {searches: [here]}}",
            "pipeline.yaml:21:",
            "tasks \"a\" and \"b\" want different name servers, searches or options",
        ),
        (
            "{securityContext: {sysctls: [{name: net.x, value: '1'}]}}",
            "{securityContext: {sysctls: [{name: net.x, value: '2'}]}}",
            "pipeline.yaml:21:",
            "tasks \"a\" and \"b\" want net.x to be 1, and to be 2",
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
            .tells("error: 1 fault; nothing was started");
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
        .tells("the TaskRuns of task \"b\" want db at 10.0.0.1, and at 10.0.0.2");
    let network = PODS
        .replace("COMMON", "{}")
        .replace("OWN", "{hostNetwork: true}");
    let told = "hostNetwork of task \"b\" holds for these as well: a";
    let _noticed = run(&network, &[]).exits(3).tells(told);
    let _strict = run(&network, &["--strict"]).exits(4);
    let agreed = "{hostAliases: [{ip: 10.0.0.1, hostnames: [db]}], dnsConfig: {searches: [here]}}";
    let _agreed = run(&PODS.replace("COMMON", agreed).replace("OWN", agreed), &[]).exits(3);
}

#[test]
fn a_file_that_cannot_stand_for_a_reference_is_told_with_what_it_holds() {
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
    let _wrong = given("pipeline.yaml").tells("run.yaml:6:").tells(
        "git:t.yaml is wanted as a Task, and pipeline.yaml holds Pipeline \"build\": give a file \
         with a Task with --resolve 'git:t.yaml=FILE'",
    );
    for (file, told) in [
        ("empty.yaml", "empty.yaml: there is no object in it"),
        ("faulty.yaml", "faulty.yaml:7:3"),
        ("absent.yaml", "absent.yaml"),
    ] {
        let _output = given(file)
            .tells(told)
            .tells(&format!("error: {file} cannot stand for git:t.yaml; "))
            .tells("hint: give a file with the Pipeline, Task or StepAction that git:t.yaml is");
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

#[test]
fn a_state_directory_that_cannot_be_used_is_told_before_anything_starts() {
    let scene = Scene::new();
    scene.write("pipeline.yaml", GOOD);
    scene.write("file", "");
    let state = scene.path("file").join("state");
    let _output = scene
        .tkn_local(["run", "pipeline.yaml"].iter().chain(&GIVEN))
        .env("TKN_LOCAL_STATE_DIR", &state.to_string_lossy())
        .env("DOCKER_HOST", NOWHERE)
        .run()
        .exits(70)
        .tells("error: cannot write ")
        .tells("--state-dir");
}

#[test]
fn files_that_are_not_there_or_hold_nothing_are_told() {
    let scene = Scene::new();
    scene.write("pipeline.yaml", GOOD);
    let _missing = scene
        .tkn_local(["run", "pipline.yaml"])
        .run()
        .exits(4)
        .tells("cannot read pipline.yaml")
        .tells("did you mean \"pipeline.yaml\"?");
    let _several = scene
        .tkn_local(["run", "-"])
        .stdin(&[GOOD, &GOOD.replace("name: build", "name: test")].join("---"))
        .run()
        .exits(4)
        .tells("more than one Pipeline: build, test")
        .tells("--only-run build");
    let _nothing = scene
        .tkn_local(["run", "-"])
        .stdin("{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}")
        .run()
        .exits(4)
        .tells("there is nothing to run in the files; nothing was started");
}

#[test]
fn a_wrong_command_line_is_not_a_wrong_file() {
    for args in [
        &["run"][..],
        &["run", "x", "--no-such-flag"],
        &["no-such-command"],
        &[],
        &["run", "x", "--with-taskruns"],
        &["run", "x", "-o", "json", "--events", "-"],
    ] {
        let _output = Scene::new().tkn_local(args).run().exits(2);
    }
}

#[test]
fn validate_says_what_is_wrong_and_forgives_what_is_elsewhere() {
    let scene = Scene::new();
    scene.write("pipeline.yaml", GOOD);
    let _good = scene
        .tkn_local(["validate", "pipeline.yaml"])
        .run()
        .exits(0)
        .tells("1 object, no faults");
    let elsewhere = "{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: r}, spec: {pipelineRef: {name: elsewhere}}}";
    let _absent = scene
        .tkn_local(["validate", "-"])
        .stdin(elsewhere)
        .run()
        .exits(0);
    let faulty = scene
        .tkn_local(["validate", "-", "-o", "json"])
        .stdin(&GOOD.replace("runAfter", "x").replace("script:", "scrpt:"))
        .run()
        .exits(4);
    let list: serde_json::Value = serde_json::from_str(&faulty.stdout).expect("JSON is printed");
    assert_eq!(list[0]["file"], "-");
    assert_eq!(list[0]["line"], 23, "{list:#}");
    assert!(
        list[0]["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains("script")),
        "{list:#}"
    );
}

#[test]
fn earlier_runs_that_are_not_there_are_told() {
    let scene = Scene::new();
    for args in [
        ["describe", "latest"],
        ["logs", "latest"],
        ["cancel", "latest"],
    ] {
        let _output = scene
            .tkn_local(args)
            .run()
            .exits(4)
            .tells("there are no runs yet");
    }
    let _list = scene
        .tkn_local(["list"])
        .run()
        .exits(0)
        .tells("there are no runs yet");
}

#[test]
fn a_dry_run_needs_no_engine() {
    let text = run(GOOD, &[&GIVEN[..], &["--dry-run"]].concat()).exits(0);
    assert!(text.stdout.starts_with("PipelineRun build-run-"), "{text}");
    assert!(text.stdout.contains("\n  compile\n"), "{text}");
    let yaml = run(GOOD, &[&GIVEN[..], &["--dry-run", "-o", "yaml"]].concat()).exits(0);
    assert!(yaml.stdout.contains("\nkind: PipelineRun\n"), "{yaml}");
    let _graph = {
        let scene = Scene::new();
        scene.write("pipeline.yaml", GOOD);
        scene.tkn_local(["graph", "pipeline.yaml"]).run().exits(0)
    }
    .prints_line("Pipeline build")
    .prints_line("  compile");
}

#[test]
fn a_run_that_is_refused_still_has_its_object() {
    let output = run(GOOD, &["-o", "json", "-w", "name=source,emptyDir="]).exits(4);
    let object: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON is printed");
    assert_eq!(object["kind"], "PipelineRun");
    assert_eq!(
        object["status"]["conditions"][0]["reason"],
        "ParameterMissing"
    );
}
