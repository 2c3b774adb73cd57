//! Compiles the agent (`src/agent`), the static Linux program the command carries inside it.
//!
//! It runs on the engine's machine, not on this one: on Linux that is taken to be the same
//! architecture and the target the command itself is built for; elsewhere it is a virtual machine
//! of the same architecture. `TKN_LOCAL_AGENT_TARGET` names another target.

#![expect(
    clippy::disallowed_methods,
    reason = "a build script is configured by its environment"
)]

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

const TARGET_VARIABLE: &str = "TKN_LOCAL_AGENT_TARGET";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src/agent");
    println!("cargo::rerun-if-env-changed={TARGET_VARIABLE}");
    let own_target = env::var("TARGET")?;
    let target = env::var(TARGET_VARIABLE).or_else(|_| default_target(&own_target))?;
    let agent = PathBuf::from(env::var("OUT_DIR")?).join("agent");
    let mut rustc = Command::new(env::var("RUSTC")?);
    rustc.args(["--edition=2024", "--crate-name=agent", "--target", &target]);
    rustc.args([
        "-Copt-level=z",
        "-Clto=fat",
        "-Ccodegen-units=1",
        "-Cpanic=abort",
    ]);
    rustc.args(["-Cstrip=symbols", "-Ctarget-feature=+crt-static"]);
    match env::var("RUSTC_LINKER") {
        Ok(linker) if target == own_target => {
            rustc.arg(format!("-Clinker={linker}"));
        }
        // What comes with every Rust links for any target whose start files come with it too.
        _ if target != own_target => {
            rustc.args(["-Clinker=rust-lld", "-Clinker-flavor=ld.lld"]);
        }
        _ => {}
    }
    let output = rustc
        .arg("src/agent/main.rs")
        .arg("-o")
        .arg(&agent)
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(explain(&target, &said).into());
    }
    let architecture = target.split('-').next().unwrap_or_default();
    println!("cargo::rustc-env=TKN_LOCAL_AGENT={}", agent.display());
    println!("cargo::rustc-env=TKN_LOCAL_AGENT_ARCHITECTURE={architecture}");
    Ok(())
}

fn default_target(own: &str) -> Result<String, String> {
    let architecture = own.split('-').next().unwrap_or_default();
    match architecture {
        "x86_64" | "aarch64" if own.contains("-linux-") => Ok(own.to_owned()),
        "x86_64" | "aarch64" => Ok(format!("{architecture}-unknown-linux-musl")),
        _ => Err(format!(
            "the agent runs on x86_64 and aarch64, not on {architecture}"
        )),
    }
}

/// One line for the fault everybody meets, the compiler's words for all others.
fn explain(target: &str, said: &str) -> String {
    if said.contains("can't find crate for `std`") {
        return format!(
            "the agent needs the Rust target {target}: run `rustup target add {target}`"
        );
    }
    format!("the agent does not compile for {target}:\n{said}")
}
