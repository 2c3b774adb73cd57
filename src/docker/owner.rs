//! Which process a thing in the engine belongs to, and whether that still lives.

use std::fmt;
use std::fs;

/// A process, so that no later one can be taken for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnerProcess {
    pid: i32,
    /// When it started, in ticks since the kernel started; 0 where that is not known.
    started: u64,
    /// The kernel and process namespace in which the above means something.
    place: String,
}

/// Whether an owner lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Alive,
    Dead,
    /// It belongs to another machine or namespace: nothing can be said from here.
    Elsewhere,
}

impl OwnerProcess {
    /// This process.
    pub(super) fn current() -> Self {
        let pid = i32::try_from(std::process::id()).unwrap_or_default();
        Self {
            pid,
            started: start_of(pid).unwrap_or_default(),
            place: place(),
        }
    }

    /// Its process id.
    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    /// What a label says.
    pub(super) fn parse(label: &str) -> Option<Self> {
        let mut parts = label.splitn(3, ':');
        Some(Self {
            pid: parts.next()?.parse().ok()?,
            started: parts.next()?.parse().ok()?,
            place: parts.next()?.to_owned(),
        })
    }

    /// Whether it lives, as far as this process can see.
    pub(super) fn life(&self) -> Life {
        life(self, &place(), start_of)
    }
}

impl fmt::Display for OwnerProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.pid, self.started, self.place)
    }
}

fn life(owner: &OwnerProcess, here: &str, start_of: impl Fn(i32) -> Option<u64>) -> Life {
    if owner.place != here {
        return Life::Elsewhere;
    }
    match start_of(owner.pid) {
        Some(started) if started == owner.started => Life::Alive,
        _ => Life::Dead,
    }
}

/// When a process started; `None` when there is none of that id.
#[cfg(target_os = "linux")]
fn start_of(pid: i32) -> Option<u64> {
    crate::process::start_time(pid.try_into().ok()?)
}

/// Whether there is a process of that id: all that can be known without `/proc`.
#[cfg(not(target_os = "linux"))]
fn start_of(pid: i32) -> Option<u64> {
    let pid = rustix::process::Pid::from_raw(pid)?;
    match rustix::process::test_kill_process(pid) {
        Ok(()) | Err(rustix::io::Errno::PERM) => Some(0),
        Err(_) => None,
    }
}

/// Kernel and process namespace; elsewhere than on Linux the machine's own host name would need
/// another library, so an engine shared by several such machines is not told apart.
fn place() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{}/{}", boot.trim(), namespace.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> OwnerProcess {
        OwnerProcess {
            pid: 7,
            started: 100,
            place: "boot/pid:[1]".to_owned(),
        }
    }

    #[test]
    fn a_label_says_it_all() {
        assert_eq!(OwnerProcess::parse(&owner().to_string()), Some(owner()));
        assert_eq!(OwnerProcess::parse("seven"), None);
    }

    #[test]
    fn only_the_same_process_in_the_same_place_is_alive() {
        let here = "boot/pid:[1]";
        assert_eq!(life(&owner(), here, |_| Some(100)), Life::Alive);
        assert_eq!(
            life(&owner(), here, |_| Some(200)),
            Life::Dead,
            "the id was given again"
        );
        assert_eq!(life(&owner(), here, |_| None), Life::Dead);
        assert_eq!(life(&owner(), "boot/pid:[2]", |_| None), Life::Elsewhere);
        assert_eq!(life(&owner(), "other/pid:[1]", |_| None), Life::Elsewhere);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_that_was_killed_is_dead_before_its_parent_asks() {
        let mut child = std::process::Command::new("sleep")
            .arg("1000")
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert!(start_of(pid).is_some());
        child.kill().unwrap();
        while start_of(pid).is_some() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        child.wait().unwrap();
    }

    #[test]
    fn this_process_lives() {
        assert_eq!(OwnerProcess::current().life(), Life::Alive);
    }
}
