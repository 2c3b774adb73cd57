//! The few calls of the C library that the standard library lacks. The only `unsafe` code.
//!
//! Numbers and layouts are those of Linux on `x86_64` and aarch64, the same for glibc and musl.

#![expect(
    unsafe_code,
    reason = "the agent has no dependencies: it declares the calls it needs"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_short, c_uint, c_ulong, c_void};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

mod descriptors;

pub(crate) use descriptors::{receive_descriptor, send_descriptor};

pub(crate) const SIGHUP: i32 = 1;
pub(crate) const SIGINT: i32 = 2;
pub(crate) const SIGQUIT: i32 = 3;
pub(crate) const SIGKILL: i32 = 9;
pub(crate) const SIGUSR1: i32 = 10;
pub(crate) const SIGUSR2: i32 = 12;
pub(crate) const SIGALRM: i32 = 14;
pub(crate) const SIGTERM: i32 = 15;
pub(crate) const SIGCHLD: i32 = 17;
pub(crate) const SIGCONT: i32 = 18;
pub(crate) const SIGTSTP: i32 = 20;
pub(crate) const SIGWINCH: i32 = 28;
pub(crate) const O_NONBLOCK: i32 = 0o4000;
#[cfg(target_arch = "x86_64")]
pub(crate) const O_DIRECTORY: i32 = 0o200_000;
#[cfg(target_arch = "x86_64")]
pub(crate) const O_NOFOLLOW: i32 = 0o400_000;
#[cfg(target_arch = "aarch64")]
pub(crate) const O_DIRECTORY: i32 = 0o40_000;
#[cfg(target_arch = "aarch64")]
pub(crate) const O_NOFOLLOW: i32 = 0o100_000;
pub(crate) const O_PATH: i32 = 0o10_000_000;
const O_CLOEXEC: i32 = 0o2_000_000;
pub(crate) const CLONE_FS: i32 = 0x200;
pub(crate) const CLONE_NEWNS: i32 = 0x2_0000;
pub(crate) const CLONE_NEWUSER: i32 = 0x1000_0000;
pub(crate) const CLONE_NEWNET: i32 = 0x4000_0000;

const WNOHANG: c_int = 1;
const EINVAL: c_int = 22;
const SIG_BLOCK: c_int = 0;
const SIG_SETMASK: c_int = 2;
const POLLIN: c_short = 1;
const POLLHUP: c_short = 16;
const POLLERR: c_short = 8;
const AT_FDCWD: c_int = -100;
const AT_EACCESS: c_int = 0x200;
const X_OK: c_int = 1;
const PR_SET_DUMPABLE: c_int = 4;
const PR_SET_NO_NEW_PRIVS: c_int = 38;
const PR_SET_SECCOMP: c_int = 22;
const SECCOMP_MODE_FILTER: c_ulong = 2;

#[cfg(target_arch = "x86_64")]
const SYS_SENDMSG: c_long = 46;
#[cfg(target_arch = "x86_64")]
const SYS_RECVMSG: c_long = 47;
#[cfg(target_arch = "aarch64")]
const SYS_SENDMSG: c_long = 211;
#[cfg(target_arch = "aarch64")]
const SYS_RECVMSG: c_long = 212;
const SYS_OPEN_TREE: c_long = 428;
const SYS_MOVE_MOUNT: c_long = 429;
const SYS_FSOPEN: c_long = 430;
const SYS_FSCONFIG: c_long = 431;
const SYS_FSMOUNT: c_long = 432;
const OPEN_TREE_CLONE: c_uint = 1;
const AT_EMPTY_PATH: c_uint = 0x1000;
const MOVE_MOUNT_F_EMPTY_PATH: c_uint = 4;
const MOVE_MOUNT_T_EMPTY_PATH: c_uint = 0x40;
const FSCONFIG_CMD_CREATE: c_uint = 6;
const MS_RDONLY: c_ulong = 1;
const MS_REMOUNT: c_ulong = 32;
const MS_BIND: c_ulong = 4096;
const MS_PRIVATE: c_ulong = 1 << 18;
const SOL_SOCKET: c_int = 1;
const SCM_RIGHTS: c_int = 1;
const MSG_CMSG_CLOEXEC: c_uint = 0x4000_0000;
const MSG_NOSIGNAL: c_uint = 0x4000;

/// `sigset_t`: 1024 bits in both C libraries.
#[repr(C)]
struct SignalBits([u64; 16]);

/// `struct pollfd`.
#[repr(C)]
struct PollEntry {
    fd: c_int,
    events: c_short,
    found: c_short,
}

/// One instruction of a classic BPF program: `struct sock_filter`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Instruction {
    pub(crate) code: u16,
    pub(crate) if_true: u8,
    pub(crate) if_false: u8,
    pub(crate) value: u32,
}

/// `struct sock_fprog`.
#[repr(C)]
struct FilterProgram {
    length: u16,
    first: *const Instruction,
}

unsafe extern "C" {
    safe fn kill(pid: c_int, signal: c_int) -> c_int;
    safe fn unshare(flags: c_int) -> c_int;
    safe fn geteuid() -> u32;
    safe fn getegid() -> u32;
    safe fn setns(fd: c_int, kind: c_int) -> c_int;
    safe fn fchdir(fd: c_int) -> c_int;
    fn openat(directory: c_int, path: *const c_char, flags: c_int, ...) -> c_int;
    fn mkdirat(directory: c_int, path: *const c_char, mode: c_uint) -> c_int;
    fn mount(
        source: *const c_char,
        target: *const c_char,
        kind: *const c_char,
        flags: c_ulong,
        data: *const c_void,
    ) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn sigaddset(set: *mut SignalBits, signal: c_int) -> c_int;
    fn pthread_sigmask(how: c_int, set: *const SignalBits, old: *mut SignalBits) -> c_int;
    fn sigwait(set: *const SignalBits, signal: *mut c_int) -> c_int;
    fn poll(entries: *mut PollEntry, count: c_ulong, timeout: c_int) -> c_int;
    fn faccessat(directory: c_int, path: *const c_char, mode: c_int, flags: c_int) -> c_int;
    fn prctl(option: c_int, ...) -> c_int;
    fn execve(
        path: *const c_char,
        arguments: *const *const c_char,
        environment: *const *const c_char,
    ) -> c_int;
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Sends a signal to a process, or to a group when `pid` is negative.
pub(crate) fn send_signal(pid: i32, signal: i32) -> io::Result<()> {
    check(kill(pid, signal)).map(drop)
}

/// The effective user and group.
pub(crate) fn effective_ids() -> (u32, u32) {
    (geteuid(), getegid())
}

/// Moves the calling process into new namespaces.
pub(crate) fn leave_namespaces(flags: i32) -> io::Result<()> {
    check(unshare(flags)).map(drop)
}

/// Lets nobody trace this process, read its memory or take its descriptors, but those who may trace
/// every process.
pub(crate) fn forbid_tracing() -> io::Result<()> {
    set_dumpable(0)
}

/// Takes that back for a process that is about to become another program.
pub(crate) fn allow_tracing() -> io::Result<()> {
    set_dumpable(1)
}

fn set_dumpable(value: c_ulong) -> io::Result<()> {
    let zero: c_ulong = 0;
    // SAFETY: this option takes integers only.
    check(unsafe { prctl(PR_SET_DUMPABLE, value, zero, zero, zero) }).map(drop)
}

fn name_of(text: &std::ffi::OsStr) -> io::Result<CString> {
    use std::os::unix::ffi::OsStrExt;
    CString::new(text.as_bytes()).map_err(|_| io::Error::from_raw_os_error(EINVAL))
}

/// Opens a name in a directory, or from the root when there is no directory. Close-on-exec is set.
pub(crate) fn open_at(
    directory: Option<BorrowedFd<'_>>,
    name: &std::ffi::OsStr,
    flags: i32,
) -> io::Result<OwnedFd> {
    let directory = directory.map_or(AT_FDCWD, |fd| fd.as_raw_fd());
    let name = name_of(name)?;
    // SAFETY: the name is a live, terminated string; no mode is needed as nothing is created.
    let fd = check(unsafe { openat(directory, name.as_ptr(), flags | O_CLOEXEC) })?;
    // SAFETY: the kernel has just given this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Makes a directory with a name in another; the umask applies to its mode.
pub(crate) fn make_directory_at(
    directory: BorrowedFd<'_>,
    name: &std::ffi::OsStr,
    mode: u32,
) -> io::Result<()> {
    let name = name_of(name)?;
    // SAFETY: the name is a live, terminated string.
    check(unsafe { mkdirat(directory.as_raw_fd(), name.as_ptr(), mode) }).map(drop)
}

fn check_call(result: c_long) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        c_int::try_from(result).map_err(io::Error::other)
    }
}

fn check_descriptor(result: c_long) -> io::Result<OwnedFd> {
    let fd = check_call(result)?;
    // SAFETY: the calls this is used for return a new descriptor, which is ours alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A mount of an opened directory that is attached nowhere yet. What is mounted below it is not
/// part of it.
pub(crate) fn detached_mount(of: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let flags = OPEN_TREE_CLONE | AT_EMPTY_PATH | O_CLOEXEC.cast_unsigned();
    // SAFETY: the path is a live, terminated string; all else are integers.
    check_descriptor(unsafe { syscall(SYS_OPEN_TREE, of.as_raw_fd(), c"".as_ptr(), flags) })
}

/// A fresh tmpfs that is attached nowhere yet.
pub(crate) fn detached_tmpfs() -> io::Result<OwnedFd> {
    let none: *const c_char = std::ptr::null();
    let one: c_uint = 1;
    // SAFETY: the name is a live, terminated string; one is FSOPEN_CLOEXEC.
    let context = check_descriptor(unsafe { syscall(SYS_FSOPEN, c"tmpfs".as_ptr(), one) })?;
    let fd = context.as_raw_fd();
    let zero: c_uint = 0;
    // SAFETY: this command takes neither key nor value.
    check_call(unsafe { syscall(SYS_FSCONFIG, fd, FSCONFIG_CMD_CREATE, none, none, zero) })?;
    // SAFETY: all are integers; one is FSMOUNT_CLOEXEC.
    check_descriptor(unsafe { syscall(SYS_FSMOUNT, fd, one, zero) })
}

/// Attaches a detached mount at an opened directory.
pub(crate) fn attach_mount(mount: BorrowedFd<'_>, at: BorrowedFd<'_>) -> io::Result<()> {
    let flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    let (from, to, empty) = (mount.as_raw_fd(), at.as_raw_fd(), c"".as_ptr());
    // SAFETY: both paths are live, terminated strings; all else are integers.
    check_call(unsafe { syscall(SYS_MOVE_MOUNT, from, empty, to, empty, flags) }).map(drop)
}

/// Makes an attached mount one that takes no mounts over from elsewhere, and one that cannot be
/// written when that is wanted. Changes the working directory of this thread.
pub(crate) fn seal_mount(mount: BorrowedFd<'_>, read_only: bool) -> io::Result<()> {
    check(fchdir(mount.as_raw_fd()))?;
    change_mount(c".", MS_PRIVATE)?;
    if read_only {
        change_mount(c".", MS_REMOUNT | MS_BIND | MS_RDONLY)?;
    }
    Ok(())
}

fn change_mount(at: &CStr, flags: c_ulong) -> io::Result<()> {
    let none = std::ptr::null();
    // SAFETY: the path is a live, terminated string; these flags use nothing else.
    check(unsafe { mount(none, at.as_ptr(), none, flags, std::ptr::null()) }).map(drop)
}

/// Moves the calling thread into a mount namespace. Its root and working directory become those
/// of that namespace; it must share them with no other thread.
pub(crate) fn enter_mount_namespace(namespace: BorrowedFd<'_>) -> io::Result<()> {
    check(setns(namespace.as_raw_fd(), CLONE_NEWNS)).map(drop)
}

/// Takes one child that has ended: its process id and raw wait status.
pub(crate) fn reap_one() -> Option<(i32, i32)> {
    let mut status = 0;
    // SAFETY: the pointer is to a live integer.
    let pid = unsafe { waitpid(-1, &raw mut status, WNOHANG) };
    (pid > 0).then_some((pid, status))
}

/// A set of signals that are waited for instead of being delivered.
pub(crate) struct Signals(SignalBits);

impl Signals {
    /// Blocks these signals in this thread and all it starts.
    pub(crate) fn block(signals: &[i32]) -> Self {
        let mut set = SignalBits([0; 16]);
        for signal in signals {
            // SAFETY: the set is live, and all zeros is the empty set in both C libraries.
            unsafe { sigaddset(&raw mut set, *signal) };
        }
        // SAFETY: the set is initialised; a null `old` asks for nothing.
        unsafe { pthread_sigmask(SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
        Self(set)
    }

    /// Waits for the next of them.
    pub(crate) fn wait(&self) -> i32 {
        let mut signal = 0;
        // SAFETY: both pointers are to live, initialised values.
        unsafe { sigwait(&raw const self.0, &raw mut signal) };
        signal
    }
}

/// Which of some descriptors have something to read or have ended. No timeout waits for ever.
pub(crate) fn wait_readable<const N: usize>(
    of: [Option<BorrowedFd<'_>>; N],
    timeout: Option<Duration>,
) -> io::Result<[bool; N]> {
    // The kernel ignores entries with a negative descriptor.
    let mut entries = of.map(|fd| PollEntry {
        fd: fd.map_or(-1, |fd| fd.as_raw_fd()),
        events: POLLIN,
        found: 0,
    });
    let timeout = timeout.map_or(-1, |time| {
        c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX)
    });
    // SAFETY: the pointer and the count describe the array, which outlives the call.
    let result = check(unsafe { poll(entries.as_mut_ptr(), N as c_ulong, timeout) });
    match result {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        Err(_) => Ok([false; N]),
        Ok(_) => Ok(entries.map(|entry| entry.found & (POLLIN | POLLHUP | POLLERR) != 0)),
    }
}

/// Whether this process may execute the file, by its effective ids.
pub(crate) fn may_execute(path: &str) -> bool {
    let Ok(path) = CString::new(path) else {
        return false;
    };
    // SAFETY: the path is a live, terminated string.
    unsafe { faccessat(AT_FDCWD, path.as_ptr(), X_OK, AT_EACCESS) == 0 }
}

/// Puts a filter in front of all further system calls of this process and its children, and
/// gives up gaining privileges, which the kernel demands of who filters without being root.
pub(crate) fn filter_calls(program: &[Instruction]) -> io::Result<()> {
    let filter = FilterProgram {
        length: u16::try_from(program.len()).unwrap_or(u16::MAX),
        first: program.as_ptr(),
    };
    let (one, zero): (c_ulong, c_ulong) = (1, 0);
    // SAFETY: this option takes integers only.
    check(unsafe { prctl(PR_SET_NO_NEW_PRIVS, one, zero, zero, zero) })?;
    // SAFETY: the filter describes the live slice; the kernel copies it.
    check(unsafe { prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &raw const filter) }).map(drop)
}

/// A program with all that `execve` wants, in the form it wants it.
pub(crate) struct Image {
    path: CString,
    arguments: Strings,
    environment: Strings,
}

/// Strings and the array of pointers to them that ends with a null pointer.
struct Strings {
    pointers: Vec<*const c_char>,
    /// What the pointers point to; moving it does not move the bytes.
    _owned: Vec<CString>,
}

// SAFETY: the pointers are only read, and point into heap memory this value owns and never
// changes.
unsafe impl Send for Strings {}
// SAFETY: as above.
unsafe impl Sync for Strings {}

impl Strings {
    fn new(strings: impl IntoIterator<Item = Vec<u8>>) -> io::Result<Self> {
        let owned = strings
            .into_iter()
            .map(CString::new)
            .collect::<Result<Vec<_>, _>>();
        let owned = owned.map_err(|_| io::Error::from_raw_os_error(EINVAL))?;
        let pointers = owned.iter().map(|string| string.as_ptr());
        let pointers = pointers.chain([std::ptr::null()]).collect();
        Ok(Self {
            pointers,
            _owned: owned,
        })
    }
}

impl Image {
    /// A program at a path with its arguments, the first being its name, and its variables, each
    /// as `name=value`. None may contain a zero byte.
    pub(crate) fn new(
        path: &str,
        arguments: impl IntoIterator<Item = Vec<u8>>,
        environment: impl IntoIterator<Item = Vec<u8>>,
    ) -> io::Result<Self> {
        Ok(Self {
            path: CString::new(path).map_err(|_| io::Error::from_raw_os_error(EINVAL))?,
            arguments: Strings::new(arguments)?,
            environment: Strings::new(environment)?,
        })
    }

    /// Becomes this program. Returns why not.
    fn execute(&self) -> io::Error {
        // SAFETY: all pointers are to live, terminated strings and arrays.
        unsafe {
            execve(
                self.path.as_ptr(),
                self.arguments.pointers.as_ptr(),
                self.environment.pointers.as_ptr(),
            )
        };
        io::Error::last_os_error()
    }
}

/// Makes a command become `image` instead of what it names: the standard library would hand what
/// the kernel refuses to a shell, and would leave the signals of this process blocked. `prepare`
/// must only make system calls: it runs in a copy of a process with threads, where a lock may be
/// held for ever.
pub(crate) fn execute_as(
    command: &mut std::process::Command,
    image: Image,
    mut prepare: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    use std::os::unix::process::CommandExt;
    let step = move || {
        prepare()?;
        let none = SignalBits([0; 16]);
        // SAFETY: the set is live; a null `old` asks for nothing.
        unsafe { pthread_sigmask(SIG_SETMASK, &raw const none, std::ptr::null_mut()) };
        Err(image.execute())
    };
    // SAFETY: the step only makes system calls, with data that was prepared before.
    unsafe { command.pre_exec(step) };
}
