//! Passing open descriptors from process to process (`SCM_RIGHTS`).

use std::ffi::{c_int, c_uint, c_void};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::{
    MSG_CMSG_CLOEXEC, MSG_NOSIGNAL, SCM_RIGHTS, SOL_SOCKET, SYS_RECVMSG, SYS_SENDMSG, check_call,
    syscall,
};

/// `struct iovec`.
#[repr(C)]
struct Slice {
    start: *mut c_void,
    length: usize,
}

/// `struct user_msghdr` of the kernel: the C libraries do not agree about theirs.
#[repr(C)]
struct MessageHeader {
    name: *mut c_void,
    name_length: c_int,
    slices: *mut Slice,
    slice_count: usize,
    control: *mut c_void,
    control_length: usize,
    flags: c_uint,
}

/// `struct cmsghdr` with one descriptor, padded as the kernel wants it.
#[repr(C)]
struct DescriptorMessage {
    length: usize,
    level: c_int,
    kind: c_int,
    descriptor: c_int,
    padding: c_int,
}

/// The length of that without its padding: what the kernel calls `CMSG_LEN(4)`.
const DESCRIPTOR_MESSAGE: usize = size_of::<usize>() + 3 * size_of::<c_int>();

/// Sends one byte, and with it a descriptor if there is one.
pub(crate) fn send_descriptor(
    socket: BorrowedFd<'_>,
    descriptor: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let mut byte = 0_u8;
    let mut control = DescriptorMessage {
        length: DESCRIPTOR_MESSAGE,
        level: SOL_SOCKET,
        kind: SCM_RIGHTS,
        descriptor: descriptor.map_or(-1, |fd| fd.as_raw_fd()),
        padding: 0,
    };
    let mut slice = Slice {
        start: (&raw mut byte).cast(),
        length: 1,
    };
    let mut header = header_of(&mut slice, &mut control);
    if descriptor.is_none() {
        header.control = std::ptr::null_mut();
        header.control_length = 0;
    }
    // SAFETY: the header describes live values that outlive the call.
    let sent = unsafe {
        syscall(
            SYS_SENDMSG,
            socket.as_raw_fd(),
            &raw const header,
            MSG_NOSIGNAL,
        )
    };
    check_call(sent).map(drop)
}

/// Receives one byte, and the descriptor that came with it. Further ones are closed by the kernel.
pub(crate) fn receive_descriptor(socket: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    let mut byte = 0_u8;
    let mut control = DescriptorMessage {
        length: 0,
        level: 0,
        kind: 0,
        descriptor: -1,
        padding: 0,
    };
    let mut slice = Slice {
        start: (&raw mut byte).cast(),
        length: 1,
    };
    let mut header = header_of(&mut slice, &mut control);
    // Without the padding there is no place for a second descriptor.
    header.control_length = DESCRIPTOR_MESSAGE;
    // SAFETY: the header describes live values that outlive the call.
    let received = unsafe {
        syscall(
            SYS_RECVMSG,
            socket.as_raw_fd(),
            &raw mut header,
            MSG_CMSG_CLOEXEC,
        )
    };
    if check_call(received)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let is_descriptor = control.length == DESCRIPTOR_MESSAGE
        && control.level == SOL_SOCKET
        && control.kind == SCM_RIGHTS;
    // SAFETY: the kernel has just given this descriptor to us alone.
    Ok(is_descriptor.then(|| unsafe { OwnedFd::from_raw_fd(control.descriptor) }))
}

fn header_of(slice: &mut Slice, control: &mut DescriptorMessage) -> MessageHeader {
    MessageHeader {
        name: std::ptr::null_mut(),
        name_length: 0,
        slices: slice,
        slice_count: 1,
        control: std::ptr::from_mut(control).cast(),
        control_length: size_of::<DescriptorMessage>(),
        flags: 0,
    }
}
