//! Starting the program of a step.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::find::find_program;
use super::hermetic;
use super::outputs::open_copy;
use super::processes::Processes;
use super::protocol::Program;
use super::sys::{self, Image};

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
    let copies = [
        copy(program.stdout_path.as_deref())?,
        copy(program.stderr_path.as_deref())?,
    ];
    let isolation = program.hermetic.then(hermetic::isolation);
    let prepare = move || isolation.as_ref().map_or(Ok(()), |isolate| isolate());
    let mut command = command(&program.argv, &program.env, prepare)?;
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = processes.spawn(&mut command, on_exit).map_err(|error| {
        let program = command.get_program();
        let missing = (error.kind() == io::ErrorKind::NotFound)
            .then(|| interpreter(Path::new(program)))
            .flatten();
        let why = missing.map_or_else(
            || say(&error),
            |interpreter| {
                format!(
                    "{}: its interpreter {interpreter} is not in the image",
                    say(&error)
                )
            },
        );
        format!("fork/exec {}: {why}", program.display())
    })?;
    Ok(Started { child, copies })
}

/// The interpreter that the first line of a script names, if it is not there.
fn interpreter(script: &Path) -> Option<String> {
    let mut start = [0; 256];
    let len = File::open(script).ok()?.read(&mut start).ok()?;
    let line = start[..len].strip_prefix(b"#!")?;
    let line = String::from_utf8_lossy(line.split(|byte| *byte == b'\n').next()?);
    let name = line.split_whitespace().next()?.to_owned();
    (!Path::new(&name).exists()).then_some(name)
}

/// A command with these variables on top of the container's, found in the resulting `PATH`.
/// `prepare` runs in its process just before it, and only makes system calls.
pub(crate) fn command(
    argv: &[String],
    env: &[(String, String)],
    prepare: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) -> Result<Command, String> {
    let name = argv.first().ok_or("there is no command")?;
    let path = find_program(name, &variable(env, "PATH").unwrap_or_default())?;
    let arguments = argv.iter().map(|argument| argument.clone().into_bytes());
    let image = Image::new(&path, arguments, environment(env))
        .map_err(|error| format!("fork/exec {path}: {}", say(&error)))?;
    let mut command = Command::new(path);
    command.stdin(Stdio::null());
    sys::execute_as(&mut command, image, prepare);
    Ok(command)
}

/// All variables of a program, as `name=value`.
fn environment(env: &[(String, String)]) -> Vec<Vec<u8>> {
    let own = std::env::vars_os().map(|(name, value)| (name.into_vec(), value.into_vec()));
    let mut all: BTreeMap<_, _> = own.collect();
    let more = env.iter().cloned();
    all.extend(more.map(|(name, value)| (name.into_bytes(), value.into_bytes())));
    all.into_iter()
        .map(|(name, value)| [name, value].join(&b'='))
        .collect()
}

/// A variable as the program will see it.
pub(crate) fn variable(env: &[(String, String)], name: &str) -> Option<String> {
    let own = env.iter().rev().find(|(key, _)| key == name);
    own.map(|(_, value)| value.clone())
        .or_else(|| std::env::var(name).ok())
}

fn enter(directory: &str) -> Result<(), String> {
    if directory.is_empty() {
        // A mount that came after the start of this process may lie over where it is.
        return std::env::current_dir()
            .and_then(std::env::set_current_dir)
            .or(Ok(()));
    }
    fs::create_dir_all(directory).map_err(|error| format!("mkdir {directory}: {}", say(&error)))?;
    std::env::set_current_dir(directory)
        .map_err(|error| format!("chdir {directory}: {}", say(&error)))
}

fn copy(path: Option<&str>) -> Result<Option<File>, String> {
    let open =
        |path: &str| open_copy(path).map_err(|error| format!("open {path}: {}", say(&error)));
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
        assert_eq!(
            say(&io::Error::from_raw_os_error(2)),
            "no such file or directory"
        );
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
