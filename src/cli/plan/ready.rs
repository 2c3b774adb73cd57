//! From a run of the files, and what is known of an earlier one, to what can be executed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::job::{self, Rejected};
use crate::cli::args::partial_flags::PartialFlags;
use crate::cli::args::run_settings::RunSettings;
use crate::cli::context::Context;
use crate::cli::engine::engine_error;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::load::select::Run;
use crate::cli::run::carrying::Carrying;
use crate::cli::run::directories::Directories;
use crate::cli::runs::earlier::store;
use crate::cli::runs::source_run::SourceRun;
use crate::cli::runs::store_error::store_error;
use crate::execute::foresee;
use crate::plan::reuse::{
    Decision, EarlierRun, PartialErrors, Selection, apply_foreseen, decide, result_type,
};
use crate::plan::{Job, Plan, RunRequest, build};
use crate::report::{Style, decisions_json, write_decisions};
use crate::resolve::Library;
use crate::sandbox::Engine;
use crate::spec::pipeline::{DisableTask, NamedTask, ResumeFrom};
use crate::spec::{Param, PipelineRun};
use crate::state::RunReader;

/// A run that can be executed, or its end before anything was started.
pub(crate) type Planned = Result<Ready, Box<Rejected>>;

/// A run that can be executed.
#[derive(Debug)]
pub(crate) struct Ready {
    /// The run.
    pub(crate) job: Job,
    /// What its files call it.
    pub(crate) origin: String,
    /// The run it resumes.
    pub(crate) resumed: Option<Resumed>,
    /// The directories its workspaces start as copies of.
    pub(crate) directories: Directories,
}

/// An earlier run that is resumed.
#[derive(Debug)]
pub(crate) struct Resumed {
    /// The earlier run.
    pub(crate) reader: RunReader,
    /// The files of it.
    pub(crate) carrying: Carrying,
}

impl Resumed {
    fn new(
        source: &SourceRun,
        plan: &Plan,
        directories: &Directories,
        settings: &RunSettings,
        context: &Context,
    ) -> Result<Self, CliError> {
        let (files, own) = (settings.partial.workspaces(), &settings.own_workspaces);
        Ok(Self {
            carrying: Carrying::new(files, plan, source, own, directories, context)?,
            reader: source.reader.clone(),
        })
    }
}

impl Ready {
    /// The id of the run it resumes.
    pub(crate) fn source(&self) -> Option<&str> {
        self.resumed.as_ref().map(|resumed| resumed.reader.id())
    }

    /// What becomes of each task; `None` when all run.
    pub(crate) fn decisions(&self, style: Style) -> Result<Option<String>, CliError> {
        let Job::Pipeline(plan) = &self.job else {
            return Ok(None);
        };
        if plan.reuse.decisions.is_empty() {
            return Ok(None);
        }
        let mut text = Vec::new();
        write_decisions(&mut text, plan, self.source(), style)
            .map_err(|error| CliError::from_source(ExitStatus::Internal, &error))?;
        Ok(Some(String::from_utf8_lossy(&text).into_owned()))
    }

    /// The same for programs.
    pub(crate) fn decisions_json(&self) -> Value {
        match &self.job {
            Job::Pipeline(plan) => decisions_json(plan, self.source()),
            Job::Task(request) => json!({
                "run": request.identity.name,
                "resumedFrom": null,
                "tasks": [{
                    "task": request.pipeline_task, "decision": "run", "reason": "", "results": {},
                }],
            }),
        }
    }

    /// Fails when the files of the run it resumes no longer exist.
    pub(crate) async fn check_volume(&self, engine: &impl Engine) -> Result<(), CliError> {
        let Some(resumed) = &self.resumed else {
            return Ok(());
        };
        let carrying = &resumed.carrying;
        if !carrying.needs_volume() {
            return Ok(());
        }
        let volumes = engine.volumes().await.map_err(|e| engine_error(&e))?;
        let mut volumes = volumes.iter();
        if volumes.any(|volume| volume.is_of_run(carrying.volume())) {
            return Ok(());
        }
        Err(carrying.volume_is_gone())
    }
}

/// Plans a run: `source` is the run it resumes, whatever its file says.
pub(crate) fn ready(
    run: &mut Run,
    origin: String,
    source: Option<&SourceRun>,
    settings: &RunSettings,
    library: &Library,
    context: &mut Context,
) -> Result<Planned, CliError> {
    let library = &library.in_namespace(&run.metadata().namespace);
    let flags = &settings.partial;
    let whole = |job, directories: Directories| Ready {
        job: with_contents(job, &directories),
        origin: origin.clone(),
        resumed: None,
        directories,
    };
    let title = run.title();
    let Run::Pipeline(pipeline) = run else {
        let runs_again = source.is_none_or(SourceRun::is_task_run);
        if !runs_again || !flags.is_empty() {
            let message = format!("{title}: only a PipelineRun can be resumed, or run in part");
            return Err(CliError::invalid(message));
        }
        return Ok(job::plan(run, library).map(|job| whole(job, Directories::default())));
    };
    let source = match (source, &pipeline.spec.resume_from) {
        (Some(source), _) => Some(source.clone()),
        (None, Some(from)) => Some(SourceRun::find_pipeline_run(&from.name, context)?),
        (None, None) => None,
    };
    let before = match &source {
        Some(source) => source.contents()?,
        None => BTreeMap::new(),
    };
    let mut directories = Directories::read(&settings.overrides.uploads(), before)?;
    let bindings = &pipeline.spec.workspaces;
    if bindings
        .iter()
        .any(|binding| binding.persistent_volume_claim.is_some())
    {
        let runs = store(context)?
            .list()
            .map_err(|error| store_error(&error))?;
        let source = source.as_ref().map(|source| source.reader.id());
        directories = directories.with_claims_of(&runs.runs, source);
    }
    if source.is_none() && flags.is_empty() && pipeline.spec.disable_tasks.is_empty() {
        return Ok(job::plan(run, library).map(|job| whole(job, directories)));
    }
    let part = Part {
        flags,
        source: source.as_ref().map(|source| &source.source),
        library,
        title: &title,
        directories: &directories,
    };
    let plan = match part.plan(pipeline)? {
        Ok(plan) => plan,
        Err(rejected) => return Ok(Err(Box::new(rejected))),
    };
    let resumed = match &source {
        Some(source) => Some(Resumed::new(
            source,
            &plan,
            &directories,
            settings,
            context,
        )?),
        None => None,
    };
    let fresh = resumed.iter();
    let fresh = fresh.flat_map(|resumed| resumed.carrying.warnings(&plan));
    for warning in plan.reuse.warnings.iter().cloned().chain(fresh) {
        context.tell(&format!("warning: {warning}"))?;
    }
    Ok(Ok(Ready {
        job: Job::Pipeline(Box::new(plan)),
        origin,
        resumed,
        directories,
    }))
}

/// The run, knowing what its workspaces begin with.
fn with_contents(mut job: Job, directories: &Directories) -> Job {
    if let Job::Pipeline(plan) = &mut job {
        plan.contents = directories.contents(plan);
    }
    job
}

/// Planning a run of which a part is not to run.
struct Part<'a> {
    flags: &'a PartialFlags,
    source: Option<&'a EarlierRun>,
    library: &'a Library,
    title: &'a str,
    directories: &'a Directories,
}

impl Part<'_> {
    fn plan(&self, run: &mut PipelineRun) -> Result<Result<Plan, Rejected>, CliError> {
        let mut selection = self.flags.selection(&run.spec);
        if let Some(source) = self.source {
            let from = run.spec.resume_from.get_or_insert_with(ResumeFrom::default);
            from.name.clone_from(&source.run);
        }
        let mut request = RunRequest::from(&*run);
        let pipeline = match request.pipeline(self.library) {
            Ok(pipeline) => pipeline,
            Err(error) => return Ok(Err(job::rejected(&request, error))),
        };
        // Which definitions must exist follows from the decisions, which need the graph alone.
        let tasks = pipeline.spec.tasks.iter().chain(&pipeline.spec.finally);
        request.disabled = tasks.map(|task| task.name.clone()).collect();
        let sketch = match build(&request, &pipeline, self.library) {
            Ok(sketch) => sketch,
            Err(error) => return Ok(Err(job::rejected(&request, error))),
        };
        self.add_results(&mut selection, &sketch)?;
        let reuse = decide(&sketch, self.source, &selection)
            .map_err(|errors| unfit(self.title, &errors))?;
        let decisions = reuse.decisions.iter();
        let disabled =
            decisions.filter(|decision| matches!(decision.decision, Decision::Disabled(_)));
        request.disabled = disabled.map(|decision| decision.task.clone()).collect();
        write_back(run, &selection, &request.disabled);
        request.spec = run.spec.clone();
        let mut plan = match build(&request, &pipeline, self.library) {
            Ok(plan) => plan,
            Err(error) => return Ok(Err(job::rejected(&request, error))),
        };
        plan.reuse = reuse;
        plan.reuse.changed_files = self.directories.changed_files();
        plan.contents = self.directories.contents(&plan);
        let foreseen = foresee(&plan, self.library);
        let mut reuse = std::mem::take(&mut plan.reuse);
        apply_foreseen(&mut reuse, &plan, &foreseen);
        plan.reuse = reuse;
        Ok(Ok(plan))
    }

    /// The values given by flags, of the types the Tasks declare.
    fn add_results(&self, selection: &mut Selection, sketch: &Plan) -> Result<(), CliError> {
        for (task, result, flag) in self.flags.results() {
            let value = match result_type(sketch, task, result) {
                Some(kind) => flag.value(kind).map_err(|error| CliError {
                    status: ExitStatus::Invalid,
                    ..error
                })?,
                None => flag.guessed(),
            };
            let given = selection.results.entry(task.to_owned()).or_default();
            given.insert(result.to_owned(), value);
        }
        Ok(())
    }
}

/// Makes the file say what was decided to be left out.
fn write_back(run: &mut PipelineRun, selection: &Selection, disabled: &BTreeSet<String>) {
    let cascade = |name: &str| {
        let mut entries = selection.disable.iter();
        entries.any(|entry| entry.name == name && entry.dependents)
    };
    let entry = |name: &String| {
        let given = selection.results.get(name).into_iter().flatten();
        DisableTask {
            name: name.clone(),
            results: given
                .map(|(name, value)| Param {
                    name: name.clone(),
                    value: value.clone(),
                })
                .collect(),
            disable_dependents: cascade(name),
        }
    };
    run.spec.disable_tasks = disabled.iter().map(entry).collect();
    if let Some(from) = &mut run.spec.resume_from {
        let named = |name: &String| NamedTask { name: name.clone() };
        from.enable_tasks = selection.enable.iter().map(named).collect();
    }
}

fn unfit(title: &str, errors: &PartialErrors) -> CliError {
    match errors.0.as_slice() {
        [error] => {
            let failure = CliError::invalid(format!("{title}: {error}"));
            match error.advice() {
                Some(advice) => failure.hint(advice),
                None => failure,
            }
        }
        errors => errors.iter().fold(
            CliError::invalid(format!("{title} cannot be run as asked for")),
            |failure, error| {
                failure.cause(match error.advice() {
                    Some(advice) => format!("{error}; {advice}"),
                    None => error.to_string(),
                })
            },
        ),
    }
}
