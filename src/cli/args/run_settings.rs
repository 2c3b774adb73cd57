//! From the arguments of `run` to its settings.

use std::path::{Path, PathBuf};

use super::data_flag::{DataFlag, DataKind};
use super::given::{Given, Merged};
use super::how_args::HowArgs;
use super::overrides::Overrides;
use super::partial_flags::PartialFlags;
use crate::cli::error::CliError;
use crate::cli::load::prepare::Reading;
use crate::cli::output::Format;
use crate::cli::settings::Settings;
use crate::execute::images::ImageRules;
use crate::manifest::ReadOptions;
use crate::plan::permissions::Permissions;

/// Where events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EventsTarget {
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
pub(crate) struct RunSettings {
    pub(crate) reading: Reading,
    pub(crate) overrides: Overrides,
    /// A param that nobody declares is a warning.
    pub(crate) allow_unknown_params: bool,
    /// The workspaces of this command line, not of an earlier one.
    pub(crate) own_workspaces: Vec<String>,
    pub(crate) permissions: Permissions,
    /// Values of Secrets and ConfigMaps, the last of each.
    pub(crate) data: Vec<DataFlag>,
    /// The values of Secrets may be shown.
    pub(crate) no_mask: bool,
    /// References to resolvers and the files that stand for them.
    pub(crate) resolve: Vec<(String, PathBuf)>,
    pub(crate) jobs: Option<usize>,
    pub(crate) images: ImageRules,
    pub(crate) format: Option<Format>,
    pub(crate) with_taskruns: bool,
    pub(crate) events: Option<EventsTarget>,
    pub(crate) dry_run: bool,
    pub(crate) keep: bool,
    pub(crate) no_progress: bool,
    /// What changes the runs, as it was written: kept for runs that resume them.
    pub(crate) given: Vec<Given>,
    pub(crate) partial: PartialFlags,
}

impl RunSettings {
    /// Reads what arguments name, relative to the working directory. `earlier` is what the runs
    /// that are gone on with were given, the first of them first.
    pub(crate) fn resolve(
        args: HowArgs,
        settings: &Settings,
        earlier: Vec<Given>,
    ) -> Result<Self, CliError> {
        let cwd = &settings.environment.cwd;
        let events = events(&args, cwd)?;
        let mut given = earlier;
        let HowArgs {
            param,
            workspace,
            secret,
            configmap,
            no_mask,
            service_account,
            timeout,
            jobs,
            pull,
            image_map,
            image_map_file,
            resolve,
            output,
            with_taskruns,
            events: _,
            dry_run,
            strict,
            allow_unknown_fields,
            allow_unknown_params,
            permissions,
            keep,
            no_progress,
            partial,
        } = args;
        let data = data(&given, &secret, &configmap, cwd)?;
        let kept = |kind| {
            let own = data.iter().filter(|flag| flag.is_own && flag.kind == kind);
            own.map(DataFlag::kept).collect()
        };
        given.push(Given {
            secret: kept(DataKind::Secret),
            configmap: kept(DataKind::ConfigMap),
            cwd: cwd.clone(),
            param,
            workspace,
            service_account,
            timeout,
            image_map,
            image_map_file,
            resolve,
            allow_unknown_fields,
            allow_unknown_params,
            permissions: permissions.permissions(),
            partial,
        });
        let merged = Merged::of(&given)?;
        Ok(Self {
            reading: Reading {
                options: ReadOptions {
                    allow_unknown_fields: merged.allow_unknown_fields,
                    lenient: !strict,
                },
                strict,
                forgives_refused: false,
            },
            overrides: merged.overrides,
            allow_unknown_params: merged.allow_unknown_params,
            own_workspaces: merged.own_workspaces,
            permissions: merged.permissions,
            data,
            no_mask,
            resolve: merged.resolve,
            jobs,
            images: ImageRules {
                map: merged.image_map,
                pull: pull.map(Into::into),
            },
            format: output,
            with_taskruns,
            events,
            dry_run,
            keep,
            no_progress,
            given,
            partial: merged.partial,
        })
    }
}

/// What all command lines give; a later value of the same key counts.
fn data(
    earlier: &[Given],
    secrets: &[String],
    config_maps: &[String],
    cwd: &Path,
) -> Result<Vec<DataFlag>, CliError> {
    let mut all: Vec<DataFlag> = Vec::new();
    let mut add = |kind, arguments: &[String], cwd: &Path, is_own| {
        for argument in arguments {
            let flag = DataFlag::parse(kind, argument, cwd)?;
            all.retain(|it| (it.kind, &it.target) != (kind, &flag.target));
            all.push(DataFlag { is_own, ..flag });
        }
        Ok::<(), CliError>(())
    };
    for given in earlier {
        add(DataKind::Secret, &given.secret, &given.cwd, false)?;
        add(DataKind::ConfigMap, &given.configmap, &given.cwd, false)?;
    }
    add(DataKind::Secret, secrets, cwd, true)?;
    add(DataKind::ConfigMap, config_maps, cwd, true)?;
    Ok(all)
}

fn events(args: &HowArgs, cwd: &Path) -> Result<Option<EventsTarget>, CliError> {
    let events = args.events.as_ref().map(|path| {
        if path.as_os_str() == "-" {
            EventsTarget::Stdout
        } else {
            EventsTarget::File(cwd.join(path))
        }
    });
    if events == Some(EventsTarget::Stdout) && args.output.is_some() {
        return Err(
            CliError::usage("`-o` and `--events -` both write to standard output")
                .hint("write the events to a file"),
        );
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{EventsTarget, RunSettings};
    use crate::cli::commands::command::{Cli, Command};
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
        RunSettings::resolve(args.how, &settings, Vec::new()).map_err(|error| error.message)
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
            (vec!["-o", "json", "--events", "-"], "`-o` and `--events -`"),
            (vec!["--with-taskruns"], "--output"),
            (vec!["-j", "0"], "0"),
            (
                vec!["--timeout", "soon"],
                "invalid value for `--timeout`: `soon` is not a duration",
            ),
            (
                vec!["--resolve", "x=y"],
                "invalid value for `--resolve`: `x=y`",
            ),
            (vec!["--pull", "maybe"], "maybe"),
            (
                vec!["--image-map", "x"],
                "invalid value for `--image-map`: `x`",
            ),
        ] {
            let message = resolve(&args).unwrap_err();
            assert!(message.contains(expected), "{args:?}: {message}");
        }
    }
}
