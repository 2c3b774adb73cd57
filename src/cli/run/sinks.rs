//! Where the messages of one run go: the recorder first, then people, then other programs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::cli::args::run_settings::{EventsTarget, RunSettings};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::settings::terminal_size;
use crate::cli::stream::OutStream;
use crate::event::{Event, EventKind, Message, Record, RunEvent, TaskRunEvent};
use crate::execute::Silent;
use crate::execute::images::Waiting;
use crate::mask::Mask;
use crate::report::{Json, Live, Outro, Plain, PlainOptions, Reporter, Style, bytes, clean};
use crate::sandbox::PullProgress;
use crate::state::Recorder;

/// How a run is shown.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// Takes the logs.
    pub(crate) out: OutStream,
    /// Takes everything else.
    pub(crate) err: OutStream,
    /// Rows of what runs are drawn on the terminal of standard error.
    pub(crate) is_live: bool,
    /// Logs go to that terminal too.
    pub(crate) is_shared: bool,
    /// No changes of state, no notices; of the summary only what failed.
    pub(crate) quiet: bool,
    /// How the logs look.
    pub(crate) out_style: Style,
    /// How everything else looks.
    pub(crate) err_style: Style,
}

impl View {
    /// How the runs of a command line are shown: without logs where stdout is for programs.
    pub(crate) fn new(settings: &RunSettings, context: &Context) -> Self {
        let global = &context.settings;
        let environment = &global.environment;
        let logs_are_shown =
            settings.format.is_none() && settings.events != Some(EventsTarget::Stdout);
        let is_live = environment.stderr.can_draw()
            && !settings.no_progress
            && !global.quiet
            && global.verbose == 0;
        Self {
            out: if logs_are_shown {
                context.out.clone()
            } else {
                OutStream::new("nothing", io::sink())
            },
            err: context.err.clone(),
            is_live,
            is_shared: logs_are_shown && environment.stdout.is_terminal,
            quiet: global.quiet,
            out_style: global.out,
            err_style: global.err,
        }
    }

    fn reporter(&self) -> Reporter<OutStream, OutStream> {
        let options = PlainOptions {
            quiet: self.quiet,
            to_terminal: self.is_shared,
            out: self.out_style,
            err: self.err_style,
            ..PlainOptions::default()
        };
        let (out, err) = (self.out.clone(), self.err.clone());
        if self.is_live {
            let size = Box::new(terminal_size);
            Reporter::live(Live::new(out, err, self.is_shared, options, size))
        } else {
            Reporter::plain(Plain::new(out, err, options))
        }
    }
}

/// What `--events` asks for.
pub(crate) fn event_stream(
    settings: &RunSettings,
    context: &Context,
) -> Result<Option<Json<OutStream>>, CliError> {
    let stream = match &settings.events {
        None => return Ok(None),
        Some(EventsTarget::Stdout) => context.out.clone(),
        Some(EventsTarget::File(path)) => {
            let file = create(path).map_err(|error| {
                CliError::usage(format!("cannot write events to {}", path.display()))
                    .cause(error.to_string())
            })?;
            OutStream::to_device(
                "the file of --events",
                file,
                context.settings.environment.unicode,
            )
        }
    };
    Ok(Some(Json::new(stream)))
}

/// Makes or empties a file that its owner alone can read; one that is there keeps its mode.
fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The sinks of one run. A sink that fails cancels the run.
#[derive(Debug)]
pub(crate) struct Sinks<'a> {
    recorder: Option<Recorder>,
    reporter: Reporter<OutStream, OutStream>,
    events: Option<&'a mut Json<OutStream>>,
    mask: Mask,
    view: View,
    pulls: BTreeMap<String, (u64, u64)>,
    run: String,
    is_cut_off: bool,
    copy_since: Option<Instant>,
    copy_is_told: bool,
    /// It was said that the engine or the sandbox is silent.
    is_silent: bool,
}

impl<'a> Sinks<'a> {
    /// The sinks of the run of this name. Without a recorder nothing is kept.
    pub(crate) fn new(
        run: &str,
        recorder: Option<Recorder>,
        view: View,
        events: Option<&'a mut Json<OutStream>>,
        mask: Mask,
    ) -> Self {
        Self {
            recorder,
            reporter: view.reporter(),
            events,
            mask,
            view,
            pulls: BTreeMap::new(),
            run: run.to_owned(),
            is_cut_off: false,
            copy_since: None,
            copy_is_told: false,
            is_silent: false,
        }
    }

    /// Notes that the run was cut off before its end: there is nothing to sum up.
    pub(crate) const fn cut_off(&mut self) {
        self.is_cut_off = true;
    }

    /// The run so far.
    pub(crate) const fn record(&self) -> &Record {
        self.reporter.record()
    }

    /// Hands a message to all, without the values of Secrets.
    pub(crate) fn message(&mut self, message: &Message) -> io::Result<()> {
        let mut mask = std::mem::take(&mut self.mask);
        let handed = mask.message(message, |message| self.hand_on(message));
        self.mask = mask;
        handed
    }

    fn hand_on(&mut self, message: &Message) -> io::Result<()> {
        if let Some(recorder) = &mut self.recorder {
            recorder.message(message).map_err(io::Error::other)?;
        }
        if let Message::Event(event) = message
            && matches!(
                event.kind,
                EventKind::TaskRun {
                    event: TaskRunEvent::Started { .. },
                    ..
                }
            )
            && (!self.pulls.is_empty() || self.copy_is_told)
        {
            self.pulls.clear();
            self.copy_is_told = false;
            self.reporter.activity(None);
        }
        self.reporter.message(message)?;
        match &mut self.events {
            Some(events) => events.message(message),
            None => Ok(()),
        }
    }

    /// States a fact of the command line's own.
    pub(crate) fn event(&mut self, kind: impl Into<EventKind>) -> io::Result<()> {
        let event = Event {
            at: jiff::Timestamp::now(),
            run: self.run.clone(),
            kind: kind.into(),
        };
        self.message(&Message::Event(Box::new(event)))
    }

    /// Tells the user something, and remembers it.
    pub(crate) fn notice(&mut self, message: impl Into<String>) -> io::Result<()> {
        let message = message.into();
        self.event(RunEvent::Notice { message })
    }

    /// Shows how far something is that takes a while.
    pub(crate) fn waiting(&mut self, waiting: Waiting) {
        match waiting {
            Waiting::Pull(progress) => self.pull(progress),
            Waiting::Copy(copied) => self.copy(copied),
            Waiting::Silent(silent, silence) => self.silent(silent, silence),
            Waiting::Answered(silence) => self.answered(silence),
        }
    }

    /// Says once who is silent, and in the live view for how long.
    fn silent(&mut self, silent: Silent, silence: Duration) {
        let (who, advice) = match silent {
            Silent::Engine => (
                "the container engine",
                "it may be stopped or overloaded, and the steps may still run",
            ),
            Silent::Sandbox => (
                "the sandbox container",
                "it may be paused, or its machine overloaded",
            ),
        };
        let who_and_how_long = format!("{who} has not answered for {} s", silence.as_secs());
        if !std::mem::replace(&mut self.is_silent, true) {
            // The run does not depend on what is shown on the way.
            drop(self.notice(format!(
                "{who_and_how_long}: {advice}; waiting for it, Ctrl-C cancels the run"
            )));
        }
        self.reporter.activity(Some(&who_and_how_long));
    }

    fn answered(&mut self, silence: Duration) {
        self.is_silent = false;
        self.reporter.activity(None);
        drop(self.notice(format!("it answers again, after {} s", silence.as_secs())));
    }

    /// What takes less than a second is not worth a line.
    fn copy(&mut self, copied: u64) {
        let since = *self.copy_since.get_or_insert_with(Instant::now);
        if since.elapsed() < Duration::from_secs(1) {
            return;
        }
        if !std::mem::replace(&mut self.copy_is_told, true)
            && !self.view.is_live
            && !self.view.quiet
        {
            // What is shown on the way is no matter when it cannot be.
            drop(writeln!(
                self.view.err,
                "copying workspaces, {} so far",
                bytes(copied)
            ));
        }
        let text = format!("copying workspaces: {}", bytes(copied));
        self.reporter.activity(Some(&text));
    }

    /// Shows how far a pull is.
    fn pull(&mut self, progress: PullProgress) {
        let PullProgress {
            image,
            current,
            total,
        } = progress;
        let is_new = self.pulls.insert(image.clone(), (current, total)).is_none();
        if is_new && !self.view.is_live && !self.view.quiet {
            // What is shown on the way is no matter when it cannot be.
            drop(writeln!(self.view.err, "pulling {}", clean(&image)));
        }
        let texts: Vec<String> = self
            .pulls
            .iter()
            .filter(|(_, (current, total))| *total == 0 || current < total)
            .map(|(image, (current, total))| pull_text(image, *current, *total))
            .collect();
        let text = format!("pulling {}", texts.join(", "));
        self.reporter.activity((!texts.is_empty()).then_some(&text));
    }

    /// To be called about ten times a second.
    pub(crate) fn tick(&mut self) -> io::Result<()> {
        self.reporter.tick()
    }

    /// Writes what is left, and the summary of a run that has ended. Returns the recorder and the
    /// final record.
    pub(crate) fn finish(
        mut self,
        next: &[(String, String)],
        notes: &[String],
    ) -> io::Result<(Option<Recorder>, Record)> {
        for message in self.mask.finish() {
            self.hand_on(&message)?;
        }
        self.reporter.finish()?;
        if let Some(events) = &mut self.events {
            events.finish()?;
        }
        let succeeded = self
            .record()
            .root_condition()
            .is_some_and(crate::status::Condition::is_true);
        let logs = self.recorder.as_ref().map(|recorder| recorder.dir().logs());
        let has_ended = !self.is_cut_off;
        if has_ended && !(self.view.quiet && succeeded) {
            self.reporter.summary(Outro {
                logs: logs.as_deref(),
                next,
                notes,
                style: self.view.err_style,
            })?;
        }
        let record = self.reporter.record().clone();
        Ok((self.recorder, record))
    }
}

fn pull_text(image: &str, current: u64, total: u64) -> String {
    if total == 0 {
        return clean(image).into_owned();
    }
    format!(
        "{} {} of {} MB",
        clean(image),
        current / 1_000_000,
        total.div_ceil(1_000_000)
    )
}
