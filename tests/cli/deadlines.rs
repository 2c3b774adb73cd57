//! Whatever must end, ends: a step that is paused, an engine that is silent, a command that is killed.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{Scene, outer};

const RUN: &str = "
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: NAME}
spec:
  pipelineSpec:
    tasks:
    - name: a
      taskSpec:
        steps:
        - {name: s, image: busybox, timeout: TIMEOUT, script: sleep 1000}
";
/// The pause between two looks, and how many are enough.
const PAUSE: Duration = Duration::from_millis(100);
const LOOKS: usize = 900;

fn docker(args: &[&str]) -> Option<String> {
    let output = Command::new("docker").args(args).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// Looks until there is something to see.
fn until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(seen) = look() {
            return seen;
        }
        thread::sleep(PAUSE);
    }
    panic!("in vain: {what}");
}

/// The container of the run's step, when its program runs.
fn running_step(run: &str) -> Option<String> {
    let label = format!("label=tekton.dev/pipelineRun={run}");
    let id = docker(&["ps", "-q", "--filter", &label]).filter(|id| !id.is_empty())?;
    docker(&["exec", &id, "pidof", "sleep"])?;
    Some(id)
}

fn pause_step(run: &str) {
    let step = until("the step runs", || running_step(run));
    docker(&["pause", &step]).expect("it can be paused");
}

/// Waits until no container of the run is left in any state.
fn until_nothing_is_left(run: &str) {
    let name = format!("name=tkn-local-run-{run}");
    let names = || docker(&["ps", "-aq", "--filter", &name]);
    until("no container is left", || names().filter(String::is_empty));
}

/// A scene with a run of a name that no other test has, whose step has this timeout.
fn scene(timeout: &str) -> (Scene, String) {
    let (scene, run) = (Scene::new(), tkn_local::name::generate("deadline-"));
    let file = RUN.replace("NAME", &run).replace("TIMEOUT", timeout);
    scene.write("run.yaml", &file);
    (scene, run)
}

#[test]
fn a_paused_step_ends_with_its_timeout() {
    let (scene, run) = scene("3s");
    let output = thread::scope(|scope| {
        scope.spawn(|| pause_step(&run));
        scene.tkn_local(["run", "run.yaml"]).run()
    });
    let output = output.exits(1).tells("TimeoutExceeded");
    let told = "the engine has killed its container";
    assert!(output.stdout.contains(told), "{output}");
    until_nothing_is_left(&run);
}

#[test]
fn a_paused_step_does_not_outlive_a_command_that_is_killed() {
    let (scene, run) = scene("1h");
    let started = scene.tkn_local(["run", "run.yaml"]).start();
    pause_step(&run);
    started.kill();
    until_nothing_is_left(&run);
}

#[test]
fn a_paused_step_does_not_outlive_a_command_that_is_terminated() {
    let (scene, run) = scene("1h");
    let started = scene.tkn_local(["run", "run.yaml"]).start();
    pause_step(&run);
    started.signal("TERM");
    started.signal("TERM");
    started.exits(143);
    until_nothing_is_left(&run);
}

/// The socket of an engine that can fall silent: it takes what it is sent and answers nothing.
struct Proxy {
    dir: TempDir,
    silent: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
}

impl Proxy {
    fn new() -> Self {
        let dir = TempDir::new().expect("a temporary folder can be made");
        let listener = UnixListener::bind(dir.path().join("sock")).expect("the path is free");
        let (silent, ended) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let proxy = Self {
            dir,
            silent: Arc::clone(&silent),
            ended: Arc::clone(&ended),
        };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let engine = UnixStream::connect(engine_socket()).expect("the engine runs");
                let other_way = (engine.try_clone(), client.try_clone());
                let (Ok(from), Ok(to)) = other_way else {
                    return;
                };
                for (from, to) in [(client, engine), (from, to)] {
                    let (silent, ended) = (Arc::clone(&silent), Arc::clone(&ended));
                    thread::spawn(move || pass_on(from, to, &silent, &ended));
                }
            }
        });
        proxy
    }

    fn host(&self) -> String {
        format!("unix://{}", self.dir.path().join("sock").display())
    }

    fn fall_silent(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        drop(fs::remove_file(self.dir.path().join("sock")));
    }
}

fn engine_socket() -> PathBuf {
    let host = outer("DOCKER_HOST").and_then(|host| host.into_string().ok());
    let path = host
        .as_deref()
        .and_then(|host| host.strip_prefix("unix://"));
    Path::new(path.unwrap_or("/var/run/docker.sock")).to_owned()
}

fn pass_on(mut from: UnixStream, mut to: UnixStream, silent: &AtomicBool, ended: &AtomicBool) {
    let mut buffer = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        while silent.load(Ordering::Relaxed) {
            if ended.load(Ordering::Relaxed) {
                drop(from.shutdown(Shutdown::Both));
                drop(to.shutdown(Shutdown::Both));
                return;
            }
            thread::sleep(PAUSE);
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Write));
}

#[test]
fn a_run_whose_engine_is_silent_ends_when_its_time_is_up() {
    let (scene, run) = scene("1h");
    let proxy = Proxy::new();
    let host = proxy.host();
    let output = thread::scope(|scope| {
        scope.spawn(|| {
            until("the step runs", || running_step(&run));
            proxy.fall_silent();
        });
        let args = ["run", "run.yaml", "--engine-host", &host, "--timeout", "5s"];
        scene.tkn_local(args).run()
    });
    let _ended = output
        .exits(3)
        .tells("the container engine has not answered for");
    drop(proxy);
    let _listed = scene
        .tkn_local(["list"])
        .run()
        .exits(0)
        .prints("EngineFailed");
    until_nothing_is_left(&run);
}

#[test]
fn three_interrupts_end_a_command_whose_engine_is_silent() {
    let (scene, run) = scene("1h");
    let proxy = Proxy::new();
    let args = ["run", "run.yaml", "--engine-host", &proxy.host()];
    let started = scene.tkn_local(args).start();
    until("the step runs", || running_step(&run));
    proxy.fall_silent();
    for _ in 0..3 {
        started.signal("INT");
        // Two that come at once count as one.
        thread::sleep(PAUSE);
    }
    started.exits(130);
    drop(proxy);
    until_nothing_is_left(&run);
}
