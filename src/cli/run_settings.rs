//! From the arguments of `run` to its settings.

use std::path::PathBuf;

use super::error::CliError;
use super::image_map;
use super::output::Format;
use super::overrides::Overrides;
use super::param_flag::ParamFlag;
use super::prepare::Reading;
use super::reach::Permissions;
use super::run::RunArgs;
use super::settings::Settings;
use super::workspace_flag::WorkspaceFlag;
use crate::execute::images::ImageRules;
use crate::manifest::ReadOptions;
use crate::spec::GoDuration;

/// Where events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EventsTarget {
    /// Standard output.
    Stdout,
    /// A file.
    File(PathBuf),
}

/// How to run.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct RunSettings {
    pub(super) files: Vec<String>,
    pub(super) reading: Reading,
    pub(super) only_run: Option<String>,
    pub(super) overrides: Overrides,
    pub(super) permissions: Permissions,
    /// References to resolvers and the files that stand for them.
    pub(super) resolve: Vec<(String, PathBuf)>,
    pub(super) jobs: Option<usize>,
    pub(super) images: ImageRules,
    pub(super) format: Option<Format>,
    pub(super) with_taskruns: bool,
    pub(super) events: Option<EventsTarget>,
    pub(super) dry_run: bool,
    pub(super) keep: bool,
    pub(super) no_progress: bool,
}

impl RunSettings {
    /// Reads what arguments name, relative to the working directory.
    pub(super) fn resolve(args: RunArgs, settings: &Settings) -> Result<Self, CliError> {
        let RunArgs {
            files,
            param,
            workspace,
            service_account,
            timeout,
            only_run,
            jobs,
            pull,
            image_map,
            image_map_file,
            resolve,
            output,
            with_taskruns,
            events,
            dry_run,
            strict,
            allow_unknown_fields,
            allow_host_path,
            allow_privileged,
            keep,
            no_progress,
        } = args;
        let cwd = &settings.environment.cwd;
        let mut map = image_map
            .iter()
            .map(|argument| image_map::parse(argument))
            .collect::<Result<Vec<_>, _>>()?;
        for file in image_map_file {
            map.extend(image_map::read_file(&cwd.join(file))?);
        }
        let events = events.map(|path| {
            if path.as_os_str() == "-" {
                EventsTarget::Stdout
            } else {
                EventsTarget::File(cwd.join(path))
            }
        });
        if events == Some(EventsTarget::Stdout) && output.is_some() {
            return Err(
                CliError::usage("-o and --events - both want standard output")
                    .hint("give --events a file"),
            );
        }
        Ok(Self {
            files,
            reading: Reading {
                options: ReadOptions {
                    allow_unknown_fields,
                    lenient: !strict,
                },
                strict,
                forgives_refused: false,
            },
            only_run,
            overrides: Overrides {
                params: param
                    .iter()
                    .map(|argument| ParamFlag::parse(argument, cwd))
                    .collect::<Result<_, _>>()?,
                workspaces: workspace
                    .iter()
                    .map(|argument| WorkspaceFlag::parse(argument, cwd))
                    .collect::<Result<_, _>>()?,
                service_account,
                timeout: timeout.as_deref().map(duration).transpose()?,
            },
            permissions: Permissions {
                host_path: allow_host_path,
                privileged: allow_privileged,
            },
            resolve: resolve
                .iter()
                .map(|argument| served(argument).map(|(key, file)| (key, cwd.join(file))))
                .collect::<Result<_, _>>()?,
            jobs: jobs.map(std::num::NonZeroUsize::get),
            images: ImageRules {
                map,
                pull: pull.map(Into::into),
            },
            format: output,
            with_taskruns,
            events,
            dry_run,
            keep,
            no_progress,
        })
    }
}

fn duration(text: &str) -> Result<GoDuration, CliError> {
    GoDuration::parse(text).ok_or_else(|| {
        CliError::usage(format!("--timeout {text}: this is no duration"))
            .hint("a duration looks like 90s, 15m or 1h30m")
    })
}

/// `KIND:REF=FILE`. Both REF and FILE may hold `=`; the last one separates.
fn served(argument: &str) -> Result<(String, &str), CliError> {
    argument
        .rsplit_once('=')
        .filter(|(key, file)| key.contains(':') && !file.is_empty())
        .map(|(key, file)| (key.to_owned(), file))
        .ok_or_else(|| {
            CliError::usage(format!(
                "--resolve {argument}: this is not of the form KIND:REF=FILE"
            ))
            .hint("for example --resolve git:task/build.yaml=build.yaml")
        })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{EventsTarget, RunSettings};
    use crate::cli::command::{Cli, Command};
    use crate::cli::output::Format;
    use crate::cli::settings::{Environment, Settings};

    fn resolve(args: &[&str]) -> Result<RunSettings, String> {
        let line = ["tkn-local", "run", "f.yaml"].iter().chain(args);
        let cli = Cli::try_parse_from(line).map_err(|error| error.to_string())?;
        let Command::Run(args) = cli.command else {
            panic!("the command is run");
        };
        let environment = Environment {
            cwd: "/here".into(),
            ..Environment::default()
        };
        let settings = Settings::resolve(cli.global, environment);
        RunSettings::resolve(*args, &settings).map_err(|error| error.message)
    }

    #[test]
    fn arguments_become_settings() {
        let settings = resolve(&[
            "-p",
            "a=b",
            "-w",
            "name=w,emptyDir=",
            "-j",
            "3",
            "-o",
            "yaml",
            "--with-taskruns",
            "--events",
            "e.jsonl",
            "--resolve",
            "http:https://x/?a=b=t.yaml",
            "--timeout",
            "1h30m",
            "--pull",
            "never",
        ])
        .unwrap();
        assert_eq!(settings.jobs, Some(3));
        assert_eq!(settings.format, Some(Format::Yaml));
        assert!(settings.with_taskruns && settings.reading.options.lenient);
        assert_eq!(
            settings.events,
            Some(EventsTarget::File("/here/e.jsonl".into()))
        );
        assert_eq!(
            settings.resolve,
            [("http:https://x/?a=b".to_owned(), "/here/t.yaml".into())]
        );
        assert_eq!(settings.overrides.timeout.unwrap().to_string(), "1h30m0s");
    }

    #[test]
    fn what_contradicts_itself_is_an_error() {
        for (args, expected) in [
            (vec!["-o", "json", "--events", "-"], "-o and --events -"),
            (vec!["--with-taskruns"], "--output"),
            (vec!["-j", "0"], "0"),
            (
                vec!["--timeout", "soon"],
                "--timeout soon: this is no duration",
            ),
            (vec!["--resolve", "x=y"], "--resolve x=y: "),
            (vec!["--pull", "maybe"], "maybe"),
            (vec!["--image-map", "x"], "--image-map x: "),
        ] {
            let message = resolve(&args).unwrap_err();
            assert!(message.contains(expected), "{args:?}: {message}");
        }
    }
}
