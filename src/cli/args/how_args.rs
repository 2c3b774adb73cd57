//! The flags that `run` and `resume` have in common.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::partial_flags::PartialArgs;
use super::permission_flags::PermissionArgs;
use crate::cli::output::Format;
use crate::sandbox::PullPolicy;

const INPUTS: &str = "Inputs";
const WORKSPACES: &str = "Workspaces";
const EXECUTION: &str = "Execution";
const IMAGES: &str = "Images";
const OUTPUT: &str = "Output";

/// How to run.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct HowArgs {
    /// Set a param: text, an array `a,b`, an object `k:v,k2:v2`, JSON, or @FILE
    #[arg(short, long = "param", value_name = "NAME=VALUE", help_heading = INPUTS)]
    pub(crate) param: Vec<String>,
    /// Warn about `-p` of a param that nobody declares, instead of failing
    #[arg(long, help_heading = INPUTS)]
    pub(crate) allow_unknown_params: bool,
    /// Warn about unknown fields and repeated keys, instead of failing
    #[arg(long, help_heading = INPUTS)]
    pub(crate) allow_unknown_fields: bool,
    /// Use a file in place of what a remote resolver would fetch, such as
    /// `git:task/build.yaml=build.yaml`
    #[arg(long, value_name = "KIND:REF=FILE", help_heading = INPUTS)]
    pub(crate) resolve: Vec<String>,
    /// Treat differences from a cluster as errors, not notices
    #[arg(long, help_heading = INPUTS)]
    pub(crate) strict: bool,
    /// Bind a workspace, such as `name=src,emptyDir=` or `name=src,path=DIR`
    ///
    /// The keys are those of `tkn`: `name`, one of `emptyDir`, `claimName`, `config`, `secret` and
    /// `volumeClaimTemplateFile`, and `subPath`. `path=DIR` starts the workspace as a copy of a
    /// local directory.
    #[arg(short, long = "workspace", value_name = "name=NAME,…", help_heading = WORKSPACES)]
    pub(crate) workspace: Vec<String>,
    /// Set a value of a Secret that the files lack: VALUE, `@FILE`, `env:VARIABLE`, or `-` to be
    /// asked for it. It is never recorded
    #[arg(long, value_name = "NAME.KEY=VALUE", help_heading = INPUTS)]
    pub(crate) secret: Vec<String>,
    /// Set a value of a ConfigMap that the files lack, in the same forms
    #[arg(long, value_name = "NAME.KEY=VALUE", help_heading = INPUTS)]
    pub(crate) configmap: Vec<String>,
    /// Show and record the values of Secrets instead of `***`
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) no_mask: bool,
    /// Keep the files of the run, whatever the outcome, until `prune` removes them
    #[arg(long, help_heading = WORKSPACES)]
    pub(crate) keep: bool,
    /// Use the credentials of this service account
    #[arg(short, long = "serviceaccount", value_name = "NAME", help_heading = INPUTS)]
    pub(crate) service_account: Option<String>,
    /// Limit the duration of the whole run, such as 1h30m
    #[arg(long, value_name = "DURATION", help_heading = EXECUTION)]
    pub(crate) timeout: Option<String>,
    /// Run at most N tasks at a time [default: the engine's processors, at least 4]
    #[arg(short, long, value_name = "N", value_parser = parse_jobs, help_heading = EXECUTION)]
    pub(crate) jobs: Option<usize>,
    /// Print what would run and start nothing
    #[arg(long, help_heading = EXECUTION)]
    pub(crate) dry_run: bool,
    /// When to pull images, whatever the YAML says
    #[arg(long, value_enum, value_name = "WHEN", help_heading = IMAGES)]
    pub(crate) pull: Option<Pull>,
    /// Run another image instead; `*` in FROM matches any text
    #[arg(long, value_name = "FROM=TO", help_heading = IMAGES)]
    pub(crate) image_map: Vec<String>,
    /// Read image replacements from a file: each line is a regular expression, a tab and an image
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = IMAGES)]
    pub(crate) image_map_file: Vec<PathBuf>,
    /// Print the runs with their status to standard output, and no logs
    #[arg(short, long, value_enum, value_name = "FORMAT", help_heading = OUTPUT)]
    pub(crate) output: Option<Format>,
    /// With `-o`, print the TaskRuns too
    #[arg(long, requires = "output", help_heading = OUTPUT)]
    pub(crate) with_taskruns: bool,
    /// Write every event to a file as a line of JSON, or to standard output with `-`
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = OUTPUT)]
    pub(crate) events: Option<PathBuf>,
    /// Print lines instead of the live view
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) no_progress: bool,
    #[command(flatten)]
    pub(crate) partial: PartialArgs,
    #[command(flatten)]
    pub(crate) permissions: PermissionArgs,
}

/// When to pull images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pull {
    /// Even if they are there
    Always,
    /// If they are not there
    Missing,
    /// Fail if they are not there
    Never,
}

impl From<Pull> for PullPolicy {
    fn from(pull: Pull) -> Self {
        match pull {
            Pull::Always => Self::Always,
            Pull::Missing => Self::Missing,
            Pull::Never => Self::Never,
        }
    }
}

fn parse_jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least one task must run at a time".to_owned()),
        Ok(jobs) => Ok(jobs),
        Err(_) => Err("not a whole number".to_owned()),
    }
}
