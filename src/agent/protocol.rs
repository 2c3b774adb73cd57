//! What the command, the supervisor and the agents say to each other.
//!
//! One file, compiled into both programs: the command and the agent it carries always speak the
//! same version, so there is no negotiation and no versioning in here. A [`Frame`] has a channel:
//! for frames of the supervisor it is the number of a request, for all others that of an agent.

use std::io::{self, Read, Write};

#[path = "wire.rs"]
mod wire;

pub(crate) use wire::{Blob, Wire};

/// Bytes of a frame's header: length of the payload, channel, kind.
pub(crate) const HEADER: usize = 9;
/// The longest payload.
pub(crate) const MAX_PAYLOAD: usize = 64 << 20;
/// The most bytes of output an agent sends before it is given credit for more.
pub(crate) const WINDOW: usize = 1 << 20;
/// The most bytes of output, or of a file, in one frame.
pub(crate) const CHUNK: usize = 64 << 10;
/// What a frame of output costs besides its bytes: credit bounds frames as well as bytes.
pub(crate) const FRAME_COST: usize = 64;
/// The longest file an agent reads for the command.
pub(crate) const MAX_FILE: usize = 16 << 20;
/// The most bytes of files an agent reads for the command in all.
pub(crate) const MAX_FILES: usize = 64 << 20;
/// The longest key of a file.
pub(crate) const MAX_KEY: usize = 4 << 10;
/// The longest text that an agent or the supervisor sends.
pub(crate) const MAX_TEXT: usize = 16 << 10;

/// Where the volume of the run is in the sandbox container.
pub(crate) const RUN_ROOT: &str = "/tkn-local";
/// Where the volume that is cloned is in the sandbox container.
pub(crate) const SOURCE_ROOT: &str = "/tkn-local-source";
/// Where the agent is in every container: Tekton's place for its own. A volume that no step can
/// write.
pub(crate) const AGENT_DIRECTORY: &str = "/tekton/bin";
/// The name of the agent's file there: Tekton's name for its own.
pub(crate) const AGENT_FILE: &str = "entrypoint";
/// Where a container has the directory with the socket of its agent.
pub(crate) const SOCKET_DIRECTORY: &str = "/tekton/agent";
/// The name of the socket there.
pub(crate) const SOCKET_FILE: &str = "socket";
/// In the volume of the run: one directory for each container whose agent is expected.
pub(crate) const SOCKETS: &str = "sockets";
/// In the volume of the run: an empty directory, for targets of mounts that come later.
pub(crate) const PLACEHOLDER: &str = "placeholder";
/// The socket of the mounter, beside the directories of the agents.
pub(crate) const MOUNTER_SOCKET: &str = "mounter";

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $value:literal,)*) => {
        /// What a frame means, and with that what its payload is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Kind { $($(#[$doc])* $name = $value,)* }

        impl Kind {
            fn from_byte(byte: u8) -> Option<Self> {
                match byte { $($value => Some(Self::$name),)* _ => None }
            }
        }
    };
}

kinds! {
    /// To the supervisor: an agent will come with this token (`String`). The channel is its own.
    /// Answered with `Done` when its socket is there.
    Expect = 1,
    /// To the supervisor: a [`FileRequest`].
    Files = 2,
    /// To the supervisor: copy these paths (`Vec<String>`) of the source volume.
    Clone = 3,
    /// To the supervisor, and from there to the mounter: a [`MountRequest`].
    Mount = 4,
    /// To the supervisor: say [`Kind::Done`] (`bool`).
    Ping = 5,
    /// From the supervisor: it is ready.
    Up = 10,
    /// From the supervisor: a request is done; a text says why it failed (`Option<String>`).
    Done = 11,
    /// From the supervisor: so many bytes of a clone have been copied (`u64`).
    Copied = 14,
    /// From the supervisor: the agent of this channel is there.
    Ready = 12,
    /// From the supervisor: the connection to the agent of this channel has ended; a text says why
    /// if the supervisor ended it (`Option<String>`).
    Gone = 13,
    /// From an agent to the supervisor: its token (`String`).
    Hello = 20,
    /// To an agent: a [`Program`].
    Launch = 30,
    /// To an agent: end the program, with this grace in milliseconds (`u64`).
    Kill = 31,
    /// To an agent: a [`Check`].
    Probe = 32,
    /// To an agent: so many bytes of output were taken (`u32`).
    Credit = 34,
    /// To an agent: end, whatever goes on.
    Discard = 35,
    /// From an agent: it began.
    Started = 40,
    /// From an agent: raw standard output.
    Stdout = 41,
    /// From an agent: raw standard error.
    Stderr = 42,
    /// From an agent: a check is done (`(u32, bool)`).
    Probed = 43,
    /// From an agent: a piece of a file that was wanted (`(String, Blob)`).
    File = 44,
    /// From an agent: its program failed and it waits to be told to go on.
    Paused = 45,
    /// From an agent: an [`End`]. Nothing follows.
    Ended = 46,
}

impl Kind {
    /// The longest payload of this kind that the command takes. The supervisor takes no longer
    /// ones from an agent either.
    pub(crate) fn longest_for_command(self) -> Option<usize> {
        match self {
            Self::Stdout | Self::Stderr => Some(CHUNK),
            // A key and a piece, each with its length.
            Self::File => Some(8 + MAX_KEY + 8 + CHUNK),
            Self::Ended => Some(3 * MAX_TEXT),
            Self::Done | Self::Gone => Some(2 * MAX_TEXT),
            Self::Up | Self::Copied | Self::Ready | Self::Started | Self::Probed | Self::Paused => {
                Some(8)
            }
            _ => None,
        }
    }
}

/// The start of a text that is short enough to be sent.
pub(crate) fn shortened(text: &str) -> &str {
    let mut length = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    &text[..length]
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// What it means.
    pub(crate) kind: Kind,
    /// Whom it concerns.
    pub(crate) channel: u32,
    /// Its content.
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// A frame with an encoded message.
    pub(crate) fn new(kind: Kind, channel: u32, message: &impl Wire) -> Self {
        let mut payload = Vec::new();
        message.put(&mut payload);
        Self {
            kind,
            channel,
            payload,
        }
    }

    /// Its content as a message.
    pub(crate) fn message<T: Wire>(&self) -> io::Result<T> {
        let mut input = self.payload.as_slice();
        T::take(&mut input)
            .filter(|_| input.is_empty())
            .ok_or_else(|| invalid("a message cannot be read"))
    }

    /// Reads a frame; `None` at the end of the stream.
    pub(crate) fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        Self::read_if(from, |_, _| Ok(()))
    }

    /// The same, with a check of kind and length before anything of the payload is taken.
    pub(crate) fn read_if(
        from: &mut impl Read,
        mut admit: impl FnMut(Kind, usize) -> io::Result<()>,
    ) -> io::Result<Option<Self>> {
        let mut header = [0; HEADER];
        let mut filled = 0;
        while filled < HEADER {
            match from.read(&mut header[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let (kind, channel, length) = parse_header(header)?;
        admit(kind, length)?;
        let mut payload = vec![0; length];
        from.read_exact(&mut payload)?;
        Ok(Some(Self {
            kind,
            channel,
            payload,
        }))
    }

    /// Writes it.
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        write_frame(to, self.kind, self.channel, &self.payload)
    }
}

/// Writes a frame with this payload.
pub(crate) fn write_frame(
    to: &mut impl Write,
    kind: Kind,
    channel: u32,
    payload: &[u8],
) -> io::Result<()> {
    // One write: the engine makes a message of its own of each.
    let mut frame = Vec::with_capacity(HEADER + payload.len());
    frame.extend_from_slice(&header(kind, channel, payload.len())?);
    frame.extend_from_slice(payload);
    to.write_all(&frame)?;
    to.flush()
}

/// The header of a frame.
pub(crate) fn header(kind: Kind, channel: u32, length: usize) -> io::Result<[u8; HEADER]> {
    let length = u32::try_from(length)
        .ok()
        .filter(|length| *length as usize <= MAX_PAYLOAD)
        .ok_or_else(|| invalid("a message is longer than 64 MiB"))?;
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&length.to_le_bytes());
    header[4..8].copy_from_slice(&channel.to_le_bytes());
    header[8] = kind as u8;
    Ok(header)
}

/// What a header says: kind, channel and length of the payload.
pub(crate) fn parse_header(header: [u8; HEADER]) -> io::Result<(Kind, u32, usize)> {
    let [l0, l1, l2, l3, c0, c1, c2, c3, kind] = header;
    let kind = Kind::from_byte(kind).ok_or_else(|| invalid("a frame of an unknown kind"))?;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length > MAX_PAYLOAD {
        return Err(invalid("a frame is too long"));
    }
    Ok((kind, u32::from_le_bytes([c0, c1, c2, c3]), length))
}

/// An error about what the other side sent.
pub(crate) fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

macro_rules! messages {
    ($($(#[$doc:meta])* struct $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub(crate) struct $name { $($(#[$field_doc])* pub(crate) $field: $type,)* }

        impl Wire for $name {
            fn put(&self, out: &mut Vec<u8>) { $(self.$field.put(out);)* }
            fn take(input: &mut &[u8]) -> Option<Self> {
                Some(Self { $($field: Wire::take(input)?,)* })
            }
        }
    )* };
}

macro_rules! choices {
    ($($(#[$doc:meta])* enum $name:ident {
        $($(#[$variant_doc:meta])* $tag:literal $variant:ident { $($field:ident: $type:ty,)* })*
    })*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) enum $name { $(
            $(#[$variant_doc])*
            $variant { $(#[doc = "As the variant says."] $field: $type,)* },
        )* }

        impl Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self { $(Self::$variant { $($field,)* } => {
                    out.push($tag);
                    $($field.put(out);)*
                })* }
            }
            fn take(input: &mut &[u8]) -> Option<Self> {
                match u8::take(input)? {
                    $($tag => Some(Self::$variant { $($field: Wire::take(input)?,)* }),)*
                    _ => None,
                }
            }
        }
    )* };
}

messages! {
    /// A program and all that goes with it.
    struct Program {
        /// Program and arguments; empty for nothing to run.
        argv: Vec<String>,
        /// Variables on top of the container's.
        env: Vec<(String, String)>,
        /// Where to run; empty for where the container is.
        working_dir: String,
        /// Milliseconds until it is killed.
        timeout: Option<u64>,
        /// A file standard output is appended to as well.
        stdout_path: Option<String>,
        /// A file standard error is appended to as well.
        stderr_path: Option<String>,
        /// Where the files of the entrypoint's protocol go.
        run_dir: Option<String>,
        /// A failure is forgiven.
        on_error_continue: bool,
        /// Files to read at the end: key and path.
        files: Vec<(String, String)>,
        /// Credentials: relative path and content.
        credentials: Vec<(String, Blob)>,
        /// Without network.
        hermetic: bool,
        /// Waits before it starts.
        pause_before: bool,
        /// Waits when it failed.
        pause_on_failure: bool,
    }
    /// What became of a program.
    struct End {
        /// How it ended.
        how: How,
        /// Microseconds from start to end.
        elapsed: u64,
        /// The kernel killed something for lack of memory.
        oom_killed: bool,
        /// A file that exists and could not be read.
        file_error: Option<String>,
    }
    /// Something to do in a volume. All with one channel are one request.
    struct FileRequest {
        /// The answer is due after this one.
        last: bool,
        /// What to do; nothing is a request without operations.
        operation: Option<FileOperation>,
    }
    /// Mounts to attach to the container of an agent that was not released yet.
    struct MountRequest {
        /// The channel of the agent.
        agent: u32,
        /// The mounts, outer ones before those below them.
        mounts: Vec<Attachment>,
    }
    /// A mount to attach.
    struct Attachment {
        /// An absolute path as the supervisor sees it, opened without following links; nothing is
        /// a fresh tmpfs.
        source: Option<String>,
        /// Where, absolute.
        target: String,
        /// Writing fails.
        read_only: bool,
    }
    /// A check of a running container.
    struct Check {
        /// Its number, for the answer.
        id: u32,
        /// Milliseconds it may take.
        timeout: u64,
        /// What to check.
        what: What,
    }
}

choices! {
    /// How a program ended.
    enum How {
        /// With this status.
        0 Code { code: i32, }
        /// By this signal.
        1 Signal { signal: i32, }
        /// Not started, for this reason.
        2 NotStarted { reason: String, }
        /// After its timeout.
        3 TimedOut {}
        /// As it was told.
        4 Cancelled {}
    }
    /// A check.
    enum What {
        /// A command with its arguments ends with status 0.
        0 Exec { argv: Vec<String>, }
        /// A GET of a path of a host at a port, with headers, is answered with 200 to 399.
        1 Http { host: String, port: u16, path: String, headers: Vec<(String, String)>, }
        /// A host accepts a connection at a port.
        2 Tcp { host: String, port: u16, }
    }
    /// An operation on files; paths are absolute in the sandbox container. An owner is user, group.
    enum FileOperation {
        /// Makes a directory with a mode and an owner, and those above it.
        0 Directory { path: String, mode: u32, owner: Option<(u32, u32)>, }
        /// Writes a file with a mode, an owner and a content, and makes the directories above it.
        1 File { path: String, mode: u32, owner: Option<(u32, u32)>, content: Blob, }
        /// Makes a symbolic link at a path to a target.
        2 Symlink { path: String, target: String, }
        /// Removes what is at a path.
        3 Remove { path: String, }
        /// Gives the tree at a path to a group.
        4 GroupOwned { path: String, gid: u32, }
        /// Changes the mode of what is at a path.
        5 Mode { path: String, mode: u32, }
    }
}

impl Default for How {
    fn default() -> Self {
        Self::Code { code: 0 }
    }
}

impl Default for What {
    fn default() -> Self {
        Self::Exec { argv: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Program {
        Program {
            argv: vec!["sh".to_owned(), String::new()],
            env: vec![("A".to_owned(), "ü".to_owned())],
            timeout: Some(u64::MAX),
            credentials: vec![("c".to_owned(), Blob(vec![0, 255]))],
            hermetic: true,
            ..Program::default()
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let frames = [
            Frame::new(Kind::Launch, 7, &program()),
            Frame {
                kind: Kind::Stdout,
                channel: u32::MAX,
                payload: vec![0; CHUNK],
            },
            Frame::new(Kind::Gone, 0, &true),
        ];
        let mut bytes = Vec::new();
        for frame in &frames {
            frame.write(&mut bytes).unwrap();
        }
        let mut input = bytes.as_slice();
        for frame in frames {
            assert_eq!(Frame::read(&mut input).unwrap(), Some(frame));
        }
        assert_eq!(Frame::read(&mut input).unwrap(), None);
    }

    #[test]
    fn messages_survive() {
        let frame = Frame::new(Kind::Launch, 1, &program());
        assert_eq!(frame.message::<Program>().unwrap(), program());
        let check = Check {
            what: What::Http {
                host: "h".to_owned(),
                port: 65535,
                path: "/".to_owned(),
                headers: vec![("a".to_owned(), "b".to_owned())],
            },
            ..Check::default()
        };
        assert_eq!(
            Frame::new(Kind::Probe, 1, &check)
                .message::<Check>()
                .unwrap(),
            check
        );
    }

    #[test]
    fn nonsense_is_an_error_and_not_a_panic() {
        let mut bytes = Vec::new();
        Frame::new(Kind::Launch, 1, &program())
            .write(&mut bytes)
            .unwrap();
        for length in 1..bytes.len() {
            assert!(
                Frame::read(&mut &bytes[..length]).is_err(),
                "cut at {length}"
            );
        }
        let whole = Frame::read(&mut bytes.as_slice()).unwrap().unwrap();
        for length in 0..whole.payload.len() {
            let payload = whole.payload[..length].to_vec();
            let cut = Frame {
                payload,
                ..whole.clone()
            };
            assert!(cut.message::<Program>().is_err(), "cut at {length}");
        }
        let huge = [255, 255, 255, 255, 0, 0, 0, 0, Kind::Hello as u8];
        assert!(Frame::read(&mut &huge[..]).is_err());
        assert!(Frame::read(&mut &[0, 0, 0, 0, 0, 0, 0, 0, 200][..]).is_err());
    }
}
