//! Reads a run back, finished or not.

use std::collections::BTreeMap;
use std::io;

use serde_json::Value;

use super::error::StateError;
use super::header::{FORMAT, FormatOnly, Header, Manifest};
use super::owner;
use super::private;
use super::run_dir::RunDir;
use crate::event::{Event, Record};
use crate::plan::FileTree;

/// A stored run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunReader {
    dir: RunDir,
    header: Header,
}

impl RunReader {
    /// Opens the run in `dir`; refuses a newer format.
    pub fn open(dir: RunDir) -> Result<Self, StateError> {
        let path = dir.header();
        let text = std::fs::read(&path).map_err(|error| StateError::read(&path, error))?;
        let damaged = |source| StateError::Damaged {
            path: path.clone(),
            line: None,
            source,
        };
        let format: FormatOnly = serde_json::from_slice(&text).map_err(damaged)?;
        if format.format > FORMAT {
            return Err(StateError::NewerFormat {
                run: dir.id(),
                format: format.format,
                supported: FORMAT,
                written_by: format.written_by,
            });
        }
        let header = serde_json::from_slice(&text).map_err(damaged)?;
        Ok(Self { dir, header })
    }

    /// The run's id.
    pub fn id(&self) -> &str {
        &self.header.id
    }

    /// The run's directory.
    pub const fn dir(&self) -> &RunDir {
        &self.dir
    }

    /// The run's header.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// True while a live process owns the run.
    pub fn is_running(&self) -> bool {
        owner::is_locked(&self.dir.lock(), &self.header.owner)
    }

    /// The events. A last line that was cut short is left out.
    pub fn events(&self) -> Result<Vec<Event>, StateError> {
        let path = self.dir.events();
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(StateError::read(&path, error)),
        };
        let whole = text.iter().rposition(|byte| *byte == b'\n');
        text[..whole.unwrap_or_default()]
            .split(|byte| *byte == b'\n')
            .enumerate()
            .filter(|(_, line)| !line.is_empty())
            .map(|(index, line)| {
                serde_json::from_slice(line).map_err(|source| StateError::Damaged {
                    path: path.clone(),
                    line: Some(index + 1),
                    source,
                })
            })
            .collect()
    }

    /// The run as far as it is known. A run that did not end and has no live owner reads as
    /// cancelled at its last event.
    pub fn record(&self) -> Result<Record, StateError> {
        // Asked first: a run that ends in between is then read with its end.
        let running = self.is_running();
        let mut record = Record::of(&self.events()?);
        if !running && !record.is_finished() {
            let at = record.last_event_at().unwrap_or(self.header.created_at);
            record.interrupted(at);
        }
        Ok(record)
    }

    /// The id of the run that took this one's volume (`--workspaces take`).
    pub fn taken_by(&self) -> Result<Option<String>, StateError> {
        let path = self.dir.taken_by();
        match std::fs::read_to_string(&path) {
            Ok(id) => Ok(Some(id)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StateError::read(&path, error)),
        }
    }

    /// Notes that the run `id` took this one's volume. The record itself stays as it is. False when
    /// another run has taken it.
    pub fn set_taken_by(&self, id: &str) -> Result<bool, StateError> {
        let path = self.dir.taken_by();
        match private::create_new(&path, id.as_bytes()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(StateError::write(&path, error)),
        }
    }

    /// Notes that this run has its volume after all. That nobody had taken it is fine.
    pub fn clear_taken_by(&self) -> Result<(), StateError> {
        let path = self.dir.taken_by();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StateError::write(&path, error))
            }
            _ => Ok(()),
        }
    }

    /// The directories that workspaces began as copies of, by workspace.
    pub fn contents(&self) -> Result<BTreeMap<String, FileTree>, StateError> {
        let path = self.dir.contents();
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(StateError::read(&path, error)),
        };
        serde_json::from_slice(&text).map_err(|source| StateError::Damaged {
            path,
            line: None,
            source,
        })
    }

    /// The resolved run.
    pub fn resolved(&self) -> Result<Value, StateError> {
        let path = self.dir.resolved();
        let text = std::fs::read(&path).map_err(|error| StateError::read(&path, error))?;
        serde_json::from_slice(&text).map_err(|source| StateError::Damaged {
            path,
            line: None,
            source,
        })
    }

    /// The copies of the inputs.
    pub fn manifests(&self) -> Result<Vec<Manifest>, StateError> {
        self.header
            .inputs
            .iter()
            .map(|input| {
                let path = self.dir.manifests().join(&input.copy);
                let content =
                    std::fs::read(&path).map_err(|error| StateError::read(&path, error))?;
                Ok(Manifest {
                    given: input.given.clone(),
                    path: input.path.clone(),
                    content,
                })
            })
            .collect()
    }
}
