//! Processes of this machine.

/// When a process started, in clock ticks since the kernel started; `None` where there is no such
/// process, or the system does not tell (`/proc/<pid>/stat`, field 22). With it a pid that is used
/// again is not taken for the process that had it before.
pub fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    // Killed, and its parent has not asked how it ended.
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_that_lives_has_a_start_time() {
        let own = super::start_time(std::process::id());
        assert!(own.is_some());
        assert_ne!(own, super::start_time(1));
        assert_eq!(super::start_time(0), None);
    }
}
