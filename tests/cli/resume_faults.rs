//! What keeps a run from being resumed or run in part.

use std::fs;

use serde_json::{Value, json};
use tkn_local::cli::ExitStatus;

use crate::resume_bench::BUILD;
use crate::runs::Folder;

/// Arguments of a `run`, and what is said of them.
const WRONG: &[(&[&str], &str)] = &[
    (
        &["--disable", "compil"],
        "disableTasks: the pipeline has no task \"compil\"; nothing was started\nhint: did you mean \"compile\"?",
    ),
    (
        &["--only", "tests"],
        "--only: the pipeline has no task \"tests\"; nothing was started\nhint: did you mean \"test\"?",
    ),
    (
        &["--until", "zzz"],
        "--until: the pipeline has no task \"zzz\"",
    ),
    (
        &["--from", "zzz"],
        "--from: the pipeline has no task \"zzz\"",
    ),
    (
        &["--result", "zzz.r=1"],
        "--result: the pipeline has no task \"zzz\"",
    ),
    (
        &["--disable", "test,test"],
        "disableTasks: \"test\" is listed more than once",
    ),
    (
        &["--enable", "test"],
        "enableTasks has no meaning without resumeFrom: nothing is reused",
    ),
    (
        &[
            "--resume-from",
            "build",
            "--enable",
            "test",
            "--disable",
            "test",
        ],
        "\"test\" is both enabled and disabled",
    ),
    (
        &["--result", "fetch.commit=1"],
        "result fetch.commit is given, but \"fetch\" is not disabled; nothing was started\nhint: add --disable fetch",
    ),
    (
        &["--disable", "fetch", "--result", "fetch.comit=1"],
        "task \"fetch\" declares no result \"comit\"; did you mean \"commit\"?",
    ),
    (
        &["--disable", "fetch", "--result", "fetch.files=[1]"],
        "invalid value for `--result fetch.files`: not an array of strings",
    ),
    (
        &[
            "--disable",
            "fetch",
            "--result",
            "fetch.commit=1",
            "--result",
            "fetch.commit=2",
        ],
        "`--result fetch.commit` is given more than once",
    ),
    (
        &["--resume-from", "other"],
        "run \"other\" is of another pipeline: no task name in common; nothing was started\nhint: resume it all the same with --force",
    ),
    (
        &["--resume-from", "single"],
        "run single is a TaskRun; only a PipelineRun can be resumed",
    ),
    (
        &["--resume-from", "bild"],
        "no run \"bild\"; nothing was started\nhint: did you mean \"build\"?",
    ),
];

#[test]
fn every_wrong_request_is_refused_before_anything_starts() {
    let folder = Folder::failed();
    let other = "{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {name: other}, spec: {pipelineSpec: {tasks: [{name: x, taskSpec: {steps: [{name: s, image: busybox, script: exit 0}]}}]}}}";
    folder.file("other.yaml", other);
    folder.tkn(&["run", "other.yaml"]).succeeds();
    folder.file(
        "task.yaml",
        "{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: single}, spec: {taskSpec: {steps: [{name: s, image: busybox, script: exit 1}]}}}",
    );
    folder.tkn(&["run", "task.yaml"]);
    let run = ["run", "build.yaml", "fetch.yaml"];
    for (args, expected) in WRONG {
        let told = folder.refusal(&[&run[..], args].concat());
        assert!(told.contains(expected), "{args:?}: {told}");
    }
    let decision = folder.decision(
        &[&run[..], &["--resume-from", "other", "--force"]].concat(),
        "test",
    );
    assert_eq!(decision, "run: not run in other");
    let wrong_type = BUILD.replace(
        "  params: [{name: level, value: info}]\n  workspaces",
        "  disableTasks: [{name: fetch, results: [{name: commit, value: [a]}]}]\n  params: [{name: level, value: info}]\n  workspaces",
    );
    folder.file("wrong.yaml", &wrong_type);
    let told = folder.refusal(&["run", "wrong.yaml", "fetch.yaml"]);
    assert!(
        told.contains("result fetch.commit is of type string, the value given is of type array"),
        "{told}"
    );
    let told = folder.refusal(&["run", "task.yaml", "--only", "x"]);
    assert!(
        told.contains("only a PipelineRun can be resumed, or run in part"),
        "{told}"
    );
    // A Task that is not at hand says nothing of its results.
    folder
        .tkn(&[
            "run",
            "build.yaml",
            "--disable",
            "fetch",
            "--result",
            "fetch.commit=c",
            "--dry-run",
        ])
        .succeeds()
        .tells(
            "warning: result fetch.commit cannot be checked: the Task of \"fetch\" is not in the files",
        );
}

#[test]
fn a_source_must_be_known_readable_and_at_rest() {
    let folder = Folder::failed();
    folder.edit("build.yaml", "echo packing", "echo once more");
    folder.tkn(&["resume", "build"]);
    let ambiguous = folder.unknown_run(&["resume", "buil"]);
    assert!(
        ambiguous.starts_with("error: \"buil\" matches several runs: build, build-"),
        "{ambiguous}"
    );
    let header = folder.path().join("state/runs/build/run.json");
    let text = fs::read_to_string(&header).expect("it has a header");
    let mut newer: Value = serde_json::from_str(&text).expect("it is JSON");
    newer["format"] = json!(99);
    newer["writtenBy"] = json!("tkn-local 9.9.9");
    fs::write(&header, newer.to_string()).expect("it is writable");
    let told = folder.unknown_run(&["resume", "build"]);
    assert!(
        told.contains("state format 99") && told.contains("tkn-local 9.9.9"),
        "{told}"
    );
    let mut odd: Value = serde_json::from_str(&text).expect("it is JSON");
    odd["settings"]["given"] = json!("what was given");
    fs::write(&header, odd.to_string()).expect("it is writable");
    let ran = folder.tkn(&["resume", "build"]);
    assert_eq!(ran.status, ExitStatus::Internal, "{}", ran.err);
    assert!(ran.err.contains("run.json"), "{}", ran.err);
    fs::write(&header, text).expect("it is writable");

    let none = Folder::new().unknown_run(&["resume", "latest"]);
    assert!(none.starts_with("error: there are no runs yet"), "{none}");
}

#[test]
fn workspaces_are_copied_taken_or_left() {
    let folder = Folder::failed();
    let volumes = folder.replace_volumes(Vec::new());
    let gone = folder.refusal(&["resume", "build"]);
    assert!(
        gone.starts_with(
            "error: the volume of run build no longer exists, and with it the workspaces tree; nothing was started\n"
        ),
        "{gone}"
    );
    assert!(gone.contains("--workspaces fresh"), "{gone}");
    let fresh = folder
        .tkn(&["resume", "build", "--workspaces", "fresh"])
        .tells("warning: the workspaces tree start empty, without the files of these reused tasks: fetch");
    assert_eq!(fresh.opened().clone_from, None);
    // A workspace of the command line's own needs nothing of the earlier run.
    let own = folder.tkn(&["resume", "build", "-w", "name=tree,emptyDir="]);
    assert_eq!(own.opened().clone_from, None, "{}", own.err);
    folder.replace_volumes(volumes);

    let cloned = folder.tkn(&["resume", "build"]);
    let volume = cloned.opened().clone_from.expect("it is cloned");
    assert!(volume.starts_with("build"), "{volume}");
    let taken = folder
        .tkn(&["resume", "build", "--workspaces", "take"])
        .tells("--workspaces take");
    assert_eq!(taken.opened().volume, volume);
    let heir = folder
        .tkn(&["list", "-o", "name", "-n", "1"])
        .out
        .trim()
        .replace("pipelinerun.tekton.dev/", "");
    let told = folder.refusal(&["resume", "build"]);
    assert!(
        told.starts_with(&format!(
            "error: run build can no longer be resumed: run {heir} took its files; nothing was started\n"
        )),
        "{told}"
    );
    let again = folder.tkn(&["resume", &heir]);
    assert_eq!(again.opened().clone_from, Some(volume));
}
