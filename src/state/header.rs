//! `run.json`: what is known of a run before it starts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::owner::OwnerProcess;
use crate::event::RunKind;
use crate::plan::FileTree;
use crate::status::Timestamp;

/// The version of everything below a run's directory. A version reads all formats up to its own.
///
/// * 1: the first.
pub const FORMAT: u32 = 1;

/// `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// [`FORMAT`] of the version that wrote it.
    pub format: u32,
    /// Program and version.
    pub written_by: String,
    /// The run's id: the name of its directory.
    pub id: String,
    /// The name of the PipelineRun or TaskRun. Many runs may bear it.
    pub name: String,
    /// What it is.
    pub kind: RunKind,
    /// The name of the Pipeline or Task, `None` for an embedded one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The process that runs it.
    pub owner: OwnerProcess,
    /// The command line, the program included.
    pub argv: Vec<String>,
    /// Where it was given.
    pub cwd: PathBuf,
    /// The input files.
    pub inputs: Vec<RecordedFile>,
    /// The id of the run it resumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_from: Option<String>,
    /// What resuming needs to know and only the command line understands: engine, overrides,
    /// image map.
    #[serde(default)]
    pub settings: Value,
}

/// One input file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedFile {
    /// The path as given, `-` for standard input, or an address.
    pub given: String,
    /// Where it is on this machine; `None` when it has no place here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The copy, relative to `manifests/`.
    pub copy: String,
}

/// An input file and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The path as given, `-` for standard input, or an address.
    pub given: String,
    /// Where it is on this machine; `None` when it has no place here.
    pub path: Option<PathBuf>,
    /// Its content when the run was made.
    pub content: Vec<u8>,
}

/// The part of the header every format has.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FormatOnly {
    pub(super) format: u32,
    #[serde(default)]
    pub(super) written_by: String,
}

/// What a run is made with.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// The name of the PipelineRun or TaskRun.
    pub name: String,
    /// What it is.
    pub kind: RunKind,
    /// The name of the Pipeline or Task, `None` for an embedded one.
    pub definition: Option<String>,
    /// When it is made.
    pub created_at: Timestamp,
    /// The command line, the program included.
    pub argv: Vec<String>,
    /// Where it was given.
    pub cwd: PathBuf,
    /// The input files.
    pub inputs: Vec<Manifest>,
    /// The id of the run it resumes.
    pub resumed_from: Option<String>,
    /// See [`Header::settings`].
    pub settings: Value,
    /// The resolved run.
    pub resolved: Value,
    /// The directories that workspaces begin as copies of, by workspace.
    pub contents: BTreeMap<String, FileTree>,
}
