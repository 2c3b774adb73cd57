//! Resuming runs and running parts of them, on an engine without containers.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tkn_local::cli::ExitStatus;
use tkn_local::execute::fake::{Call, FakeEngine};

use crate::runs::{Folder, Ran};

/// fetch → compile (with a result) → test → pack, and notify at the end.
const BUILD: &str = "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: build}
spec:
  params: [{name: level, value: info}]
  workspaces: [{name: tree, emptyDir: {}}]
  pipelineSpec:
    params: [{name: level}]
    workspaces: [{name: tree}]
    tasks:
      - name: fetch
        workspaces: [{name: tree}]
        taskRef: {name: fetch}
      - name: compile
        params: [{name: commit, value: $(tasks.fetch.results.commit)}]
        taskSpec:
          params: [{name: commit}]
          results: [{name: digest}]
          steps:
            - {name: cc, image: busybox, script: \"result digest d-$(params.commit)\"}
      - name: test
        runAfter: [compile]
        params: [{name: level, value: $(params.level)}]
        taskSpec:
          params: [{name: level}]
          steps: [{name: t, image: busybox, script: \"echo tested at $(params.level)\"}]
      - name: pack
        runAfter: [test]
        params: [{name: digest, value: $(tasks.compile.results.digest)}]
        taskSpec:
          params: [{name: digest}]
          steps:
            - name: p
              image: busybox
              script: |
                echo packing $(params.digest)
                exit 1
    finally:
      - name: notify
        params: [{name: all, value: $(tasks.status)}]
        taskSpec:
          params: [{name: all}]
          steps: [{name: say, image: busybox, script: echo $(params.all)}]
";

const FETCH: &str = "
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: fetch}
spec:
  workspaces: [{name: tree}]
  results: [{name: commit}, {name: files, type: array}]
  steps: [{name: f, image: busybox, script: \"result commit c1\"}]
";

impl Folder {
    /// A folder with a run whose task `pack` failed.
    fn failed() -> Self {
        let folder = Self::new();
        folder.file("fetch.yaml", FETCH);
        folder.file("build.yaml", BUILD);
        let ran = folder.tkn(&["run", "build.yaml", "fetch.yaml"]);
        assert_eq!(ran.status, ExitStatus::RunFailed, "{}", ran.err);
        assert!(
            ran.err.contains("Go on: tkn-local resume build\n"),
            "{}",
            ran.err
        );
        folder
    }

    /// Runs a command line in which names of files are below the folder.
    fn tkn(&self, args: &[&str]) -> Ran {
        self.tkn_on(FakeEngine::new(), args)
    }

    fn tkn_on(&self, engine: FakeEngine, args: &[&str]) -> Ran {
        let path = |arg: &&str| {
            let file = self.path().join(arg);
            if Path::new(arg)
                .extension()
                .is_some_and(|kind| kind == "yaml")
                && file.exists()
            {
                file.to_string_lossy().into_owned()
            } else {
                (*arg).to_owned()
            }
        };
        let args: Vec<String> = args.iter().map(path).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.run_on(engine, &args)
    }

    /// Changes a text of a file.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.path().join(file);
        let text = fs::read_to_string(&path).expect("the file is there");
        assert!(text.contains(from), "{file} holds no {from:?}");
        fs::write(path, text.replace(from, to)).expect("the folder is writable");
    }

    /// The decisions of a dry run: task, decision and reason.
    fn decisions(&self, args: &[&str]) -> Vec<(String, String, String)> {
        let ran = self.tkn(&[args, &["--dry-run", "-o", "json"]].concat());
        assert_eq!(ran.status, ExitStatus::Success, "{}", ran.err);
        let decided: Value = serde_json::from_str(&ran.out).expect("it is JSON");
        let text = |task: &Value, key: &str| task[key].as_str().unwrap_or_default().to_owned();
        let tasks = decided["tasks"].as_array().expect("there are tasks");
        tasks
            .iter()
            .map(|task| {
                (
                    text(task, "task"),
                    text(task, "decision"),
                    text(task, "reason"),
                )
            })
            .collect()
    }

    fn decision(&self, args: &[&str], task: &str) -> String {
        let decisions = self.decisions(args);
        let found = decisions.into_iter().find(|(name, ..)| name == task);
        found.map_or_else(
            || format!("there is no {task}"),
            |(_, decision, reason)| format!("{decision}: {reason}"),
        )
    }

    /// The exit status and the message of a command that fails before anything is started.
    fn refusal(&self, args: &[&str]) -> String {
        let ran = self.tkn(args);
        let opened = ran.engine.log().count(|call| matches!(call, Call::Open(_)));
        assert_eq!(opened, 0, "{args:?} started something");
        assert_eq!(ran.status, ExitStatus::Invalid, "{args:?}: {}", ran.err);
        let from = ran.err.find("error: ").expect("there is an error");
        ran.err[from..].to_owned()
    }
}

impl Ran {
    /// The tasks whose steps were released, in a run whose name has a fresh suffix.
    fn launched(&self) -> BTreeSet<String> {
        let calls = self.engine.log().calls().into_iter();
        let names = calls.filter_map(|recorded| match recorded.call {
            Call::Launch(name, _) => Some(name.task_run),
            _ => None,
        });
        names
            .map(|name| name.splitn(3, '-').nth(2).unwrap_or_default().to_owned())
            .collect()
    }

    fn opened(&self) -> tkn_local::execute::sandbox::SandboxSpec {
        let calls = self.engine.log().calls().into_iter();
        let mut opened = calls.filter_map(|recorded| match recorded.call {
            Call::Open(spec) => Some(spec),
            _ => None,
        });
        opened.next().expect("a sandbox was opened")
    }

    fn succeeds(self) -> Self {
        assert_eq!(self.status, ExitStatus::Success, "{}", self.err);
        self
    }

    fn has_run(self, tasks: &[&str]) -> Self {
        let tasks: BTreeSet<String> = tasks.iter().map(|task| (*task).to_owned()).collect();
        assert_eq!(self.launched(), tasks, "{}", self.err);
        self
    }

    fn tells(self, text: &str) -> Self {
        assert!(self.err.contains(text), "no {text:?} in\n{}", self.err);
        self
    }
}

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
    recorded.tells("build.yaml: as it was");
    fs::remove_file(folder.path().join("fetch.yaml")).expect("the file is there");
    folder
        .tkn(&["resume", "build"])
        .succeeds()
        .has_run(&["pack", "notify"])
        .tells("fetch.yaml is gone: taken as it was");
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
fn a_disabled_task_takes_its_values_from_the_flag_the_file_and_the_source() {
    let folder = Folder::failed();
    let missing = folder.refusal(&["run", "build.yaml", "fetch.yaml", "--disable", "compile"]);
    assert!(
        missing.starts_with("error: PipelineRun build: task \"pack\" needs result compile.digest of a disabled task; give it with --result compile.digest=VALUE\n"),
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
#[expect(clippy::too_many_lines, reason = "one table of requests and answers")]
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
    for (args, expected) in [
        (
            vec!["--disable", "compil"],
            "disableTasks: the pipeline has no task \"compil\"; did you mean \"compile\"?",
        ),
        (
            vec!["--only", "tests"],
            "--only: the pipeline has no task \"tests\"; did you mean \"test\"?",
        ),
        (
            vec!["--until", "zzz"],
            "--until: the pipeline has no task \"zzz\"",
        ),
        (
            vec!["--from", "zzz"],
            "--from: the pipeline has no task \"zzz\"",
        ),
        (
            vec!["--result", "zzz.r=1"],
            "--result: the pipeline has no task \"zzz\"",
        ),
        (
            vec!["--disable", "test,test"],
            "disableTasks: \"test\" is named more than once",
        ),
        (
            vec!["--enable", "test"],
            "enableTasks has no meaning without resumeFrom: nothing is reused",
        ),
        (
            vec![
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
            vec!["--result", "fetch.commit=1"],
            "result fetch.commit is given, but \"fetch\" is not disabled; add --disable fetch",
        ),
        (
            vec!["--disable", "fetch", "--result", "fetch.comit=1"],
            "task \"fetch\" declares no result \"comit\"; did you mean \"commit\"?",
        ),
        (
            vec!["--disable", "fetch", "--result", "fetch.files=[1]"],
            "--result fetch.files: this is no array of strings",
        ),
        (
            vec![
                "--disable",
                "fetch",
                "--result",
                "fetch.commit=1",
                "--result",
                "fetch.commit=2",
            ],
            "--result fetch.commit is given more than once",
        ),
        (
            vec!["--resume-from", "other"],
            "run \"other\" is of another pipeline: no task name in common; --force resumes it all the same",
        ),
        (
            vec!["--resume-from", "single"],
            "run single is a TaskRun; only a PipelineRun can be resumed",
        ),
        (
            vec!["--resume-from", "bild"],
            "no run \"bild\"; did you mean \"build\"?",
        ),
    ] {
        let told = folder.refusal(&[&run[..], &args].concat());
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
            "warning: result fetch.commit is taken as given: the Task of \"fetch\" is not at hand",
        );
}

#[test]
fn a_source_must_be_known_readable_and_at_rest() {
    let folder = Folder::failed();
    folder.edit("build.yaml", "echo packing", "echo once more");
    folder.tkn(&["resume", "build"]);
    let ambiguous = folder.refusal(&["resume", "buil"]);
    assert!(
        ambiguous.starts_with("error: \"buil\" could be build, build-"),
        "{ambiguous}"
    );
    let header = folder.path().join("state/runs/build/run.json");
    let text = fs::read_to_string(&header).expect("it has a header");
    let mut newer: Value = serde_json::from_str(&text).expect("it is JSON");
    newer["format"] = json!(99);
    newer["writtenBy"] = json!("tkn-local 9.9.9");
    fs::write(&header, newer.to_string()).expect("it is writable");
    let told = folder.refusal(&["resume", "build"]);
    assert!(
        told.contains("state format 99") && told.contains("tkn-local 9.9.9"),
        "{told}"
    );
    fs::write(&header, text).expect("it is writable");

    let none = Folder::new().refusal(&["resume", "latest"]);
    assert!(none.starts_with("error: there are no runs yet"), "{none}");
}

#[test]
fn workspaces_are_copied_taken_or_left() {
    let folder = Folder::failed();
    fs::write(folder.path().join("pruned"), "").expect("the folder is writable");
    let gone = folder.refusal(&["resume", "build"]);
    assert!(
        gone.starts_with(
            "error: the files of run build are gone, and with them its workspaces tree\n"
        ),
        "{gone}"
    );
    assert!(gone.contains("--workspaces fresh"), "{gone}");
    let fresh = folder
        .tkn(&["resume", "build", "--workspaces", "fresh"])
        .tells("warning: the workspaces tree begin empty: what these reused tasks left in them is not there: fetch");
    assert_eq!(fresh.opened().clone_from, None);
    // A workspace of the command line's own needs nothing of the earlier run.
    let own = folder.tkn(&["resume", "build", "-w", "name=tree,emptyDir="]);
    assert_eq!(own.opened().clone_from, None, "{}", own.err);
    fs::remove_file(folder.path().join("pruned")).expect("it is there");

    let cloned = folder.tkn(&["resume", "build"]);
    let volume = cloned.opened().clone_from.expect("it is cloned");
    assert!(volume.starts_with("build"), "{volume}");
    let taken = folder
        .tkn(&["resume", "build", "--workspaces", "take"])
        .tells("--workspaces take");
    assert_eq!(taken.opened().take_from, Some(volume.clone()));
    let newest = folder
        .tkn(&["list", "-o", "name", "-n", "1"])
        .out
        .trim()
        .to_owned();
    let told = folder.refusal(&["resume", "build"]);
    assert!(
        told.starts_with(&format!(
            "error: run build can not be resumed any more: run {newest} has taken its files\n"
        )),
        "{told}"
    );
    let again = folder.tkn(&["resume", &newest]);
    assert_eq!(again.opened().clone_from, Some(volume));
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
        .tells("going on with build, which it resumes");
}

#[test]
fn combinations_of_a_matrix_are_decided_one_by_one() {
    let folder = Folder::new();
    let run = "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: build}
spec:
  pipelineSpec:
    tasks:
      - name: each
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
        gone.starts_with("error: there is no run \"two-\" in the files"),
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
