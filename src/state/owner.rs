//! The process that owns a run, and whether it lives.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::private;
use crate::process::start_time;

/// A process. A pid alone is not enough: pids are used again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerProcess {
    /// Its pid.
    pub pid: u32,
    /// When it started, in clock ticks since boot; `None` where the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_start: Option<u64>,
}

impl OwnerProcess {
    /// This process.
    pub fn current() -> Self {
        let pid = std::process::id();
        Self {
            pid,
            process_start: start_time(pid),
        }
    }

    /// True when that very process lives, as far as the system tells.
    pub fn is_alive(&self) -> bool {
        exists(self.pid) && start_time(self.pid) == self.process_start
    }
}

#[cfg(unix)]
fn exists(pid: u32) -> bool {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| !matches!(test_kill_process(pid), Err(Errno::SRCH)))
}

#[cfg(not(unix))]
fn exists(_pid: u32) -> bool {
    false
}

/// Takes the lock of a new run for as long as the file is open. Nobody else can own it; who asks
/// whether it lives holds it for an instant, which is waited for. A file system without locks is
/// no reason not to run: the pid in the header stands in for it.
pub(super) fn lock(path: &Path) -> io::Result<File> {
    let file = private::append(path)?;
    drop(file.lock());
    Ok(file)
}

/// Whether a live process holds the lock at `path`. Asks with a shared lock, so that two that ask
/// do not take each other for the owner.
pub(super) fn is_locked(path: &Path, owner: &OwnerProcess) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    match file.try_lock_shared() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(_)) => owner.is_alive(),
    }
}

#[cfg(test)]
mod tests {
    use super::{OwnerProcess, is_locked, lock};

    #[test]
    fn this_process_lives_and_its_twin_of_another_time_does_not() {
        let current = OwnerProcess::current();
        assert!(current.is_alive());
        let twin = OwnerProcess {
            process_start: Some(1),
            ..current
        };
        assert!(!twin.is_alive());
    }

    #[test]
    fn a_lock_lasts_as_long_as_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let owner = OwnerProcess::current();
        assert!(!is_locked(&path, &owner));
        let held = lock(&path).unwrap();
        assert!(is_locked(&path, &owner) && is_locked(&path, &owner));
        drop(held);
        assert!(!is_locked(&path, &owner));
    }
}
