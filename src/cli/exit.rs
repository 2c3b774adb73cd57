//! The exit statuses.

use std::process::ExitCode;

/// How the command ended, as its caller sees it. Ordered: of several runs the greatest is
/// reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum ExitStatus {
    /// 0: the run succeeded, or completed with skipped tasks.
    #[default]
    Success,
    /// 1: the run did not succeed.
    RunFailed,
    /// 4: the files or inputs are invalid; nothing was started.
    Invalid,
    /// 2: the command line is wrong.
    Usage,
    /// 3: the engine cannot be reached, or is broken.
    Engine,
    /// 70: a bug in this program, or a state directory or output it cannot write.
    Internal,
    /// 143: ended by SIGTERM or SIGHUP.
    Terminated,
    /// 130: ended by Ctrl-C.
    Interrupted,
}

impl ExitStatus {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::RunFailed => 1,
            Self::Usage => 2,
            Self::Engine => 3,
            Self::Invalid => 4,
            Self::Internal => 70,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

#[cfg(test)]
mod tests {
    use super::ExitStatus;

    #[test]
    fn the_numbers_are_those_of_the_readme() {
        let readme = include_str!("../../README.md");
        for status in [
            ExitStatus::Success,
            ExitStatus::RunFailed,
            ExitStatus::Usage,
            ExitStatus::Engine,
            ExitStatus::Invalid,
            ExitStatus::Internal,
        ] {
            let row = format!("| {} | ", status.code());
            assert!(readme.contains(&row), "{row}");
        }
        assert!(readme.contains("| 130, 143 | "));
        assert_eq!(ExitStatus::Interrupted.code(), 130);
        assert_eq!(ExitStatus::Terminated.code(), 143);
    }

    #[test]
    fn the_worst_of_several_counts() {
        let worst = [
            ExitStatus::Success,
            ExitStatus::Invalid,
            ExitStatus::RunFailed,
        ];
        assert_eq!(worst.into_iter().max(), Some(ExitStatus::Invalid));
    }
}
