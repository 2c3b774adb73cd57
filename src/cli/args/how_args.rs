//! The flags that `run` and `resume` have in common.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::partial_flags::PartialArgs;
use super::permission_flags::PermissionArgs;
use crate::cli::output::Format;
use crate::sandbox::PullPolicy;

/// How to run.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct HowArgs {
    /// A param: text; an array `a,b`; an object `k:v,k2:v2`; JSON; `@file`
    #[arg(short, long = "param", value_name = "NAME=VALUE")]
    pub(crate) param: Vec<String>,
    /// A workspace: `name=src,emptyDir=`, or `claimName=C`, `config=C`, `secret=S`,
    /// `volumeClaimTemplateFile=F`, with `subPath=P`; `path=DIR` starts it as a copy of a directory
    #[arg(short, long = "workspace", value_name = "name=NAME,…")]
    pub(crate) workspace: Vec<String>,
    /// A value of a Secret that the files lack: VALUE, `@file`, `env:VARIABLE`, or `-` to be asked
    /// for it. It is never recorded
    #[arg(long, value_name = "NAME.KEY=VALUE")]
    pub(crate) secret: Vec<String>,
    /// A value of a ConfigMap that the files lack, in the same forms
    #[arg(long, value_name = "NAME.KEY=VALUE")]
    pub(crate) configmap: Vec<String>,
    /// Show and record the values of Secrets; without it `***` stands for them
    #[arg(long)]
    pub(crate) no_mask: bool,
    /// The service account, which names the credentials to use
    #[arg(short, long = "serviceaccount", value_name = "NAME")]
    pub(crate) service_account: Option<String>,
    /// The limit of the whole run, such as 1h30m
    #[arg(long, value_name = "DURATION")]
    pub(crate) timeout: Option<String>,
    /// At most so many tasks at once [default: the engine's processors, at least 4]
    #[arg(short, long, value_name = "N", value_parser = parse_jobs)]
    pub(crate) jobs: Option<usize>,
    /// When to pull images, whatever the YAML says
    #[arg(long, value_enum, value_name = "WHEN")]
    pub(crate) pull: Option<Pull>,
    /// Run another image in place of one; `*` in FROM stands for any text
    #[arg(long, value_name = "FROM=TO")]
    pub(crate) image_map: Vec<String>,
    /// Lines of a regular expression on the reference, a tab and the image to use
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) image_map_file: Vec<PathBuf>,
    /// Give a file for a reference to a resolver, such as git:task/build.yaml=build.yaml
    #[arg(long, value_name = "KIND:REF=FILE")]
    pub(crate) resolve: Vec<String>,
    /// Make standard output the runs with their status and nothing else
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
    /// With -o: the TaskRuns as well
    #[arg(long, requires = "output")]
    pub(crate) with_taskruns: bool,
    /// Write every event as a line of JSON to a file, or to standard output for -
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) events: Option<PathBuf>,
    /// Say what would run; start nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// A difference from a cluster is a fault, not a notice
    #[arg(long)]
    pub(crate) strict: bool,
    /// Unknown fields and repeated keys are notices, not faults
    #[arg(long)]
    pub(crate) allow_unknown_fields: bool,
    /// Warn about `-p` of a param that nobody declares, instead of failing
    #[arg(long)]
    pub(crate) allow_unknown_params: bool,
    /// Keep the files of the run whatever the outcome, and until they are pruned
    #[arg(long)]
    pub(crate) keep: bool,
    /// Lines instead of a live view
    #[arg(long)]
    pub(crate) no_progress: bool,
    #[command(flatten)]
    pub(crate) partial: PartialArgs,
    #[command(flatten)]
    pub(crate) permissions: PermissionArgs,
}

/// When to pull images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pull {
    /// Even if they are there.
    Always,
    /// If they are not there.
    Missing,
    /// They must be there.
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
