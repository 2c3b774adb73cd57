//! A pipeline to resume, and what the tests of resuming ask of it.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use tkn_local::cli::ExitStatus;
use tkn_local::sandbox::fake::{Call, FakeEngine};

use crate::runs::{Folder, Ran};

/// fetch → compile (with a result) → test → pack, and notify at the end.
pub(crate) const BUILD: &str = "
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

pub(crate) const FETCH: &str = "
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
    pub(crate) fn failed() -> Self {
        let folder = Self::new();
        folder.file("fetch.yaml", FETCH);
        folder.file("build.yaml", BUILD);
        let ran = folder.tkn(&["run", "build.yaml", "fetch.yaml"]);
        assert_eq!(ran.status, ExitStatus::RunFailed, "{}", ran.err);
        assert!(
            ran.err.contains("Resume: tkn-local resume build\n"),
            "{}",
            ran.err
        );
        folder
    }

    /// Runs a command line in which names of files are below the folder.
    pub(crate) fn tkn(&self, args: &[&str]) -> Ran {
        self.tkn_on(FakeEngine::new(), args)
    }

    pub(crate) fn tkn_on(&self, engine: FakeEngine, args: &[&str]) -> Ran {
        let path = |arg: &&str| {
            let file = self.path().join(arg);
            if file.is_file() {
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
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.path().join(file);
        let text = fs::read_to_string(&path).expect("the file is there");
        assert!(text.contains(from), "{file} holds no {from:?}");
        fs::write(path, text.replace(from, to)).expect("the folder is writable");
    }

    /// The decisions of a dry run: task, decision and reason.
    pub(crate) fn decisions(&self, args: &[&str]) -> Vec<(String, String, String)> {
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

    pub(crate) fn decision(&self, args: &[&str], task: &str) -> String {
        let decisions = self.decisions(args);
        let found = decisions.into_iter().find(|(name, ..)| name == task);
        found.map_or_else(
            || format!("there is no {task}"),
            |(_, decision, reason)| format!("{decision}: {reason}"),
        )
    }

    /// The exit status and the message of a command that fails before anything is started.
    pub(crate) fn refusal(&self, args: &[&str]) -> String {
        let told = self.unknown_run(args);
        let closing = "; nothing was started\n";
        assert!(told.contains(closing), "{args:?}: {told}");
        told
    }

    /// The same for a command that fails because of the run it names.
    pub(crate) fn unknown_run(&self, args: &[&str]) -> String {
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
    pub(crate) fn launched(&self) -> BTreeSet<String> {
        let calls = self.engine.log().calls().into_iter();
        let names = calls.filter_map(|recorded| match recorded.call {
            Call::Launch(name, _) => Some(name.task_run),
            _ => None,
        });
        names
            .map(|name| name.splitn(3, '-').nth(2).unwrap_or_default().to_owned())
            .collect()
    }

    pub(crate) fn opened(&self) -> tkn_local::sandbox::SandboxSpec {
        let calls = self.engine.log().calls().into_iter();
        let mut opened = calls.filter_map(|recorded| match recorded.call {
            Call::Open(spec) => Some(spec),
            _ => None,
        });
        opened.next().expect("a sandbox was opened")
    }

    pub(crate) fn succeeds(self) -> Self {
        assert_eq!(self.status, ExitStatus::Success, "{}", self.err);
        self
    }

    pub(crate) fn has_run(self, tasks: &[&str]) -> Self {
        let tasks: BTreeSet<String> = tasks.iter().map(|task| (*task).to_owned()).collect();
        assert_eq!(self.launched(), tasks, "{}", self.err);
        self
    }

    pub(crate) fn tells(self, text: &str) -> Self {
        assert!(self.err.contains(text), "no {text:?} in\n{}", self.err);
        self
    }
}
