//! Whether the kernel killed something in this container for lack of memory.

use std::fs;

/// Where the kernel counts, by version 2 and 1 of control groups, as a container sees them.
const COUNTERS: [&str; 2] = [
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
];

/// Whether any process of this container was a victim. A container is never used twice, so every
/// victim is one of this program.
pub(crate) fn was_killed_for_memory() -> bool {
    COUNTERS
        .iter()
        .any(|file| fs::read_to_string(file).is_ok_and(|text| victims(&text) > 0))
}

fn victims(counters: &str) -> u64 {
    counters
        .lines()
        .filter_map(|line| line.strip_prefix("oom_kill "))
        .find_map(|count| count.trim().parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_are_read() {
        assert_eq!(victims("low 0\noom 3\noom_kill 2\noom_group_kill 0\n"), 2);
        assert_eq!(victims("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"), 1);
        assert_eq!(victims("oom_kill_disable 1\nunder_oom 0\n"), 0);
    }
}
