//! Earlier runs as a table, resumes as a tree below their source.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::style::{Style, ago, between, clean, duration};
use super::table::{Cell, write_table};
use crate::event::{Record, TaskState};
use crate::status::Timestamp;

/// One run of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRow {
    /// The run's id.
    pub id: String,
    /// The Pipeline or Task, or the run's name when that is embedded.
    pub definition: String,
    /// The id of the run it resumes.
    pub resumed_from: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its clock was started; `None` while it is pending.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// The reason of its condition.
    pub reason: String,
    /// What became of it.
    pub state: TaskState,
}

impl ListRow {
    /// The row of a run.
    pub fn new(
        id: &str,
        resumed_from: Option<&str>,
        created_at: Timestamp,
        record: &Record,
    ) -> Self {
        let root = record.root();
        let condition = record.root_condition();
        let definition = root.and_then(|run| run.definition().or(Some(&run.name)));
        Self {
            id: id.to_owned(),
            definition: definition.unwrap_or_default().to_owned(),
            resumed_from: resumed_from.map(str::to_owned),
            created_at,
            started: root.and_then(|run| run.status.start_time),
            finished: root.and_then(|run| run.status.completion_time),
            reason: condition.map_or_else(
                || "Cancelled".to_owned(),
                |condition| condition.reason.clone(),
            ),
            state: condition.map_or(TaskState::Cancelled, |c| TaskState::of(Some(c))),
        }
    }
}

/// Writes `rows` in the order given; a run that resumes another of them stands below it, in the
/// order of time.
pub fn write_list(
    out: &mut impl Write,
    rows: &[ListRow],
    now: Timestamp,
    style: Style,
) -> io::Result<()> {
    let heads = ["RUN", "PIPELINE", "STARTED", "DURATION", "STATUS"];
    let head = heads.map(|text| Cell::painted(text, |text| style.bold(text)));
    let mut tree = Tree {
        rows,
        shown: BTreeSet::new(),
        table: vec![head.to_vec()],
        now,
        style,
    };
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let is_root = |row: &&ListRow| {
        let source = row.resumed_from.as_deref();
        source.is_none_or(|source| source == row.id || !ids.contains(source))
    };
    // Runs that resume each other in a circle do not exist, but would not be lost.
    for row in rows.iter().filter(is_root).chain(rows) {
        tree.add(row, "", "");
    }
    write_table(out, "", &tree.table)
}

/// The walk from each run to those that resume it.
struct Tree<'a> {
    rows: &'a [ListRow],
    shown: BTreeSet<&'a str>,
    table: Vec<Vec<Cell>>,
    now: Timestamp,
    style: Style,
}

impl<'a> Tree<'a> {
    /// Adds `row` after `before`, and below it what resumes it, after `below`.
    fn add(&mut self, row: &'a ListRow, before: &str, below: &str) {
        if !self.shown.insert(&row.id) {
            return;
        }
        self.table.push(cells(row, before, self.now, self.style));
        let mut resumes: Vec<&ListRow> = self
            .rows
            .iter()
            .filter(|other| other.resumed_from.as_ref() == Some(&row.id))
            .collect();
        resumes.sort_by_key(|other| other.created_at);
        for (index, resume) in resumes.iter().enumerate() {
            let last = index + 1 == resumes.len();
            let (branch, next) = match (last, self.style.unicode) {
                (true, true) => ("└─ ", "   "),
                (false, true) => ("├─ ", "│  "),
                (true, false) => ("`- ", "   "),
                (false, false) => ("|- ", "|  "),
            };
            self.add(
                resume,
                &format!("{below}{branch}"),
                &format!("{below}{next}"),
            );
        }
    }
}

fn cells(row: &ListRow, tree: &str, now: Timestamp, style: Style) -> Vec<Cell> {
    let end = match row.state {
        TaskState::Running => Some(now),
        _ => row.finished,
    };
    let span = between(row.started, end).map(duration);
    vec![
        Cell::new(format!("{tree}{}", clean(&row.id))),
        Cell::new(clean(&row.definition)),
        Cell::new(ago(row.started.unwrap_or(row.created_at), now)),
        Cell::new(span.unwrap_or_default()),
        Cell::painted(&clean(&row.reason), |text| style.state(row.state, text)),
    ]
}

#[cfg(test)]
mod tests {
    use super::{ListRow, write_list};
    use crate::event::TaskState;
    use crate::report::Style;

    fn row(id: &str, source: Option<&str>, minute: u8, state: TaskState) -> ListRow {
        let at = format!("2026-01-01T00:{minute:02}:00Z").parse().unwrap();
        ListRow {
            id: id.to_owned(),
            definition: "release".to_owned(),
            resumed_from: source.map(str::to_owned),
            created_at: at,
            started: Some(at),
            finished: (state != TaskState::Running)
                .then(|| format!("2026-01-01T00:{minute:02}:30Z").parse().unwrap()),
            reason: format!("{state:?}"),
            state,
        }
    }

    fn show(rows: &[ListRow], unicode: bool) -> String {
        let mut out = Vec::new();
        let style = Style {
            color: false,
            unicode,
        };
        let now = "2026-01-01T01:00:00Z".parse().unwrap();
        write_list(&mut out, rows, now, style).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn resumes_stand_below_their_source() {
        let rows = [
            row("e", None, 50, TaskState::Running),
            row("d", Some("b"), 40, TaskState::Succeeded),
            row("c", Some("a"), 30, TaskState::Failed),
            row("b", Some("a"), 20, TaskState::Failed),
            row("a", Some("pruned"), 10, TaskState::Failed),
        ];
        assert_eq!(
            show(&rows, true),
            "\
RUN      PIPELINE  STARTED         DURATION  STATUS
e        release   10 minutes ago  10m00s    Running
a        release   50 minutes ago  30.0s     Failed
├─ b     release   40 minutes ago  30.0s     Failed
│  └─ d  release   20 minutes ago  30.0s     Succeeded
└─ c     release   30 minutes ago  30.0s     Failed
"
        );
        assert!(show(&rows, false).contains("\n|  `- d  "));
    }

    #[test]
    fn a_circle_loses_nobody() {
        let rows = [
            row("a", Some("b"), 10, TaskState::Failed),
            row("b", Some("a"), 20, TaskState::Failed),
        ];
        assert_eq!(show(&rows, false).lines().count(), 3);
    }
}
