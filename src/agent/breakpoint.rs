//! Waiting before a program or after its failure: Tekton's breakpoints.

use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::link::Link;
use super::protocol::{How, Kind};
use super::record::Record;
use super::regular;
use super::step::Event;

/// How often the files that end the wait are looked for.
const INTERVAL: Duration = Duration::from_millis(200);

/// Waits before the program, until a debug script says how to continue. `None` lets it start.
pub(crate) fn before(
    link: &Link,
    events: &Receiver<Event>,
    record: &Record,
) -> io::Result<Option<How>> {
    link.log(concat!(
        "debug before step breakpoint has taken effect, waiting for user's decision:\n",
        "1) continue, use cmd: /tekton/debug/scripts/debug-beforestep-continue\n",
        "2) fail-continue, use cmd: /tekton/debug/scripts/debug-beforestep-fail-continue",
    ))?;
    link.send(Kind::Paused, &true)?;
    let go = record.file("out.beforestepexit");
    let fail = record.file("out.beforestepexit.err");
    let exists = |file: &Option<std::path::PathBuf>| file.as_deref().is_some_and(Path::exists);
    let decided = decision(events, || {
        if exists(&go) {
            Some(0)
        } else {
            exists(&fail).then_some(1)
        }
    })?;
    Ok(match decided {
        How::Code { code: 0 } => None,
        how => Some(how),
    })
}

/// Waits after a failure, until a debug script says how to continue.
pub(crate) fn wait(link: &Link, events: &Receiver<Event>, record: &Record) -> io::Result<How> {
    link.log(concat!(
        "debug onFailure breakpoint has taken effect, waiting for user's decision:\n",
        "1) continue, use cmd: /tekton/debug/scripts/debug-continue\n",
        "2) fail-continue, use cmd: /tekton/debug/scripts/debug-fail-continue",
    ))?;
    link.send(Kind::Paused, &true)?;
    let file = record.file("out.breakpointexit");
    let how = decision(events, || file.as_deref().and_then(read_code))?;
    record.write(&how, false)?;
    Ok(how)
}

/// What is decided: by what `look` finds, or by the end of the run.
fn decision(events: &Receiver<Event>, look: impl Fn() -> Option<i32>) -> io::Result<How> {
    loop {
        match events.recv_timeout(INTERVAL) {
            Ok(Event::Kill(_)) => return Ok(How::Cancelled {}),
            Ok(Event::Launch(_) | Event::Exited(_)) | Err(RecvTimeoutError::Timeout) => {}
            Err(error) => return Err(io::Error::other(error)),
        }
        if let Some(code) = look() {
            return Ok(How::Code { code });
        }
    }
}

/// The status in the file; 0 when there is none in it, as Tekton reads it.
fn read_code(file: &Path) -> Option<i32> {
    let text = regular::read_note(file)?;
    Some(text.trim().parse().unwrap_or(0))
}
