//! The table of decisions.

use std::collections::BTreeMap;

use super::check;
use super::earlier_run::{EarlierRun, SourceState, SourceTask};
use super::error::PartialErrors;
use super::reach::{chosen, downstream};
use super::reuse_plan::{Decision, ReusePlan, TaskDecision};
use super::selection::Selection;
use crate::plan::model::{Plan, PlannedTask};

/// Decides about every task. All errors are reported together.
pub fn decide(
    plan: &Plan,
    source: Option<&EarlierRun>,
    selection: &Selection,
) -> Result<ReusePlan, PartialErrors> {
    let errors = check::names(plan, source, selection);
    if !errors.is_empty() {
        return Err(PartialErrors(errors));
    }
    let mut reuse = Decider::new(plan, source, selection).reuse();
    let mut errors = check::given(plan, selection, &mut reuse);
    errors.extend(check::missing(plan, &reuse));
    if errors.is_empty() {
        Ok(reuse)
    } else {
        Err(PartialErrors(errors))
    }
}

struct Decider<'a> {
    plan: &'a Plan,
    source: Option<&'a EarlierRun>,
    selection: &'a Selection,
    /// The reasons of disabled tasks.
    disabled: BTreeMap<String, String>,
    reuse: ReusePlan,
}

impl<'a> Decider<'a> {
    fn new(plan: &'a Plan, source: Option<&'a EarlierRun>, selection: &'a Selection) -> Self {
        let mut decider = Self {
            plan,
            source,
            selection,
            disabled: BTreeMap::new(),
            reuse: ReusePlan {
                reuse: selection.reuse,
                ..ReusePlan::default()
            },
        };
        decider.disable();
        decider
    }

    /// Rows 1 and 2, and what `--only`, `--until` and `--from` leave out.
    fn disable(&mut self) {
        for entry in &self.selection.disable {
            let reason = "disabled".to_owned();
            self.disabled.insert(entry.name.clone(), reason);
        }
        for entry in self.selection.disable.iter().filter(|it| it.dependents) {
            for name in downstream(self.plan, &entry.name) {
                let reason = || format!("disabled with {}", entry.name);
                self.disabled.entry(name).or_insert_with(reason);
            }
        }
        let Some(chosen) = chosen(self.plan, self.selection) else {
            return;
        };
        for task in &self.plan.tasks {
            let enabled = self.selection.enable.contains(&task.name);
            if task.finally || enabled || chosen.contains(&task.name) {
                continue;
            }
            let source = self.source.and_then(|source| source.state(&task.name));
            if source == Some(SourceState::Succeeded) {
                self.reuse.unchosen.insert(task.name.clone());
            } else {
                let reason = || "not selected".to_owned();
                self.disabled
                    .entry(task.name.clone())
                    .or_insert_with(reason);
            }
        }
    }

    fn reuse(mut self) -> ReusePlan {
        for task in &self.plan.tasks {
            let (decision, reason) = match self.disabled.get(&task.name) {
                Some(reason) => (Decision::Disabled(self.results(&task.name)), reason.clone()),
                None => self.of_source(task),
            };
            self.keep_successes(task, &decision);
            self.reuse.decisions.push(TaskDecision {
                task: task.name.clone(),
                decision,
                reason,
            });
        }
        self.reuse
    }

    /// What the consumers of a disabled task get: the source's, and above them what is given.
    fn results(&self, task: &str) -> super::selection::Given {
        let known = self.source.and_then(|source| source.tasks.get(task));
        let mut results = known.map(SourceTask::results).unwrap_or_default();
        if let Some(given) = self.selection.results.get(task) {
            results.extend(given.clone());
        }
        results
    }

    /// Rows 3 to 10.
    fn of_source(&self, task: &PlannedTask) -> (Decision, String) {
        let Some(source) = self.source else {
            return (Decision::Run, String::new());
        };
        let run = &source.run;
        let runs = |reason: String| (Decision::Run, reason);
        if task.finally {
            return runs("finally tasks always run again".to_owned());
        }
        if self.selection.enable.contains(&task.name) {
            return runs("enabled".to_owned());
        }
        match source
            .tasks
            .get(&task.name)
            .map(|known| (known.state, known))
        {
            Some((SourceState::Succeeded, known)) if known.successes.is_empty() => {
                runs("child pipelines run again".to_owned())
            }
            Some((SourceState::Succeeded, _)) => (Decision::Reuse, format!("succeeded in {run}")),
            Some((SourceState::Masked, _)) => runs(format!(
                "a result in {run} held a value of a Secret, which is not recorded"
            )),
            Some((SourceState::Failed, _)) => runs(format!("failed in {run}")),
            Some((SourceState::Cancelled, _)) => runs(format!("cancelled in {run}")),
            Some((SourceState::TimedOut, _)) => runs(format!("timed out in {run}")),
            Some((SourceState::SkippedByWhen, _)) => runs(format!("skipped in {run}")),
            Some((SourceState::NotRun, _)) | None => runs(format!("not run in {run}")),
        }
    }

    /// A matrix is decided per combination: those that succeeded stay although others did not.
    fn keep_successes(&mut self, task: &PlannedTask, decision: &Decision) {
        let kept = match decision {
            Decision::Reuse => true,
            Decision::Run => {
                task.source.matrix.is_some()
                    && !task.finally
                    && !self.selection.enable.contains(&task.name)
            }
            Decision::Disabled(_) => false,
        };
        let known = self.source.and_then(|source| source.tasks.get(&task.name));
        let Some(known) = known.filter(|known| !known.successes.is_empty()) else {
            return;
        };
        let kept = match decision {
            _ if kept => &mut self.reuse.successes,
            Decision::Run if !task.finally => &mut self.reuse.earlier,
            Decision::Run | Decision::Reuse | Decision::Disabled(_) => return,
        };
        kept.insert(task.name.clone(), known.successes.clone());
    }
}
