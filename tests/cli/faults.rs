//! What a user is told when something is wrong, and with which exit status. None of this needs an
//! engine.

use crate::harness::{Output, Scene};

pub(crate) const NOWHERE: &str = "unix:///nowhere/docker.sock";

pub(crate) const GOOD: &str = "
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
pub(crate) fn run(text: &str, args: &[&str]) -> Output {
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
        .tells("error: 1 problem found; nothing was started");
    let _dry = run(text, &["--dry-run"])
        .exits(4)
        .tells("error: 1 problem found; nothing was started");
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
fn a_param_that_is_missing_or_mistyped_is_reported() {
    let _missing = run(GOOD, &GIVEN[2..])
        .exits(4)
        .tells("missing parameters: [revision]")
        .tells("pipeline.yaml:8:13")
        .tells("-p NAME=VALUE");
    let _mistyped = run(GOOD, &["-p", "revison=x", "-w", "name=source,emptyDir="])
        .exits(4)
        .tells("error: \"revison\" is not a param of PipelineRun build-run-; nothing was started")
        .tells("did you mean \"revision\" instead of \"revison\"?")
        .tells("pass `--allow-unknown-params` to run anyway");
    let _allowed = run(
        GOOD,
        &[
            &GIVEN[..],
            &["-p", "revison=x", "--allow-unknown-params", "--dry-run"],
        ]
        .concat(),
    )
    .exits(0)
    .tells("warning: \"revison\" is not a param of PipelineRun build-run-");
    let _malformed = run(GOOD, &["-p", "revision"])
        .exits(2)
        .tells("invalid value for `-p`: `revision` is not of the form NAME=VALUE");
    let _shape = run(GOOD, &["-p", "files=[1]"])
        .exits(2)
        .tells("invalid value for `-p files`: not an array of strings");
}

#[test]
fn a_workspace_that_makes_no_sense_is_reported() {
    for (flag, expected) in [
        ("name=source", "it has no source"),
        ("emptyDir=", "`name` is missing"),
        ("name=source,emptydir=", "did you mean \"emptyDir\"?"),
        ("name=source,path=nothing-here", "cannot read"),
    ] {
        let _output = run(GOOD, &["-p", "revision=x", "-w", flag])
            .exits(2)
            .tells(&format!("invalid value for `-w`: `{flag}`: "))
            .tells(expected);
    }
}

#[test]
fn an_engine_that_does_not_answer_is_named_with_what_to_do() {
    let _output = run(GOOD, &GIVEN)
        .exits(3)
        .tells("error: cannot reach a container engine")
        .tells(NOWHERE)
        .tells("--engine-host");
}

#[test]
fn a_state_directory_that_cannot_be_used_is_reported_before_anything_starts() {
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
fn files_that_are_not_there_or_hold_nothing_are_reported() {
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
        .tells("nothing to run in the files; nothing was started");
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
        .tells("1 object, no problems found");
    let doomed = "{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: r}, spec: {pipelineRef: {name: build}}}";
    let _accepted = scene
        .tkn_local(["validate", "pipeline.yaml", "-"])
        .stdin(doomed)
        .run()
        .exits(0)
        .tells("this run would fail: ")
        .tells("2 objects accepted, but 1 run would fail as soon as started");
    let _strict = scene
        .tkn_local(["validate", "--strict", "pipeline.yaml", "-"])
        .stdin(doomed)
        .run()
        .exits(4)
        .tells("1 problem found");
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
fn earlier_runs_that_are_not_there_are_reported() {
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

#[test]
fn a_word_that_is_no_command_gets_a_suggestion_that_helps() {
    let scene = Scene::new();
    scene.write("pipeline.yaml", GOOD);
    for (word, hint) in [
        ("vaildate", "hint: did you mean `tkn-local validate`?"),
        ("start", "hint: did you mean `tkn-local run`?"),
        (
            "pipeline.yaml",
            "hint: to run it: `tkn-local run pipeline.yaml`",
        ),
        ("pipeline", "hint: `tkn-local --help` lists the commands"),
    ] {
        let _output = scene
            .tkn_local([word])
            .run()
            .exits(2)
            .tells(&format!("error: unrecognized command `{word}`"))
            .tells(hint);
    }
}

#[test]
fn zero_jobs_are_refused_in_words() {
    let _output = run(GOOD, &["-j", "0"])
        .exits(2)
        .tells("at least one task must run at a time");
    let _output = run(GOOD, &["-j", "many"])
        .exits(2)
        .tells("not a whole number");
}

#[test]
fn an_engine_that_does_not_answer_is_reported_without_the_words_of_the_client() {
    let scene = Scene::new();
    scene.write("pipeline.yaml", GOOD);
    let output = scene
        .tkn_local(["run", "pipeline.yaml"].iter().chain(&GIVEN))
        .env("DOCKER_HOST", "tcp://127.0.0.1:1")
        .run()
        .exits(3)
        .tells("tcp://127.0.0.1:1 (DOCKER_HOST): connection refused\n");
    assert!(!output.stderr.contains("hyper"), "{output}");
}

#[test]
fn colours_can_be_forced_and_refused() {
    for (name, value, colored) in [
        ("FORCE_COLOR", "1", true),
        ("CLICOLOR_FORCE", "1", true),
        ("FORCE_COLOR", "0", false),
        ("LANG", "C", false),
    ] {
        let output = Scene::new()
            .tkn_local(["describe", "latest"])
            .env("NO_COLOR", "")
            .env(name, value)
            .run()
            .exits(4);
        assert_eq!(output.stderr.contains('\u{1b}'), colored, "{name}={value}");
    }
    let output = Scene::new()
        .tkn_local(["describe", "latest"])
        .env("FORCE_COLOR", "1")
        .run()
        .exits(4);
    assert!(!output.stderr.contains('\u{1b}'), "NO_COLOR is set");
}

#[test]
fn a_run_that_does_not_exist_cannot_be_resumed() {
    let scene = Scene::new();
    let output = scene.tkn_local(["resume", "nope"]).run().exits(4);
    assert!(!output.stderr.contains("nothing was started"), "{output}");
}
