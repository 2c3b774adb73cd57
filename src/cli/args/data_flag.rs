//! `--secret NAME.KEY=VALUE` and `--configmap`: what the files lack.

use std::path::{Path, PathBuf};

use crate::cli::error::CliError;

/// What a value is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataKind {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}

impl DataKind {
    /// The flag that gives it.
    pub(crate) const fn flag(self) -> &'static str {
        match self {
            Self::Secret => "--secret",
            Self::ConfigMap => "--configmap",
        }
    }

    /// What Kubernetes calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ValueSource {
    /// The command line.
    Literal(String),
    /// A file, all of it.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// The user, or standard input.
    Ask,
}

/// One value of a Secret or ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DataFlag {
    /// What it is part of.
    pub(crate) kind: DataKind,
    /// `NAME.KEY`. Both may hold dots: where the name ends depends on the objects there are.
    pub(crate) target: String,
    /// Where the value comes from.
    pub(crate) source: ValueSource,
    /// It is of this command line, not of an earlier one.
    pub(crate) is_own: bool,
}

impl DataFlag {
    /// Reads `NAME.KEY=value`, `NAME.KEY=@FILE`, `NAME.KEY=env:VARIABLE` or `NAME.KEY=-`. Relative
    /// paths are below `cwd`. No error quotes a value.
    pub(crate) fn parse(kind: DataKind, argument: &str, cwd: &Path) -> Result<Self, CliError> {
        let parts = argument.split_once('=');
        let named = parts.filter(|(target, _)| {
            let dot = target.find('.');
            dot.is_some_and(|at| at > 0 && at + 1 < target.len())
        });
        let Some((target, value)) = named else {
            let flag = kind.flag();
            return Err(CliError::usage(format!(
                "{flag}: the value is not of the form NAME.KEY=VALUE"
            ))
            .hint(format!(
                "for example {flag} login.password=env:PASSWORD; also @FILE, or - to be asked for it"
            )));
        };
        let source = if let Some(file) = value.strip_prefix('@') {
            ValueSource::File(cwd.join(file))
        } else if let Some(variable) = value.strip_prefix("env:") {
            ValueSource::Variable(variable.to_owned())
        } else if value == "-" {
            ValueSource::Ask
        } else {
            ValueSource::Literal(value.to_owned())
        };
        Ok(Self {
            kind,
            target: target.to_owned(),
            source,
            is_own: true,
        })
    }

    /// The same as it may be recorded: of a Secret without its value, which is asked for again.
    pub(crate) fn kept(&self) -> String {
        let value = match (&self.source, self.kind) {
            (ValueSource::Literal(text), DataKind::ConfigMap) => text.clone(),
            (ValueSource::Literal(_), DataKind::Secret) | (ValueSource::Ask, _) => "-".to_owned(),
            (ValueSource::File(path), _) => format!("@{}", path.display()),
            (ValueSource::Variable(name), _) => format!("env:{name}"),
        };
        format!("{}={value}", self.target)
    }

    /// Whether a later command line has to give the value again.
    pub(crate) fn is_lost(&self) -> bool {
        self.kept().ends_with("=-")
    }

    /// Name and key, when these objects exist.
    pub(crate) fn split<'a>(&'a self, names: impl Iterator<Item = &'a str>) -> (&'a str, &'a str) {
        let mut known: Vec<(&str, &str)> = names
            .filter_map(|name| {
                let key = self.target.strip_prefix(name)?.strip_prefix('.')?;
                (!key.is_empty()).then_some((name, key))
            })
            .collect();
        known.sort_by_key(|(name, _)| name.len());
        let first = self.target.split_once('.');
        known.pop().or(first).unwrap_or((self.target.as_str(), ""))
    }
}

/// The arguments of a command line without values of Secrets.
pub(crate) fn without_values(argv: &[String]) -> Vec<String> {
    let mut is_value = false;
    let mut shown = Vec::new();
    for argument in argv {
        let flag = "--secret=";
        shown.push(if std::mem::take(&mut is_value) {
            hidden(argument)
        } else if let Some(value) = argument.strip_prefix(flag) {
            format!("{flag}{}", hidden(value))
        } else {
            is_value = argument == "--secret";
            argument.clone()
        });
    }
    shown
}

fn hidden(value: &str) -> String {
    let flag = DataFlag::parse(DataKind::Secret, value, Path::new(""));
    match flag {
        Ok(flag) if !matches!(flag.source, ValueSource::Literal(_)) => value.to_owned(),
        Ok(flag) => format!("{}={}", flag.target, crate::mask::MASK),
        Err(_) => crate::mask::MASK.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{DataFlag, DataKind, without_values};

    fn secret(argument: &str) -> DataFlag {
        DataFlag::parse(DataKind::Secret, argument, Path::new("/here")).unwrap()
    }

    #[test]
    fn a_value_of_a_secret_is_never_kept() {
        for (argument, kept) in [
            ("a.b=hunter2", "a.b=-"),
            ("a.b=", "a.b=-"),
            ("a.b=-", "a.b=-"),
            ("a.b=@f", "a.b=@/here/f"),
            ("a.b=env:V", "a.b=env:V"),
        ] {
            assert_eq!(secret(argument).kept(), kept);
        }
        let map = DataFlag::parse(DataKind::ConfigMap, "a.b=c=d", Path::new("/")).unwrap();
        assert_eq!(map.kept(), "a.b=c=d");
        let argv = [
            "run",
            "--secret",
            "a.b=x",
            "--secret=a.b=y",
            "--secret",
            "a.b=env:V",
        ];
        let argv = without_values(&argv.map(str::to_owned));
        assert_eq!(
            argv,
            [
                "run",
                "--secret",
                "a.b=***",
                "--secret=a.b=***",
                "--secret",
                "a.b=env:V"
            ]
        );
    }

    #[test]
    fn no_error_quotes_a_value() {
        for argument in ["hunter2", "hunter2=x", ".hunter2=x", "hunter2.=x"] {
            let error = DataFlag::parse(DataKind::Secret, argument, Path::new("/")).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn the_longest_name_there_is_counts() {
        let flag = secret("a.b.c=x");
        assert_eq!(flag.split(["a", "a.b"].into_iter()), ("a.b", "c"));
        assert_eq!(flag.split(std::iter::empty()), ("a", "b.c"));
        assert_eq!(
            secret("r..dockercfg=x").split(std::iter::empty()),
            ("r", ".dockercfg")
        );
    }
}
