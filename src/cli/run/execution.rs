//! Running one job after another with the sinks of the command line.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::beginning::{begin_with, give_back, notes};
use super::carrying::Carrying;
use super::directories::claims;
use super::execute_error::execute_error;
use super::next_steps::next_steps;
use super::retention::{has_files, remove_older_files};
use super::secret_values::secret_values;
use super::sinks::{Sinks, View, event_stream};
use crate::cli::args::data_flag::without_values;
use crate::cli::args::run_settings::RunSettings;
use crate::cli::context::{Context, unwritable};
use crate::cli::engine::Connected;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::plan::job::{self, Rejected};
use crate::cli::plan::ready::Ready;
use crate::cli::runs::sandbox_id::{sandbox_id, state_dir_label};
use crate::cli::runs::source_run::began;
use crate::cli::runs::store_error::store_error;
use crate::cli::signals::{Asked, Heard, listen};
use crate::cli::stream::OutStream;
use crate::event::Record;
use crate::execute::images::Waiting;
use crate::execute::{Ended, ExecuteError, Files, Options, rejected, run};
use crate::manifest::{Catalog, RECORDED_SECRET, without_secrets};
use crate::mask::{Mask, Masker};
use crate::plan::Job;
use crate::report::Json;
use crate::resolve::Library;
use crate::sandbox::Engine;
use crate::state::{Manifest, NewRun, RunStore};
use crate::status::Timestamp;

/// How often the live view moves.
const TICK: Duration = Duration::from_millis(100);
/// How long a program may take to end after SIGTERM: what Kubernetes gives a pod.
const GRACE: Duration = Duration::from_secs(30);
/// How many tasks run at a time on the smallest engine.
const FEWEST_JOBS: usize = 4;

/// How one run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What it means for the exit status.
    pub(crate) status: ExitStatus,
    /// The user wants no further run.
    pub(crate) interrupted: bool,
}

/// What the runs of one command line have in common.
pub(crate) struct Execution<'a> {
    settings: &'a RunSettings,
    library: Arc<Library>,
    store: Option<RunStore>,
    manifests: Vec<Manifest>,
    /// The values of Secrets.
    masker: Masker,
    events: Option<Json<OutStream>>,
    view: View,
    objects: Vec<Value>,
    runs: usize,
    /// So many successful runs of a pipeline keep their files.
    keep_files: usize,
    /// Heard from the start of the first run on.
    signals: Option<UnboundedReceiver<Heard>>,
}

impl<'a> Execution<'a> {
    /// Opens the sinks before anything is started; the store only when there is something to keep.
    pub(crate) fn new(
        settings: &'a RunSettings,
        library: Arc<Library>,
        catalog: &Catalog,
        copies: Vec<Manifest>,
        context: &Context,
        keeps: bool,
    ) -> Result<Self, CliError> {
        let store = if keeps {
            let opened = RunStore::open(context.settings.state_dir()?);
            Some(opened.map_err(|error| store_error(&error))?)
        } else {
            None
        };
        let masker = Masker::new(secret_values(&library).iter().map(Vec::as_slice));
        let cwd = &context.settings.environment.cwd;
        Ok(Self {
            settings,
            library,
            store,
            manifests: manifests(catalog, copies, cwd, &masker),
            masker,
            events: event_stream(settings, context)?,
            view: View::new(settings, context),
            objects: Vec::new(),
            runs: 0,
            keep_files: context.settings.keep_files()?,
            signals: None,
        })
    }

    /// Runs a job to its end.
    pub(crate) async fn execute<E: Engine>(
        &mut self,
        ready: Ready,
        engine: &Connected<E>,
        context: &Context,
    ) -> Result<Outcome, CliError> {
        self.tell_decisions(&ready)?;
        let recorder = match &self.store {
            Some(store) => store
                .create_run(&self.new_run(&ready, context))
                .map_err(|error| store_error(&error))?,
            None => return Err(CliError::new(ExitStatus::Internal, "there is no store")),
        };
        let id = recorder.header().id.clone();
        let name = ready.job.name().to_owned();
        tracing::debug!(directory = %recorder.dir().path().display(), "recording");
        let state_dir = context.settings.state_dir()?;
        let sandbox = sandbox_id(state_dir, &id);
        let options = Options {
            files: begin_with(ready.resumed.as_ref(), &id, context)?,
            state_dir: state_dir_label(state_dir),
            uploads: self.uploads(&ready),
            keep_volume: self.settings.keep || (self.keep_files > 0 && has_files(&ready.job)),
            library: Arc::new(self.library.in_namespace(ready.job.namespace())),
            ..self.options(&sandbox, engine.cores)
        };
        let mask = self.mask();
        let next = next_steps(&id, self.settings, context);
        let sinks = Sinks::new(
            &name,
            Some(recorder),
            self.view.clone(),
            self.events.as_mut(),
            mask,
        );
        let sinks = Mutex::new(sinks);
        // Without signals the run continues; it can still be killed.
        let signals = self
            .signals
            .get_or_insert_with(|| listen().unwrap_or_else(|_| unbounded_channel().1));
        let (ended, asked) =
            drive(ready.job, engine.engine.clone(), options, &sinks, signals).await;
        let mut sinks = sinks.into_inner().unwrap_or_else(PoisonError::into_inner);
        if ended.is_err() {
            sinks.cut_off();
        }
        let notes = notes(ended.as_ref().ok(), ready.resumed.as_ref(), sinks.record());
        let (recorder, mut record) = sinks
            .finish(&next, &notes)
            .map_err(|error| unwritable("output or error", &error))?;
        if let Some(resumed) = ready.resumed.as_ref().filter(|_| !began(&record)) {
            give_back(resumed)?;
        }
        if !record.is_finished() && ended.is_err() {
            record.interrupted(Timestamp::now());
        }
        self.keep(&record);
        let of_signal = asked.exit_status();
        if let (Ok(ended), Some(store)) = (&ended, &self.store)
            && ended.condition.is_true()
            && ended.volume_kept
        {
            let engine = &engine.engine;
            remove_older_files(store, &id, self.keep_files, engine, context).await?;
        }
        let status = match (ended, of_signal) {
            (Err(ExecuteError::Killed), _) => of_signal.unwrap_or(ExitStatus::Terminated),
            (Err(error), _) => {
                let next = if began(&record) { next } else { Vec::new() };
                let failure = execute_error(&error, recorder.as_ref());
                return Err(next.iter().fold(failure, |failure, (line, does)| {
                    failure.hint(format!("{does}: {line}"))
                }));
            }
            (Ok(_), Some(status)) => status,
            (Ok(ended), None) => status_of(&ended),
        };
        Ok(Outcome {
            status,
            interrupted: of_signal.is_some(),
        })
    }

    /// Shows a run that cannot start: its object and its events, but no record.
    pub(crate) fn reject(&mut self, refused: Rejected) -> Result<Outcome, CliError> {
        let condition = refused.condition();
        let Rejected { kind, object, .. } = refused;
        let name = object.pointer("/metadata/name").and_then(Value::as_str);
        let name = name.unwrap_or_default().to_owned();
        let quiet = View {
            quiet: true,
            is_live: false,
            err: OutStream::new("nothing", io::sink()),
            ..self.view.clone()
        };
        let mask = self.mask();
        let mut sinks = Sinks::new(&name, None, quiet, self.events.as_mut(), mask);
        for event in rejected(kind, object, &condition) {
            sinks
                .event(event)
                .map_err(|error| unwritable("output or error", &error))?;
        }
        let (_, record) = sinks
            .finish(&[], &[])
            .map_err(|error| unwritable("output or error", &error))?;
        self.keep(&record);
        Ok(Outcome {
            status: ExitStatus::Invalid,
            interrupted: false,
        })
    }

    /// Prints the objects when they were asked for.
    pub(crate) fn finish(self, context: &mut Context) -> Result<(), CliError> {
        match self.settings.format {
            Some(format) => {
                let is_list = self.settings.with_taskruns || self.runs > 1;
                context.write_out(&format.text(self.objects, is_list)?)
            }
            None => Ok(()),
        }
    }

    fn mask(&self) -> Mask {
        if self.settings.no_mask {
            Mask::default()
        } else {
            Mask::new(self.masker.clone())
        }
    }

    fn keep(&mut self, record: &Record) {
        self.runs += 1;
        let mut objects = record.objects();
        if !self.settings.with_taskruns {
            objects.truncate(1);
        }
        if self.settings.format.is_some() {
            self.objects.extend(objects);
        }
    }

    /// The head of a run of which a part is not to run.
    fn tell_decisions(&self, ready: &Ready) -> Result<(), CliError> {
        if self.view.quiet {
            return Ok(());
        }
        let Some(text) = ready.decisions(self.view.err_style)? else {
            return Ok(());
        };
        let text = if self.settings.no_mask {
            text
        } else {
            self.masker.text(&text)
        };
        let mut err = self.view.err.clone();
        err.write_all(text.as_bytes())
            .and_then(|()| err.flush())
            .map_err(|error| unwritable("error", &error))
    }

    fn new_run(&self, ready: &Ready, context: &Context) -> NewRun {
        let job = &ready.job;
        let object = job.object();
        let taken = ready.resumed.as_ref().map(|resumed| &resumed.carrying);
        let taken = taken.filter(|carrying| carrying.takes());
        NewRun {
            name: job.name().to_owned(),
            kind: job::kind_of(job),
            definition: job::definition_of(&object),
            created_at: Timestamp::now(),
            argv: without_values(&context.argv),
            cwd: context.settings.environment.cwd.clone(),
            inputs: self.manifests.clone(),
            resumed_from: ready.source().map(str::to_owned),
            settings: json!({
                "engineHost": context.settings.engine_host,
                "engine": context.settings.environment.engine,
                "origin": ready.origin,
                "given": self.settings.given,
                "keep": self.settings.keep,
                "claims": claims_of(job),
                "volume": taken.map(Carrying::volume),
            }),
            resolved: {
                let mut resolved = job.resolved();
                if !self.settings.no_mask {
                    self.masker.value(&mut resolved);
                }
                resolved
            },
            contents: ready.directories.now.clone(),
        }
    }

    /// The directories that are copied into workspaces; not those whose copies are taken over.
    fn uploads(&self, ready: &Ready) -> Vec<(String, PathBuf)> {
        let mut uploads = self.settings.overrides.uploads();
        if let Some(resumed) = &ready.resumed {
            uploads.retain(|(workspace, _)| !resumed.carrying.keeps(workspace));
        }
        uploads
    }

    fn options(&self, run_id: &str, cores: usize) -> Options {
        Options {
            run_id: run_id.to_owned(),
            state_dir: String::new(),
            jobs: self.settings.jobs.unwrap_or(cores.max(FEWEST_JOBS)),
            images: self.settings.images.clone(),
            permissions: self.settings.permissions.clone(),
            uploads: Vec::new(),
            library: Arc::clone(&self.library),
            grace: GRACE,
            files: Files::Fresh,
            keep_volume: false,
        }
    }
}

/// The claims a run uses by its workspaces: who resumes another run asks for them.
fn claims_of(job: &Job) -> Vec<String> {
    match job {
        Job::Pipeline(plan) => claims(plan).map(|(_, claim)| claim).collect(),
        Job::Task(_) => Vec::new(),
    }
}

/// Runs a job while signals are heard, pulls are shown and the live view moves.
async fn drive<E: Engine>(
    job: Job,
    engine: E,
    options: Options,
    sinks: &Mutex<Sinks<'_>>,
    signals: &mut UnboundedReceiver<Heard>,
) -> (Result<Ended, ExecuteError>, Asked) {
    let locked = || sinks.lock().unwrap_or_else(PoisonError::into_inner);
    let (interrupt, interrupts) = unbounded_channel();
    let (waited, mut waits) = unbounded_channel::<Waiting>();
    let progress = Arc::new(move |waiting| drop(waited.send(waiting)));
    let running = run(job, engine, options, interrupts, progress, |message| {
        locked().message(&message)
    });
    let mut asked = Asked::default();
    let ended = {
        tokio::pin!(running);
        let mut ticks = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                ended = &mut running => break ended,
                Some(heard) = signals.recv() => {
                    asked = heard.asked;
                    drop(locked().notice(heard.line));
                    // A run that has ended hears nothing.
                    interrupt.send(heard.interrupt).unwrap_or_default();
                }
                Some(waiting) = waits.recv() => locked().waiting(waiting),
                _ = ticks.tick() => drop(locked().tick()),
            }
        }
    };
    (ended, asked)
}

fn status_of(ended: &Ended) -> ExitStatus {
    use crate::status::ConditionStatus::{False, True, Unknown};
    match ended.condition.status {
        // A run that its file asks to be left pending is where it should be.
        True | Unknown => ExitStatus::Success,
        False => ExitStatus::RunFailed,
    }
}

/// What was read, without the values of Secrets. Of what came from a record, the file it was is
/// remembered.
fn manifests(
    catalog: &Catalog,
    copies: Vec<Manifest>,
    cwd: &Path,
    masker: &Masker,
) -> Vec<Manifest> {
    let recorded = |text: &str| {
        without_secrets(text, |secret| masker.replace(secret, RECORDED_SECRET)).into_bytes()
    };
    let mut copies = copies.into_iter().peekable();
    let sources = catalog.sources().iter();
    sources
        .map(|source| {
            let copy =
                copies.next_if(|copy| source.path().is_none() && copy.given == source.name());
            copy.unwrap_or_else(|| Manifest {
                given: source.name().to_owned(),
                path: source.path().map(|path| absolute(path, cwd)),
                content: recorded(source.text()),
            })
        })
        .collect()
}

fn absolute(path: &Path, cwd: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| cwd.join(path))
}
