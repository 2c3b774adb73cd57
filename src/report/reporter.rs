//! The sink people look at: lines or a live view, and the summary at the end of both.

use std::io::{self, Write};

use super::live::{Device, Live};
use super::plain::Plain;
use super::summary::{Outro, Tails, write_summary};
use crate::event::{Message, Record};

/// What is known of where output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts of the environment, independent of each other"
)]
pub struct Terminal {
    /// It is a terminal.
    pub is_terminal: bool,
    /// `TERM=dumb`: no cursor to move, no colours.
    pub is_dumb: bool,
    /// `NO_COLOR` is set.
    pub no_color: bool,
    /// `FORCE_COLOR` or `CLICOLOR_FORCE` is set.
    pub force_color: bool,
    /// `CI` is set: a log keeps everything that is drawn.
    pub is_ci: bool,
}

impl Terminal {
    /// Whether rows can be drawn on it.
    pub const fn can_draw(self) -> bool {
        self.is_terminal && !self.is_dumb && !self.is_ci
    }

    /// Whether to use colours when the command line does not say. `NO_COLOR` takes precedence
    /// over the variables that force them.
    pub const fn has_color(self) -> bool {
        !self.no_color && (self.force_color || (self.is_terminal && !self.is_dumb))
    }
}

/// Shows a run to a person.
#[derive(Debug)]
pub struct Reporter<O, E> {
    view: View<O, E>,
    tails: Tails,
}

#[derive(Debug)]
enum View<O, E> {
    Plain(Box<Plain<O, E>>),
    Live(Box<Live<O, E>>),
}

impl<O: Write, E: Device> Reporter<O, E> {
    /// As lines.
    pub fn plain(plain: Plain<O, E>) -> Self {
        Self {
            view: View::Plain(Box::new(plain)),
            tails: Tails::default(),
        }
    }

    /// As a live view.
    pub fn live(live: Live<O, E>) -> Self {
        Self {
            view: View::Live(Box::new(live)),
            tails: Tails::default(),
        }
    }

    /// The run so far.
    pub const fn record(&self) -> &Record {
        match &self.view {
            View::Plain(plain) => plain.record(),
            View::Live(live) => live.record(),
        }
    }

    /// Shows a message.
    pub fn message(&mut self, message: &Message) -> io::Result<()> {
        self.tails.message(message);
        match &mut self.view {
            View::Plain(plain) => plain.message(message),
            View::Live(live) => live.message(message),
        }
    }

    /// To be called about ten times a second.
    pub fn tick(&mut self) -> io::Result<()> {
        match &mut self.view {
            View::Plain(_) => Ok(()),
            View::Live(live) => live.tick(),
        }
    }

    /// Shows what happens next to the tasks, in the live view only; `None` ends it.
    pub fn activity(&mut self, text: Option<&str>) {
        match &mut self.view {
            View::Plain(_) => {}
            View::Live(live) => live.activity(text),
        }
    }

    /// Writes what is left. Nothing is drawn afterwards.
    pub fn finish(&mut self) -> io::Result<()> {
        match &mut self.view {
            View::Plain(plain) => plain.finish(),
            View::Live(live) => live.finish(),
        }
    }

    /// Writes the summary, after [`Reporter::finish`].
    pub fn summary(&mut self, outro: Outro<'_>) -> io::Result<()> {
        let tails = &self.tails;
        let mut text = Vec::new();
        let record = match &self.view {
            View::Plain(plain) => plain.record(),
            View::Live(live) => live.record(),
        };
        write_summary(&mut text, record, tails, outro)?;
        let (_, err) = match &mut self.view {
            View::Plain(plain) => plain.writers(),
            View::Live(live) => live.writers(),
        };
        err.write_all(&text)?;
        err.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::{Reporter, Terminal};
    use crate::report::sample::failing_run;
    use crate::report::{Outro, Plain, PlainOptions, Style};

    #[test]
    fn rows_need_a_terminal_that_can_move_and_forget() {
        let terminal = Terminal {
            is_terminal: true,
            ..Terminal::default()
        };
        assert!(terminal.can_draw() && terminal.has_color());
        for (no, draws, colors) in [
            (
                Terminal {
                    is_terminal: false,
                    ..terminal
                },
                false,
                false,
            ),
            (
                Terminal {
                    is_dumb: true,
                    ..terminal
                },
                false,
                false,
            ),
            (
                Terminal {
                    is_ci: true,
                    ..terminal
                },
                false,
                true,
            ),
            (
                Terminal {
                    no_color: true,
                    ..terminal
                },
                true,
                false,
            ),
        ] {
            assert_eq!((no.can_draw(), no.has_color()), (draws, colors), "{no:?}");
        }
    }

    #[test]
    fn the_summary_follows_the_lines() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let plain = Plain::new(&mut out, &mut err, PlainOptions::default());
        let mut reporter = Reporter::plain(plain);
        for message in failing_run() {
            reporter.message(&message).unwrap();
        }
        reporter.finish().unwrap();
        reporter
            .summary(Outro {
                notes: &[],
                logs: None,
                next: &[],
                style: Style::PLAIN,
            })
            .unwrap();
        drop(reporter);
        let err = String::from_utf8(err).unwrap();
        let verdict = "x PipelineRun ci: Failed (3m10s)\n  Tasks Completed: 3 (Failed: 1, Cancelled 0), Skipped: 1\n";
        assert!(err.ends_with(verdict), "{err}");
        assert!(err.starts_with("> PipelineRun ci started\n"));
    }
}
