//! The duties of a first process: it reaps whatever ends and passes signals on.

use std::collections::HashMap;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::sys::{self, Signals};

/// What is passed on to the program. Not in it: what a fault of the agent itself raises.
const FORWARDED: [i32; 10] = [
    sys::SIGHUP,
    sys::SIGINT,
    sys::SIGQUIT,
    sys::SIGUSR1,
    sys::SIGUSR2,
    sys::SIGALRM,
    sys::SIGTERM,
    sys::SIGCONT,
    sys::SIGTSTP,
    sys::SIGWINCH,
];
/// What ends an agent that has no program to pass it on to.
const ENDING: [i32; 4] = [sys::SIGHUP, sys::SIGINT, sys::SIGQUIT, sys::SIGTERM];

type OnExit = Box<dyn FnOnce(ExitStatus) + Send>;

/// All children of this process.
#[derive(Clone)]
pub(crate) struct Processes {
    /// Who wants to know about the end of which child.
    children: Arc<Mutex<HashMap<i32, OnExit>>>,
    /// The process group that gets the signals; 0 for none.
    foreground: Arc<AtomicI32>,
}

impl Processes {
    /// Begins to reap. To be called before any other thread exists: signals are blocked in this
    /// one and those it starts.
    pub(crate) fn start() -> Self {
        let processes = Self {
            children: Arc::default(),
            foreground: Arc::default(),
        };
        let mut awaited = FORWARDED.to_vec();
        awaited.push(sys::SIGCHLD);
        let signals = Signals::block(&awaited);
        let reaper = processes.clone();
        std::thread::spawn(move || {
            loop {
                match signals.wait() {
                    sys::SIGCHLD => reaper.reap(),
                    signal => reaper.forward(signal),
                }
            }
        });
        processes
    }

    /// Starts a program in a process group of its own. `on_exit` is called by the reaper.
    pub(crate) fn spawn(
        &self,
        command: &mut Command,
        on_exit: impl FnOnce(ExitStatus) + Send + 'static,
    ) -> io::Result<Child> {
        // Held across the spawn, so that a child that ends at once is known when it is reaped,
        // and so that the standard library can wait for a child whose exec failed.
        let mut children = self.lock();
        let child = command.process_group(0).spawn()?;
        children.insert(id(&child), Box::new(on_exit));
        Ok(child)
    }

    /// Makes the group of this child the one that gets the signals.
    pub(crate) fn bring_forward(&self, child: &Child) {
        self.foreground.store(id(child), Ordering::SeqCst);
    }

    /// Sends a signal to the group in the foreground, if there is one.
    pub(crate) fn signal_foreground(&self, signal: i32) {
        let group = self.foreground.load(Ordering::SeqCst);
        if group != 0 {
            // Nobody left in the group is what it was to achieve.
            sys::send_signal(-group, signal).unwrap_or_default();
        }
    }

    /// Kills every process of this container but this one; outside of a container, the group in
    /// the foreground.
    pub(crate) fn kill_all(&self) {
        if std::process::id() == 1 {
            // Nobody left is what it was to achieve.
            sys::send_signal(-1, sys::SIGKILL).unwrap_or_default();
        } else {
            self.signal_foreground(sys::SIGKILL);
        }
    }

    fn forward(&self, signal: i32) {
        if self.foreground.load(Ordering::SeqCst) != 0 {
            self.signal_foreground(signal);
        } else if ENDING.contains(&signal) {
            std::process::exit(128 + signal);
        }
    }

    fn reap(&self) {
        let mut children = self.lock();
        let mut ended = Vec::new();
        while let Some((pid, status)) = sys::reap_one() {
            // An orphan that was adopted is nobody's concern.
            if let Some(on_exit) = children.remove(&pid) {
                ended.push((on_exit, ExitStatus::from_raw(status)));
            }
        }
        drop(children);
        for (on_exit, status) in ended {
            on_exit(status);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i32, OnExit>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The process id of a child, which is also that of its group.
pub(crate) fn id(child: &Child) -> i32 {
    i32::try_from(child.id()).unwrap_or_default()
}
