//! What to say about a word that is not a command.

use std::path::Path;

use crate::cli::error::CliError;
use crate::diagnostic::did_you_mean;

/// Words of `tkn`, `kubectl` and everyday use, and the command that does the same here.
const SYNONYMS: [(&str, &str); 14] = [
    ("start", "run"),
    ("exec", "run"),
    ("rerun", "resume"),
    ("retry", "resume"),
    ("check", "validate"),
    ("lint", "validate"),
    ("ls", "list"),
    ("ps", "list"),
    ("show", "describe"),
    ("inspect", "describe"),
    ("stop", "cancel"),
    ("kill", "cancel"),
    ("delete", "prune"),
    ("rm", "prune"),
];

/// The error for `word` in the place of a command; `commands` are the names of those there are.
pub(crate) fn unknown_command(word: &str, commands: &[&str], cwd: &Path) -> CliError {
    let error = CliError::usage(format!("unrecognized command `{word}`"));
    let is_manifest = [".yaml", ".yml", ".json"]
        .into_iter()
        .any(|ending| word.ends_with(ending))
        || cwd.join(word).exists();
    if is_manifest {
        return error.hint(format!("to run it: `tkn-local run {word}`"));
    }
    let synonym = SYNONYMS.iter().find(|(synonym, _)| *synonym == word);
    let near = synonym.map(|(_, command)| *command);
    match near.or_else(|| did_you_mean(word, commands.iter().copied())) {
        Some(near) => error.hint(format!("did you mean `tkn-local {near}`?")),
        None => error.hint("`tkn-local --help` lists the commands"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory as _;

    use super::{SYNONYMS, unknown_command};
    use crate::cli::commands::command::Cli;

    fn hint(word: &str) -> String {
        let cli = Cli::command();
        let names: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
        let mut error = unknown_command(word, &names, Path::new("/nowhere"));
        assert_eq!(error.hints.len(), 1);
        error.hints.remove(0)
    }

    #[test]
    fn only_what_is_close_is_suggested() {
        assert_eq!(hint("rnu"), "did you mean `tkn-local run`?");
        assert_eq!(hint("stop"), "did you mean `tkn-local cancel`?");
        assert_eq!(hint("ci.yaml"), "to run it: `tkn-local run ci.yaml`");
        for word in ["pipeline", "foo", "taskrun"] {
            assert_eq!(hint(word), "`tkn-local --help` lists the commands");
        }
    }

    #[test]
    fn synonyms_lead_to_commands() {
        let cli = Cli::command();
        for (synonym, command) in SYNONYMS {
            assert!(cli.find_subcommand(command).is_some(), "{command}");
            assert!(cli.find_subcommand(synonym).is_none(), "{synonym}");
        }
    }
}
