//! A terminal: what runs at the bottom, everything else scrolling above it.
//!
//! Invariants:
//!
//! * [`Plain`] says what is written; this sink only decides when, so both show the same lines.
//! * While rows are on the screen nothing is written to the terminal but through
//!   [`MultiProgress::suspend`], which takes the rows away, writes, and draws them again.
//! * A row never has more than one line, whatever the width, and there are never more than
//!   [`MOST_ROWS`], so that rows never scroll.
//! * Text in a row has no controls; log lines are tamed when they share the terminal.
//! * There is no thread: the caller calls [`Live::tick`] about ten times a second.
//! * After [`Live::finish`] no row is on the screen.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::event::{Event, EventKind, Message, Record};
use crate::report::plain::printer::{Plain, PlainOptions};
use crate::report::plain::state_line::label;
use crate::report::style::{Style, clean, duration};
use crate::report::summary::tails::quote;

/// How many rows there are at most; the last then tells of the others.
const MOST_ROWS: usize = 8;
/// Output waits so long for more before it is written, and no longer than the next tick.
const HOLD: Duration = Duration::from_millis(50);
/// Output held back is never more than this.
const HELD_BYTES: usize = 256 << 10;
/// How much of a last line is kept.
const LAST_BYTES: usize = 300;

/// Rows of what runs on `target`, and what [`Plain`] writes above them.
#[derive(Debug)]
pub struct Live<O, E> {
    plain: Plain<Vec<u8>, Vec<u8>>,
    out: O,
    err: E,
    shared: bool,
    multi: MultiProgress,
    style: Style,
    bars: Vec<ProgressBar>,
    rows: Vec<Row>,
    activity: Option<String>,
    written: Instant,
}

#[derive(Debug)]
struct Row {
    run: String,
    task_run: String,
    label: String,
    step: String,
    last: Vec<u8>,
    since: Instant,
}

impl<O: Write, E: Write> Live<O, E> {
    /// A sink that draws on standard error, where `err` must write as well. `shared` says whether
    /// `out` writes to the same terminal.
    pub fn on_stderr(out: O, err: E, shared: bool, options: PlainOptions) -> Self {
        Self::new(out, err, ProgressDrawTarget::stderr(), shared, options)
    }

    /// A sink that draws on `target`. `err` writes to the same terminal; `shared` says whether
    /// `out` does as well.
    pub fn new(
        out: O,
        err: E,
        target: ProgressDrawTarget,
        shared: bool,
        options: PlainOptions,
    ) -> Self {
        let options = PlainOptions {
            tame: shared,
            ..options
        };
        Self {
            plain: Plain::new(Vec::new(), Vec::new(), options),
            out,
            err,
            shared,
            multi: MultiProgress::with_draw_target(target),
            style: options.err,
            bars: Vec::new(),
            rows: Vec::new(),
            activity: None,
            written: Instant::now(),
        }
    }

    /// The run so far.
    pub const fn record(&self) -> &Record {
        self.plain.record()
    }

    /// The two writers.
    pub const fn writers(&mut self) -> (&mut O, &mut E) {
        (&mut self.out, &mut self.err)
    }

    /// Shows a message.
    pub fn message(&mut self, message: &Message) -> io::Result<()> {
        self.plain.message(message)?;
        match message {
            Message::Event(event) => self.follow(event),
            Message::Log(chunk) => {
                let source = &chunk.source;
                let row = self.row(&source.run, &source.task_run);
                if let Some(row) = row.filter(|_| !source.sidecar) {
                    row.step.clone_from(&source.container);
                    if let Some(line) = last_line(&chunk.data) {
                        row.last = line.to_vec();
                    }
                }
            }
        }
        self.write(false)
    }

    /// Shows what goes on before or beside the tasks, such as a pull; `None` ends it.
    pub fn activity(&mut self, text: Option<&str>) {
        self.activity = text.map(|text| clean(text).into_owned());
        self.draw();
    }

    /// Draws again: time has passed.
    pub fn tick(&mut self) -> io::Result<()> {
        self.write(true)?;
        self.draw();
        for bar in &self.bars {
            bar.tick();
        }
        Ok(())
    }

    /// Takes the rows off the screen and writes what is left.
    pub fn finish(&mut self) -> io::Result<()> {
        self.rows.clear();
        self.activity = None;
        self.draw();
        self.multi.clear()?;
        self.plain.finish()?;
        self.write(true)
    }

    fn follow(&mut self, event: &Event) {
        match &event.kind {
            EventKind::TaskRunStarted { task_run, .. } => {
                let label = label(self.record(), &event.run, task_run);
                self.remove_row(&event.run, task_run);
                self.rows.push(Row {
                    run: event.run.clone(),
                    task_run: task_run.clone(),
                    label,
                    step: String::new(),
                    last: Vec::new(),
                    since: Instant::now(),
                });
                self.draw();
            }
            EventKind::StepStarted { task_run, step, .. } => {
                if let Some(row) = self.row(&event.run, task_run) {
                    row.step.clone_from(&step.name);
                    row.last.clear();
                }
                self.draw();
            }
            EventKind::StepPaused { task_run, step, .. } => {
                if let Some(row) = self.row(&event.run, task_run) {
                    row.step.clone_from(step);
                    row.last = b"waits".to_vec();
                }
                self.draw();
            }
            EventKind::TaskRunRetried { task_run, .. }
            | EventKind::TaskRunFinished { task_run, .. } => {
                self.remove_row(&event.run, task_run);
                self.draw();
            }
            EventKind::RunFinished { .. } => {
                self.rows.retain(|row| row.run != event.run);
                self.draw();
            }
            EventKind::RunStarted { .. }
            | EventKind::Notice { .. }
            | EventKind::RunProgress { .. }
            | EventKind::FinallyStarted {}
            | EventKind::TaskSkipped { .. }
            | EventKind::TaskReused { .. }
            | EventKind::TaskRunCreated { .. }
            | EventKind::SidecarStarted { .. }
            | EventKind::SidecarFinished { .. }
            | EventKind::StepFinished { .. }
            | EventKind::ChildRunCreated { .. } => {}
        }
    }

    fn row(&mut self, run: &str, task_run: &str) -> Option<&mut Row> {
        self.rows
            .iter_mut()
            .find(|row| row.task_run == task_run && row.run == run)
    }

    fn remove_row(&mut self, run: &str, task_run: &str) {
        self.rows
            .retain(|row| row.task_run != task_run || row.run != run);
    }

    /// Writes what [`Plain`] has to say: at once when it is a change of state, much, or late.
    fn write(&mut self, now: bool) -> io::Result<()> {
        let (text, lines) = self.plain.writers();
        let due = now
            || !self.shared
            || !lines.is_empty()
            || text.len() >= HELD_BYTES
            || self.written.elapsed() >= HOLD;
        if !due || (text.is_empty() && lines.is_empty()) {
            return Ok(());
        }
        let (out, err) = (&mut self.out, &mut self.err);
        let logs = |out: &mut O| out.write_all(text).and_then(|()| out.flush());
        if self.shared || !lines.is_empty() {
            self.multi.suspend(|| {
                logs(out)?;
                err.write_all(lines)?;
                err.flush()
            })?;
        } else {
            logs(out)?;
        }
        text.clear();
        lines.clear();
        self.written = Instant::now();
        Ok(())
    }

    /// One bar per text: bars are the places on the screen, not the tasks.
    fn draw(&mut self) {
        let texts = self.texts();
        while self.bars.len() > texts.len() {
            if let Some(bar) = self.bars.pop() {
                bar.finish_and_clear();
                self.multi.remove(&bar);
            }
        }
        while self.bars.len() < texts.len() {
            let bar = ProgressBar::new_spinner().with_style(bar_style(self.style));
            self.bars.push(self.multi.add(bar));
        }
        for (bar, text) in self.bars.iter().zip(texts) {
            bar.set_message(text);
        }
    }

    fn texts(&self) -> Vec<String> {
        let activity = self.activity.clone().into_iter();
        let mut texts: Vec<String> = activity.chain(self.rows.iter().map(Row::text)).collect();
        if texts.len() > MOST_ROWS {
            let others = texts.len() - (MOST_ROWS - 1);
            texts.truncate(MOST_ROWS - 1);
            texts.push(format!("and {others} more"));
        }
        texts
    }
}

impl Row {
    fn text(&self) -> String {
        let span = duration(self.since.elapsed());
        let step = clean(&self.step);
        let last = quote(&self.last);
        let label = &self.label;
        match (step.is_empty(), last.is_empty()) {
            (true, _) => format!("{label} {span}"),
            (false, true) => format!("{label} {span} {step}"),
            (false, false) => format!("{label} {span} {step}: {last}"),
        }
    }
}

fn bar_style(style: Style) -> ProgressStyle {
    let spinner = if style.unicode {
        "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "
    } else {
        "-\\|/ "
    };
    let template = if style.color {
        "{spinner:.cyan} {wide_msg}"
    } else {
        "{spinner} {wide_msg}"
    };
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .tick_chars(spinner)
}

/// The last line in `data` that says something, not all of it when it is long.
fn last_line(data: &[u8]) -> Option<&[u8]> {
    let end = data.iter().rposition(|byte| !byte.is_ascii_whitespace())? + 1;
    let start = data[..end].iter().rposition(|byte| *byte == b'\n');
    let line = &data[start.map_or(0, |at| at + 1)..end];
    Some(&line[..line.len().min(LAST_BYTES)])
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use indicatif::{InMemoryTerm, ProgressDrawTarget, TermLike};
    use serde_json::json;

    use super::{Live, MOST_ROWS};
    use crate::report::PlainOptions;
    use crate::report::sample::{begun, created, failing_run, log, started, step_started};

    /// A writer to the terminal the rows are on.
    struct Screen(InMemoryTerm);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let text = String::from_utf8_lossy(bytes).replace('\n', "\r\n");
            self.0.write_str(&text)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn live(rows: u16, columns: u16) -> (InMemoryTerm, Live<Screen, Screen>) {
        let term = InMemoryTerm::new(rows, columns);
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(term.clone()), 255);
        let live = Live::new(
            Screen(term.clone()),
            Screen(term.clone()),
            target,
            true,
            PlainOptions::default(),
        );
        (term, live)
    }

    /// The screen without spinners and times, which depend on the clock.
    fn contents(term: &InMemoryTerm) -> Vec<String> {
        term.contents()
            .lines()
            .map(|line| {
                line.split(' ')
                    .filter(|word| !["-", "\\", "|", "/"].contains(word))
                    .filter(|word| !(word.ends_with('s') && word[..1].parse::<u8>().is_ok()))
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect()
    }

    #[test]
    fn rows_stay_below_what_scrolls() {
        let (term, mut live) = live(12, 60);
        for message in [
            started(0, &["a", "b"]),
            created(0, "a", "ci-a", &json!([])),
            created(0, "b", "ci-b", &json!([])),
            begun(1, "ci-a", 0, &["x"]),
            begun(1, "ci-b", 0, &["y"]),
            step_started(1, "ci-a", "x"),
            log("a", "ci-a", "x", "one\n\x1b[2Jtwo\x1b[5A\nthree"),
        ] {
            live.message(&message).unwrap();
        }
        live.tick().unwrap();
        assert_eq!(
            contents(&term),
            [
                "> PipelineRun ci started",
                "> a started",
                "> b started",
                "[a : x] one",
                "[a : x] two",
                "a x: three",
                "b",
            ]
        );
    }

    /// The characters a screen keeps, however it wraps them.
    fn packed(text: &str) -> String {
        text.chars()
            .filter(|c| !c.is_whitespace() && *c != '\u{fffd}')
            .collect()
    }

    #[test]
    fn nothing_of_the_rows_is_left_at_the_end() {
        for columns in [120, 30] {
            let (term, mut view) = live(60, columns);
            for message in failing_run() {
                view.message(&message).unwrap();
                view.tick().unwrap();
            }
            view.finish().unwrap();
            let mut plain = super::Plain::new(Vec::new(), Vec::new(), PlainOptions::default());
            for message in failing_run() {
                plain.message(&message).unwrap();
            }
            let (out, err) = plain.writers();
            let shown = packed(&term.contents());
            for text in [out, err] {
                for written in String::from_utf8_lossy(text).lines() {
                    let packed = packed(written);
                    assert!(shown.contains(&packed), "{written} at {columns}\n{shown}");
                }
            }
            let (out, err) = plain.writers();
            out.append(err);
            let all = packed(&String::from_utf8_lossy(out));
            assert_eq!(shown.chars().count(), all.chars().count(), "{shown}");
        }
    }

    #[test]
    fn a_row_is_one_line_on_a_narrow_terminal() {
        let (term, mut live) = live(10, 20);
        for message in [
            started(0, &["a"]),
            created(0, "a", "ci-a", &json!([])),
            begun(1, "ci-a", 0, &["x"]),
            step_started(1, "ci-a", "x"),
            log("a", "ci-a", "x", "w".repeat(200)),
        ] {
            live.message(&message).unwrap();
        }
        live.tick().unwrap();
        let screen = contents(&term);
        assert_eq!(screen.len(), 4, "{screen:?}");
        assert!(screen[3].starts_with("a x: ww"), "{screen:?}");
    }

    #[test]
    fn many_tasks_share_the_last_row() {
        let (term, mut live) = live(60, 60);
        let names: Vec<String> = (0..30).map(|n| format!("t{n}")).collect();
        let tasks: Vec<&str> = names.iter().map(String::as_str).collect();
        live.message(&started(0, &tasks)).unwrap();
        for task in &tasks {
            let task_run = format!("ci-{task}");
            live.message(&created(0, task, &task_run, &json!([])))
                .unwrap();
            live.message(&begun(0, &task_run, 0, &["x"])).unwrap();
        }
        live.tick().unwrap();
        let screen = contents(&term);
        assert_eq!(screen.len(), 1 + 30 + MOST_ROWS);
        assert_eq!(screen.last().unwrap(), "and 23 more");
    }

    #[test]
    fn activity_has_a_row_of_its_own() {
        let (term, mut live) = live(10, 60);
        live.activity(Some("pulling busybox\u{1b}[2J"));
        live.tick().unwrap();
        assert_eq!(contents(&term), [r"pulling busybox\u{1b}[2J"]);
        live.activity(None);
        live.finish().unwrap();
        assert_eq!(term.contents(), "");
    }
}
