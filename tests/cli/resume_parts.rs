//! Running parts of a pipeline, on an engine without containers.

use serde_json::{Value, json};
use tkn_local::cli::ExitStatus;
use tkn_local::sandbox::fake::FakeEngine;

use crate::runs::Folder;

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
            + folder.tkn(&["list", "-o", "name", "-n", "1"]).out.trim()
            + "; 3 of 4 combinations are reused"
    );
    folder
        .tkn(&["resume", "latest"])
        .succeeds()
        .has_run(&["each-3", "all"]);
}

#[test]
fn a_guard_and_an_ignored_failure_are_tried_again() {
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
