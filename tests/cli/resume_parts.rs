//! Running parts of a pipeline, on an engine without containers.

use serde_json::{Value, json};
use tkn_local::cli::ExitStatus;
use tkn_local::sandbox::fake::FakeEngine;

use crate::resume_bench::{BUILD, FETCH};
use crate::runs::{Folder, Ran};

#[test]
fn a_disabled_task_takes_its_values_from_the_flag_the_file_and_the_source() {
    let folder = Folder::failed();
    let missing = folder.refusal(&["run", "build.yaml", "fetch.yaml", "--disable", "compile"]);
    assert!(
        missing.starts_with("error: PipelineRun build: task \"pack\" needs result compile.digest of a disabled task; nothing was started\nhint: give it with --result compile.digest=VALUE\n"),
        "{missing}"
    );
    let run = [
        "run",
        "build.yaml",
        "fetch.yaml",
        "--disable",
        "compile,fetch",
    ];
    let given = ["--result", "compile.digest=sha256:abc"];
    let ran = folder
        .tkn(&[&run[..], &given].concat())
        .tells("  disabled  compile  disabled  digest=sha256:abc\n")
        .tells("--disable compile,fetch --result compile.digest=sha256:abc\n");
    assert!(
        ran.out.contains("[pack : p] packing sha256:abc\n"),
        "{}",
        ran.out
    );
    let described = folder.tkn(&["describe", "latest"]);
    assert!(
        described.out.contains("Disabled\n  fetch\n  compile\n"),
        "{}",
        described.out
    );

    // The source knows the value.
    let ran = folder.tkn(&["resume", "build", "--disable", "compile"]);
    assert!(ran.out.contains("packing d-c1\n"), "{}", ran.out);
    // The file says another, and the flag a third.
    folder.edit(
        "build.yaml",
        "  params: [{name: level, value: info}]\n  workspaces",
        "  disableTasks: [{name: compile, results: [{name: digest, value: of-file}]}]\n  params: [{name: level, value: info}]\n  workspaces",
    );
    let ran = folder.tkn(&["resume", "build"]);
    assert!(ran.out.contains("packing of-file\n"), "{}", ran.out);
    let ran = folder.tkn(&["resume", "build", "--result", "compile.digest=of-flag"]);
    assert!(ran.out.contains("packing of-flag\n"), "{}", ran.out);
    // What a flag says of a task counts above what the file says of it.
    let decision = folder.decision(&["resume", "build", "--enable", "compile"], "compile");
    assert_eq!(decision, "run: enabled");
}

#[test]
fn the_cascade_and_the_ranges_leave_tasks_out() {
    let folder = Folder::failed();
    let run = ["run", "build.yaml", "fetch.yaml"];
    let left = |args: &[&str]| -> Vec<String> {
        let decisions = folder.decisions(&[&run[..], args].concat());
        let runs = decisions
            .into_iter()
            .filter(|(_, decision, _)| decision == "run");
        runs.map(|(task, ..)| task).collect()
    };
    assert_eq!(
        left(&["--disable", "compile", "--disable-dependents"]),
        ["fetch", "notify"]
    );
    assert_eq!(left(&[]), ["fetch", "compile", "test", "pack", "notify"]);
    assert_eq!(left(&["--only", "test"]), ["test", "notify"]);
    assert_eq!(
        left(&["--until", "test"]),
        ["fetch", "compile", "test", "notify"]
    );
    let digest = ["--result", "compile.digest=x"];
    assert_eq!(
        left(&[&["--from", "test"], &digest[..]].concat()),
        ["test", "pack", "notify"]
    );
    assert_eq!(
        left(&[
            "--from",
            "compile",
            "--until",
            "test",
            "--result",
            "fetch.commit=x"
        ]),
        ["compile", "test", "notify"]
    );
    assert_eq!(
        folder.decision(
            &["resume", "build", "--only", "pack", "-p", "level=other"],
            "test"
        ),
        "reuse: succeeded in build"
    );
    // An empty plan is none: finally runs all the same.
    folder
        .tkn(&[&run[..], &["--only", "notify"]].concat())
        .succeeds()
        .tells("no task had to run: 0 reused, 4 disabled");
}

#[test]
fn the_run_that_would_run_can_be_run() {
    let folder = Folder::failed();
    let args = [
        "resume",
        "build",
        "--enable",
        "test",
        "--disable",
        "compile",
    ];
    let yaml = folder
        .tkn(&[&args[..], &["--dry-run", "-o", "yaml"]].concat())
        .succeeds();
    let run: Value = serde_yaml::from_str(&yaml.out).expect("it is YAML");
    assert_eq!(
        run["spec"]["resumeFrom"],
        json!({"name": "build", "enableTasks": [{"name": "test"}]})
    );
    assert_eq!(run["spec"]["disableTasks"], json!([{"name": "compile"}]));
    folder.file("would.yaml", &yaml.out);
    let ran = folder.tkn(&["run", "would.yaml", "fetch.yaml"]);
    assert!(ran.out.contains("packing d-c1"), "{}{}", ran.out, ran.err);
    assert_eq!(folder.tkn(&["list", "-o", "name"]).out.lines().count(), 2);
}

#[test]
fn combinations_of_a_matrix_are_decided_one_by_one() {
    let folder = Folder::new();
    // The guard keeps the image that is missing from ending the run before its start.
    let run = "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: build}
spec:
  pipelineSpec:
    tasks:
      - name: each
        when: [{input: a, operator: in, values: [a]}]
        matrix: {params: [{name: os, value: [linux, mac, win]}]}
        taskSpec:
          params: [{name: os}]
          results: [{name: of}]
          steps: [{name: s, image: on-$(params.os), script: result of $(params.os)}]
      - name: all
        params: [{name: of, value: [\"$(tasks.each.results.of[*])\"]}]
        taskSpec:
          params: [{name: of, type: array}]
          steps: [{name: s, image: busybox, command: [x], args: [\"$(params.of[*])\"], script: args}]
";
    folder.file("run.yaml", &run.replace(", command: [x]", ""));
    let without_mac = FakeEngine::new().missing("on-mac");
    let failed = folder.tkn_on(without_mac, &["run", "run.yaml"]);
    assert_eq!(failed.status, ExitStatus::RunFailed, "{}", failed.err);
    assert_eq!(
        folder.decision(&["resume", "latest"], "each"),
        "run: failed in build; 2 of 3 combinations are reused"
    );
    let ran = folder
        .tkn(&["resume", "latest"])
        .succeeds()
        .has_run(&["each-1", "all"]);
    assert!(ran.out.ends_with("linux|mac|win\n"), "{}", ran.out);
    // One more combination runs, the others stay.
    folder.edit("run.yaml", "mac, win", "mac, win, bsd");
    assert_eq!(
        folder.decision(&["resume", "latest"], "each"),
        "run: succeeded in ".to_owned()
            + folder
                .tkn(&["list", "-o", "name", "-n", "1"])
                .out
                .trim()
                .trim_start_matches("pipelinerun.tekton.dev/")
            + "; 3 of 4 combinations are reused"
    );
    folder
        .tkn(&["resume", "latest"])
        .succeeds()
        .has_run(&["each-3", "all"]);
}

#[test]
fn a_when_and_an_ignored_failure_are_tried_again() {
    let folder = Folder::new();
    let task = |name: &str, more: &str, script: &str| {
        format!(
            "      - {{name: {name}, {more} taskSpec: {{steps: [{{name: s, image: busybox, script: {script}}}]}}}}\n"
        )
    };
    let tasks = [
        task(
            "guarded",
            "when: [{input: \"$(params.go)\", operator: in, values: [\"yes\"]}],",
            "exit 0",
        ),
        task("forgiven", "onError: continue,", "exit 1"),
        task("late", "runAfter: [forgiven],", "exit 1"),
    ];
    folder.file(
        "run.yaml",
        &format!(
            "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {{name: build}}
spec:
  params: [{{name: go, value: \"no\"}}]
  pipelineSpec:
    params: [{{name: go}}]
    tasks:
{}",
            tasks.concat()
        ),
    );
    folder.tkn(&["run", "run.yaml"]);
    assert_eq!(
        folder.decision(&["resume", "build"], "guarded"),
        "run: skipped in build"
    );
    assert_eq!(
        folder.decision(&["resume", "build"], "forgiven"),
        "run: failed in build"
    );
    folder
        .tkn(&["resume", "build", "-p", "go=yes"])
        .has_run(&["guarded", "forgiven", "late"]);
}

#[test]
fn a_pipeline_that_the_context_names_needs_no_definitions_of_disabled_tasks() {
    let folder = Folder::new();
    let file = "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: p}
spec:
  pipelineRef:
    resolver: cluster
    params: [{name: name, value: $(context.pipelineRun.name)}]
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec:
  tasks:
    - name: absent
      taskRef: {name: elsewhere}
    - name: here
      taskSpec: {steps: [{name: s, image: busybox, script: exit 0}]}
";
    folder.file("p.yaml", file);
    folder
        .tkn(&["run", "p.yaml", "--disable", "absent"])
        .succeeds()
        .tells("  disabled  absent  disabled\n");
}

/// Runs the command that the end of a run suggests.
fn follow(folder: &Folder, ran: &Ran) -> Ran {
    let line = ran
        .err
        .lines()
        .find_map(|line| line.split_once(": tkn-local "));
    let (_, command) = line.unwrap_or_else(|| panic!("nothing is suggested: {}", ran.err));
    folder.tkn(&command.split(' ').collect::<Vec<_>>())
}

#[test]
fn the_command_that_is_suggested_after_a_failure_works() {
    let steps = "steps: [{name: s, image: busybox, script: exit 1}]";
    let tasks = format!("tasks: [{{name: a, taskSpec: {{{steps}}}}}]");
    for (kind, spec) in [
        ("Pipeline", tasks.clone()),
        ("PipelineRun", format!("pipelineSpec: {{{tasks}}}")),
        ("Task", steps.to_owned()),
        ("TaskRun", format!("taskSpec: {{{steps}}}")),
    ] {
        let folder = Folder::new();
        let text = format!(
            "{{apiVersion: tekton.dev/v1, kind: {kind}, metadata: {{name: x}}, spec: {{{spec}}}}}"
        );
        folder.file("x.yaml", &text);
        let failed = folder.tkn(&["run", "x.yaml"]);
        assert_eq!(
            failed.status,
            ExitStatus::RunFailed,
            "{kind}: {}",
            failed.err
        );
        let again = follow(&folder, &failed);
        assert_eq!(again.status, ExitStatus::RunFailed, "{kind}: {}", again.err);
        folder.edit("x.yaml", "exit 1", "exit 0");
        follow(&folder, &again).succeeds();
    }
}

#[test]
fn results_of_a_task_that_runs_again_are_unknown_until_then() {
    let folder = Folder::failed();
    let decision = folder.decision(&["resume", "build", "--enable", "fetch"], "compile");
    assert_eq!(
        decision,
        "reuse: if fetch's results do not change; succeeded in build"
    );
    let ran = folder.tkn(&["resume", "build", "--enable", "fetch"]);
    assert!(ran.launched().contains("fetch"), "{}", ran.err);
    assert!(!ran.launched().contains("compile"), "{}", ran.err);
}

#[test]
fn a_run_that_was_ended_before_its_first_task_is_resumed_without_its_files() {
    let folder = Folder::new();
    folder.file("build.yaml", BUILD);
    folder.file("fetch.yaml", FETCH);
    let engine = FakeEngine::new().missing("busybox");
    let ended = folder.tkn_on(engine, &["run", "build.yaml", "fetch.yaml"]);
    assert_eq!(ended.status, ExitStatus::RunFailed, "{}", ended.err);
    std::fs::write(folder.path().join("pruned"), "").expect("the folder is writable");
    let resumed = folder.tkn(&["resume", "build"]);
    assert_eq!(resumed.status, ExitStatus::RunFailed, "{}", resumed.err);
    assert_eq!(resumed.opened().clone_from, None);
}

#[test]
fn a_value_given_for_an_object_has_the_keys_that_are_used() {
    let folder = Folder::new();
    folder.file(
        "p.yaml",
        "
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: p}
spec:
  tasks:
    - name: make
      taskSpec:
        results: [{name: pair, type: object, properties: {x: {}, y: {}}}]
        steps: [{name: s, image: busybox, script: exit 0}]
    - name: take
      params: [{name: x, value: $(tasks.make.results.pair.x)}]
      taskSpec:
        params: [{name: x}]
        steps: [{name: s, image: busybox, script: echo $(params.x)}]
",
    );
    let run = |value: &str| {
        let given = format!("make.pair={value}");
        ["run", "p.yaml", "--disable", "make", "--result", &given].map(str::to_owned)
    };
    let arguments = run("{\"y\": \"1\"}");
    let told = folder.refusal(&arguments.each_ref().map(String::as_str));
    assert!(told.contains("task \"take\" needs make.pair.x"), "{told}");
    assert!(told.contains("--result make.pair=JSON"), "{told}");
    let arguments = run("{\"x\": \"1\"}");
    folder
        .tkn(&arguments.each_ref().map(String::as_str))
        .succeeds();
}
