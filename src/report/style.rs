//! Colours, symbols, durations and plurals.

use std::time::Duration;

use anstyle::AnsiColor;

use crate::event::TaskState;
use crate::status::Timestamp;
pub use crate::terminal::clean;

/// How our own text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// With colours.
    pub color: bool,
    /// With symbols beyond ASCII.
    pub unicode: bool,
}

/// What a line is about, shown by one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Something began.
    Started,
    /// It succeeded.
    Succeeded,
    /// It failed, timed out or was cancelled.
    Failed,
    /// It failed, and its failure is ignored.
    Ignored,
    /// It does not run.
    Skipped,
    /// It runs again.
    Retried,
    /// An earlier success stands for it.
    Reused,
    /// It waits at a breakpoint.
    Paused,
}

/// The colours that tell tasks apart.
const LABELS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::Yellow,
    AnsiColor::Green,
    AnsiColor::BrightCyan,
];

impl Style {
    /// ASCII without colours.
    pub const PLAIN: Self = Self {
        color: false,
        unicode: false,
    };

    /// The symbol of `mark`, in its colour.
    pub fn mark(self, mark: Mark) -> String {
        let (symbol, ascii, color) = match mark {
            Mark::Started => ("▸", ">", AnsiColor::Cyan),
            Mark::Succeeded => ("✓", "+", AnsiColor::Green),
            Mark::Failed => ("✗", "x", AnsiColor::Red),
            Mark::Ignored => ("!", "!", AnsiColor::Yellow),
            Mark::Skipped => ("○", "-", AnsiColor::BrightBlack),
            Mark::Retried => ("↻", "~", AnsiColor::Yellow),
            Mark::Reused => ("=", "=", AnsiColor::Green),
            Mark::Paused => ("‖", "#", AnsiColor::Yellow),
        };
        self.paint(
            color.on_default(),
            if self.unicode { symbol } else { ascii },
        )
    }

    /// The label of the `index`-th task.
    pub fn label(self, index: usize, text: &str) -> String {
        self.paint(LABELS[index % LABELS.len()].on_default(), text)
    }

    /// Text that stands out.
    pub fn bold(self, text: &str) -> String {
        self.paint(anstyle::Style::new().bold(), text)
    }

    /// Text that stands back.
    pub fn dim(self, text: &str) -> String {
        self.paint(AnsiColor::BrightBlack.on_default(), text)
    }

    /// Something that runs.
    pub fn cyan(self, text: &str) -> String {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }

    /// A warning.
    pub fn yellow(self, text: &str) -> String {
        self.paint(AnsiColor::Yellow.on_default(), text)
    }

    /// A state in its colour.
    pub fn state(self, state: TaskState, text: &str) -> String {
        let color = match state {
            TaskState::Succeeded | TaskState::Reused => AnsiColor::Green,
            TaskState::Failed | TaskState::TimedOut | TaskState::Cancelled => AnsiColor::Red,
            TaskState::FailureIgnored => AnsiColor::Yellow,
            TaskState::Running => AnsiColor::Cyan,
            TaskState::NotStarted | TaskState::Skipped(_) => AnsiColor::BrightBlack,
        };
        self.paint(color.on_default(), text)
    }

    /// `…` or its counterpart in ASCII.
    pub const fn ellipsis(self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }

    fn paint(self, style: anstyle::Style, text: &str) -> String {
        if self.color {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

/// The symbol of a state.
pub(super) const fn mark_of(state: TaskState) -> Mark {
    match state {
        TaskState::NotStarted | TaskState::Skipped(_) => Mark::Skipped,
        TaskState::Reused => Mark::Reused,
        TaskState::Succeeded => Mark::Succeeded,
        TaskState::FailureIgnored => Mark::Ignored,
        TaskState::Cancelled | TaskState::TimedOut | TaskState::Failed => Mark::Failed,
        TaskState::Running => Mark::Started,
    }
}

/// An amount of data, in the units of disks.
pub fn bytes(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.into_iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => {
            let tenths = bytes / (size / 10);
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => plural(bytes, "byte"),
    }
}

/// `0.3s`, `59.9s`, `3m04s`, `2h05m`.
pub fn duration(duration: Duration) -> String {
    let tenths = (duration.as_millis() + 50) / 100;
    if tenths < 600 {
        return format!("{}.{}s", tenths / 10, tenths % 10);
    }
    let seconds = (duration.as_millis() + 500) / 1000;
    let minutes = seconds / 60;
    if minutes < 60 {
        return format!("{minutes}m{:02}s", seconds % 60);
    }
    format!("{}h{:02}m", minutes / 60, minutes % 60)
}

/// How long from one instant to another, when both are known; never less than nothing, whatever
/// the clock did.
pub fn between(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<Duration> {
    let span = to?.duration_since(from?);
    Some(Duration::try_from(span).unwrap_or_default())
}

/// `12 seconds ago`, `3 days ago`.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = between(Some(at), Some(now)).unwrap_or_default().as_secs();
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{} ago", plural(count, unit))
}

/// `1 task`, `2 tasks`.
pub fn plural(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Mark, Style, ago, duration};

    #[test]
    fn durations_are_short() {
        for (millis, expected) in [
            (0, "0.0s"),
            (1240, "1.2s"),
            (59_949, "59.9s"),
            (59_960, "1m00s"),
            (184_000, "3m04s"),
            (3_599_700, "1h00m"),
            (7_500_000, "2h05m"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn ages_have_one_unit() {
        let now = "2026-01-03T00:00:00Z".parse().unwrap();
        for (at, expected) in [
            ("2026-01-02T23:59:59Z", "1 second ago"),
            ("2026-01-02T23:00:01Z", "59 minutes ago"),
            ("2026-01-02T21:00:00Z", "3 hours ago"),
            ("2026-01-01T00:00:00Z", "2 days ago"),
            ("2026-02-01T00:00:00Z", "0 seconds ago"),
        ] {
            assert_eq!(ago(at.parse().unwrap(), now), expected);
        }
    }

    #[test]
    fn colour_and_symbols_are_asked_for() {
        assert_eq!(Style::PLAIN.mark(Mark::Failed), "x");
        let full = Style {
            color: true,
            unicode: true,
        };
        assert_eq!(full.mark(Mark::Failed), "\u{1b}[31m✗\u{1b}[0m");
    }
}
