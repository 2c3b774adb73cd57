//! A terminal: what runs at the bottom, everything else scrolling above it.
//!
//! Invariants:
//!
//! * [`Plain`] says what is written; this sink only decides when, so both show the same lines.
//! * While rows are on the screen nothing is written to the terminal except between
//!   [`Screen::erase`] and [`Screen::draw`].
//! * A row never has more than one line, whatever the width, and there are never more than
//!   [`MOST_ROWS`], so that rows never scroll.
//! * Text in a row has no controls; everything but the rows passes the filter of the streams.
//! * There is no thread: the caller calls [`Live::tick`] about ten times a second.
//! * After [`Live::finish`] no row is on the screen.

use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::device::Device;
use super::screen::{Screen, TerminalSize};
use crate::event::{Event, EventKind, Message, Record, RunEvent, TaskRunEvent};
use crate::report::plain::{Plain, PlainOptions, label};
use crate::report::style::{Style, clean, duration};
use crate::report::summary::quote;
use crate::terminal::last_version;

/// How many rows there are at most; the last then tells of the others.
const MOST_ROWS: usize = 8;
/// Output waits so long for more before it is written, and no longer than the next tick.
const HOLD: Duration = Duration::from_millis(50);
/// Output held back is never more than this.
const HELD_BYTES: usize = 256 << 10;
/// How much of a last line is kept.
const LAST_BYTES: usize = 300;

/// Asks how large the terminal is now.
pub type AskSize = Box<dyn Fn() -> TerminalSize + Send>;

/// Rows of what runs, and what [`Plain`] writes above them.
pub struct Live<O, E> {
    plain: Plain<Vec<u8>, Vec<u8>>,
    out: O,
    err: E,
    shared: bool,
    size: AskSize,
    screen: Screen,
    style: Style,
    rows: Vec<Row>,
    activity: Option<String>,
    written: Instant,
}

impl<O: fmt::Debug, E: fmt::Debug> fmt::Debug for Live<O, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live")
            .field("screen", &self.screen)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
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

impl<O: Write, E: Device> Live<O, E> {
    /// A sink that draws on the terminal that `err` writes to. `shared` says whether `out` writes
    /// to the same terminal; `size` is how large it is.
    pub fn new(out: O, err: E, shared: bool, options: PlainOptions, size: AskSize) -> Self {
        let options = PlainOptions {
            to_terminal: shared,
            ..options
        };
        Self {
            plain: Plain::new(Vec::new(), Vec::new(), options),
            out,
            err,
            shared,
            size,
            screen: Screen::default(),
            style: options.err,
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

    /// Shows what happens before or beside the tasks, such as a pull; `None` ends it.
    pub fn activity(&mut self, text: Option<&str>) {
        self.activity = text.map(|text| clean(text).into_owned());
    }

    /// Draws again: time has passed.
    pub fn tick(&mut self) -> io::Result<()> {
        self.screen.turn();
        self.write(true)?;
        self.draw()
    }

    /// Takes the rows off the screen and writes what is left.
    pub fn finish(&mut self) -> io::Result<()> {
        self.rows.clear();
        self.activity = None;
        self.plain.finish()?;
        self.write(true)?;
        self.draw()
    }

    fn follow(&mut self, event: &Event) {
        match &event.kind {
            EventKind::TaskRun {
                task_run,
                event: change,
            } => self.follow_task_run(&event.run, task_run, change),
            EventKind::Run(RunEvent::Finished { .. }) => {
                self.rows.retain(|row| row.run != event.run);
            }
            EventKind::Run(_) => {}
        }
    }

    fn follow_task_run(&mut self, run: &str, task_run: &str, event: &TaskRunEvent) {
        match event {
            TaskRunEvent::Started { .. } => {
                let label = label(self.record(), run, task_run);
                self.remove_row(run, task_run);
                self.rows.push(Row {
                    run: run.to_owned(),
                    task_run: task_run.to_owned(),
                    label,
                    step: String::new(),
                    last: Vec::new(),
                    since: Instant::now(),
                });
            }
            TaskRunEvent::StepStarted { step, .. } => {
                if let Some(row) = self.row(run, task_run) {
                    row.step.clone_from(&step.name);
                    row.last.clear();
                }
            }
            TaskRunEvent::StepPaused { step, .. } => {
                if let Some(row) = self.row(run, task_run) {
                    row.step.clone_from(step);
                    row.last = b"waits".to_vec();
                }
            }
            TaskRunEvent::Retried { .. } | TaskRunEvent::Finished { .. } => {
                self.remove_row(run, task_run);
            }
            TaskRunEvent::SidecarStarted { .. }
            | TaskRunEvent::SidecarFinished { .. }
            | TaskRunEvent::StepFinished { .. } => {}
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
        let is_on_screen = self.shared || !lines.is_empty();
        if is_on_screen && self.screen.has_rows() {
            let rows = self.screen.erase((self.size)());
            self.err.steer(&rows)?;
            self.err.flush()?;
        }
        self.out.write_all(text)?;
        self.out.flush()?;
        self.err.write_all(lines)?;
        text.clear();
        lines.clear();
        self.written = Instant::now();
        if is_on_screen {
            self.draw()?;
        }
        Ok(())
    }

    fn draw(&mut self) -> io::Result<()> {
        let rows = self.texts();
        let size = (self.size)();
        let text = if rows.is_empty() {
            self.screen.erase(size)
        } else {
            self.screen.draw(&rows, size, self.style)
        };
        self.err.steer(&text)?;
        self.err.flush()
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

/// The last line in `data` that says something, not all of it when it is long.
fn last_line(data: &[u8]) -> Option<&[u8]> {
    let end = data.iter().rposition(|byte| !byte.is_ascii_whitespace())? + 1;
    let start = data[..end].iter().rposition(|byte| *byte == b'\n');
    let line = last_version(&data[start.map_or(0, |at| at + 1)..end]);
    Some(&line[..line.len().min(LAST_BYTES)])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Live, MOST_ROWS};
    use crate::report::PlainOptions;
    use crate::report::live::glass::Glass;
    use crate::report::sample::{begun, created, failing_run, log, started, step_started};

    fn live(rows: usize, columns: usize) -> (Glass, Live<Glass, Glass>) {
        let term = Glass::new(rows, columns);
        let asked = term.clone();
        let live = Live::new(
            term.clone(),
            term.clone(),
            true,
            PlainOptions::default(),
            Box::new(move || asked.size()),
        );
        (term, live)
    }

    /// The screen without spinners and times, which depend on the clock.
    fn contents(term: &Glass) -> Vec<String> {
        term.lines()
            .iter()
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
            let shown = packed(&term.lines().join("\n"));
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
        assert_eq!(term.lines(), [""; 0]);
    }

    /// A run of two tasks, each with a row.
    fn two_rows(rows: usize, columns: usize) -> (Glass, Live<Glass, Glass>) {
        let (term, mut live) = live(rows, columns);
        for message in [
            started(0, &["a", "b"]),
            created(0, "a", "ci-a", &json!([])),
            created(0, "b", "ci-b", &json!([])),
            begun(1, "ci-a", 0, &["x"]),
            begun(1, "ci-b", 0, &["y"]),
            step_started(1, "ci-a", "x"),
            log("a", "ci-a", "x", format!("{}\n", "w".repeat(50))),
        ] {
            live.message(&message).unwrap();
        }
        live.tick().unwrap();
        (term, live)
    }

    fn rows_of(term: &Glass, label: &str) -> usize {
        let lines = contents(term).into_iter();
        lines
            .filter(|line| line.split(' ').next() == Some(label))
            .count()
    }

    #[test]
    fn what_a_terminal_echoes_leaves_no_row_behind() {
        let (mut term, mut live) = two_rows(12, 60);
        std::io::Write::write_all(&mut term, b"^C").unwrap();
        live.tick().unwrap();
        assert_eq!((rows_of(&term, "a"), rows_of(&term, "b")), (1, 1));
        assert!(!term.lines().join("\n").contains("^C"));
    }

    #[test]
    fn a_change_of_width_leaves_no_row_behind() {
        let (term, mut live) = two_rows(40, 70);
        for columns in [25, 13, 50, 120, 20] {
            term.resize(columns);
            live.tick().unwrap();
            live.tick().unwrap();
            let shown = contents(&term);
            assert_eq!(
                (rows_of(&term, "a"), rows_of(&term, "b")),
                (1, 1),
                "{shown:?}"
            );
        }
        live.finish().unwrap();
        assert_eq!((rows_of(&term, "a"), rows_of(&term, "b")), (0, 0));
    }

    #[test]
    fn rows_never_scroll() {
        let (term, mut live) = two_rows(2, 60);
        live.tick().unwrap();
        assert_eq!((rows_of(&term, "a"), rows_of(&term, "b")), (1, 0));
    }
}
