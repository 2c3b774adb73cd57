//! Starting the program of a step.

use std::fs::{self, File};
use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::find::find_program;
use super::hermetic;
use super::outputs::open_copy;
use super::processes::Processes;
use super::protocol::Program;

/// A started program and the files its outputs are copied to.
pub(crate) struct Started {
    pub(crate) child: Child,
    pub(crate) copies: [Option<File>; 2],
}

/// Starts it, in its directory. The error is the text Go's `os/exec` has for it.
pub(crate) fn start(
    program: &Program,
    processes: &Processes,
    on_exit: impl FnOnce(ExitStatus) + Send + 'static,
) -> Result<Started, String> {
    enter(&program.working_dir)?;
    let copies = [copy(program.stdout_path.as_deref())?, copy(program.stderr_path.as_deref())?];
    let mut command = command(&program.argv, &program.env)?;
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if program.hermetic {
        hermetic::isolate(&mut command);
    }
    let child = processes
        .spawn(&mut command, on_exit)
        .map_err(|error| format!("fork/exec {}: {}", command.get_program().display(), say(&error)))?;
    Ok(Started { child, copies })
}

/// A command with these variables on top of the container's, found in the resulting `PATH`.
pub(crate) fn command(argv: &[String], env: &[(String, String)]) -> Result<Command, String> {
    let Some((name, arguments)) = argv.split_first() else {
        return Err("there is no command".to_owned());
    };
    let path = variable(env, "PATH").unwrap_or_default();
    let mut command = Command::new(find_program(name, &path)?);
    std::os::unix::process::CommandExt::arg0(&mut command, name);
    command.args(arguments).stdin(Stdio::null());
    command.envs(env.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

/// A variable as the program will see it.
pub(crate) fn variable(env: &[(String, String)], name: &str) -> Option<String> {
    let own = env.iter().rev().find(|(key, _)| key == name);
    own.map(|(_, value)| value.clone()).or_else(|| std::env::var(name).ok())
}

fn enter(directory: &str) -> Result<(), String> {
    if directory.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(directory).map_err(|error| format!("mkdir {directory}: {}", say(&error)))?;
    std::env::set_current_dir(directory)
        .map_err(|error| format!("chdir {directory}: {}", say(&error)))
}

fn copy(path: Option<&str>) -> Result<Option<File>, String> {
    let open = |path: &str| open_copy(path).map_err(|error| format!("open {path}: {}", say(&error)));
    path.filter(|path| !path.is_empty()).map(open).transpose()
}

/// An error as Go says it: without number, in lower case.
pub(crate) fn say(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_sound_like_go() {
        assert_eq!(say(&io::Error::from_raw_os_error(2)), "no such file or directory");
        assert_eq!(say(&io::Error::from_raw_os_error(8)), "exec format error");
        assert_eq!(say(&io::Error::from_raw_os_error(13)), "permission denied");
    }

    #[test]
    fn the_last_value_of_a_variable_wins() {
        let env = [("A", "1"), ("B", "2"), ("A", "3")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(variable(&env, "A").as_deref(), Some("3"));
        assert_eq!(variable(&env, "NO_SUCH_VARIABLE"), None);
    }
}
