//! The end of a step that the agent itself could not bring about in time.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::link::Link;
use super::processes::Processes;
use super::protocol::{End, How, Kind};

/// How long after the timeout of a step its outputs and files may still be read.
const GRACE: Duration = Duration::from_secs(30);

/// Whether the end of a program has been reported. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Reported(Arc<AtomicBool>);

impl Reported {
    /// True for the first who asks: it reports the end.
    pub(crate) fn claim(&self) -> bool {
        !self.0.swap(true, Ordering::SeqCst)
    }

    /// Reports a program that should have timed out as timed out, and ends the container, if nobody
    /// has done so when its time and some more is over.
    pub(crate) fn watch(
        &self,
        timeout: Duration,
        link: Link,
        processes: Processes,
    ) -> io::Result<()> {
        let reported = self.clone();
        let work = move || {
            std::thread::sleep(timeout.saturating_add(GRACE));
            reported.report_timeout(timeout, &link, &processes);
        };
        std::thread::Builder::new().spawn(work).map(drop)
    }

    fn report_timeout(&self, timeout: Duration, link: &Link, processes: &Processes) {
        if !self.claim() {
            return;
        }
        processes.kill_all();
        let end = End {
            how: How::TimedOut {},
            elapsed: u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX),
            ..End::default()
        };
        // A lost connection ends this process anyway.
        link.send(Kind::Ended, &end).unwrap_or_default();
        std::process::exit(1);
    }
}
