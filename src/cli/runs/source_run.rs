//! The run that is resumed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize as _;
use serde_json::Value;

use super::earlier::{find, record, store};
use super::sandbox_id::sandbox_id;
use super::store_error::store_error;
use crate::cli::args::given::Given;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::event::{Record, RunKind};
use crate::plan::FileTree;
use crate::plan::reuse::EarlierRun;
use crate::spec::{PipelineRunSpec, WorkspaceBinding};
use crate::state::{RunReader, StateError, source};

/// An earlier run, and what it can give.
#[derive(Debug, Clone)]
pub(crate) struct SourceRun {
    /// The run.
    pub(crate) reader: RunReader,
    /// What it can give.
    pub(crate) source: EarlierRun,
    /// True when a task of it ran or was reused.
    pub(crate) began: bool,
}

impl SourceRun {
    /// Finds a run that can be resumed. One in which no task ran stands for the run it resumes: it
    /// was cut off while the files were copied, or an image could not be had.
    pub(crate) fn find(wanted: &str, context: &mut Context) -> Result<Self, CliError> {
        let store = store(context)?;
        let mut reader = find(&store, wanted)?;
        loop {
            if reader.is_running() {
                return Err(store_error(&StateError::Running {
                    run: reader.id().to_owned(),
                    pid: reader.header().owner.pid,
                }));
            }
            let record = record(&reader)?;
            match &reader.header().resumed_from {
                Some(before) if !began(&record) => {
                    context.tell(&format!(
                        "nothing ran in {}; resuming {before} instead, which it resumes",
                        reader.id()
                    ))?;
                    reader = store.find(before).map_err(|error| store_error(&error))?;
                }
                _ => {
                    return Ok(Self {
                        source: source(reader.id(), &record),
                        began: began(&record),
                        reader,
                    });
                }
            }
        }
    }

    /// The same for a run of which parts are reused: a TaskRun has none.
    pub(crate) fn find_pipeline_run(wanted: &str, context: &mut Context) -> Result<Self, CliError> {
        let found = Self::find(wanted, context)?;
        if found.is_task_run() {
            let id = found.reader.id();
            return Err(CliError::invalid(format!(
                "run {id} is a TaskRun; only a PipelineRun can be resumed with other files"
            ))
            .hint(format!("run it again with `tkn-local resume {id}`")));
        }
        Ok(found)
    }

    /// True for a standalone TaskRun: resuming it runs it again.
    pub(crate) fn is_task_run(&self) -> bool {
        self.reader.header().kind == RunKind::TaskRun
    }

    /// The kind of its object.
    pub(crate) fn kind(&self) -> &'static str {
        if self.is_task_run() {
            "TaskRun"
        } else {
            "PipelineRun"
        }
    }

    /// What is called after it in the engine has this name; the volume may have been taken from
    /// another run.
    pub(crate) fn volume(&self, context: &Context) -> Result<String, CliError> {
        volume(&self.reader, context)
    }

    /// The run that has taken its volume and begun with it.
    pub(crate) fn taken_by(&self, context: &Context) -> Result<Option<String>, CliError> {
        taker(&self.reader, context)
    }

    /// What it was given on the command line, and the runs it resumes.
    pub(crate) fn given(&self) -> Result<Vec<Given>, CliError> {
        match self.reader.header().settings.get("given") {
            Some(given) => {
                Vec::deserialize(given).map_err(|error| damaged(self.reader.dir().header(), error))
            }
            None => Ok(Vec::new()),
        }
    }

    /// The directories its workspaces began as copies of.
    pub(crate) fn contents(&self) -> Result<BTreeMap<String, FileTree>, CliError> {
        self.reader.contents().map_err(|error| store_error(&error))
    }

    /// What its files call it.
    pub(crate) fn origin(&self) -> Option<&str> {
        self.reader.header().settings.get("origin")?.as_str()
    }

    /// What it gave to its workspaces.
    pub(crate) fn bindings(&self) -> Result<Vec<WorkspaceBinding>, CliError> {
        let resolved = self
            .reader
            .resolved()
            .map_err(|error| store_error(&error))?;
        let spec = resolved.pointer("/object/spec").unwrap_or(&Value::Null);
        PipelineRunSpec::deserialize(spec)
            .map(|spec| spec.workspaces)
            .map_err(|error| damaged(self.reader.dir().resolved(), error))
    }
}

/// That a file of the record is JSON, but not what was written.
fn damaged(path: PathBuf, source: serde_json::Error) -> CliError {
    store_error(&StateError::Damaged {
        path,
        line: None,
        source,
    })
}

/// The run that has taken the volume of a run and begun with it.
pub(crate) fn taker(run: &RunReader, context: &Context) -> Result<Option<String>, CliError> {
    let taker = run.taken_by().map_err(|error| store_error(&error))?;
    let Some(taker) = taker else {
        return Ok(None);
    };
    let began = match RunReader::open(store(context)?.dir(&taker)) {
        Ok(reader) => reader.is_running() || began(&record(&reader)?),
        // The run no longer exists, nor does what it took.
        Err(_) => true,
    };
    Ok(began.then_some(taker))
}

/// True when a task of it ran or was reused.
pub(crate) fn began(record: &Record) -> bool {
    let mut runs = record.task_runs().into_iter();
    runs.any(|run| run.reused_from.is_some() || !run.status.pod_name.is_empty())
}

/// What the volume of a run is called in the engine.
pub(crate) fn volume(run: &RunReader, context: &Context) -> Result<String, CliError> {
    let taken = run.header().settings.get("volume");
    match taken.and_then(|volume| volume.as_str()) {
        Some(volume) => Ok(volume.to_owned()),
        None => Ok(sandbox_id(context.settings.state_dir()?, run.id())),
    }
}
