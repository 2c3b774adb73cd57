//! Resuming runs, on an engine without containers.

use std::fs;

use serde_json::{Value, json};
use tkn_local::cli::ExitStatus;
use tkn_local::sandbox::fake::{Call, FakeEngine};

use crate::resume_bench::{BUILD, FETCH};
use crate::runs::Folder;

#[test]
fn only_what_failed_and_what_comes_after_it_runs_again() {
    let folder = Folder::failed();
    folder.edit("build.yaml", "exit 1", "exit 0");
    let ran = folder
        .tkn(&["resume", "latest"])
        .succeeds()
        .has_run(&["pack", "notify"])
        .tells("resumes build\n  reuse  fetch    succeeded in build              commit=c1\n")
        .tells("= compile reused from build/build-compile")
        .tells("of workspaces from build in");
    assert_eq!(
        ran.out,
        "[pack : p] packing d-c1\n[notify : say] Succeeded\n"
    );
    let paths = vec!["workspaces/tree".to_owned()];
    let cloned = |call: &Call| *call == Call::Clone(paths.clone());
    assert_eq!(ran.engine.log().count(cloned), 1);

    // A resume of a resume reuses what it reused, by the first that really ran it.
    folder.edit("build.yaml", "echo packing", "echo again");
    folder
        .tkn(&["resume", "latest"])
        .succeeds()
        .has_run(&["pack", "notify"]);
    let described = folder.tkn(&["describe", "latest"]).succeeds();
    assert!(
        described.out.contains("Resumed from  build-"),
        "{}",
        described.out
    );
    assert!(
        described
            .out
            .contains("Reused\n  fetch    build/build-fetch\n"),
        "{}",
        described.out
    );
    let list = folder.tkn(&["list"]).succeeds();
    let indents: Vec<usize> = list
        .out
        .lines()
        .skip(1)
        .map(|line| line.find("build").unwrap_or_default())
        .collect();
    assert_eq!(indents, [0, 3, 6], "{}", list.out);
    let object = folder.tkn(&["describe", "latest", "-o", "json"]);
    let object: Value = serde_json::from_str(&object.out).expect("it is JSON");
    let run = &object["items"][0];
    let references = run["status"]["childReferences"]
        .as_array()
        .expect("it has children");
    let fetch = references
        .iter()
        .find(|child| child["pipelineTaskName"] == "fetch");
    assert_eq!(
        fetch.map(|child| &child["reusedFrom"]),
        Some(&json!("build/build-fetch"))
    );
}

#[test]
fn a_success_is_reused_while_its_inputs_are_the_same() {
    let folder = Folder::failed();
    folder.edit(
        "fetch.yaml",
        "result commit c1",
        "result commit c1\\n# and a remark",
    );
    assert_eq!(
        folder.decision(&["resume", "build"], "fetch"),
        "run: changed: script of step f: result commit c1 → sha256:20041f69f167"
    );
    assert_eq!(
        folder.decision(&["resume", "build"], "compile"),
        "reuse: if fetch's results do not change; succeeded in build"
    );
    assert_eq!(
        folder.decision(&["resume", "build", "--reuse", "always"], "fetch"),
        "reuse: succeeded in build"
    );
    // It yields the same again: what needs it is reused.
    folder
        .tkn(&["resume", "build"])
        .has_run(&["fetch", "pack", "notify"]);
    folder.edit("fetch.yaml", "commit c1", "commit c2");
    folder
        .tkn(&["resume", "build"])
        .has_run(&["fetch", "compile", "pack", "notify"])
        .tells("task compile runs again; changed: result fetch.commit: c1 → c2");
    folder
        .tkn(&["resume", "build", "--reuse", "always"])
        .has_run(&["pack", "notify"]);
}

#[test]
fn a_param_of_the_command_line_counts_again_unless_it_is_given_anew() {
    let folder = Folder::new();
    folder.file("fetch.yaml", FETCH);
    folder.file("build.yaml", BUILD);
    folder.tkn(&["run", "build.yaml", "fetch.yaml", "-p", "level=debug"]);
    let same = folder
        .tkn(&["resume", "latest"])
        .has_run(&["pack", "notify"]);
    assert_eq!(same.status, ExitStatus::RunFailed);
    assert_eq!(
        folder.decision(&["resume", "latest", "-p", "level=trace"], "test"),
        "run: changed: param level: debug → trace"
    );
    let ran = folder.tkn(&["resume", "latest", "-p", "level=trace"]);
    assert!(
        ran.out.starts_with("[test : t] tested at trace\n"),
        "{}",
        ran.out
    );
    ran.has_run(&["test", "pack", "notify"]);
}

#[test]
fn files_are_read_again_unless_they_are_gone_or_not_wanted() {
    let folder = Folder::failed();
    folder.edit("build.yaml", "exit 1", "exit 0");
    let recorded = folder.tkn(&["resume", "build", "--as-recorded"]);
    assert_eq!(recorded.status, ExitStatus::RunFailed, "{}", recorded.err);
    recorded.tells("build.yaml: using the recorded copy");
    fs::remove_file(folder.path().join("fetch.yaml")).expect("the file is there");
    folder
        .tkn(&["resume", "build"])
        .succeeds()
        .has_run(&["pack", "notify"])
        .tells("fetch.yaml no longer exists: using the recorded copy");
    // Its place is remembered: the next one reads it again.
    folder.file("fetch.yaml", &FETCH.replace("c1", "c3"));
    let decision = folder.decision(&["resume", "latest"], "fetch");
    assert!(
        decision.starts_with("run: changed: script of step f"),
        "{decision}"
    );
}

#[test]
fn a_task_with_another_name_has_not_run() {
    let folder = Folder::failed();
    folder.edit("build.yaml", "name: test", "name: check");
    folder.edit("build.yaml", "runAfter: [test]", "runAfter: [check]");
    assert_eq!(
        folder.decision(&["resume", "build"], "check"),
        "run: not run in build"
    );
    folder
        .tkn(&["resume", "build"])
        .has_run(&["check", "pack", "notify"]);
}

#[test]
fn a_run_in_which_nothing_ran_stands_for_the_run_it_resumes() {
    let folder = Folder::failed();
    folder.edit(
        "build.yaml",
        "name: p\n              image: busybox",
        "name: p\n              image: mistyped",
    );
    let engine = FakeEngine::new().missing("mistyped");
    let taken = folder.tkn_on(engine, &["resume", "build", "--workspaces", "take"]);
    assert_eq!(taken.status, ExitStatus::RunFailed, "{}", taken.err);
    folder.edit("build.yaml", "mistyped", "busybox");
    folder
        .tkn(&["resume", "latest"])
        .has_run(&["pack", "notify"])
        .tells("resuming build instead, which it resumes");
}

#[test]
fn the_run_is_found_in_the_files_by_the_name_it_had() {
    let folder = Folder::new();
    let run = |name: &str, script: &str| {
        format!("
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {{generateName: {name}-}}
spec: {{pipelineSpec: {{tasks: [{{name: t, taskSpec: {{steps: [{{name: s, image: busybox, script: {script}}}]}}}}]}}}}
")
    };
    folder.file(
        "runs.yaml",
        &[run("one", "exit 0"), run("two", "exit 1")].join("---"),
    );
    let failed = folder.tkn(&["run", "runs.yaml"]);
    assert_eq!(failed.status, ExitStatus::RunFailed);
    folder.edit("runs.yaml", "exit 1", "echo mended");
    let ran = folder.tkn(&["resume", "two"]).succeeds();
    assert_eq!(ran.out, "[t : s] mended\n");
    assert!(ran.opened().run.starts_with("two-"));

    folder.edit("runs.yaml", "two-", "three-");
    let gone = folder.refusal(&["resume", "latest"]);
    assert!(
        gone.starts_with("error: no run \"two-\" in the files"),
        "{gone}"
    );
    folder
        .tkn(&["resume", "latest", "--as-recorded"])
        .succeeds();
    // The only one there is it, whatever its name.
    folder.file("runs.yaml", &run("four", "exit 0"));
    let ran = folder.tkn(&["resume", "latest"]).succeeds();
    assert!(
        ran.opened().run.starts_with("four-"),
        "{}",
        ran.opened().run
    );
}

#[test]
fn a_task_runs_again_when_another_run_has_used_its_claim() {
    let run = |name: &str, end: &str| {
        format!(
            "apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {{name: {name}}}
spec:
  workspaces: [{{name: files, persistentVolumeClaim: {{claimName: cache}}}}]
  pipelineSpec:
    workspaces: [{{name: files}}]
    tasks:
      - name: setup
        workspaces: [{{name: files}}]
        taskSpec: {{workspaces: [{{name: files}}], steps: [{{name: s, image: busybox, script: exit 0}}]}}
      - {{name: build, taskSpec: {{steps: [{{name: s, image: busybox, script: exit 0}}]}}}}
      - {{name: deploy, runAfter: [setup], taskSpec: {{steps: [{{name: s, image: busybox, script: {end}}}]}}}}
"
        )
    };
    let folder = Folder::new();
    folder.file("one.yaml", &run("one", "exit 1"));
    folder.file("other.yaml", &run("other", "exit 0"));
    folder.tkn(&["run", "one.yaml"]);
    folder.tkn(&["resume", "one"]).has_run(&["deploy"]);
    let latest = ["resume", "latest"];
    assert!(folder.decision(&latest, "setup").starts_with("reuse: "));
    folder.tkn(&["run", "other.yaml"]);
    let setup = folder.decision(&["resume", "one"], "setup");
    assert!(setup.starts_with("run: files changed: run o"), "{setup}");
    assert_eq!(
        folder.decision(&["resume", "one"], "build"),
        "reuse: succeeded in one"
    );
}
