//! Runs the binary as a user does, but in an environment of its own.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

/// What an engine is found by; the rest of the caller's environment stays outside.
const KEPT: [&str; 4] = ["PATH", "DOCKER_HOST", "DOCKER_CONTEXT", "XDG_RUNTIME_DIR"];

/// A home and a state directory that vanish with the test, and a folder to work in.
pub(crate) struct Scene {
    dir: TempDir,
    cwd: PathBuf,
}

impl Scene {
    /// A scene whose commands work in an empty folder.
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().expect("a temporary folder can be made");
        let cwd = dir.path().join("work");
        for folder in [&cwd, &dir.path().join("home"), &dir.path().join("state")] {
            fs::create_dir(folder).expect("the folder is new");
        }
        Self { dir, cwd }
    }

    /// A scene whose commands work in the project's own folder.
    pub(crate) fn in_project() -> Self {
        let mut scene = Self::new();
        crate::sources::root().clone_into(&mut scene.cwd);
        scene
    }

    /// The path of a file in the folder to work in.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.cwd.join(name)
    }

    /// Where its commands keep their runs.
    pub(crate) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Writes a file into the folder to work in.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("the folder to work in is writable");
    }

    /// A command line of tkn-local.
    pub(crate) fn tkn_local<A: Into<OsString>>(
        &self,
        args: impl IntoIterator<Item = A>,
    ) -> Invocation {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tkn-local"));
        command
            .args(args.into_iter().map(Into::into))
            .current_dir(&self.cwd)
            .env_clear()
            .envs(KEPT.iter().filter_map(|name| Some((name, outer(name)?))))
            .env("HOME", self.dir.path().join("home"))
            .env("TMPDIR", self.dir.path())
            .env("TKN_LOCAL_STATE_DIR", self.dir.path().join("state"))
            .env("LC_ALL", "C.UTF-8")
            .env("NO_COLOR", "1");
        Invocation {
            command,
            stdin: Vec::new(),
            events: self.dir.path().join("events.jsonl"),
        }
    }
}

/// The volumes of runs that can be resumed outlive them, but not the state directory.
impl Drop for Scene {
    fn drop(&mut self) {
        let runs = self.dir.path().join("state/runs");
        if fs::read_dir(runs).is_ok_and(|mut runs| runs.next().is_some()) {
            drop(self.tkn_local(["prune", "--runs", "0"]).run());
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the engine of the machine is told to the binary by the environment alone"
)]
pub(crate) fn outer(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// A command line that was not run yet.
#[must_use = "nothing was run"]
pub(crate) struct Invocation {
    command: Command,
    stdin: Vec<u8>,
    events: PathBuf,
}

impl Invocation {
    /// Adds arguments.
    pub(crate) fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args.into_iter().map(Into::into));
        self
    }

    /// Gives it something to read on standard input.
    pub(crate) fn stdin(mut self, text: &str) -> Self {
        text.as_bytes().clone_into(&mut self.stdin);
        self
    }

    /// Sets a variable of its environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// The command itself, to give it other streams.
    pub(crate) fn command(self) -> Command {
        self.command
    }

    /// Lets it write its events, for [`Output::condition`].
    pub(crate) fn recording_events(mut self) -> Self {
        self.command.arg("--events").arg(&self.events);
        self
    }

    /// Starts it and lets it go on; what it says is lost.
    pub(crate) fn start(mut self) -> Started {
        let child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary was built");
        Started(child)
    }

    /// Runs it to its end.
    pub(crate) fn run(mut self) -> Output {
        let line = format!("{:?}", self.command);
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary was built");
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        let text = self.stdin;
        // A program that does not read closes the pipe: that is its right.
        let writer = thread::spawn(move || stdin.write_all(&text).is_ok());
        let output = child.wait_with_output().expect("the child can be awaited");
        writer.join().expect("writing does not panic");
        Output {
            line,
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            events: read_events(&self.events),
        }
    }
}

/// A command that goes on. It is killed when this is dropped.
pub(crate) struct Started(Child);

impl Started {
    /// Kills it, as nothing can be more sudden.
    pub(crate) fn kill(mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it can be awaited");
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.expect("there is a kill command").success());
    }

    /// Waits for its end.
    pub(crate) fn exits(mut self, status: i32) {
        let ended = self.0.wait().expect("it can be awaited");
        assert_eq!(ended.code(), Some(status));
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn read_events(path: &Path) -> Vec<Value> {
    let Ok(text) = fs::read_to_string(path) else {
        return Vec::new();
    };
    text.lines()
        .map(|line| serde_json::from_str(line).expect("each line of the events is JSON"))
        .collect()
}

/// What a command line left.
#[must_use = "say what the outcome must be"]
pub(crate) struct Output {
    line: String,
    status: Option<i32>,
    /// Its standard output.
    pub(crate) stdout: String,
    /// Its standard error.
    pub(crate) stderr: String,
    events: Vec<Value>,
}

impl Output {
    /// Asserts the exit status.
    pub(crate) fn exits(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "exit status\n{self}");
        self
    }

    /// Asserts that a line of standard output is this one.
    pub(crate) fn prints_line(self, line: &str) -> Self {
        assert!(
            self.stdout.lines().any(|printed| printed == line),
            "no line '{line}' on standard output\n{self}"
        );
        self
    }

    /// Asserts that standard output holds this somewhere.
    pub(crate) fn prints(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text),
            "no '{text}' on standard output\n{self}"
        );
        self
    }

    /// Asserts that standard output holds this nowhere.
    pub(crate) fn prints_nowhere(self, text: &str) -> Self {
        assert!(
            !self.stdout.contains(text),
            "'{text}' on standard output\n{self}"
        );
        self
    }

    /// Asserts that standard error holds this somewhere.
    pub(crate) fn tells(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "no '{text}' on standard error\n{self}"
        );
        self
    }

    /// Its events of one name, in order.
    pub(crate) fn events(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.events
            .iter()
            .filter(move |event| event["event"] == name)
    }

    /// Asserts status and reason of the last run that ended, by its events.
    pub(crate) fn condition(self, status: &str, reason: &str) -> Self {
        let last = self
            .events
            .iter()
            .rfind(|event| event["event"] == "runFinished")
            .unwrap_or_else(|| panic!("no runFinished among the events\n{self}"));
        let condition = &last["condition"];
        assert_eq!(
            (condition["status"].as_str(), condition["reason"].as_str()),
            (Some(status), Some(reason)),
            "condition of the run\n{self}"
        );
        self
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "--- command\n{}\n--- exit status\n{:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.line, self.status, self.stdout, self.stderr
        )
    }
}

#[test]
fn a_scene_gives_the_binary_a_home_of_its_own() {
    let scene = Scene::new();
    scene.write("given.yaml", "kind: Nonsense\n");
    assert!(scene.path("given.yaml").starts_with(scene.dir.path()));
    let output = scene
        .tkn_local(["--version"])
        .stdin("nobody reads this")
        .env("TKN_LOCAL_LOG", "off")
        .run()
        .exits(0)
        .prints_line(concat!("tkn-local ", env!("CARGO_PKG_VERSION")));
    assert_eq!(output.stderr, "");
}
