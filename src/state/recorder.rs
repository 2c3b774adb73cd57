//! Writes what happens to the run's directory, as it happens.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize as _;
use serde_json::Value;

use super::error::StateError;
use super::header::Header;
use super::private;
use super::run_dir::RunDir;
use crate::event::{
    Event, EventKind, LogChunk, LogSource, Message, Record, RunEvent, TaskRunEvent,
};
use crate::status::RunResult;

/// The one writer of a run. It holds the run's lock: while it exists, the run is alive.
///
/// Nothing is buffered here: after [`Recorder::message`] returns, the message is with the system
/// and survives this process.
#[derive(Debug)]
pub struct Recorder {
    dir: RunDir,
    header: Header,
    events: File,
    record: Record,
    attempts: HashMap<(String, String), usize>,
    logs: HashMap<Arc<LogSource>, File>,
    _lock: File,
}

impl Recorder {
    pub(super) fn new(dir: RunDir, header: Header, lock: File) -> Result<Self, StateError> {
        let path = dir.events();
        let events = private::append(&path).map_err(|error| StateError::write(&path, error))?;
        Ok(Self {
            dir,
            header,
            events,
            record: Record::default(),
            attempts: HashMap::new(),
            logs: HashMap::new(),
            _lock: lock,
        })
    }

    /// The run's directory.
    pub const fn dir(&self) -> &RunDir {
        &self.dir
    }

    /// The run's header.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Writes a message down.
    pub fn message(&mut self, message: &Message) -> Result<(), StateError> {
        match message {
            Message::Event(event) => self.event(event),
            Message::Log(chunk) => self.log(chunk),
        }
    }

    fn event(&mut self, event: &Event) -> Result<(), StateError> {
        let path = self.dir.events();
        let mut line = serde_json::to_vec(event)
            .map_err(|error| StateError::write(&path, io::Error::other(error)))?;
        line.push(b'\n');
        append_line(&mut self.events, &line).map_err(|error| StateError::write(&path, error))?;
        self.record.apply(event);
        self.follow(event)
    }

    /// What else an event means for the files.
    fn follow(&mut self, event: &Event) -> Result<(), StateError> {
        // Output that comes after its container's end opens its file again.
        self.logs.retain(|source, _| !source.ends_with(event));
        match &event.kind {
            EventKind::TaskRun {
                task_run,
                event: change,
            } => match change {
                TaskRunEvent::Started { attempt, .. } => {
                    let key = (event.run.clone(), task_run.clone());
                    self.attempts.insert(key, *attempt);
                    Ok(())
                }
                TaskRunEvent::Finished { results, .. } => self.results(task_run, results),
                _ => Ok(()),
            },
            EventKind::Run(RunEvent::Finished { results, .. }) => {
                self.results(&event.run, results)?;
                if self.record.is_finished() {
                    self.status()?;
                }
                Ok(())
            }
            EventKind::Run(_) => Ok(()),
        }
    }

    fn log(&mut self, chunk: &LogChunk) -> Result<(), StateError> {
        let path = self.log_path(&chunk.source);
        let fail = |error| StateError::write(&path, error);
        let file = match self.logs.entry(Arc::clone(&chunk.source)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                if let Some(dir) = path.parent() {
                    private::create_dir_all(dir).map_err(fail)?;
                }
                entry.insert(private::append(&path).map_err(fail)?)
            }
        };
        file.write_all(&chunk.data).map_err(fail)
    }

    fn log_path(&self, source: &LogSource) -> PathBuf {
        let key = (source.run.clone(), source.task_run.clone());
        let attempt = self.attempts.get(&key).copied().unwrap_or_default();
        self.dir
            .log(&source.task_run, &source.container, source.sidecar, attempt)
    }

    fn results(&self, object: &str, results: &[RunResult]) -> Result<(), StateError> {
        for result in results {
            let path = self.dir.result(object, &result.name);
            write_file(&path, result.value.to_string().as_bytes())?;
        }
        Ok(())
    }

    fn status(&self) -> Result<(), StateError> {
        let path = self.dir.status();
        let text = to_yaml(&self.record.objects())
            .map_err(|error| StateError::write(&path, io::Error::other(error)))?;
        write_file(&path, text.as_bytes())
    }
}

fn write_file(path: &Path, content: &[u8]) -> Result<(), StateError> {
    private::write(path, content).map_err(|error| StateError::write(path, error))
}

/// Appends all of `line` or nothing: what a full disk took of it is cut off again.
fn append_line(file: &mut File, line: &[u8]) -> io::Result<()> {
    let before = file.metadata()?.len();
    file.write_all(line).inspect_err(|_| {
        // The first failure is the one to report.
        drop(file.set_len(before));
    })
}

/// Documents with `---` between them.
fn to_yaml(objects: &[Value]) -> Result<String, serde_yaml::Error> {
    let mut bytes = Vec::new();
    let mut writer = serde_yaml::Serializer::new(&mut bytes);
    for object in objects {
        object.serialize(&mut writer)?;
    }
    drop(writer);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::io::Write as _;

    use serde_json::{Value, json};

    use super::Recorder;
    use crate::event::{Event, Message, RunKind};
    use crate::state::testing::log;
    use crate::state::{NewRun, RunReader, RunStore, StateError};

    fn recorder() -> (tempfile::TempDir, Recorder) {
        let dir = tempfile::tempdir().unwrap();
        let new = NewRun {
            name: "ci".to_owned(),
            kind: RunKind::PipelineRun,
            definition: None,
            created_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            argv: Vec::new(),
            cwd: "/".into(),
            inputs: Vec::new(),
            resumed_from: None,
            settings: Value::Null,
            resolved: Value::Null,
            contents: BTreeMap::new(),
        };
        let store = RunStore::open(dir.path()).unwrap();
        let recorder = store.create_run(&new).unwrap();
        (dir, recorder)
    }

    fn event(kind: Value) -> Message {
        let mut value = kind;
        value["at"] = json!("2026-01-01T00:00:01Z");
        value["run"] = json!("ci");
        let event: Event = serde_json::from_value(value).unwrap();
        Message::Event(Box::new(event))
    }

    fn messages() -> Vec<Message> {
        let attempt = |attempt| {
            event(
                json!({"event": "taskRunStarted", "taskRun": "ci-t", "attempt": attempt,
                "podName": "p", "taskSpec": {}, "steps": ["s"]}),
            )
        };
        let condition = |status, reason| json!({"type": "Succeeded", "status": status, "reason": reason, "message": "yes"});
        let results = json!([{"name": "text", "type": "string", "value": "v\n"},
            {"name": "list", "type": "array", "value": ["a", "b"]}]);
        vec![
            event(
                json!({"event": "runStarted", "kind": "PipelineRun", "tasks": ["t"],
                "object": {"kind": "PipelineRun", "metadata": {"name": "ci"}},
                "pipelineSpec": null, "parent": null, "started": true}),
            ),
            event(
                json!({"event": "taskRunCreated", "task": "t", "taskRun": "ci-t",
                "object": {"kind": "TaskRun", "metadata": {"name": "ci-t"}}, "displayName": "",
                "when": [], "combination": [], "inputs": {}}),
            ),
            attempt(0),
            log("one\ntw"),
            log("o\n"),
            event(
                json!({"event": "taskRunRetried", "taskRun": "ci-t", "results": [],
                "condition": condition("False", "StepFailed")}),
            ),
            attempt(1),
            log("again"),
            event(
                json!({"event": "taskRunFinished", "taskRun": "ci-t", "results": results,
                "condition": condition("True", "Succeeded"), "artifacts": null}),
            ),
            event(
                json!({"event": "runFinished", "results": [{"name": "out", "value": "w"}],
                "condition": condition("True", "Succeeded")}),
            ),
        ]
    }

    #[test]
    fn a_run_is_on_disk_when_it_ends() {
        let (_dir, mut recorder) = recorder();
        for message in messages() {
            recorder.message(&message).unwrap();
        }
        let dir = recorder.dir().clone();
        let read = |path| fs::read_to_string(path).unwrap();
        assert_eq!(read(dir.log("ci-t", "s", false, 0)), "one\ntwo\n");
        assert_eq!(read(dir.log("ci-t", "s", false, 1)), "again");
        assert_eq!(read(dir.result("ci-t", "text")), "v\n");
        assert_eq!(read(dir.result("ci-t", "list")), r#"["a","b"]"#);
        assert_eq!(read(dir.result("ci", "out")), "w");
        let status = read(dir.status());
        let kinds: Vec<&str> = status
            .lines()
            .filter(|line| line.starts_with("kind:") || *line == "---")
            .collect();
        assert_eq!(kinds, ["kind: PipelineRun", "---", "kind: TaskRun"]);
        let run = RunReader::open(dir).unwrap();
        assert_eq!(run.record().unwrap(), recorder.record);
    }

    #[test]
    fn any_prefix_of_the_record_is_a_readable_run() {
        let (_dir, mut recorder) = recorder();
        for message in messages() {
            recorder.message(&message).unwrap();
        }
        let dir = recorder.dir().clone();
        drop(recorder);
        let whole = fs::read(dir.events()).unwrap();
        let run = RunReader::open(dir.clone()).unwrap();
        for cut in 0..=whole.len() {
            fs::write(dir.events(), &whole[..cut]).unwrap();
            let record = run.record().unwrap();
            let reason = record
                .root_condition()
                .map_or("none", |condition| condition.reason.as_str());
            let expected = if cut == whole.len() {
                "Succeeded"
            } else if whole[..cut].contains(&b'\n') {
                "Cancelled"
            } else {
                "none"
            };
            assert_eq!(reason, expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_run_that_goes_on_reads_as_running() {
        let (_dir, mut recorder) = recorder();
        for message in &messages()[..4] {
            recorder.message(message).unwrap();
        }
        let run = RunReader::open(recorder.dir().clone()).unwrap();
        let reason = |run: &RunReader| {
            let record = run.record().unwrap();
            record.root_condition().unwrap().reason.clone()
        };
        assert_eq!(reason(&run), "Started");
        drop(recorder);
        assert_eq!(reason(&run), "Cancelled");
    }

    #[test]
    fn a_damaged_line_is_reported_with_its_place() {
        let (_dir, mut recorder) = recorder();
        recorder.message(&messages()[0]).unwrap();
        let path = recorder.dir().events();
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"at\"\n").unwrap();
        recorder.message(&messages()[1]).unwrap();
        let run = RunReader::open(recorder.dir().clone()).unwrap();
        let error = run.record().unwrap_err();
        assert!(matches!(error, StateError::Damaged { line: Some(2), .. }));
        assert_eq!(
            error.to_string(),
            format!("{}:2 is damaged", path.display())
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_called_that() {
        let (_dir, mut recorder) = recorder();
        recorder.events = fs::OpenOptions::new()
            .append(true)
            .open("/dev/full")
            .unwrap();
        let error = recorder.message(&messages()[0]).unwrap_err();
        assert!(matches!(error, StateError::DiskFull { .. }), "{error}");
    }
}
