//! What a container is told and what it answers, between the sandbox's terms and the wire's.

use std::time::Duration;

use bytes::Bytes;

use super::protocol::{Blob, End, How, Program, What};
use crate::sandbox::{Exit, Launch, Outcome, Probe};
use crate::status::Timestamp;

/// The message that releases a container.
pub(super) fn program(launch: Launch) -> Program {
    let credentials = launch.credentials.into_iter();
    Program {
        argv: launch.argv,
        env: launch.env,
        working_dir: launch.working_dir,
        timeout: launch.timeout.map(milliseconds),
        stdout_path: launch.stdout_path,
        stderr_path: launch.stderr_path,
        run_dir: launch.run_dir,
        on_error_continue: launch.on_error_continue,
        files: launch
            .files
            .into_iter()
            .map(|file| (file.key, file.path))
            .collect(),
        credentials: credentials
            .map(|c| (c.path, Blob(c.content.to_vec())))
            .collect(),
        hermetic: launch.hermetic,
        pause_before: launch.pauses.before,
        pause_on_failure: launch.pauses.on_failure,
    }
}

/// What a check is on the wire.
pub(super) fn check(probe: Probe) -> What {
    match probe {
        Probe::Exec(argv) => What::Exec { argv },
        Probe::Http {
            host,
            port,
            path,
            headers,
        } => What::Http {
            host,
            port,
            path,
            headers,
        },
        Probe::Tcp { host, port } => What::Tcp { host, port },
    }
}

/// The outcome of a program that started at this time by the clock of this machine. The agent only
/// measures how long it took: the engine's machine may have another idea of the time.
pub(super) fn outcome(end: End, started_at: Timestamp, files: Vec<(String, Bytes)>) -> Outcome {
    let exit = match end.how {
        How::Code { code } => Exit::Code(code),
        How::Signal { signal } => Exit::Signal(signal),
        How::NotStarted { reason } => Exit::NotStarted(reason),
        How::TimedOut {} => Exit::TimedOut,
        How::Cancelled {} => Exit::Cancelled,
    };
    let elapsed = Duration::from_micros(end.elapsed);
    Outcome {
        exit,
        started_at,
        finished_at: started_at.checked_add(elapsed).unwrap_or(started_at),
        oom_killed: end.oom_killed,
        files,
        file_error: end.file_error,
    }
}

/// The outcome of a program whose agent no longer answers, and why the supervisor ended that.
pub(super) fn lost(
    started_at: Timestamp,
    files: Vec<(String, Bytes)>,
    why: Option<String>,
) -> Outcome {
    let text = why.map_or_else(
        || "it was killed or removed from outside".to_owned(),
        |why| format!("the agent in it was disconnected: {why}"),
    );
    Outcome {
        exit: Exit::Lost(text),
        started_at,
        finished_at: Timestamp::now(),
        oom_killed: false,
        files,
        file_error: None,
    }
}

/// A duration on the wire.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
