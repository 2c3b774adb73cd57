//! The commands to suggest after a run that did not succeed.

use std::fmt::Write as _;

use crate::cli::args::run_settings::RunSettings;
use crate::cli::context::Context;

/// Each command and what it does, for the end of the summary of run `id`.
pub(crate) fn next_steps(
    id: &str,
    settings: &RunSettings,
    context: &Context,
) -> Vec<(String, String)> {
    let mut steps = Vec::new();
    let state_dir = context.settings.own_state_dir.as_ref();
    let state_dir = state_dir.map(|dir| format!(" --state-dir {}", quoted(&dir.to_string_lossy())));
    let state_dir = state_dir.unwrap_or_default();
    let mut line = format!("tkn-local resume {id}");
    for argument in settings.partial.to_resume() {
        line.push(' ');
        line.push_str(&quoted(&argument));
    }
    for flag in settings.data.iter().filter(|flag| flag.is_lost()) {
        let option = flag.kind.flag();
        let _ = write!(line, " {option} {}=-", quoted(&flag.target));
    }
    steps.push((line + &state_dir, "Resume".to_owned()));
    steps.push((
        format!("tkn-local logs {id}{state_dir}"),
        "All logs".to_owned(),
    ));
    steps
}

/// An argument as a shell reads it.
pub(crate) fn quoted(argument: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&byte);
    if !argument.is_empty() && argument.bytes().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn an_argument_is_quoted_when_a_shell_would_read_it_otherwise() {
        for (argument, expected) in [
            ("build.digest=sha256:abc", "build.digest=sha256:abc"),
            ("a b", "'a b'"),
            ("", "''"),
            ("it's", r"'it'\''s'"),
            ("a.r=[\"x\"]", "'a.r=[\"x\"]'"),
        ] {
            assert_eq!(quoted(argument), expected);
        }
    }
}
