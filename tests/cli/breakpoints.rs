//! A step that waits at a breakpoint is let go on from outside, as its message says.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::harness::Scene;

const RUN: &str = "
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: NAME}
spec:
  debug: {breakpoints: {onFailure: enabled, beforeSteps: [second]}}
  taskSpec:
    steps:
    - {name: first, image: busybox, script: exit 3}
    - {name: second, image: busybox, script: echo went on}
";

fn docker(args: &[&str]) -> Option<String> {
    let output = Command::new("docker").args(args).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// Runs a script in whatever step of the run has it, until it was done or is not wanted any more.
fn call(run: &str, script: &str, done: &AtomicBool) {
    let label = format!("label=tekton.dev/taskRun={run}");
    while !done.load(Ordering::Relaxed) {
        let steps = docker(&["ps", "-q", "--filter", &label]).unwrap_or_default();
        for step in steps.lines() {
            // A step that does not wait ignores it: the file is looked for at a breakpoint only.
            docker(&["exec", step, script]);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn check(run: &str, scripts: [&str; 2], status: i32, told: &str) {
    let scene = Scene::new();
    scene.write("run.yaml", &RUN.replace("NAME", run));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for script in scripts {
            let script = format!("/tekton/debug/scripts/{script}");
            let done = &done;
            scope.spawn(move || call(run, &script, done));
        }
        let output = scene.tkn_local(["run", "run.yaml"]).run();
        done.store(true, Ordering::Relaxed);
        let output = output
            .exits(status)
            .tells(told)
            .tells("waits at step first");
        assert_eq!(output.stdout.contains("went on"), status == 0);
    });
}

/// It says so each time, and each time how to go on.
#[test]
fn a_step_waits_before_it_starts_and_again_when_it_has_failed() {
    let text = RUN
        .replace("NAME", "breaks-twice")
        .replace("[second]", "[first]");
    let done = AtomicBool::new(false);
    let scene = Scene::new();
    scene.write("run.yaml", &text);
    let output = thread::scope(|scope| {
        for script in ["debug-beforestep-continue", "debug-continue"] {
            let script = format!("/tekton/debug/scripts/{script}");
            let done = &done;
            scope.spawn(move || call("breaks-twice", &script, done));
        }
        let output = scene
            .tkn_local(["run", "run.yaml"])
            .recording_events()
            .run();
        done.store(true, Ordering::Relaxed);
        output.exits(0)
    });
    let told: Vec<_> = output
        .events("stepPaused")
        .map(|event| {
            let message = event["message"].as_str().expect("it says how to go on");
            message.contains("debug-beforestep-continue")
        })
        .collect();
    assert_eq!(told, [true, false], "{output}");
}

#[test]
fn steps_go_on() {
    let scripts = ["debug-continue", "debug-beforestep-continue"];
    check("breaks-on", scripts, 0, "waits at step second");
}

#[test]
fn a_step_stays_failed() {
    let scripts = ["debug-fail-continue", "debug-beforestep-continue"];
    check("breaks-failed", scripts, 1, "exited with code 1");
}

#[test]
fn a_step_is_kept_from_starting() {
    let scripts = ["debug-continue", "debug-beforestep-fail-continue"];
    check(
        "breaks-kept",
        scripts,
        1,
        "\"step-second\" exited with code 1",
    );
}
