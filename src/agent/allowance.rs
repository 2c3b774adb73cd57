//! What an agent may still send.
//!
//! An agent is ours, but it shares its container with a program that is not, and which may have
//! all its rights. So the supervisor takes from a connection only what an agent of ours would
//! send by then.

use std::io;

use super::protocol::{FRAME_COST, Frame, Kind, MAX_FILES, WINDOW, invalid};

/// A program waits at most before it starts and after it failed.
const PAUSES: u32 = 2;
/// What all frames of files may cost: the files themselves and a generous part for the frames.
const FILES: usize = MAX_FILES + MAX_FILES / 2;
/// What a frame of a file costs besides its payload.
const FILE_COST: usize = 256;

/// The allowance of one agent.
#[derive(Debug)]
pub(crate) struct Allowance {
    /// As the agent counts: it sends output while this is above zero.
    credit: i64,
    /// Checks that were asked for and not answered.
    probes: u32,
    /// What is left for files.
    files: usize,
    starts: u32,
    pauses: u32,
    has_ended: bool,
}

impl Allowance {
    /// That of an agent that has just come.
    pub(crate) fn new() -> Self {
        Self {
            credit: i64::try_from(WINDOW).unwrap_or(i64::MAX),
            probes: 0,
            files: FILES,
            starts: 1,
            pauses: PAUSES,
            has_ended: false,
        }
    }

    /// Notes what the command is about to tell the agent.
    pub(crate) fn told(&mut self, frame: &Frame) {
        match frame.kind {
            Kind::Credit => {
                let more: u32 = frame.message().unwrap_or_default();
                self.credit = self.credit.saturating_add(i64::from(more));
            }
            Kind::Probe => self.probes = self.probes.saturating_add(1),
            _ => {}
        }
    }

    /// Whether a frame of this kind and length may come now; it is used up then.
    pub(crate) fn admit(&mut self, kind: Kind, length: usize) -> io::Result<()> {
        if self.has_ended {
            return Err(invalid("it went on after its end"));
        }
        if kind
            .longest_for_command()
            .is_none_or(|longest| length > longest)
        {
            return Err(invalid("it sent a frame that is too long"));
        }
        let is_allowed = match kind {
            Kind::Stdout | Kind::Stderr => {
                let has_credit = self.credit > 0;
                let cost = i64::try_from(length + FRAME_COST).unwrap_or(i64::MAX);
                self.credit = self.credit.saturating_sub(cost);
                has_credit
            }
            Kind::File => {
                let left = self.files.checked_sub(length + FILE_COST);
                self.files = left.unwrap_or_default();
                left.is_some()
            }
            Kind::Probed => take_one(&mut self.probes),
            Kind::Started => take_one(&mut self.starts),
            Kind::Paused => take_one(&mut self.pauses),
            Kind::Ended => {
                self.has_ended = true;
                true
            }
            _ => false,
        };
        if is_allowed {
            Ok(())
        } else {
            Err(invalid("it sent more than was asked of it"))
        }
    }
}

fn take_one(left: &mut u32) -> bool {
    let has_one = *left > 0;
    *left = left.saturating_sub(1);
    has_one
}

#[cfg(test)]
mod tests {
    use super::super::protocol::CHUNK;
    use super::*;

    fn sent(allowance: &mut Allowance, kind: Kind, length: usize, limit: usize) -> usize {
        (0..limit)
            .take_while(|_| allowance.admit(kind, length).is_ok())
            .count()
    }

    #[test]
    fn output_ends_with_its_credit() {
        let mut allowance = Allowance::new();
        let frames = sent(&mut allowance, Kind::Stdout, CHUNK, usize::MAX);
        assert_eq!(frames, WINDOW / CHUNK);
        assert!(allowance.admit(Kind::Stderr, 1).is_err());
        allowance.told(&Frame::new(Kind::Credit, 1, &u32::MAX));
        assert!(allowance.admit(Kind::Stdout, CHUNK).is_ok());
    }

    #[test]
    fn empty_frames_use_it_up_too() {
        let mut allowance = Allowance::new();
        let frames = sent(&mut allowance, Kind::Stdout, 0, usize::MAX);
        assert_eq!(frames, WINDOW / FRAME_COST);
        let frames = sent(&mut allowance, Kind::File, 17, usize::MAX);
        assert!(frames < 500_000, "{frames}");
    }

    #[test]
    fn only_what_was_asked_is_answered() {
        let mut allowance = Allowance::new();
        assert!(allowance.admit(Kind::Probed, 5).is_err());
        allowance.told(&Frame {
            kind: Kind::Probe,
            channel: 1,
            payload: Vec::new(),
        });
        assert!(allowance.admit(Kind::Probed, 5).is_ok());
        assert!(allowance.admit(Kind::Probed, 5).is_err());
        assert!(allowance.admit(Kind::Started, 1).is_ok());
        assert!(allowance.admit(Kind::Started, 1).is_err());
    }

    #[test]
    fn nothing_is_too_long_and_nothing_follows_the_end() {
        let mut allowance = Allowance::new();
        assert!(allowance.admit(Kind::Stdout, CHUNK + 1).is_err());
        assert!(allowance.admit(Kind::Ended, 1 << 20).is_err());
        for kind in [Kind::Launch, Kind::Done, Kind::Gone, Kind::Up, Kind::Expect] {
            assert!(allowance.admit(kind, 1).is_err(), "{kind:?}");
        }
        assert!(allowance.admit(Kind::Ended, 10).is_ok());
        assert!(allowance.admit(Kind::Stdout, 1).is_err());
    }

    #[test]
    fn the_largest_files_fit() {
        let mut allowance = Allowance::new();
        let frame = Kind::File.longest_for_command().unwrap();
        let frames = sent(&mut allowance, Kind::File, frame, usize::MAX);
        assert!(frames >= MAX_FILES / CHUNK, "{frames}");
    }
}
