//! Waiting after a failure: Tekton's `onFailure` breakpoint.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::link::Link;
use super::protocol::{How, Kind};
use super::record::Record;
use super::step::Event;

/// How often the file that ends the wait is looked for.
const INTERVAL: Duration = Duration::from_millis(200);

/// Waits until the debug scripts or the command say how to go on.
pub(crate) fn wait(link: &Link, events: &Receiver<Event>, record: &Record) -> io::Result<How> {
    link.log(concat!(
        "debug onFailure breakpoint has taken effect, waiting for user's decision:\n",
        "1) continue, use cmd: /tekton/debug/scripts/debug-continue\n",
        "2) fail-continue, use cmd: /tekton/debug/scripts/debug-fail-continue",
    ))?;
    link.send(Kind::Paused, &true)?;
    let file = record.breakpoint_file();
    loop {
        match events.recv_timeout(INTERVAL) {
            Ok(Event::Resume(code)) => {
                let how = How::Code { code };
                record.write(&how, false)?;
                return Ok(how);
            }
            Ok(Event::Kill(_)) => {
                let how = How::Cancelled {};
                record.write(&how, false)?;
                return Ok(how);
            }
            Ok(Event::Launch(_) | Event::Exited(_)) | Err(RecvTimeoutError::Timeout) => {}
            Err(error) => return Err(io::Error::other(error)),
        }
        // The scripts have made the post file before this one.
        if let Some(code) = file.as_deref().and_then(read_code) {
            return Ok(How::Code { code });
        }
    }
}

/// The status in the file; 0 when there is none in it, as Tekton reads it.
fn read_code(file: &Path) -> Option<i32> {
    let text = fs::read_to_string(file).ok()?;
    Some(text.trim().parse().unwrap_or(0))
}
