//! Finding a program as Go's `exec.LookPath` does.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::sys;

/// The file to execute for `program`, or what Go says when there is none. With a slash it is a
/// path and is not looked for; otherwise it is looked for in the directories of `path`. What is
/// found through a relative directory is an error: the current directory is never searched.
pub(crate) fn find_program(program: &str, path: &str) -> Result<String, String> {
    if program.contains('/') {
        return Ok(program.to_owned());
    }
    if !program.is_empty() && !path.is_empty() {
        for directory in path.split(':') {
            let directory = if directory.is_empty() { "." } else { directory };
            let file = format!("{}/{program}", directory.trim_end_matches('/'));
            if is_executable(&file) {
                return if directory.starts_with('/') {
                    Ok(file)
                } else {
                    Err(format!(
                        "exec: {program:?}: cannot run executable found relative to current directory"
                    ))
                };
            }
        }
    }
    Err(format!("exec: {program:?}: executable file not found in $PATH"))
}

fn is_executable(file: &str) -> bool {
    fs::metadata(file).is_ok_and(|meta| {
        !meta.is_dir() && meta.permissions().mode() & 0o111 != 0 && sys::may_execute(file)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_as_it_is() {
        assert_eq!(find_program("./x", "/bin"), Ok("./x".to_owned()));
        assert_eq!(find_program("/no/such", ""), Ok("/no/such".to_owned()));
    }

    #[test]
    fn a_name_is_looked_for_in_every_directory() {
        assert_eq!(find_program("sh", "/no/such:/bin/"), Ok("/bin/sh".to_owned()));
    }

    #[test]
    fn what_is_missing_or_a_directory_is_not_found() {
        let missing = |name: &str| Err(format!("exec: {name:?}: executable file not found in $PATH"));
        assert_eq!(find_program("no-such-program", "/bin"), missing("no-such-program"));
        assert_eq!(find_program("bin", "/usr"), missing("bin"));
        assert_eq!(find_program("sh", ""), missing("sh"));
        assert_eq!(find_program("", "/bin"), missing(""));
    }

    #[test]
    fn the_current_directory_is_never_searched() {
        // Cargo runs tests in the package's root, where `build.rs` is but cannot be executed.
        assert!(find_program("build.rs", ":/bin").unwrap_err().contains("not found"));
        let relative = find_program("sh", "../../../../../../../../bin:/bin").unwrap_err();
        assert!(relative.contains("relative to current directory"), "{relative}");
    }
}
