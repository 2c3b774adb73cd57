//! Cutting a program off the network: Tekton's hermetic execution mode.
//!
//! Tekton's entrypoint moves the program into new namespaces. Container engines forbid that by
//! default, so there is a second way which needs no privileges: a filter that fails every attempt
//! to make a socket other than a Unix one. In both cases the loopback interface does not work
//! either, as in Tekton.

use std::fs::OpenOptions;
use std::io::{self, Write};

use super::sys::{self, CLONE_NEWNET, CLONE_NEWUSER, Instruction};

#[cfg(target_arch = "x86_64")]
mod machine {
    pub(super) const ARCHITECTURE: u32 = 0xc000_003e;
    pub(super) const SOCKET: u32 = 41;
}
#[cfg(target_arch = "aarch64")]
mod machine {
    pub(super) const ARCHITECTURE: u32 = 0xc000_00b7;
    pub(super) const SOCKET: u32 = 198;
}

const IO_URING_SETUP: u32 = 425;
/// Numbers from here are calls of the x32 interface of `x86_64`.
const X32: u32 = 0x4000_0000;
const AF_UNIX: u32 = 1;
const ENOSYS: u32 = 38;
const ENETUNREACH: u32 = 101;

/// What cuts the calling process off: only makes system calls.
pub(crate) fn isolation() -> impl Fn() -> io::Result<()> + Send + Sync + 'static {
    let (user, group) = sys::effective_ids();
    let user_map = format!("{user} {user} 1");
    let group_map = format!("{group} {group} 1");
    move || {
        if sys::leave_namespaces(CLONE_NEWNET).is_ok() {
            return Ok(());
        }
        if sys::leave_namespaces(CLONE_NEWUSER | CLONE_NEWNET).is_ok() {
            // These files belong to root in a process that must not be traced.
            sys::allow_tracing()?;
            write("/proc/self/setgroups", "deny")?;
            write("/proc/self/uid_map", &user_map)?;
            return write("/proc/self/gid_map", &group_map);
        }
        sys::filter_calls(&FILTER)
    }
}

fn write(file: &str, text: &str) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .open(file)?
        .write_all(text.as_bytes())
}

/// Loads a word of the call's description.
const fn load(offset: u32) -> Instruction {
    Instruction {
        code: 0x20,
        if_true: 0,
        if_false: 0,
        value: offset,
    }
}

/// Skips instructions, one number of them if the loaded word equals `value`, another if not.
const fn equal(value: u32, if_true: u8, if_false: u8) -> Instruction {
    Instruction {
        code: 0x15,
        if_true,
        if_false,
        value,
    }
}

/// The same for a loaded word that is not less.
const fn at_least(value: u32, if_true: u8, if_false: u8) -> Instruction {
    Instruction {
        code: 0x35,
        if_true,
        if_false,
        value,
    }
}

const fn answer(value: u32) -> Instruction {
    Instruction {
        code: 0x06,
        if_true: 0,
        if_false: 0,
        value,
    }
}

const ALLOW: Instruction = answer(0x7fff_0000);

const fn fail(errno: u32) -> Instruction {
    answer(0x0005_0000 | errno)
}

/// Offsets are those of `struct seccomp_data`: number 0, architecture 4, first argument 16.
static FILTER: [Instruction; 11] = [
    load(4),
    equal(machine::ARCHITECTURE, 0, 7),
    load(0),
    at_least(X32, 5, 0),
    equal(IO_URING_SETUP, 4, 0),
    equal(machine::SOCKET, 0, 2),
    load(16),
    equal(AF_UNIX, 0, 2),
    ALLOW,
    fail(ENOSYS),
    fail(ENETUNREACH),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel's interpreter would answer.
    fn judge(architecture: u32, number: u32, argument: u32) -> u32 {
        let (mut word, mut at) = (0, 0);
        loop {
            let step = FILTER[at];
            let holds = match step.code {
                0x06 => return step.value,
                0x15 => word == step.value,
                0x35 => word >= step.value,
                _ => {
                    word = [number, architecture, 0, 0, argument][step.value as usize / 4];
                    at += 1;
                    continue;
                }
            };
            at += 1 + usize::from(if holds { step.if_true } else { step.if_false });
        }
    }

    #[test]
    fn only_unix_sockets_can_be_made() {
        let here = machine::ARCHITECTURE;
        assert_eq!(judge(here, 0, 2), ALLOW.value);
        assert_eq!(judge(here, machine::SOCKET, AF_UNIX), ALLOW.value);
        for family in [2, 10, 16, 40] {
            assert_eq!(
                judge(here, machine::SOCKET, family),
                fail(ENETUNREACH).value
            );
        }
    }

    #[test]
    fn there_is_no_way_around() {
        let here = machine::ARCHITECTURE;
        assert_eq!(judge(here, IO_URING_SETUP, 1), fail(ENOSYS).value);
        assert_eq!(judge(here, X32 | machine::SOCKET, 2), fail(ENOSYS).value);
        assert_eq!(judge(0x4000_0003, machine::SOCKET, 2), fail(ENOSYS).value);
    }
}
