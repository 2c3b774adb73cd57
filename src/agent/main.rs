//! The agent: the entrypoint of every container of a sandbox.
//!
//! `supervise` is the first process of the sandbox container, `step <token>` that of every step and
//! sidecar, `mount` that of the container that attaches parts of volumes. A static program of the
//! standard library alone, compiled by `build.rs` for the engine's machine and carried inside the
//! command.

mod allowance;
mod attach;
mod beneath;
mod breakpoint;
mod child;
mod clone;
mod credentials;
mod files;
mod find;
mod hermetic;
mod link;
mod log;
mod memory;
mod outputs;
mod probe;
mod processes;
mod protocol;
mod record;
mod regular;
mod relay;
mod sockets;
mod step;
mod supervise;
mod sys;
mod watchdog;

use std::process::ExitCode;

/// What the kernel and `sysexits.h` call a wrong use of a command.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["supervise", sandbox] => {
            sockets::of_sandbox(sandbox);
            supervise::supervise()
        }
        ["step", token] => step::step(token),
        ["mount", sandbox] => {
            sockets::of_sandbox(sandbox);
            attach::mounter()
        }
        _ => return ExitCode::from(USAGE),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::complain(&format!("agent: {error}"));
            ExitCode::FAILURE
        }
    }
}
