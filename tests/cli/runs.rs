//! Whole runs through the command line, on an engine without containers.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;
use tkn_local::cli::{
    CliError, Connect, Connected, EngineRequest, Environment, ExitStatus, OutStream, run_with,
};
use tkn_local::sandbox::fake::{Call, FakeEngine};
use tkn_local::sandbox::{VolumeInfo, VolumeOwner};

/// Finds an engine without containers.
struct Fake(FakeEngine);

impl Connect for Fake {
    type Engine = FakeEngine;

    async fn connect(&self, _request: EngineRequest) -> Result<Connected<FakeEngine>, CliError> {
        Ok(Connected {
            engine: self.0.clone(),
            name: "a fake".to_owned(),
            cores: 2,
        })
    }
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("no writer panicked")
            .extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("no writer panicked").clone();
        String::from_utf8(bytes).expect("text is written")
    }
}

/// What a command line left.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) engine: FakeEngine,
}

/// A folder to work in that is the state directory too.
pub(crate) struct Folder {
    dir: TempDir,
    /// Has the volumes of all commands that were run in this folder.
    volumes: FakeEngine,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self {
            dir: TempDir::new().expect("a temporary folder can be made"),
            volumes: FakeEngine::new(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Has these volumes in the engine instead of those there are, which are returned.
    pub(crate) fn replace_volumes(&self, volumes: Vec<VolumeInfo>) -> Vec<VolumeInfo> {
        self.volumes.replace_volumes(volumes)
    }

    pub(crate) fn run_on(&self, engine: FakeEngine, args: &[&str]) -> Ran {
        let engine = engine.with_volumes_of(&self.volumes);
        let (out, err) = (Buffer::default(), Buffer::default());
        let environment = Environment {
            cwd: self.path().to_owned(),
            state_dir: Some(self.path().join("state")),
            ..Environment::default()
        };
        let line = ["tkn-local"].iter().chain(args).map(OsString::from);
        let status = run_with(
            line,
            &Fake(engine.clone()),
            environment,
            OutStream::new("standard output", out.clone()),
            OutStream::new("standard error", err.clone()),
        );
        Ran {
            status,
            out: out.text(),
            err: err.text(),
            engine,
        }
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_on(FakeEngine::new(), args)
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("the folder is writable");
        path.to_string_lossy().into_owned()
    }
}

/// A PipelineRun of two tasks, the second with a result of the first; `last` ends it.
pub(crate) fn pipeline_run(name: &str, last: &str) -> String {
    format!(
        "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {{name: {name}}}
spec:
  params: [{{name: who, value: file}}]
  pipelineSpec:
    params: [{{name: who}}]
    tasks:
      - name: greet
        taskSpec:
          results: [{{name: word}}]
          steps:
            - name: say
              image: busybox
              script: |
                echo hello $(params.who)
                result word done
      - name: end
        params: [{{name: word, value: $(tasks.greet.results.word)}}]
        taskSpec:
          params: [{{name: word}}]
          steps:
            - name: s
              image: busybox
              script: |
                echo $(params.word)
                {last}
"
    )
}

#[test]
fn logs_are_on_one_stream_and_all_else_on_the_other() {
    let folder = Folder::new();
    let file = folder.file("run.yaml", &pipeline_run("first", "exit 0"));
    let ran = folder.run(&["run", &file, "-p", "who=world"]);
    assert_eq!(ran.status, ExitStatus::Success, "{}", ran.err);
    assert_eq!(ran.out, "[greet : say] hello world\n[end : s] done\n");
    assert!(ran.err.contains("engine: a fake"), "{}", ran.err);
    assert!(
        ran.err.contains("PipelineRun first: Succeeded"),
        "{}",
        ran.err
    );
}

#[test]
fn a_run_that_fails_is_reported_and_kept() {
    let folder = Folder::new();
    let file = folder.file("run.yaml", &pipeline_run("first", "exit 3"));
    let ran = folder.run(&["run", &file, "-q"]);
    assert_eq!(ran.status, ExitStatus::RunFailed, "{}", ran.err);
    assert!(
        ran.err.contains("end, step s: exit status 3"),
        "{}",
        ran.err
    );
    let count = |wanted: fn(&Call) -> bool| ran.engine.log().count(wanted);
    assert_eq!(count(|call| *call == Call::Close), 1);
    assert_eq!(count(|call| matches!(call, Call::RemoveVolume(_))), 0);

    let logs = folder.run(&["logs", "latest"]);
    assert_eq!(logs.out, "[greet : say] hello file\n[end : s] done\n");
    let one = folder.run(&["logs", "fir", "end", "--no-prefix"]);
    assert_eq!(one.out, "done\n");
    let none = folder.run(&["logs", "first", "ende"]);
    assert_eq!(none.status, ExitStatus::Invalid);
    assert!(none.err.contains("did you mean \"end\"?"), "{}", none.err);
    let none = folder.run(&["logs", "first", "end", "--step", "other"]);
    assert_eq!(none.status, ExitStatus::Invalid);
    assert!(none.err.contains("no step \"other\""), "{}", none.err);
    assert!(none.err.contains("steps that ran: s"), "{}", none.err);

    let list = folder.run(&["list", "-o", "json"]);
    let list: Value = serde_json::from_str(&list.out).unwrap();
    assert_eq!(list[0]["id"], "first");
    assert_eq!(list[0]["condition"]["reason"], "Failed");
    let described = folder.run(&["describe", "latest", "-o", "json"]);
    let described: Value = serde_json::from_str(&described.out).unwrap();
    assert_eq!(described["items"].as_array().map(Vec::len), Some(3));
    let ended = folder.run(&["cancel", "first"]);
    assert_eq!(ended.status, ExitStatus::Invalid);
}

#[test]
fn a_process_that_is_another_by_now_is_not_signalled() {
    let folder = Folder::new();
    let file = folder.file("run.yaml", &pipeline_run("first", "exit 0"));
    folder.run(&["run", &file]);
    let dir = folder.path().join("state/runs/first");
    let header = dir.join("run.json");
    let mut value: Value = serde_json::from_slice(&std::fs::read(&header).unwrap()).unwrap();
    // This very process, had it started at another time.
    value["owner"] = serde_json::json!({"pid": std::process::id(), "processStart": 1});
    std::fs::write(&header, value.to_string()).unwrap();
    let lock = std::fs::File::open(dir.join("lock")).unwrap();
    lock.lock().unwrap();
    let told = folder.run(&["cancel", "first"]);
    assert_eq!(told.status, ExitStatus::Invalid);
    assert!(told.err.contains("where it was started"), "{}", told.err);
}

#[test]
fn standard_output_is_the_objects_alone_when_they_are_asked_for() {
    let folder = Folder::new();
    let file = folder.file("run.yaml", &pipeline_run("first", "exit 0"));
    let one = folder.run(&["run", &file, "-o", "json"]);
    let one: Value = serde_json::from_str(&one.out).unwrap();
    assert_eq!(one["kind"], "PipelineRun");
    assert_eq!(one["status"]["conditions"][0]["status"], "True");

    let all = folder.run(&["run", &file, "-o", "yaml", "--with-taskruns"]);
    assert!(
        all.out.starts_with("apiVersion: v1\nkind: List\n"),
        "{}",
        all.out
    );
    let names = folder.run(&["run", &file, "-o", "name", "--with-taskruns"]);
    assert_eq!(
        names.out,
        "pipelinerun.tekton.dev/first\ntaskrun.tekton.dev/first-greet\ntaskrun.tekton.dev/first-end\n"
    );
}

#[test]
fn several_runs_go_one_after_another_and_the_worst_counts() {
    let folder = Folder::new();
    let file = folder.file(
        "runs.yaml",
        &[
            pipeline_run("first", "exit 1"),
            pipeline_run("second", "exit 0"),
        ]
        .join("---"),
    );
    let ran = folder.run(&["run", &file, "-o", "json"]);
    assert_eq!(ran.status, ExitStatus::RunFailed, "{}", ran.err);
    let list: Value = serde_json::from_str(&ran.out).unwrap();
    let reason = |index: usize| list["items"][index]["status"]["conditions"][0]["reason"].clone();
    assert_eq!(
        (reason(0), reason(1)),
        ("Failed".into(), "Succeeded".into())
    );

    let only = folder.run(&["run", &file, "--only-run", "second"]);
    assert_eq!(only.status, ExitStatus::Success, "{}", only.err);
}

#[test]
fn a_run_that_cannot_start_is_reported_of_last_and_keeps_no_other_back() {
    let folder = Folder::new();
    let missing = "
{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {name: lost}, spec: {taskRef: {name: nowhere}}}
";
    let file = folder.file(
        "runs.yaml",
        &[missing, &pipeline_run("first", "exit 0")].join("---"),
    );
    let ran = folder.run(&["run", &file]);
    assert_eq!(ran.status, ExitStatus::Invalid, "{}", ran.err);
    assert!(ran.out.contains("hello file"), "{}", ran.out);
    let last = "error: 1 problem found; TaskRun lost was not started\n";
    assert!(ran.err.ends_with(last), "{}", ran.err);
}

#[test]
fn a_run_of_the_same_name_has_an_id_of_its_own() {
    let folder = Folder::new();
    let file = folder.file("run.yaml", &pipeline_run("first", "exit 0"));
    let opened = |ran: Ran| -> String {
        let calls = ran.engine.log().calls();
        let run = calls.into_iter().find_map(|recorded| match recorded.call {
            Call::Open(spec) => Some(spec.run),
            _ => None,
        });
        run.expect("a sandbox was opened")
    };
    let first = opened(folder.run(&["run", &file]));
    let second = opened(folder.run(&["run", &file]));
    assert!(first.starts_with("first_") && second.starts_with("first-"));
    assert_ne!(first, second);
}

#[test]
fn a_damaged_run_hides_no_other() {
    let folder = Folder::new();
    for name in ["first", "second"] {
        let file = folder.file("run.yaml", &pipeline_run(name, "exit 0"));
        folder.run(&["run", &file]);
    }
    let events = folder.path().join("state/runs/first/events.jsonl");
    std::fs::write(events, "no event\n").unwrap();
    for format in [&["list"][..], &["list", "-o", "json"]] {
        let list = folder.run(format);
        assert_eq!(list.status, ExitStatus::Success, "{}", list.err);
        assert!(list.out.contains("second"), "{}", list.out);
        assert!(list.err.contains("warning: first: "), "{}", list.err);
    }
    let described = folder.run(&["describe", "first"]);
    assert!(described.err.contains("is damaged"), "{}", described.err);
}

#[test]
fn events_are_lines_of_json() {
    let folder = Folder::new();
    let file = folder.file("run.yaml", &pipeline_run("first", "exit 0"));
    let ran = folder.run(&["run", &file, "--events", "-"]);
    let events: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events[0]["event"], "runStarted");
    assert_eq!(events.last().unwrap()["event"], "runFinished");
    assert!(events.iter().any(|event| event["line"] == "hello file"));

    folder.run(&["run", &file, "--events", "events.jsonl"]);
    let text = std::fs::read_to_string(folder.path().join("events.jsonl")).unwrap();
    assert_eq!(text.lines().count(), events.len());
}

#[test]
fn a_lone_task_and_a_lone_pipeline_are_run() {
    let folder = Folder::new();
    let task = "{apiVersion: tekton.dev/v1, kind: Task, metadata: {name: greet}, spec: {params: [{name: who}], workspaces: [{name: w}], steps: [{name: s, image: busybox, script: echo hello $(params.who)}]}}";
    let file = folder.file("task.yaml", task);
    std::fs::create_dir(folder.path().join("sources")).unwrap();
    let ran = folder.run(&["run", &file, "-p", "who=you", "-w", "name=w,path=sources"]);
    assert_eq!(ran.status, ExitStatus::Success, "{}", ran.err);
    assert!(ran.out.ends_with("hello you\n"), "{}", ran.out);
    let uploads = ran
        .engine
        .log()
        .count(|call| matches!(call, Call::Upload(from, _) if from.ends_with("sources")));
    assert_eq!(uploads, 1);

    let unbound = folder.run(&["run", &file, "-p", "who=you"]);
    assert_eq!(unbound.status, ExitStatus::Invalid, "{}", unbound.err);
    assert!(unbound.err.contains("give one with -w"), "{}", unbound.err);

    let pipeline = "\n---\n{apiVersion: tekton.dev/v1, kind: Pipeline, metadata: {name: p}, spec: {tasks: [{name: a, taskSpec: {steps: [{name: s, image: busybox, script: echo piped}]}}]}}";
    let both = folder.file("both.yaml", &[task, pipeline].concat());
    let ran = folder.run(&["run", &both]);
    assert_eq!(ran.out, "[a : s] piped\n");
    assert!(ran.err.contains("PipelineRun p-run-"), "{}", ran.err);
}

#[test]
fn images_are_mapped_and_pulled_as_the_command_line_says() {
    let folder = Folder::new();
    let file = folder.file("run.yaml", &pipeline_run("first", "exit 0"));
    let map = folder.file("map.tsv", "^busy\tfrom-file\n");
    let asked = |args: &[&str]| -> Vec<String> {
        let ran = folder.run(&[&["run", &file], args].concat());
        let calls = ran.engine.log().calls();
        calls
            .into_iter()
            .filter_map(|recorded| match recorded.call {
                Call::Image(request) => Some(format!("{} {:?}", request.reference, request.pull)),
                _ => None,
            })
            .collect()
    };
    for (args, expected) in [
        (&["--image-map-file", &map][..], "from-file Missing"),
        (
            &["--image-map-file", &map, "--image-map", "busybox=flag"],
            "flag Missing",
        ),
        (&["--pull", "never"], "busybox Never"),
        (&["--pull", "always"], "busybox Always"),
    ] {
        let found = asked(args);
        assert!(!found.is_empty());
        assert!(
            found.iter().all(|each| each == expected),
            "{args:?}: {found:?}"
        );
    }
}

#[test]
fn an_engine_that_is_lost_is_reported_and_what_was_recorded_is_kept() {
    let folder = Folder::new();
    let file = folder.file("run.yaml", &pipeline_run("first", "exit 0"));
    let engine = FakeEngine::new().lost_after(std::time::Duration::ZERO);
    let ran = folder.run_on(engine, &["run", &file]);
    assert_eq!(ran.status, ExitStatus::Engine, "{}", ran.err);
    let told = "the record of the run is in";
    assert!(ran.err.contains(told), "{}", ran.err);
    let list = folder.run(&["list", "-o", "name"]);
    assert_eq!(list.out, "pipelinerun.tekton.dev/first\n");
}

/// The volume of a run of this name, of a state directory or a process that may be others.
fn volume(run: &str, state_dir: &str, in_use: bool) -> VolumeInfo {
    VolumeInfo {
        name: format!("volume-of-{run}"),
        owner: VolumeOwner::Run(run.to_owned()),
        state_dir: state_dir.to_owned(),
        in_use,
    }
}

#[test]
fn pruning_removes_the_volumes_of_its_own_runs_and_says_which() {
    let folder = Folder::new();
    let file = folder.file("run.yaml", &pipeline_run("first", "exit 1"));
    folder.run(&["run", &file]);
    let kept = folder.replace_volumes(Vec::new()).remove(0);
    let (own, name) = (kept.state_dir.clone(), kept.name.clone());
    let VolumeOwner::Run(run) = kept.owner.clone() else {
        panic!("{kept:?}");
    };
    folder.replace_volumes(vec![
        kept,
        volume("forgotten", &own, false),
        volume("busy", &own, true),
        volume("theirs", "host:/their/state", false),
    ]);
    let forgotten = format!("volume volume-of-forgotten of run forgotten in {own}\n");
    for (args, out, err) in [
        (&["prune"][..], String::new(), "removed nothing\n"),
        (
            &["prune", "--volumes", "--dry-run"],
            forgotten.clone(),
            "would remove 1 volume\n",
        ),
        (
            &["prune", "--runs", "1", "--volumes"],
            forgotten,
            "removed 1 volume\n",
        ),
        (
            &["prune", "--runs", "0", "--dry-run"],
            format!("run first\nvolume {name} of run {run} in {own}\n"),
            "would remove 1 run and 1 volume\n",
        ),
        (
            &["prune", "--runs", "0"],
            format!("run first\nvolume {name} of run {run} in {own}\n"),
            "removed 1 run and 1 volume\n",
        ),
        (
            &["prune", "--volumes", "--all"],
            "volume volume-of-theirs of run theirs in host:/their/state\n".to_owned(),
            "removed 1 volume\n",
        ),
    ] {
        let ran = folder.run(args);
        assert_eq!((ran.out, ran.err.as_str()), (out, err), "{args:?}");
    }
    assert_eq!(folder.run(&["list", "-o", "name"]).out, "");
    let left = folder.replace_volumes(Vec::new());
    assert_eq!(left, [volume("busy", &own, true)]);
}

/// A matrix of two, of which the second says nothing.
const MATRIX: &str = "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: grid}
spec:
  pipelineSpec:
    tasks:
      - name: m
        matrix: {params: [{name: v, value: [echo loud, sleep 0]}]}
        taskSpec:
          params: [{name: v}]
          steps:
            - {name: s, image: busybox, script: '$(params.v)'}
";

#[test]
fn a_combination_of_a_matrix_without_output_is_no_error() {
    let folder = Folder::new();
    let file = folder.file("run.yaml", MATRIX);
    let engine = FakeEngine::new();
    folder.run_on(engine, &["run", &file]);
    let silent = folder.run(&["logs", "grid", "m-1"]);
    assert_eq!(silent.status, ExitStatus::Success, "{}", silent.err);
    let step = folder.run(&["logs", "grid", "m-1", "--step", "nope"]);
    assert_eq!(step.status, ExitStatus::Invalid);
    assert!(step.err.contains("no step \"nope\""), "{}", step.err);
    assert!(step.err.contains("steps that ran: s"), "{}", step.err);
    let task = folder.run(&["logs", "grid", "m-2"]);
    assert_eq!(task.status, ExitStatus::Invalid);
    assert!(task.err.contains("no task \"m-2\""), "{}", task.err);
}

#[test]
fn names_of_a_list_are_arguments_of_other_commands() {
    let folder = Folder::new();
    let file = folder.file("run.yaml", &pipeline_run("first", "exit 0"));
    folder.run(&["run", &file]);
    folder.run(&["run", &file]);
    let all = folder.run(&["list", "-o", "name", "--limit", "0"]);
    assert_eq!(all.out.lines().count(), 2, "{}", all.out);
    let newest = folder.run(&["list", "-o", "name", "--limit", "1"]);
    let name = newest.out.trim();
    assert!(name.starts_with("pipelinerun.tekton.dev/first-"), "{name}");
    let described = folder.run(&["describe", name]);
    assert_eq!(described.status, ExitStatus::Success, "{}", described.err);
}

#[test]
fn an_image_that_several_tasks_need_is_reported_once_while_it_runs_and_once_at_the_end() {
    let folder = Folder::new();
    let task = |name: &str| {
        format!(
            "{{name: {name}, taskSpec: {{steps: [{{name: s, image: gone, script: sleep 1}}]}}}}"
        )
    };
    let text = format!(
        "{{apiVersion: tekton.dev/v1, kind: PipelineRun, metadata: {{name: r}}, spec: {{pipelineSpec: {{tasks: [{}, {}, {}]}}}}}}",
        task("a"),
        task("b"),
        task("c")
    );
    let file = folder.file("run.yaml", &text);
    let ran = folder.run_on(FakeEngine::new().missing("gone"), &["run", &file]);
    assert_eq!(ran.status, ExitStatus::RunFailed, "{}", ran.err);
    assert_eq!(ran.err.matches("gone not found").count(), 2, "{}", ran.err);
    assert!(
        ran.err.contains("b failed: it needs the same image as a\n"),
        "{}",
        ran.err
    );
    assert!(
        ran.err
            .contains("a, b, c: failed to pull the image \"gone\""),
        "{}",
        ran.err
    );
}
