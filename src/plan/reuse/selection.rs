//! What was asked for.

use std::collections::BTreeMap;

use crate::spec::param::ParamValue;

/// When a success of the source run is reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reuse {
    /// When its inputs are the same.
    #[default]
    Unchanged,
    /// Whatever changed: the letter of the TEP.
    Always,
}

/// Values given for the results of one task.
pub type Given = BTreeMap<String, ParamValue>;

/// A task that is not to run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Disable {
    /// The task.
    pub name: String,
    /// Everything downstream of it is disabled as well.
    pub dependents: bool,
}

/// What was asked for, in the file and on the command line, merged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// Tasks that are not to run.
    pub disable: Vec<Disable>,
    /// Tasks that run again although they succeeded.
    pub enable: Vec<String>,
    /// What consumers of a disabled task get instead of its results, by task.
    pub results: BTreeMap<String, Given>,
    /// These tasks alone.
    pub only: Vec<String>,
    /// These tasks and what they wait for.
    pub until: Vec<String>,
    /// These tasks and what waits for them.
    pub from: Vec<String>,
    /// When a success is reused.
    pub reuse: Reuse,
    /// A source of another pipeline is taken.
    pub force: bool,
}
