//! Cases of the conformance suite in which something is done to a run, or a choice was made for a
//! laptop: what must become of them, on the engine of this machine.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Scene, Started};
use crate::sources::read;

/// A scene with one of the cases in `run.yaml`.
fn scene(case: &str) -> Scene {
    let scene = Scene::new();
    let text = read(&format!("tests/cases/actions/{case}.yaml")).text;
    scene.write("run.yaml", &text);
    scene
}

/// The objects of a run: itself, then its TaskRuns.
fn objects(scene: &Scene, run: &str) -> Vec<Value> {
    let described = scene
        .tkn_local(["describe", run, "-o", "json"])
        .run()
        .exits(0);
    let found: Value = serde_json::from_str(&described.stdout).expect("JSON is printed");
    match found["items"].as_array() {
        Some(items) => items.clone(),
        None => vec![found],
    }
}

fn condition(object: &Value) -> Value {
    let condition = &object["status"]["conditions"][0];
    json!([condition["status"], condition["reason"]])
}

/// Starts a case and waits until its run says `running` and the tasks named have ended.
fn under_way(scene: &Scene, run: &str, ended: &[&str]) -> Started {
    let started = scene.tkn_local(["run", "run.yaml"]).start();
    let deadline = Instant::now() + Duration::from_secs(60);
    let is_over = |name: &str| {
        objects(scene, run)
            .iter()
            .any(|object| object["metadata"]["name"] == name && condition(object)[0] == "True")
    };
    loop {
        let logs = scene.tkn_local(["logs", run]).run();
        if logs.stdout.contains("running") && ended.iter().all(|name| is_over(name)) {
            return started;
        }
        assert!(Instant::now() < deadline, "it does not start\n{logs}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Cancels the run and waits for its end.
fn cancel(scene: &Scene, run: &str, started: Started) {
    let _told = scene.tkn_local(["cancel", run]).run().exits(0);
    started.exits(143);
}

/// Removes what is kept for a resume: nobody will.
fn forget(scene: &Scene) {
    let _pruned = scene.tkn_local(["prune", "--runs", "0"]).run().exits(0);
}

const CANCELLED: &str = "TaskRun cancelled as the PipelineRun it belongs to has been cancelled.";

#[test]
fn a_cancelled_task_run_is_not_tried_again() {
    let scene = scene("cancel_retries");
    let started = under_way(&scene, "cancel-me", &[]);
    cancel(&scene, "cancel-me", started);
    let found = objects(&scene, "cancel-me");
    let [run, task] = found.as_slice() else {
        panic!("one TaskRun: {found:#?}");
    };
    assert_eq!(condition(run), json!(["False", "Cancelled"]));
    assert_eq!(condition(task), json!(["False", "TaskRunCancelled"]));
    assert_eq!(task["spec"]["status"], "TaskRunCancelled");
    assert_eq!(task["spec"]["statusMessage"], CANCELLED);
    assert_eq!(task["spec"]["retries"], 1);
    assert_eq!(task["status"]["retriesStatus"], Value::Null);
    let message = format!("TaskRun \"cancel-me-task\" was cancelled. {CANCELLED}");
    assert_eq!(task["status"]["conditions"][0]["message"], message);
    forget(&scene);
}

#[test]
fn what_had_ended_before_a_cancellation_stays_so() {
    let scene = scene("cancel_with_completed");
    let done = "cancel-active-task-succeeded";
    let started = under_way(&scene, "cancel-active", &[done]);
    cancel(&scene, "cancel-active", started);
    let found = objects(&scene, "cancel-active");
    let [run, succeeded, running] = found.as_slice() else {
        panic!("two TaskRuns: {found:#?}");
    };
    assert_eq!(condition(run), json!(["False", "Cancelled"]));
    assert_eq!(condition(succeeded), json!(["True", "Succeeded"]));
    assert_eq!(succeeded["spec"]["status"], Value::Null);
    assert_eq!(succeeded["spec"]["statusMessage"], Value::Null);
    assert_eq!(condition(running), json!(["False", "TaskRunCancelled"]));
    assert_eq!(running["spec"]["status"], "TaskRunCancelled");
    assert_eq!(running["spec"]["statusMessage"], CANCELLED);
    forget(&scene);
}

#[test]
fn a_task_run_that_is_to_wait_runs_when_it_need_not() {
    let scene = scene("task_run_pending");
    let run = || {
        let output = scene.tkn_local(["run", "run.yaml", "-o", "json"]);
        let output = output.run().exits(0);
        serde_json::from_str::<Value>(&output.stdout).expect("JSON is printed")
    };
    let waits = run();
    assert_eq!(condition(&waits), json!(["Unknown", "TaskRunPending"]));
    for field in ["startTime", "podName", "steps"] {
        assert_eq!(waits["status"][field], Value::Null, "{field}");
    }
    let text = read("tests/cases/actions/task_run_pending.yaml").text;
    scene.write("run.yaml", &text.replace("  status: TaskRunPending\n", ""));
    assert_eq!(condition(&run()), json!(["True", "Succeeded"]));
}

#[test]
fn a_run_keeps_the_pipeline_it_was_started_with() {
    let scene = scene("pipeline_deleted");
    let started = under_way(&scene, "pr-del", &[]);
    fs::remove_file(scene.path("run.yaml")).expect("the file is there");
    started.exits(0);
    let found = objects(&scene, "pr-del");
    let conditions: Vec<Value> = found.iter().map(condition).collect();
    assert_eq!(conditions, vec![json!(["True", "Succeeded"]); 3]);
    let _logs = scene
        .tkn_local(["logs", "pr-del", "step2"])
        .run()
        .exits(0)
        .prints_line("[step2 : echo] over");
}

#[test]
fn the_id_of_a_mapped_image_is_what_was_asked_for() {
    let asked = "busybox@sha256:1303dbf110c57f3edf68d9f5a16c082ec06c4cf7604831669faf2c712260b5a0";
    let scene = scene("image_id");
    let mapped = format!("{asked}=busybox");
    let output = scene
        .tkn_local(["run", "run.yaml", "-o", "json", "--image-map", &mapped])
        .run()
        .exits(0);
    let found: Value = serde_json::from_str(&output.stdout).expect("JSON is printed");
    assert_eq!(condition(&found), json!(["True", "Succeeded"]));
    let steps = found["status"]["steps"].as_array().expect("it has steps");
    let ids: Vec<&Value> = steps.iter().map(|step| &step["imageID"]).collect();
    assert_eq!(ids, [asked]);
}

#[test]
fn a_service_account_that_is_not_in_the_files_is_not_an_error() {
    let scene = scene("service_account_missing");
    let output = scene
        .tkn_local(["run", "run.yaml", "-o", "json"])
        .run()
        .exits(0)
        .tells("run.yaml:13: serviceAccountName is emulated")
        .tells("run.yaml:26: serviceAccountName is emulated");
    let found: Value = serde_json::from_str(&output.stdout).expect("JSON is printed");
    let items = found["items"].as_array().expect("two runs are a list");
    let reasons: Vec<Value> = items.iter().map(condition).collect();
    assert_eq!(reasons, vec![json!(["True", "Succeeded"]); 2]);
    let _strict = scene
        .tkn_local(["run", "run.yaml", "--strict"])
        .run()
        .exits(4)
        .tells("run.yaml:13:")
        .tells("= field: spec.serviceAccountName")
        .tells("; nothing was started");
}
