//! From YAML to what became of it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::event::{
    Event, EventKind, Message, Record, RunEvent, RunKind, TaskRunEvent, TaskRunRecord,
};
use crate::execute::images::ImageRules;
use crate::execute::rejection::rejected;
use crate::execute::{Ended, ExecuteError, Files, Interrupt, Options, run};
use crate::manifest::{ManifestInput, ReadOptions, load};
use crate::plan::permissions::Permissions;
use crate::plan::reuse::{Disable, Selection, decide};
use crate::plan::{self, Job, RunRequest};
use crate::resolve::Library;
use crate::sandbox::fake::{FakeEngine, Log};
use crate::spec::Object;
use crate::spec::param::ParamValue;
use crate::status::{Condition, ConditionStatus, StepState};

/// A run to be: the pipeline, what the run gives to it, what happens meanwhile.
pub(super) struct Scenario {
    pipeline: Value,
    run: Value,
    documents: Vec<Value>,
    engine: FakeEngine,
    interrupts: Vec<(Duration, Interrupt)>,
    jobs: usize,
    selection: Selection,
    files: Files,
}

/// A run named `r` of an embedded pipeline. In its tasks `run: SCRIPT` stands for a `taskSpec`
/// of one step, and the results its script names are declared; a step's `run` for its image and
/// script.
pub(super) fn pipeline(yaml: &str) -> Scenario {
    Scenario {
        pipeline: expanded(yaml),
        run: json!({}),
        documents: Vec::new(),
        engine: FakeEngine::new(),
        interrupts: Vec::new(),
        jobs: 64,
        selection: Selection::default(),
        files: Files::Fresh,
    }
}

/// Runs a pipeline that needs nothing.
pub(super) async fn ran(yaml: &str) -> Ran {
    pipeline(yaml).ran().await
}

fn parsed(yaml: &str) -> Value {
    serde_yaml::from_str(yaml).unwrap_or_else(|error| panic!("{error}: {yaml}"))
}

fn expanded(yaml: &str) -> Value {
    let mut value = parsed(yaml);
    expand(&mut value, false);
    value
}

fn expand(value: &mut Value, in_task: bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| expand(item, in_task)),
        Value::Object(map) => {
            if let Some(script) = map.remove("run") {
                if in_task {
                    map.insert("image".to_owned(), json!("i"));
                    map.insert("script".to_owned(), script);
                } else {
                    map.insert("taskSpec".to_owned(), task(script.as_str().unwrap()));
                }
            }
            for (key, value) in map.iter_mut() {
                expand(value, in_task || key == "steps" || key == "sidecars");
            }
        }
        _ => {}
    }
}

fn task(script: &str) -> Value {
    let mut names: Vec<&str> = script
        .lines()
        .filter_map(|line| {
            let rest = line.trim();
            let rest = rest
                .strip_prefix("result ")
                .or_else(|| rest.strip_prefix("declare "))?;
            rest.split(' ').next()
        })
        .collect();
    names.dedup();
    let results: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
    json!({"results": results, "steps": [{"name": "s", "image": "i", "script": script}]})
}

impl Scenario {
    /// Fields of the PipelineRun's spec.
    pub(super) fn with(mut self, yaml: &str) -> Self {
        let Value::Object(fields) = parsed(yaml) else {
            panic!("not a map: {yaml}");
        };
        for (key, value) in fields {
            self.run[key] = value;
        }
        self
    }

    /// More documents, separated by `---`.
    pub(super) fn and(mut self, yaml: &str) -> Self {
        let documents = yaml.split("\n---\n").map(expanded);
        self.documents.extend(documents);
        self
    }

    pub(super) fn on(mut self, engine: FakeEngine) -> Self {
        self.engine = engine;
        self
    }

    /// Something is asked of the run after some seconds.
    pub(super) fn interrupted(mut self, seconds: u64, interrupt: Interrupt) -> Self {
        self.interrupts
            .push((Duration::from_secs(seconds), interrupt));
        self
    }

    pub(super) fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// With a task disabled, and these values for its results.
    pub(super) fn without(mut self, task: &str, results: &[(&str, &str)]) -> Self {
        self.selection.disable.push(Disable {
            name: task.to_owned(),
            ..Disable::default()
        });
        if !results.is_empty() {
            let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.into());
            let given = results.iter().map(own).collect();
            self.selection.results.insert(task.to_owned(), given);
        }
        self
    }

    /// Begins with files of an earlier run.
    pub(super) fn with_files(mut self, files: Files) -> Self {
        self.files = files;
        self
    }

    fn input(&self) -> ManifestInput {
        let mut spec = self.run.clone();
        if spec.get("pipelineRef").is_none() {
            spec["pipelineSpec"] = self.pipeline.clone();
        }
        let run = json!({
            "apiVersion": "tekton.dev/v1",
            "kind": "PipelineRun",
            "metadata": {"name": "r"},
            "spec": spec,
        });
        let all = std::iter::once(&run).chain(&self.documents);
        let text: Vec<String> = all.map(Value::to_string).collect();
        ManifestInput::Text {
            name: "run.yaml".to_owned(),
            bytes: text.join("\n---\n").into_bytes(),
        }
    }

    /// Runs it.
    pub(super) async fn ran(self) -> Ran {
        let (catalog, diagnostics) = load(&[self.input()], ReadOptions::default());
        let library = Library::new(catalog.documents().iter().map(|document| &document.object));
        let Some(Object::PipelineRun(run)) = catalog.documents().first().map(|first| &first.object)
        else {
            panic!("no PipelineRun: {diagnostics:?}");
        };
        assert!(!diagnostics.has_errors(), "{diagnostics:?}");
        let request = RunRequest {
            disabled: self
                .selection
                .disable
                .iter()
                .map(|task| task.name.clone())
                .collect(),
            ..RunRequest::from(run.as_ref())
        };
        let log = self.engine.log().clone();
        let mut heard = Heard::default();
        let ended = match plan::plan(&request, &library) {
            Ok(mut plan) => {
                plan.reuse = decide(&plan, None, &self.selection).unwrap();
                self.execute(Job::Pipeline(Box::new(plan)), library, &mut heard)
                    .await
            }
            Err(error) => {
                let condition = crate::status::Condition::from(error);
                for kind in rejected(RunKind::PipelineRun, json!({}), &condition) {
                    heard.take(Message::Event(Box::new(Event {
                        at: jiff::Timestamp::now(),
                        run: "r".to_owned(),
                        kind: kind.into(),
                    })));
                }
                Ok(Ended {
                    condition,
                    volume_kept: false,
                    copied: None,
                })
            }
        };
        Ran {
            record: Record::of(heard.events.iter().map(|(_, event)| event)),
            heard,
            ended,
            log,
        }
    }

    async fn execute(
        &self,
        job: Job,
        library: Library,
        heard: &mut Heard,
    ) -> Result<Ended, ExecuteError> {
        let (sender, interrupts) = mpsc::unbounded_channel();
        for (after, interrupt) in self.interrupts.clone() {
            let sender = sender.clone();
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                sender.send(interrupt)
            });
        }
        let options = Options {
            jobs: self.jobs,
            images: ImageRules::default(),
            permissions: Permissions::default(),
            uploads: Vec::new(),
            library: library.into(),
            grace: Duration::from_secs(3),
            files: self.files.clone(),
            keep_volume: false,
            run_id: "r".to_owned(),
            state_dir: "state".to_owned(),
        };
        let progress = std::sync::Arc::new(|_| ());
        run(
            job,
            self.engine.clone(),
            options,
            interrupts,
            progress,
            |message| {
                heard.take(message);
                Ok(())
            },
        )
        .await
    }
}

struct Heard {
    since: Instant,
    events: Vec<(Duration, Event)>,
    output: Vec<(String, String, String)>,
}

impl Default for Heard {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            events: Vec::new(),
            output: Vec::new(),
        }
    }
}

impl Heard {
    fn take(&mut self, message: Message) {
        match message {
            Message::Event(event) => self.events.push((self.since.elapsed(), *event)),
            Message::Log(chunk) => {
                let text = String::from_utf8_lossy(&chunk.data).into_owned();
                let source = &chunk.source;
                self.output
                    .push((source.task_run.clone(), source.container.clone(), text));
            }
        }
    }
}

/// What became of a run.
#[must_use]
pub(super) struct Ran {
    pub(super) record: Record,
    pub(super) ended: Result<Ended, ExecuteError>,
    pub(super) log: Log,
    heard: Heard,
}

impl Ran {
    /// The condition of the run, which the record and the ending agree on.
    pub(super) fn condition(&self) -> Condition {
        let ended = self.ended.as_ref().unwrap().condition.clone();
        let mut recorded = self.record.root_condition().unwrap().clone();
        recorded.last_transition_time = None;
        assert_eq!(recorded, ended);
        recorded
    }

    /// Status, reason and message of the run, as in `True Succeeded: …`.
    pub(super) fn verdict(&self) -> String {
        text(&self.condition())
    }

    /// `completed, failed, cancelled, skipped` of a run that was counted.
    #[track_caller]
    pub(super) fn assert_counted(&self, status: &str, counts: [usize; 4]) {
        let [completed, failed, cancelled, skipped] = counts;
        assert_eq!(
            self.verdict(),
            format!(
                "{status}: Tasks Completed: {completed} (Failed: {failed}, Cancelled {cancelled}), Skipped: {skipped}"
            )
        );
    }

    /// The tasks that were skipped and why, as in `b: Parent Tasks were skipped`.
    pub(super) fn skipped(&self) -> Vec<String> {
        let status = &self.record.root().unwrap().status;
        status
            .skipped_tasks
            .iter()
            .map(|task| format!("{}: {}", task.name, task.reason))
            .collect()
    }

    /// The names in `childReferences`.
    pub(super) fn children(&self) -> Vec<&str> {
        let status = &self.record.root().unwrap().status;
        status
            .child_references
            .iter()
            .map(|child| child.name.as_str())
            .collect()
    }

    /// The results of the run.
    pub(super) fn results(&self) -> Vec<(String, ParamValue)> {
        let status = &self.record.root().unwrap().status;
        status
            .results
            .iter()
            .map(|result| (result.name.clone(), result.value.clone()))
            .collect()
    }

    /// The TaskRun of a task of the run.
    #[track_caller]
    pub(super) fn task_run(&self, task: &str) -> &TaskRunRecord {
        let name = crate::name::task_run("r", task, 0, 1);
        let found = self.record.task_runs().into_iter();
        found
            .into_iter()
            .find(|run| run.name == name || run.name == task)
            .unwrap_or_else(|| panic!("no TaskRun of {task}"))
    }

    /// The condition of a task, as in `False StepFailed: …`.
    #[track_caller]
    pub(super) fn of(&self, task: &str) -> String {
        text(self.task_run(task).condition().unwrap())
    }

    /// Exit status, reason and termination reason of the steps, as in `2 Error Error`.
    #[track_caller]
    pub(super) fn steps(&self, task: &str) -> Vec<String> {
        let steps = &self.task_run(task).status.steps;
        let ended = |step: &StepState| {
            let terminated = step.terminated.as_ref().unwrap();
            format!(
                "{} {} {}",
                terminated.exit_code, terminated.reason, step.termination_reason
            )
        };
        steps.iter().map(ended).collect()
    }

    /// The value of a result of a task.
    #[track_caller]
    pub(super) fn result(&self, task: &str, name: &str) -> Option<ParamValue> {
        let results = &self.task_run(task).status.results;
        let found = results.iter().find(|result| result.name == name);
        found.map(|result| result.value.clone())
    }

    /// All that a task's containers said.
    pub(super) fn said(&self, task: &str) -> String {
        let name = crate::name::task_run("r", task, 0, 1);
        let of_task = self.heard.output.iter();
        of_task
            .filter(|(task_run, ..)| *task_run == name || task_run == task)
            .map(|(_, _, text)| text.as_str())
            .collect()
    }

    /// When the first step of a task was released, in milliseconds.
    #[track_caller]
    pub(super) fn started(&self, task: &str) -> u128 {
        self.when(task, |kind, name| {
            matches!(kind, EventKind::TaskRun { task_run, event: TaskRunEvent::StepStarted { .. } } if task_run == name)
        })
        .unwrap_or_else(|| panic!("{task} did not start"))
    }

    /// When a task ended, in milliseconds.
    #[track_caller]
    pub(super) fn finished(&self, task: &str) -> u128 {
        self.when(task, |kind, name| {
            matches!(kind, EventKind::TaskRun { task_run, event: TaskRunEvent::Finished { .. } } if task_run == name)
        })
        .unwrap_or_else(|| panic!("{task} did not end"))
    }

    fn when(&self, task: &str, wanted: impl Fn(&EventKind, &str) -> bool) -> Option<u128> {
        let name = crate::name::task_run("r", task, 0, 1);
        self.heard
            .events
            .iter()
            .find(|(_, event)| wanted(&event.kind, &name) || wanted(&event.kind, task))
            .map(|(at, _)| at.as_millis())
    }

    /// True when a step of the task was released.
    pub(super) fn has_started(&self, task: &str) -> bool {
        self.when(task, |kind, name| {
            matches!(kind, EventKind::TaskRun { task_run, event: TaskRunEvent::StepStarted { .. } } if task_run == name)
        })
        .is_some()
    }

    /// When the run ended, in milliseconds.
    pub(super) fn took(&self) -> u128 {
        self.heard.events.last().unwrap().0.as_millis()
    }

    /// What was told beside the course of events.
    pub(super) fn notices(&self) -> Vec<&str> {
        let events = self.heard.events.iter();
        events
            .filter_map(|(_, event)| match &event.kind {
                EventKind::Run(RunEvent::Notice { message }) => Some(message.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The conditions the run went through while it ran, as in `Unknown Running: …`.
    pub(super) fn progress(&self) -> Vec<String> {
        self.heard
            .events
            .iter()
            .filter_map(|(_, event)| match &event.kind {
                EventKind::Run(RunEvent::Progress { condition }) if event.run == "r" => {
                    Some(text(condition))
                }
                _ => None,
            })
            .collect()
    }
}

fn text(condition: &Condition) -> String {
    let status = match condition.status {
        ConditionStatus::True => "True",
        ConditionStatus::False => "False",
        ConditionStatus::Unknown => "Unknown",
    };
    let Condition {
        reason, message, ..
    } = condition;
    if message.is_empty() {
        format!("{status} {reason}")
    } else {
        format!("{status} {reason}: {message}")
    }
}
