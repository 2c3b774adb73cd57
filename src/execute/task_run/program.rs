//! The command line of a container.

use crate::execute::pod::env::expand;
use crate::sandbox::Image;

/// What is written of a container's program.
pub(super) struct Program<'a> {
    /// Where its script is, when it has one.
    pub(super) script: Option<String>,
    pub(super) command: &'a [String],
    pub(super) args: &'a [String],
    pub(super) image: &'a Image,
    /// `args` come after the image's CMD; else they replace it.
    pub(super) keeps_cmd: bool,
}

impl Program<'_> {
    /// As in Kubernetes: `command` replaces ENTRYPOINT and CMD, `args` replace CMD; `$(NAME)` of both
    /// is the variable, the last one of a name.
    pub(super) fn argv(self, env: &[(String, String)]) -> Vec<String> {
        let expanded = |text: &String| {
            expand(text, |name| {
                let mut variables = env.iter().rev();
                let known = variables.find(|(known, _)| known == name);
                known.map(|(_, value)| value.clone())
            })
        };
        let args = self.args.iter().map(expanded);
        if let Some(script) = self.script {
            return std::iter::once(script).chain(args).collect();
        }
        if !self.command.is_empty() {
            return self.command.iter().map(expanded).chain(args).collect();
        }
        let mut argv = self.image.entrypoint.clone();
        if self.args.is_empty() || self.keeps_cmd {
            argv.extend(self.image.cmd.iter().cloned());
        }
        argv.extend(args);
        argv
    }
}

#[cfg(test)]
mod tests {
    use super::Program;
    use crate::sandbox::Image;

    #[test]
    fn what_is_written_stands_before_what_the_image_says() {
        let words = |text: &str| -> Vec<String> {
            text.split(' ')
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let env =
            [("A", "old"), ("A", "new")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        for (entrypoint, command, args, script, keeps_cmd, expected) in [
            ("e", "", "", None, false, "e c"),
            ("e", "", "x $(A)", None, false, "e x new"),
            ("e", "run $(A)", "$(B)", None, false, "run new $(B)"),
            ("e", "ignored", "x", Some("/script"), false, "/script x"),
            ("", "", "x", None, true, "c x"),
            ("", "", "x", None, false, "x"),
        ] {
            let image = Image {
                entrypoint: words(entrypoint),
                cmd: words("c"),
                ..Image::default()
            };
            let (command, args) = (words(command), words(args));
            let program = Program {
                script: script.map(str::to_owned),
                command: &command,
                args: &args,
                image: &image,
                keeps_cmd,
            };
            assert_eq!(program.argv(&env), words(expected));
        }
    }
}
