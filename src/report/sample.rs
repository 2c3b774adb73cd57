//! A run to show, for tests: it has a bit of everything.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::event::{Event, LogChunk, LogSource, Message, Stream};

/// An event of the run `ci` at so many tenths of a second.
pub(super) fn event(tenths: u32, kind: &Value) -> Message {
    let (seconds, tenths) = (tenths / 10, tenths % 10);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let at = format!("2026-01-01T00:{minutes:02}:{seconds:02}.{tenths}Z");
    let mut value = json!({"at": at, "run": "ci"});
    for (key, item) in kind.as_object().unwrap() {
        value[key] = item.clone();
    }
    let event: Event = serde_json::from_value(value).unwrap();
    Message::Event(Box::new(event))
}

/// Output of a step, or with `sidecar-` before its name of a sidecar.
pub(super) fn log(task: &str, task_run: &str, container: &str, text: impl AsRef<[u8]>) -> Message {
    Message::Log(chunk(task, task_run, container, text))
}

pub(super) fn chunk(
    task: &str,
    task_run: &str,
    container: &str,
    text: impl AsRef<[u8]>,
) -> LogChunk {
    let sidecar = container.strip_prefix("sidecar-");
    LogChunk {
        source: Arc::new(LogSource {
            run: "ci".to_owned(),
            task: task.to_owned(),
            task_run: task_run.to_owned(),
            container: sidecar.unwrap_or(container).to_owned(),
            sidecar: sidecar.is_some(),
        }),
        stream: Stream::Stdout,
        data: text.as_ref().to_vec().into(),
    }
}

pub(super) fn started(tenths: u32, tasks: &[&str]) -> Message {
    event(
        tenths,
        &json!({"event": "runStarted", "kind": "PipelineRun", "tasks": tasks, "parent": null,
            "object": {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun",
                "metadata": {"name": "ci"}, "spec": {"pipelineRef": {"name": "release"},
                "params": [{"name": "tag", "value": "v1"}]}},
            "pipelineSpec": null, "started": true}),
    )
}

pub(super) fn created(tenths: u32, task: &str, task_run: &str, combination: &Value) -> Message {
    event(
        tenths,
        &json!({"event": "taskRunCreated", "task": task, "taskRun": task_run,
            "object": {"kind": "TaskRun", "metadata": {"name": task_run}}, "displayName": "",
            "when": [], "combination": combination, "inputs": {}}),
    )
}

pub(super) fn begun(tenths: u32, task_run: &str, attempt: usize, steps: &[&str]) -> Message {
    event(
        tenths,
        &json!({"event": "taskRunStarted", "taskRun": task_run, "attempt": attempt,
            "podName": "p", "taskSpec": {}, "steps": steps}),
    )
}

pub(super) fn step_started(tenths: u32, task_run: &str, step: &str) -> Message {
    event(
        tenths,
        &json!({"event": "stepStarted", "taskRun": task_run, "index": 0, "step": {
            "name": step, "container": format!("step-{step}"),
            "running": {"startedAt": "2026-01-01T00:00:01Z"}}}),
    )
}

pub(super) fn step_finished(tenths: u32, task_run: &str, step: &str, code: i32) -> Message {
    let reason = if code == 0 { "Completed" } else { "Error" };
    event(
        tenths,
        &json!({"event": "stepFinished", "taskRun": task_run, "index": 0, "step": {
            "name": step, "container": format!("step-{step}"), "terminationReason": reason,
            "terminated": {"exitCode": code, "reason": reason,
                "startedAt": "2026-01-01T00:00:01Z", "finishedAt": "2026-01-01T00:00:01.5Z"}}}),
    )
}

pub(super) fn condition(status: &str, reason: &str, message: &str) -> Value {
    json!({"type": "Succeeded", "status": status, "reason": reason, "message": message})
}

pub(super) fn finished(tenths: u32, task_run: &str, condition: &Value) -> Message {
    event(
        tenths,
        &json!({"event": "taskRunFinished", "taskRun": task_run, "condition": condition,
            "results": [], "artifacts": null}),
    )
}

pub(super) fn run_finished(tenths: u32, condition: &Value, results: &Value) -> Message {
    event(
        tenths,
        &json!({"event": "runFinished", "condition": condition, "results": results}),
    )
}

/// A pipeline: `build` succeeds the second time, the second combination of `test` fails, `ship`
/// is guarded off, `tidy` was done before, `late` never starts.
pub(super) fn failing_run() -> Vec<Message> {
    let failed = condition(
        "False",
        "StepFailed",
        "\"step-cc\" exited with code 1: Error",
    );
    let unit_failed = condition(
        "False",
        "StepFailed",
        "\"step-unit\" exited with code 127: Error",
    );
    let done = condition("True", "Succeeded", "All Steps have completed executing");
    let os = |os: &str| json!([{"name": "os", "value": os}]);
    vec![
        started(0, &["build", "test", "ship", "tidy", "late"]),
        event(
            0,
            &json!({"event": "notice", "message": "affinity is ignored"}),
        ),
        event(
            1,
            &json!({"event": "taskReused", "task": "tidy", "taskRun": "ci-tidy",
            "reusedFrom": "old/old-tidy", "object": {}, "inputs": {}}),
        ),
        created(1, "build", "ci-build", &json!([])),
        begun(2, "ci-build", 0, &["cc"]),
        step_started(3, "ci-build", "cc"),
        log("build", "ci-build", "cc", "first\nsec"),
        step_finished(8, "ci-build", "cc", 1),
        event(
            9,
            &json!({"event": "taskRunRetried", "taskRun": "ci-build",
            "condition": failed, "results": []}),
        ),
        begun(10, "ci-build", 1, &["cc"]),
        log("build", "ci-build", "cc", "again\n"),
        step_finished(20, "ci-build", "cc", 0),
        finished(21, "ci-build", &done),
        created(21, "test", "ci-test-0", &os("linux")),
        created(21, "test", "ci-test-1", &os("mac")),
        begun(22, "ci-test-0", 0, &["unit"]),
        begun(22, "ci-test-1", 0, &["unit"]),
        log("test", "ci-test-0", "unit", "on linux\n"),
        log("test", "ci-test-1", "sidecar-db", "ready\n"),
        log("test", "ci-test-1", "unit", b"bytes \xff\xfe\n".as_slice()),
        log("test", "ci-test-1", "unit", "sh: nope: not found\n"),
        step_finished(25, "ci-test-0", "unit", 0),
        finished(26, "ci-test-0", &done),
        step_finished(30, "ci-test-1", "unit", 127),
        finished(1900, "ci-test-1", &unit_failed),
        event(
            1900,
            &json!({"event": "runProgress", "condition":
            condition("Unknown", "PipelineRunStopping", "Tasks Completed: 2")}),
        ),
        event(
            1901,
            &json!({"event": "taskSkipped", "task": "ship", "reason": "When",
            "when": [{"input": "dev", "operator": "in", "values": ["main"]}]}),
        ),
        run_finished(
            1902,
            &condition(
                "False",
                "Failed",
                "Tasks Completed: 3 (Failed: 1, Cancelled 0), Skipped: 1",
            ),
            &json!([{"name": "image", "value": "reg/app@sha256:1"},
                {"name": "list", "value": ["a", "b"]}]),
        ),
    ]
}
