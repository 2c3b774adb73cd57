//! The flags of partial execution.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::param_flag::ParamFlag;
use crate::cli::error::CliError;
use crate::plan::reuse::{Disable, Reuse, Selection};
use crate::spec::PipelineRunSpec;

/// Flags that say which tasks run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Partial execution")]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PartialArgs {
    /// Do not run these tasks
    #[arg(long, value_name = "TASK,…", value_delimiter = ',')]
    disable: Vec<String>,
    /// Value for a result of a disabled task: text, JSON for an array or object, or @FILE
    #[arg(long, value_name = "TASK.RESULT=VALUE")]
    result: Vec<String>,
    /// Also disable everything downstream of disabled tasks
    #[arg(long)]
    disable_dependents: bool,
    /// When resuming, run these tasks again even if they succeeded
    #[arg(long, value_name = "TASK,…", value_delimiter = ',')]
    enable: Vec<String>,
    /// Run only these tasks; disable the others, or reuse them when resuming
    #[arg(long, value_name = "TASK,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Run only these tasks and everything they depend on
    #[arg(long, value_name = "TASK,…", value_delimiter = ',')]
    until: Vec<String>,
    /// Run only these tasks and everything that depends on them
    #[arg(long, value_name = "TASK,…", value_delimiter = ',')]
    from: Vec<String>,
    /// When resuming, which successes to reuse [default: unchanged]
    #[arg(long, value_enum, value_name = "WHEN")]
    reuse: Option<ReuseChoice>,
    /// When resuming, what to do with the files in the earlier run's workspaces [default: clone]
    #[arg(long, value_enum, value_name = "HOW")]
    workspaces: Option<WorkspacesChoice>,
    /// Resume a run even if it shares no task name with the pipeline
    #[arg(long)]
    force: bool,
}

/// When a success is reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReuseChoice {
    /// Those with unchanged inputs
    Unchanged,
    /// All, whatever changed
    Always,
}

/// What a resumed run has in its workspaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WorkspacesChoice {
    /// Copy them
    #[default]
    Clone,
    /// Move them: the earlier run can no longer be resumed
    Take,
    /// Start with empty workspaces
    Fresh,
}

/// The flags, read.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PartialFlags {
    given: PartialArgs,
    results: Vec<ParamFlag>,
}

impl PartialFlags {
    /// Reads what the flags name, below `cwd`.
    pub(crate) fn parse(given: PartialArgs, cwd: &Path) -> Result<Self, CliError> {
        let results = given
            .result
            .iter()
            .map(|argument| result(argument, cwd))
            .collect::<Result<Vec<_>, _>>()?;
        let mut names = BTreeSet::new();
        match results.iter().find(|flag| !names.insert(&flag.name)) {
            Some(again) => Err(CliError::invalid(format!(
                "`--result {}` is given more than once",
                again.name
            ))),
            None => Ok(Self { given, results }),
        }
    }

    /// These flags on top of those the resumed run was given. A flag replaces an earlier one of its
    /// kind; `--only`, `--until` and `--from` are of one kind. What was enabled has run again.
    pub(crate) fn over(self, earlier: Self) -> Self {
        let Self {
            given: mut own,
            mut results,
        } = self;
        let chooses = !(own.only.is_empty() && own.until.is_empty() && own.from.is_empty());
        let disables = !own.disable.is_empty();
        if !chooses {
            own.only = earlier.given.only;
            own.until = earlier.given.until;
            own.from = earlier.given.from;
        }
        if !disables {
            let still = |task: &String| !own.enable.contains(task);
            own.disable = earlier.given.disable.into_iter().filter(still).collect();
            own.disable_dependents |= earlier.given.disable_dependents;
        }
        if results.is_empty() {
            let is_same_choice = !chooses && !disables;
            let is_disabled = |flag: &ParamFlag| {
                let task = flag.name.split_once('.').map_or("", |(task, _)| task);
                let enabled = own.enable.iter().any(|name| name == task);
                own.disable.iter().any(|name| name == task) || (is_same_choice && !enabled)
            };
            let earlier = earlier.results.into_iter().zip(earlier.given.result);
            let kept = earlier.filter(|(flag, _)| is_disabled(flag));
            (results, own.result) = kept.unzip();
        }
        Self {
            given: own,
            results,
        }
    }

    /// True when the flags ask for nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.given == PartialArgs::default()
    }

    /// What was given for results: task, result and value.
    pub(crate) fn results(&self) -> impl Iterator<Item = (&str, &str, &ParamFlag)> {
        self.results.iter().filter_map(|flag| {
            let (task, result) = flag.name.split_once('.')?;
            Some((task, result, flag))
        })
    }

    /// What the resumed run has in its workspaces.
    pub(crate) fn workspaces(&self) -> WorkspacesChoice {
        self.given.workspaces.unwrap_or_default()
    }

    /// The file and the flags in one, but the values given by flags. What a flag says about a task
    /// takes precedence over what the file says.
    pub(crate) fn selection(&self, spec: &PipelineRunSpec) -> Selection {
        let flags = &self.given;
        let file_disables = spec.disable_tasks.iter();
        let from_file = file_disables.filter(|task| {
            !flags.enable.contains(&task.name) && !flags.disable.contains(&task.name)
        });
        let dependents = |name: &str| {
            let mut file = spec.disable_tasks.iter();
            flags.disable_dependents
                || file.any(|task| task.name == name && task.disable_dependents)
        };
        let disable = from_file
            .map(|task| &task.name)
            .chain(&flags.disable)
            .map(|name| Disable {
                name: name.clone(),
                dependents: dependents(name),
            })
            .collect();
        let enabled = spec.resume_from.iter().flat_map(|from| &from.enable_tasks);
        let enable = enabled
            .map(|task| &task.name)
            .filter(|name| !flags.disable.contains(name) && !flags.enable.contains(name))
            .chain(&flags.enable)
            .cloned()
            .collect();
        let results = spec
            .disable_tasks
            .iter()
            .filter(|task| !task.results.is_empty() && !flags.enable.contains(&task.name))
            .map(|task| {
                let own = task.results.iter();
                let own = own.map(|result| (result.name.clone(), result.value.clone()));
                (task.name.clone(), own.collect())
            })
            .collect();
        Selection {
            disable,
            enable,
            results,
            only: flags.only.clone(),
            until: flags.until.clone(),
            from: flags.from.clone(),
            reuse: match flags.reuse {
                Some(ReuseChoice::Always) => Reuse::Always,
                Some(ReuseChoice::Unchanged) | None => Reuse::Unchanged,
            },
            force: flags.force,
        }
    }

    /// The arguments of a `resume` of a run with these flags. Its own files are used, so
    /// `--workspaces fresh` is left out; what was enabled has run again.
    pub(crate) fn to_resume(&self) -> Vec<String> {
        let PartialArgs {
            disable,
            result,
            disable_dependents,
            enable: _,
            only,
            until,
            from,
            reuse,
            workspaces,
            force: _,
        } = &self.given;
        let mut line = Vec::new();
        for (flag, tasks) in [
            ("--disable", disable),
            ("--only", only),
            ("--until", until),
            ("--from", from),
        ] {
            if !tasks.is_empty() {
                line.extend([flag.to_owned(), tasks.join(",")]);
            }
        }
        for result in result {
            line.extend(["--result".to_owned(), result.clone()]);
        }
        if *disable_dependents {
            line.push("--disable-dependents".to_owned());
        }
        if *reuse == Some(ReuseChoice::Always) {
            line.extend(["--reuse".to_owned(), "always".to_owned()]);
        }
        if *workspaces == Some(WorkspacesChoice::Take) {
            line.extend(["--workspaces".to_owned(), "take".to_owned()]);
        }
        line
    }
}

fn result(argument: &str, cwd: &Path) -> Result<ParamFlag, CliError> {
    let flag = ParamFlag::parse_as("--result", argument, cwd)?;
    match flag.name.split_once('.') {
        Some((task, result)) if !task.is_empty() && !result.is_empty() => Ok(flag),
        _ => Err(CliError::usage(format!(
            "invalid value for `--result`: `{argument}` is not of the form TASK.RESULT=VALUE"
        ))),
    }
}
