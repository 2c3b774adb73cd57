//! What is said of a run before it starts: what it may not ask for, and what differs here.

use std::collections::BTreeSet;

use super::place;
use super::pod_settings::pod_settings;
use crate::cli::args::run_settings::RunSettings;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::load::diagnose::problems_found;
use crate::cli::load::files::{ByCatalog, Files};
use crate::cli::load::reach::Reach;
use crate::cli::load::select::{Run, Selected};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::execute::{PodFault, permission_faults, tasks_ahead};
use crate::plan::Job;
use crate::resolve::Library;

/// What runs are held against before they start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Admission<'a> {
    /// All files.
    pub(crate) files: Files<'a>,
    /// What in the files that were named means something else here.
    pub(crate) differences: &'a Diagnostics,
    /// What can be referred to.
    pub(crate) library: &'a Library,
    /// How to run.
    pub(crate) settings: &'a RunSettings,
}

/// What is to be said of all runs.
#[derive(Debug, Default)]
pub(crate) struct Said {
    found: ByCatalog,
}

impl Admission<'_> {
    /// Adds what is to be said of a run, of which there is no job if it cannot be planned. True
    /// when that refuses the run.
    pub(crate) fn of_run(&self, selected: &Selected, job: Option<&Job>, said: &mut Said) -> bool {
        let mut found = ByCatalog::default();
        self.differences(selected, job, &mut found);
        if let Some(job) = job {
            let library = self.library.in_namespace(job.namespace());
            let faults = permission_faults(job, &library, &self.settings.permissions);
            for fault in faults {
                let place = place::of_fault(&self.files, selected, &fault);
                found.push(fault.diagnostic, place);
            }
            let mut pods = pod_settings(selected, job);
            if self.settings.reading.strict {
                pods.forgive_nothing();
            }
            found.own.extend(pods);
        }
        let refused = found.has_errors();
        said.add(found);
        refused
    }

    /// What in the documents that the run uses means something else here.
    fn differences(&self, selected: &Selected, job: Option<&Job>, found: &mut ByCatalog) {
        let mut reach = Reach::from(&self.files, selected.document, &disabled(&selected.run));
        found
            .own
            .extend(reach.foreign(&self.files, selected.document));
        let tasks = job.map(|job| tasks_ahead(job, &self.library.in_namespace(job.namespace())));
        for (name, task) in tasks.into_iter().flatten() {
            let actions = 0..task.actions.len();
            let actions = actions.filter_map(|index| place::step_action(&self.files, &task, index));
            let own = place::task(&self.files, &name, &task);
            for place in own.into_iter().chain(actions) {
                reach.add(&place);
            }
        }
        let served = self.files.served.iter().enumerate();
        let served = served.map(|(index, served)| (Some(index), &served.differences));
        for (index, differences) in std::iter::once((None, self.differences)).chain(served) {
            let differences = differences.0.iter();
            let concerning = differences.filter(|difference| reach.concerns(index, difference));
            found.list(index).0.extend(concerning.cloned());
        }
    }
}

/// The tasks that a run leaves out.
pub(crate) fn disabled(run: &Run) -> BTreeSet<String> {
    match run {
        Run::Pipeline(run) => {
            let tasks = run.spec.disable_tasks.iter();
            tasks.map(|task| task.name.clone()).collect()
        }
        Run::Task(_) => BTreeSet::new(),
    }
}

impl Said {
    fn add(&mut self, found: ByCatalog) {
        let served = found.served.into_iter();
        let served = served.map(|(index, diagnostics)| (Some(index), diagnostics));
        for (index, diagnostics) in std::iter::once((None, found.own)).chain(served) {
            let list = self.found.list(index);
            let new: Vec<Diagnostic> = diagnostics
                .0
                .into_iter()
                .filter(|diagnostic| !list.0.contains(diagnostic))
                .collect();
            list.0.extend(new);
        }
    }

    /// Prints everything; an error when something must not start.
    pub(crate) fn print(self, context: &mut Context, files: &Files<'_>) -> Result<(), CliError> {
        match self.found.print(context, files)? {
            0 => Ok(()),
            errors => Err(CliError::invalid(problems_found(errors))),
        }
    }
}

/// What is to be said of the Pods of a run, at its places.
pub(crate) fn located(files: &Files<'_>, selected: &Selected, faults: Vec<PodFault>) -> ByCatalog {
    let mut found = ByCatalog::default();
    for fault in faults {
        let place = place::of_fault(files, selected, &fault);
        found.push(fault.diagnostic, place);
    }
    found
}
