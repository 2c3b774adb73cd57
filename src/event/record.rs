//! The fold of events: what a run is, in Tekton's shape.

use serde_json::Value;

use super::apply::{apply_to_run, apply_to_task_run};
use super::kind::{Event, EventKind, RunEvent, RunKind};
use super::run_record::{RunRecord, combination_index};
use super::task_run_record::TaskRunRecord;
use super::task_state::TaskState;
use crate::status::{Condition, Timestamp};

/// Something that was reported to the user during the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// When.
    pub at: Timestamp,
    /// The text.
    pub message: String,
}

/// A run, its child runs and all their TaskRuns, as far as the events tell.
///
/// An event that speaks of a run or TaskRun never heard of changes nothing: a record is also
/// folded from files, and those may be damaged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    runs: Vec<RunRecord>,
    notices: Vec<Notice>,
    last: Option<Timestamp>,
}

impl Record {
    /// The fold of `events`.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut record = Self::default();
        for event in events {
            record.apply(event);
        }
        record
    }

    /// The run itself: the first that was started.
    pub fn root(&self) -> Option<&RunRecord> {
        self.runs.first()
    }

    /// The run or child run of this name.
    pub fn run(&self, name: &str) -> Option<&RunRecord> {
        self.runs.iter().find(|run| run.name == name)
    }

    /// How many runs there are, child runs included.
    pub const fn runs_len(&self) -> usize {
        self.runs.len()
    }

    /// The condition of the run itself.
    pub fn root_condition(&self) -> Option<&Condition> {
        self.root()?.condition()
    }

    /// What was reported to the user.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// When the last event happened.
    pub const fn last_event_at(&self) -> Option<Timestamp> {
        self.last
    }

    /// True when the run itself has ended.
    pub fn is_finished(&self) -> bool {
        self.root().is_some_and(RunRecord::is_finished)
    }

    /// The TaskRun of this name of the run or child run `run`.
    pub fn task_run(&self, run: &str, task_run: &str) -> Option<&TaskRunRecord> {
        self.run(run)?
            .task_runs
            .iter()
            .find(|record| record.name == task_run)
    }

    /// All TaskRuns, also of child runs, in the order of `childReferences`.
    pub fn task_runs(&self) -> Vec<&TaskRunRecord> {
        self.walk()
            .into_iter()
            .filter_map(|node| match node {
                Node::TaskRun(run) => Some(run),
                Node::Run(_) => None,
            })
            .collect()
    }

    /// All objects with their status: the run itself, then TaskRuns and child runs in the order
    /// of `childReferences`, each child run followed by its own.
    pub fn objects(&self) -> Vec<Value> {
        let lone = self.root().is_some_and(|run| run.kind == RunKind::TaskRun);
        self.walk()
            .into_iter()
            .filter_map(|node| match node {
                Node::Run(run) => Some(run.object()),
                Node::TaskRun(_) if lone => None,
                Node::TaskRun(run) => Some(run.object()),
            })
            .collect()
    }

    /// The child run of a task of `run`.
    pub fn child_of(&self, run: &str, task: &str) -> Option<&RunRecord> {
        self.runs.iter().find(|child| {
            let parent = child.parent.as_ref();
            parent.is_some_and(|(parent, of)| parent == run && of == task)
        })
    }

    /// What became of a task of the run or child run `run`.
    pub fn task_state(&self, run: &str, task: &str) -> TaskState {
        let Some(record) = self.run(run) else {
            return TaskState::NotStarted;
        };
        match self.child_of(run, task) {
            Some(child) => TaskState::of(child.condition()),
            None => record.task_state(task),
        }
    }

    /// Every task of the run itself and what became of it, in the order of the pipeline.
    pub fn tasks(&self) -> Vec<(&str, TaskState)> {
        let Some(root) = self.root() else {
            return Vec::new();
        };
        root.tasks
            .iter()
            .map(|task| (task.as_str(), self.task_state(&root.name, task)))
            .collect()
    }

    /// What a TaskRun is called for people: `task`, `task-<index>` in a matrix, `parent/task` in a
    /// child pipeline; `None` for a standalone TaskRun.
    pub fn label(&self, run: &str, task: &str, task_run: &str) -> Option<String> {
        let record = self.run(run)?;
        if record.kind == RunKind::TaskRun {
            return None;
        }
        let own = match combination_index(run, task, task_run) {
            Some(index) => format!("{task}-{index}"),
            None => task.to_owned(),
        };
        Some(self.path_of(record) + &own)
    }

    /// The tasks that lead to a child run, each with a slash; empty for the run itself.
    pub fn path_of(&self, run: &RunRecord) -> String {
        let mut path = String::new();
        let mut child = run;
        // A damaged record may name itself as its parent.
        for _ in 0..self.runs.len() {
            let Some((parent, task)) = &child.parent else {
                break;
            };
            path.insert_str(0, &format!("{task}/"));
            let Some(next) = self.run(parent) else { break };
            child = next;
        }
        path
    }

    /// Ends what the stream left open, as `kill -9` and a lost engine do: the run reads as
    /// cancelled (`spec.status: Cancelled` of `PR/cancel.go`). A pending run stays pending.
    pub fn interrupted(&mut self, at: Timestamp) {
        for run in &mut self.runs {
            run.cancel(at);
        }
    }

    /// Takes one event in.
    pub fn apply(&mut self, event: &Event) {
        self.last = Some(event.at);
        match &event.kind {
            EventKind::Run(RunEvent::Started { .. }) => self.start_run(event),
            EventKind::Run(RunEvent::Notice { message }) => self.notices.push(Notice {
                at: event.at,
                message: message.clone(),
            }),
            EventKind::Run(change) => {
                if let Some(run) = self.runs.iter_mut().find(|run| run.name == event.run) {
                    apply_to_run(run, change, event.at);
                }
            }
            EventKind::TaskRun {
                task_run,
                event: change,
            } => {
                if let Some(record) = self.task_run_mut(&event.run, task_run) {
                    apply_to_task_run(record, change, event.at);
                }
            }
        }
    }

    fn task_run_mut(&mut self, run: &str, task_run: &str) -> Option<&mut TaskRunRecord> {
        self.runs
            .iter_mut()
            .find(|record| record.name == run)?
            .task_runs
            .iter_mut()
            .find(|record| record.name == task_run)
    }

    fn start_run(&mut self, event: &Event) {
        let EventKind::Run(RunEvent::Started {
            kind,
            object,
            pipeline_spec,
            tasks,
            parent,
            started,
        }) = &event.kind
        else {
            return;
        };
        let known = self.runs.iter_mut().find(|run| run.name == event.run);
        if let Some(pending) = known {
            // A pending run that starts after all.
            if *started && !pending.is_started() {
                *pending = pending.clone().started(true, event.at);
            }
            return;
        }
        let mut run = RunRecord::new(&event.run, *kind, object, tasks, event.at);
        run.parent.clone_from(parent);
        run.status.pipeline_spec.clone_from(pipeline_spec);
        self.runs.push(run.started(*started, event.at));
    }

    fn walk(&self) -> Vec<Node<'_>> {
        let mut nodes = Vec::new();
        if let Some(root) = self.root() {
            self.walk_run(root, &mut nodes, self.runs.len());
        }
        nodes
    }

    /// `depth` bounds the walk in a damaged record.
    fn walk_run<'a>(&'a self, run: &'a RunRecord, nodes: &mut Vec<Node<'a>>, depth: usize) {
        nodes.push(Node::Run(run));
        if run.kind == RunKind::TaskRun {
            nodes.extend(run.task_runs.iter().map(Node::TaskRun));
        }
        for child in &run.status.child_references {
            if child.kind == "PipelineRun" {
                if let (Some(child), 1..) = (self.run(&child.name), depth) {
                    self.walk_run(child, nodes, depth - 1);
                }
                continue;
            }
            let task_run = run.task_runs.iter().find(|task| task.name == child.name);
            nodes.extend(task_run.map(Node::TaskRun));
        }
    }
}

enum Node<'a> {
    Run(&'a RunRecord),
    TaskRun(&'a TaskRunRecord),
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Record;
    use crate::event::{Event, EventKind, TaskState};
    use crate::status::{ConditionStatus, SkipReason};

    /// Events of the run `ci`, a second apart.
    fn fold(kinds: &[Value]) -> Record {
        let events: Vec<Event> = kinds.iter().enumerate().map(event).collect();
        Record::of(&events)
    }

    fn event((second, kind): (usize, &Value)) -> Event {
        let mut value = json!({"at": format!("2026-01-01T00:00:{second:02}Z"), "run": "ci"});
        for (key, item) in kind.as_object().unwrap() {
            value[key] = item.clone();
        }
        serde_json::from_value(value).unwrap()
    }

    fn started(tasks: &[&str]) -> Value {
        json!({"event": "runStarted", "kind": "PipelineRun", "tasks": tasks, "parent": null,
            "pipelineSpec": {"tasks": []}, "started": true,
            "object": {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun",
                "metadata": {"name": "ci"}, "spec": {}}})
    }

    fn created(task: &str, task_run: &str) -> Value {
        json!({"event": "taskRunCreated", "task": task, "taskRun": task_run, "displayName": "",
            "object": {"apiVersion": "tekton.dev/v1", "kind": "TaskRun",
                "metadata": {"name": task_run}, "spec": {}},
            "when": [], "combination": [], "inputs": {}})
    }

    fn begun(task_run: &str, attempt: usize) -> Value {
        json!({"event": "taskRunStarted", "taskRun": task_run, "attempt": attempt,
            "podName": format!("{task_run}-pod"), "taskSpec": {"steps": []}, "steps": ["a", "b"]})
    }

    fn step(task_run: &str, event: &str, index: usize, state: &Value) -> Value {
        let mut step = json!({"name": (["a", "b"][index]), "container": "step-x"});
        for (key, item) in state.as_object().unwrap() {
            step[key] = item.clone();
        }
        json!({"event": event, "taskRun": task_run, "index": index, "step": step})
    }

    fn finished(task_run: &str, status: &str, reason: &str) -> Value {
        json!({"event": "taskRunFinished", "taskRun": task_run, "artifacts": null,
            "condition": condition(status, reason),
            "results": [{"name": "r", "type": "string", "value": "v"}]})
    }

    fn condition(status: &str, reason: &str) -> Value {
        json!({"type": "Succeeded", "status": status, "reason": reason, "message": "m"})
    }

    #[test]
    fn a_finished_run_is_tektons_object() {
        let record = fold(&[
            started(&["build"]),
            created("build", "ci-build"),
            begun("ci-build", 0),
            step(
                "ci-build",
                "stepFinished",
                0,
                &json!({"terminated": {"exitCode": 0, "reason": "Completed"}}),
            ),
            finished("ci-build", "True", "Succeeded"),
            json!({"event": "finallyStarted"}),
            json!({"event": "runFinished", "condition": condition("True", "Succeeded"),
                "results": [{"name": "out", "value": ["x", "y"]}]}),
        ]);
        let objects = record.objects();
        assert_eq!(
            objects[0],
            json!({
                "apiVersion": "tekton.dev/v1", "kind": "PipelineRun",
                "metadata": {"name": "ci", "creationTimestamp": "2026-01-01T00:00:00Z"},
                "spec": {},
                "status": {
                    "conditions": [{"type": "Succeeded", "status": "True",
                        "reason": "Succeeded", "message": "m",
                        "lastTransitionTime": "2026-01-01T00:00:06Z"}],
                    "startTime": "2026-01-01T00:00:00Z",
                    "completionTime": "2026-01-01T00:00:06Z",
                    "finallyStartTime": "2026-01-01T00:00:05Z",
                    "childReferences": [{"apiVersion": "tekton.dev/v1", "kind": "TaskRun",
                        "name": "ci-build", "pipelineTaskName": "build"}],
                    "results": [{"name": "out", "value": ["x", "y"]}],
                    "pipelineSpec": {"tasks": []},
                },
            })
        );
        assert_eq!(objects[1]["status"]["startTime"], "2026-01-01T00:00:02Z");
        assert_eq!(objects[1]["status"]["results"][0]["value"], "v");
        assert_eq!(
            objects[1]["status"]["steps"][0]["terminated"]["exitCode"],
            0
        );
        assert_eq!(
            objects[1]["status"]["steps"][1]["waiting"]["reason"],
            "PodInitializing"
        );
        assert_eq!(objects.len(), 2);
        assert!(record.is_finished());
    }

    #[test]
    fn a_retry_moves_the_attempt_and_clears_what_tells_attempts_apart() {
        let record = fold(&[
            started(&["build"]),
            created("build", "ci-build"),
            begun("ci-build", 0),
            json!({"event": "taskRunRetried", "taskRun": "ci-build",
                "condition": condition("False", "StepFailed"),
                "results": [{"name": "r", "type": "string", "value": "first"}]}),
        ]);
        let status = &record.task_runs()[0].status;
        assert_eq!(status.conditions[0].reason, "ToBeRetried");
        assert_eq!(status.conditions[0].status, ConditionStatus::Unknown);
        assert_eq!(status.conditions[0].message, "m");
        assert!(status.start_time.is_none() && status.completion_time.is_none());
        assert!(status.pod_name.is_empty() && status.results.is_empty());
        let attempt = &status.retries_status[0];
        assert_eq!(attempt.conditions[0].reason, "StepFailed");
        assert_eq!(attempt.pod_name, "ci-build-pod");
        assert_eq!(attempt.results[0].value.as_str(), Some("first"));
        assert!(attempt.retries_status.is_empty() && attempt.completion_time.is_some());
        assert_eq!(record.task_state("ci", "build"), TaskState::Running);
    }

    #[test]
    fn children_and_skips_are_in_the_order_of_the_pipeline() {
        let skip = |task: &str, reason: &str| json!({"event": "taskSkipped", "task": task, "reason": reason, "when": []});
        let names: Vec<String> = (0..11).map(|index| format!("ci-m-{index}")).collect();
        let mut kinds = vec![
            started(&["a", "m", "s1", "s2", "z"]),
            created("z", "ci-z"),
            skip("s2", "Stopping"),
            skip("s1", "Disabled"),
        ];
        kinds.extend(names.iter().rev().map(|name| created("m", name)));
        kinds.push(created("a", "ci-a"));
        let record = fold(&kinds);
        let root = record.root().unwrap();
        let children: Vec<&str> = root
            .status
            .child_references
            .iter()
            .map(|child| child.name.as_str())
            .collect();
        let mut expected = vec!["ci-a"];
        expected.extend(names.iter().map(String::as_str));
        expected.push("ci-z");
        assert_eq!(children, expected);
        let skipped: Vec<&str> = root
            .status
            .skipped_tasks
            .iter()
            .map(|skipped| skipped.reason.as_str())
            .collect();
        assert_eq!(skipped, ["Disabled", "PipelineRun was stopping"]);
        assert_eq!(
            record.task_state("ci", "s1"),
            TaskState::Skipped(SkipReason::Disabled)
        );
        assert_eq!(record.label("ci", "m", "ci-m-10"), Some("m-10".to_owned()));
        assert_eq!(record.label("ci", "a", "ci-a"), Some("a".to_owned()));
    }

    #[test]
    fn the_worst_combination_speaks_for_a_matrix() {
        let record = fold(&[
            started(&["m"]),
            created("m", "ci-m-0"),
            created("m", "ci-m-1"),
            finished("ci-m-0", "False", "StepFailed"),
            finished("ci-m-1", "True", "Succeeded"),
        ]);
        assert_eq!(record.tasks(), [("m", TaskState::Failed)]);
    }

    #[test]
    fn a_child_run_follows_its_place_with_its_own_task_runs() {
        let record = fold(&[
            started(&["sub", "z"]),
            created("z", "ci-z"),
            json!({"event": "childRunCreated", "task": "sub", "child": "ci-sub",
                "displayName": "Sub", "when": []}),
            json!({"run": "ci-sub", "event": "runStarted", "kind": "PipelineRun",
                "object": {"kind": "PipelineRun", "metadata": {"name": "ci-sub"}},
                "pipelineSpec": null, "tasks": ["x"], "parent": ["ci", "sub"], "started": true}),
            {
                let mut x = created("x", "ci-sub-x");
                x["run"] = json!("ci-sub");
                x
            },
        ]);
        let names: Vec<String> = record
            .objects()
            .iter()
            .map(|object| object["metadata"]["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["ci", "ci-sub", "ci-sub-x", "ci-z"]);
        assert_eq!(
            record.label("ci-sub", "x", "ci-sub-x"),
            Some("sub/x".to_owned())
        );
        assert_eq!(record.task_state("ci", "sub"), TaskState::Running);
    }

    #[test]
    fn an_interrupted_run_reads_as_cancelled_and_keeps_what_had_finished() {
        let mut record = fold(&[
            started(&["done", "build"]),
            created("done", "ci-done"),
            finished("ci-done", "True", "Succeeded"),
            created("build", "ci-build"),
            begun("ci-build", 0),
            step(
                "ci-build",
                "stepFinished",
                0,
                &json!({"terminated": {"exitCode": 0, "reason": "Completed"}}),
            ),
            step(
                "ci-build",
                "stepStarted",
                1,
                &json!({"running": {"startedAt": "2026-01-01T00:00:06Z"}}),
            ),
        ]);
        record.interrupted("2026-01-01T00:01:00Z".parse().unwrap());
        let condition = record.root_condition().unwrap();
        assert_eq!(condition.reason, "Cancelled");
        assert_eq!(condition.message, "PipelineRun \"ci\" was cancelled");
        assert_eq!(
            record.tasks(),
            [
                ("done", TaskState::Succeeded),
                ("build", TaskState::Cancelled)
            ]
        );
        let build = record.task_run("ci", "ci-build").unwrap();
        assert_eq!(
            build.condition().unwrap().message,
            "TaskRun \"ci-build\" was cancelled. TaskRun cancelled as the PipelineRun it belongs to has been cancelled."
        );
        assert_eq!(
            build.status.steps[0].terminated.as_ref().unwrap().exit_code,
            0
        );
        let step = build.status.steps[1].terminated.as_ref().unwrap();
        assert_eq!(
            (step.exit_code, step.reason.as_str()),
            (1, "TaskRunCancelled")
        );
        assert_eq!(
            step.message,
            "Step b terminated as pod ci-build-pod is terminated"
        );
        assert!(step.started_at.is_some());
    }

    #[test]
    fn a_task_run_of_its_own_is_one_object() {
        let mut record = fold(&[
            json!({"event": "runStarted", "kind": "TaskRun", "tasks": ["ci"], "parent": null,
                "pipelineSpec": null, "started": true,
                "object": {"kind": "TaskRun", "metadata": {"name": "ci"}}}),
            created("ci", "ci"),
            begun("ci", 0),
        ]);
        assert_eq!(record.objects().len(), 1);
        assert_eq!(record.objects()[0]["status"]["podName"], "ci-pod");
        assert_eq!(record.label("ci", "ci", "ci"), None);
        record.interrupted("2026-01-01T00:01:00Z".parse().unwrap());
        let condition = record.root_condition().unwrap();
        assert_eq!(condition.reason, "TaskRunCancelled");
        assert_eq!(condition.message, "TaskRun \"ci\" was cancelled. ");
    }

    #[test]
    fn a_reused_task_run_keeps_the_status_it_had() {
        let record = fold(&[
            started(&["build"]),
            json!({"event": "taskReused", "task": "build", "taskRun": "ci-build",
                "reusedFrom": "old/old-build", "inputs": {"params": "sha256:1"},
                "object": {"kind": "TaskRun", "metadata": {"name": "old-build"}, "status": {
                    "conditions": [condition("True", "Succeeded")],
                    "results": [{"name": "r", "type": "string", "value": "v"}]}}}),
        ]);
        let root = record.root().unwrap();
        assert_eq!(
            root.status.child_references[0].reused_from.as_deref(),
            Some("old/old-build")
        );
        let build = record.task_runs()[0];
        assert_eq!(build.state(), TaskState::Reused);
        assert_eq!(build.status.results[0].value.as_str(), Some("v"));
        assert_eq!(build.inputs["params"], "sha256:1");
    }

    #[test]
    fn a_pending_run_stays_pending() {
        let mut start = started(&["a"]);
        start["started"] = json!(false);
        let mut record = fold(&[start]);
        record.interrupted("2026-01-01T00:01:00Z".parse().unwrap());
        let condition = record.root_condition().unwrap();
        assert_eq!(condition.reason, "PipelineRunPending");
        assert_eq!(condition.message, "PipelineRun \"ci\" is pending");
        assert!(record.root().unwrap().status.start_time.is_none());
    }

    #[test]
    fn every_event_is_written_as_it_was_read() {
        let sidecar = json!({"name": "db", "container": "sidecar-db"});
        let ended = condition("True", "Succeeded");
        let child = json!({"event": "childRunCreated", "task": "sub", "child": "ci-sub",
            "displayName": "", "when": []});
        for (of_task_run, kind) in [
            (false, started(&["a"])),
            (false, json!({"event": "notice", "message": "m"})),
            (false, json!({"event": "runProgress", "condition": ended})),
            (false, json!({"event": "finallyStarted"})),
            (
                false,
                json!({"event": "taskSkipped", "task": "a", "reason": "Disabled", "when": []}),
            ),
            (
                false,
                json!({"event": "taskReused", "task": "a", "taskRun": "ci-a", "reusedFrom": "o/o-a",
                "object": {}, "combination": [], "inputs": {}}),
            ),
            (false, created("a", "ci-a")),
            (false, child),
            (
                false,
                json!({"event": "runFinished", "condition": ended, "results": []}),
            ),
            (true, begun("ci-a", 0)),
            (
                true,
                json!({"event": "sidecarStarted", "taskRun": "ci-a", "sidecar": sidecar}),
            ),
            (
                true,
                json!({"event": "sidecarFinished", "taskRun": "ci-a", "sidecar": sidecar}),
            ),
            (
                true,
                json!({"event": "stepPaused", "taskRun": "ci-a", "step": "s", "message": "m"}),
            ),
            (true, step("ci-a", "stepStarted", 0, &json!({}))),
            (true, step("ci-a", "stepFinished", 0, &json!({}))),
            (
                true,
                json!({"event": "taskRunRetried", "taskRun": "ci-a", "condition": ended, "results": []}),
            ),
            (true, finished("ci-a", "True", "Succeeded")),
        ] {
            let event = event((0, &kind));
            let is_of_task_run = matches!(event.kind, EventKind::TaskRun { .. });
            assert_eq!(is_of_task_run, of_task_run, "{kind}");
            let mut written = serde_json::to_value(&event).unwrap();
            let fields = written.as_object_mut().unwrap();
            assert_eq!(fields.shift_remove("run"), Some(json!("ci")));
            assert!(fields.shift_remove("at").is_some());
            assert_eq!(written, kind);
        }
    }

    #[test]
    fn events_of_the_unknown_change_nothing() {
        let record = fold(&[created("a", "ci-a"), begun("ci-a", 0)]);
        assert!(record.root().is_none() && record.objects().is_empty());
    }
}
