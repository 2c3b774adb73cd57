//! The files a resumed run begins with.

use crate::cli::args::partial_flags::WorkspacesChoice;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::run::directories::Directories;
use crate::cli::runs::source_run::SourceRun;
use crate::execute::{Files, workspace_dir};
use crate::plan::reuse::Decision;
use crate::plan::{Plan, PlannedTask};
use crate::spec::WorkspaceBinding;

/// Which workspaces a resumed run takes over, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Carrying {
    choice: WorkspacesChoice,
    /// The id of the run they are of.
    source: String,
    /// What its volume is called in the engine.
    volume: String,
    /// The workspaces that are taken over.
    workspaces: Vec<String>,
    /// Workspaces of the same name that are new ones.
    renewed: Vec<String>,
    /// Those of the latter that are copies of a directory that has changed.
    changed: Vec<String>,
}

impl Carrying {
    /// What is to be taken over. Workspaces that belong to the run are, unless `own` names them or
    /// the file binds them to something else by now. A copy of a directory is taken over while that
    /// directory is what it was.
    pub(crate) fn new(
        choice: WorkspacesChoice,
        plan: &Plan,
        source: &SourceRun,
        own: &[String],
        directories: &Directories,
        context: &Context,
    ) -> Result<Self, CliError> {
        let before = source.bindings()?;
        let same = |binding: &WorkspaceBinding| {
            let name = &binding.name;
            let earlier = before.iter().find(|earlier| earlier.name == *name);
            let same_kind = earlier.is_some_and(|earlier| belonging(earlier) == belonging(binding));
            match directories.is_unchanged(name) {
                Some(unchanged) => same_kind && unchanged,
                None => same_kind && !own.contains(name),
            }
        };
        let (kept, renewed): (Vec<_>, Vec<_>) = plan
            .bindings
            .iter()
            .filter(|binding| belonging(binding).is_some())
            // A run that was ended before its first task may have no files yet.
            .partition(|binding| source.began && same(binding));
        let names = |bindings: Vec<&WorkspaceBinding>| {
            let names = bindings.into_iter().map(|binding| binding.name.clone());
            names.collect()
        };
        let renewed: Vec<String> = names(renewed);
        let is_changed = |name: &&String| directories.is_unchanged(name) == Some(false);
        let carrying = Self {
            choice,
            changed: renewed.iter().filter(is_changed).cloned().collect(),
            source: source.reader.id().to_owned(),
            volume: source.volume(context)?,
            workspaces: names(kept),
            renewed,
        };
        match source.taken_by(context)? {
            Some(taker) if carrying.needs_volume() => Err(taken(&carrying.source, &taker)),
            _ => Ok(carrying),
        }
    }

    /// True when this workspace begins with the files it has in the source.
    pub(crate) fn keeps(&self, workspace: &str) -> bool {
        self.needs_volume() && self.workspaces.iter().any(|name| name == workspace)
    }

    /// True when the volume of the source must be there.
    pub(crate) fn needs_volume(&self) -> bool {
        self.choice != WorkspacesChoice::Fresh && !self.workspaces.is_empty()
    }

    /// What its volume is called in the engine.
    pub(crate) fn volume(&self) -> &str {
        &self.volume
    }

    /// True when the volume changes hands.
    pub(crate) fn takes(&self) -> bool {
        self.needs_volume() && self.choice == WorkspacesChoice::Take
    }

    /// The same for the executor.
    pub(crate) fn files(&self) -> Files {
        let from = self.volume.clone();
        match self.choice {
            _ if !self.needs_volume() => Files::Fresh,
            WorkspacesChoice::Clone => Files::Clone {
                from,
                paths: dirs(&self.workspaces),
            },
            WorkspacesChoice::Take => Files::Take {
                from,
                without: [dirs(&self.renewed), vec!["taskruns".to_owned()]].concat(),
            },
            WorkspacesChoice::Fresh => Files::Fresh,
        }
    }

    /// That the volume is not there any more.
    pub(crate) fn volume_is_gone(&self) -> CliError {
        let message = format!(
            "the volume of run {} no longer exists, and with it the workspaces {}",
            self.source,
            self.workspaces.join(", ")
        );
        CliError::invalid(message)
            .cause("only the newest successful runs of a pipeline keep their files (`TKN_LOCAL_KEEP_FILES`), `prune` removes files, and they may be on another engine")
            .hint("pass `--workspaces fresh` to start with empty workspaces, and `--enable TASK` to run the tasks again that fill them")
    }

    /// What reused tasks had in workspaces that begin anew.
    pub(crate) fn warnings(&self, plan: &Plan) -> Vec<String> {
        let fresh = match self.choice {
            WorkspacesChoice::Fresh => self.workspaces.as_slice(),
            WorkspacesChoice::Clone | WorkspacesChoice::Take => &[],
        };
        let begin = [
            (fresh, "start empty"),
            (
                self.changed.as_slice(),
                "start as new copies of directories that have changed",
            ),
        ];
        begin
            .into_iter()
            .filter_map(|(workspaces, begin)| {
                let tasks = reused_tasks(plan, workspaces);
                (!tasks.is_empty()).then(|| {
                    format!(
                        "the workspaces {} {begin}, without the files of these reused tasks: {}",
                        workspaces.join(", "),
                        tasks.join(", ")
                    )
                })
            })
            .collect()
    }
}

/// The reused tasks that bind one of these workspaces.
fn reused_tasks<'a>(plan: &'a Plan, workspaces: &[String]) -> Vec<&'a str> {
    let had = |task: &&PlannedTask| {
        let decision = plan.reuse.decision(&task.name);
        decision.is_some_and(|decision| decision.decision == Decision::Reuse)
            && task.source.workspaces.iter().any(|usage| {
                let source = usage.source();
                workspaces.iter().any(|name| name == source)
            })
    };
    let tasks = plan.tasks.iter().filter(had);
    tasks.map(|task| task.name.as_str()).collect()
}

fn dirs(workspaces: &[String]) -> Vec<String> {
    workspaces.iter().map(|name| workspace_dir(name)).collect()
}

/// What kind of workspace it is, if its files are the run's own.
fn belonging(binding: &WorkspaceBinding) -> Option<&'static str> {
    if binding.empty_dir.is_some() {
        Some("emptyDir")
    } else if binding.volume_claim_template.is_some() {
        Some("volumeClaimTemplate")
    } else {
        None
    }
}

/// That another run has the files.
pub(crate) fn taken(source: &str, taker: &str) -> CliError {
    CliError::invalid(format!(
        "run {source} can no longer be resumed: run {taker} took its files"
    ))
    .hint(format!(
        "resume the other run with `tkn-local resume {taker}`, or pass `--workspaces fresh` to start with empty workspaces"
    ))
}
