//! Resuming runs on the engine of this machine.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Invocation, Output, Scene};

/// The worked example of TEP-0077: F→G, F→B, A→B, B→E, D→E, B→C. F's failure is forgiven, B's
/// is not.
const EXAMPLE: &str = "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {generateName: tep-}
spec:
  pipelineSpec:
    tasks:
      - {name: a, taskSpec: {steps: [{name: s, image: busybox, script: echo a}]}}
      - {name: d, taskSpec: {steps: [{name: s, image: busybox, script: echo d}]}}
      - {name: f, onError: continue, taskSpec: {steps: [{name: s, image: busybox, script: exit 1}]}}
      - {name: g, runAfter: [f], taskSpec: {steps: [{name: s, image: busybox, script: echo g}]}}
      - name: b
        runAfter: [a, f]
        taskSpec:
          results: [{name: value}]
          steps: [{name: s, image: busybox, script: exit 1}]
      - name: e
        runAfter: [d]
        params: [{name: value, value: $(tasks.b.results.value)}]
        taskSpec:
          params: [{name: value}]
          steps: [{name: s, image: busybox, script: echo e got $(params.value)}]
      - {name: c, runAfter: [b], taskSpec: {steps: [{name: s, image: busybox, script: echo c}]}}
";

/// A scene in which A of the example has succeeded, F and B have failed, and the rest has not run.
fn example() -> Scene {
    let scene = Scene::new();
    scene.write("tep.yaml", EXAMPLE);
    let _failed = scene
        .tkn_local(["run", "tep.yaml", "--disable", "d,g"])
        .run()
        .exits(1)
        .prints_line("[a : s] a")
        .prints_nowhere("[e :")
        .prints_nowhere("[c :")
        .tells(" --disable d,g\n");
    let mended = EXAMPLE.replace(
        "onError: continue, taskSpec: {steps: [{name: s, image: busybox, script: exit 1}]}",
        "onError: continue, taskSpec: {steps: [{name: s, image: busybox, script: echo f}]}",
    );
    scene.write("tep.yaml", &mended);
    scene
}

/// The way on from [`example`] without these tasks, B among them, whose result is given.
fn resume_without(scene: &Scene, tasks: &str) -> Invocation {
    let args = ["resume", "latest", "--disable", tasks];
    let given = ["--result", "b.value=preset"];
    scene.tkn_local(args.iter().chain(&given))
}

impl Output {
    /// Asserts which of these tasks left output.
    fn ran(self, ran: &[&str], not: &[&str]) -> Self {
        let output = ran
            .iter()
            .fold(self, |output, task| output.prints(&format!("[{task} : s]")));
        not.iter().fold(output, |output, task| {
            output.prints_nowhere(&format!("[{task} : s]"))
        })
    }
}

#[test]
fn the_example_of_the_tep_runs_what_it_says() {
    let scene = example();
    let _resumed = resume_without(&scene, "b")
        .recording_events()
        .run()
        .exits(0)
        .condition("True", "Completed")
        .ran(&["f", "d", "e", "g", "c"], &["a", "b"])
        .prints_line("[e : s] e got preset")
        .tells("= a reused from tep-");
}

#[test]
fn the_example_of_the_tep_runs_f_without_g_as_well() {
    let scene = example();
    let _resumed = resume_without(&scene, "b,g")
        .run()
        .exits(0)
        .ran(&["f", "d", "e", "c"], &["a", "b", "g"]);
}

/// setup → build (a result) → deploy, with the fields of the TEP in the file.
fn fields(extra: &str, end: &str) -> String {
    format!(
        "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {{name: release}}
spec:
{extra}
  workspaces: [{{name: files, emptyDir: {{}}}}]
  pipelineSpec:
    workspaces: [{{name: files}}]
    tasks:
      - name: setup
        workspaces: [{{name: files}}]
        taskSpec:
          workspaces: [{{name: files}}]
          steps: [{{name: s, image: busybox, script: 'echo setup; echo was here >> $(workspaces.files.path)/f'}}]
      - name: build
        runAfter: [setup]
        taskSpec:
          results: [{{name: digest}}]
          steps: [{{name: s, image: busybox, script: 'echo build; printf built > $(results.digest.path)'}}]
      - name: deploy
        workspaces: [{{name: files}}]
        taskSpec:
          workspaces: [{{name: files}}]
          steps: [{{name: s, image: busybox, script: 'echo deploy $(tasks.build.results.digest); cat $(workspaces.files.path)/f; {end}'}}]
"
    )
}

#[test]
fn the_fields_of_the_tep_say_the_same_as_the_flags() {
    let scene = Scene::new();
    // Example 2: a task is disabled and its result given, without an earlier run.
    let disabled = "  disableTasks: [{name: build, results: [{name: digest, value: given}]}]";
    scene.write("run.yaml", &fields(disabled, "exit 1"));
    let _first = scene
        .tkn_local(["run", "run.yaml"])
        .run()
        .exits(1)
        .ran(&["setup", "deploy"], &["build"])
        .prints_line("[deploy : s] deploy given");
    // Example 1: on top of an earlier run, with a task that is to run again.
    let resumed =
        format!("{disabled}\n  resumeFrom: {{name: release, enableTasks: [{{name: setup}}]}}");
    scene.write("run.yaml", &fields(&resumed, "exit 0"));
    let twice = scene
        .tkn_local(["run", "run.yaml"])
        .run()
        .exits(0)
        .ran(&["setup", "deploy"], &["build"])
        .prints_line("[deploy : s] deploy given");
    // The copy holds what the first run has written.
    assert_eq!(twice.stdout.matches("was here").count(), 2, "{twice}");
    // A success keeps its files; without them a resume must be told to do without.
    let _kept = scene
        .tkn_local(["resume", "latest", "--disable", "build"])
        .env("TKN_LOCAL_KEEP_FILES", "0")
        .run()
        .exits(0)
        .tells("no task had to run: 2 reused, 1 disabled");
    let _gone = scene
        .tkn_local(["resume", "latest", "--disable", "build"])
        .run()
        .exits(4)
        .tells("no longer exists, and with it the workspaces files");
    let _fresh = scene
        .tkn_local([
            "resume",
            "latest",
            "--disable",
            "build",
            "--workspaces",
            "fresh",
        ])
        .run()
        .exits(0)
        .tells("no task had to run: 2 reused, 1 disabled");
}

const SLOW: &str = "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: slow}
spec:
  pipelineSpec:
    tasks:
      - {name: quick, taskSpec: {steps: [{name: s, image: busybox, script: echo quick}]}}
      - {name: long, runAfter: [quick], taskSpec: {steps: [{name: s, image: busybox, script: echo waiting; sleep 600}]}}
    finally:
      - {name: last, taskSpec: {steps: [{name: s, image: busybox, script: echo last}]}}
";

/// Waits until the slow task has said something.
fn wait_for_the_slow_task(scene: &Scene) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let logs = scene.tkn_local(["logs", "slow"]).run();
        if logs.stdout.contains("waiting") {
            return;
        }
        assert!(Instant::now() < deadline, "it does not start\n{logs}");
        thread::sleep(Duration::from_millis(100));
    }
}

fn goes_on(scene: &Scene) {
    scene.write("slow.yaml", &SLOW.replace("sleep 600", "echo done"));
    let _resumed = scene
        .tkn_local(["resume", "latest"])
        .run()
        .exits(0)
        .ran(&["long", "last"], &["quick"])
        .tells("= quick reused from slow/slow-quick");
}

#[test]
fn a_run_that_was_cancelled_goes_on() {
    for (grace, last) in [("Cancelled", false), ("CancelledRunFinally", true)] {
        let scene = Scene::new();
        scene.write("slow.yaml", SLOW);
        let started = scene.tkn_local(["run", "slow.yaml"]).start();
        wait_for_the_slow_task(&scene);
        let _still = scene
            .tkn_local(["resume", "slow"])
            .run()
            .exits(4)
            .tells("run slow is still running");
        let _told = scene
            .tkn_local(["cancel", "slow", "--grace", grace])
            .run()
            .exits(0);
        started.exits(if last { 130 } else { 143 });
        let logs = scene.tkn_local(["logs", "slow"]).run();
        assert_eq!(logs.stdout.contains("[last : s] last"), last, "{logs}");
        goes_on(&scene);
    }
}

#[test]
fn a_run_that_was_stopped_ends_what_it_began() {
    let scene = Scene::new();
    let next = "      - {name: next, runAfter: [long], taskSpec: {steps: [{name: s, image: busybox, script: echo next}]}}\n    finally:\n";
    let slow = SLOW
        .replace("sleep 600", "sleep 3")
        .replace("    finally:\n", next);
    scene.write("slow.yaml", &slow);
    let started = scene.tkn_local(["run", "slow.yaml"]).start();
    wait_for_the_slow_task(&scene);
    let _told = scene
        .tkn_local(["cancel", "slow", "--grace", "StoppedRunFinally"])
        .run()
        .exits(0);
    started.exits(1);
    let _resumed = scene
        .tkn_local(["resume", "slow"])
        .run()
        .exits(0)
        .ran(&["next", "last"], &["quick", "long"]);
}

#[test]
fn a_run_whose_command_was_killed_goes_on() {
    let scene = Scene::new();
    scene.write("slow.yaml", SLOW);
    let started = scene.tkn_local(["run", "slow.yaml"]).start();
    wait_for_the_slow_task(&scene);
    started.kill();
    let list = scene.tkn_local(["list"]).run().exits(0);
    assert!(list.stdout.contains("Cancelled"), "{list}");
    goes_on(&scene);
}

#[test]
fn two_resumes_of_one_run_do_not_meet() {
    let scene = Scene::new();
    scene.write("run.yaml", &fields("", "exit 1"));
    let _failed = scene.tkn_local(["run", "run.yaml"]).run().exits(1);
    scene.write("run.yaml", &fields("", "exit 0"));
    thread::scope(|scope| {
        let both: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| scene.tkn_local(["resume", "release"]).run()))
            .collect();
        for resumed in both {
            let output = resumed.join().expect("it does not panic").exits(0);
            let output = output.prints_line("[deploy : s] deploy built");
            assert_eq!(output.stdout.matches("was here").count(), 1, "{output}");
        }
    });
    let _taken = scene
        .tkn_local(["resume", "release", "--workspaces", "take"])
        .run()
        .exits(0)
        .prints_line("[deploy : s] was here");
}

/// lint reads a workspace and leaves a file in it, which report reads; other binds nothing.
const LINT: &str = "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: checks}
spec:
  workspaces: [{name: source, emptyDir: {}}]
  pipelineSpec:
    workspaces: [{name: source}]
    tasks:
      - {name: other, taskSpec: {steps: [{name: s, image: busybox, script: echo other}]}}
      - name: lint
        workspaces: [{name: source}]
        taskSpec:
          workspaces: [{name: source}]
          steps: [{name: s, image: busybox, workingDir: $(workspaces.source.path), script: 'echo linting; if grep BAD a; then exit 1; fi; echo x >> linted'}]
      - name: report
        runAfter: [lint]
        workspaces: [{name: source}]
        taskSpec:
          workspaces: [{name: source}]
          steps: [{name: s, image: busybox, workingDir: $(workspaces.source.path), script: 'echo \"$(wc -l < linted) linted\"; exit 1'}]
";

/// A scene in which lint has succeeded with a good `src/a`, and report has failed.
fn linted() -> Scene {
    let scene = Scene::new();
    scene.write("run.yaml", LINT);
    fs::create_dir(scene.path("src")).expect("the folder is new");
    scene.write("src/a", "GOOD");
    let _failed = scene
        .tkn_local(["run", "run.yaml", "-w", "name=source,path=src"])
        .run()
        .exits(1)
        .ran(&["lint", "other", "report"], &[]);
    scene
}

#[test]
fn a_task_runs_again_when_the_directory_of_its_workspace_has_changed() {
    for flags in [
        &[][..],
        &["-w", "name=source,path=src"],
        &["--workspaces", "fresh"],
        &["--workspaces", "take"],
    ] {
        let scene = linted();
        scene.write("src/a", "BAD");
        let resume = ["resume", "latest"].iter().chain(flags);
        let plan = scene.tkn_local(resume.clone().chain(&["--dry-run"])).run();
        let _plan = plan.exits(0).prints("source changed: 1 file");
        let _found = scene
            .tkn_local(resume)
            .run()
            .exits(1)
            .ran(&["lint"], &["other", "report"])
            .prints_line("[lint : s] BAD");
        scene.write("src/a", "GOOD again");
        scene.write("src/b", "");
        let _good = scene
            .tkn_local(["resume", "latest"])
            .run()
            .exits(1)
            .ran(&["lint", "report"], &["other"])
            .prints_line("[report : s] 1 linted");
    }
}

#[test]
fn how_much_of_a_directory_has_changed_is_reported() {
    let scene = linted();
    scene.write("src/a", "GOOD again");
    scene.write("src/b", "");
    let _good = scene
        .tkn_local(["resume", "latest"])
        .run()
        .exits(1)
        .tells("source changed: 2 files")
        .ran(&["lint", "report"], &["other"])
        .prints_line("[report : s] 1 linted");
}

#[test]
fn a_copy_of_a_directory_that_has_not_changed_is_taken_over_with_what_tasks_left_in_it() {
    let scene = linted();
    scene.write("src/a", "GOOD");
    for flags in [&[][..], &["-w", "name=source,path=src"]] {
        let _resumed = scene
            .tkn_local(["resume", "latest"].iter().chain(flags))
            .run()
            .exits(1)
            .ran(&["report"], &["lint", "other"])
            .prints_line("[report : s] 1 linted");
    }
}

#[test]
fn a_resumed_run_is_reported_what_the_earlier_one_was() {
    let scene = Scene::new();
    scene.write("tep.yaml", EXAMPLE);
    let given = [
        "--disable",
        "b",
        "--result",
        "b.value=preset",
        "--only",
        "d,e",
    ];
    let _first = scene
        .tkn_local(["run", "tep.yaml"].iter().chain(&given))
        .run()
        .exits(0)
        .ran(&["d", "e"], &["a", "f", "g", "b", "c"]);
    let _same = scene
        .tkn_local(["resume", "latest"])
        .run()
        .exits(0)
        .tells(": --disable b --only d,e --result b.value=preset")
        .tells("no task had to run: 2 reused");
    let _chosen = scene
        .tkn_local(["resume", "latest", "--only", "g"])
        .run()
        .exits(0)
        .ran(&["g"], &["a", "d", "e", "f", "b", "c"]);
}

#[test]
fn a_part_of_a_success_can_be_run_again_and_again() {
    let scene = Scene::new();
    scene.write("run.yaml", &fields("", "exit 0"));
    let _first = scene.tkn_local(["run", "run.yaml"]).run().exits(0);
    for round in 0..10 {
        let again = scene
            .tkn_local(["resume", "latest", "--only", "deploy", "--enable", "deploy"])
            .run()
            .exits(0)
            .ran(&["deploy"], &["setup", "build"]);
        assert_eq!(
            again.stdout.matches("was here").count(),
            1,
            "{round}: {again}"
        );
    }
    // All but the newest have lost their files.
    let _gone = scene.tkn_local(["resume", "release"]).run().exits(4);
    let _kept = scene.tkn_local(["resume", "latest"]).run().exits(0);
}
