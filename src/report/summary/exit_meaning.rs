//! What an exit status says.

/// What people mean by an exit status beyond "failed", where there is such a meaning. `reason` is
/// the step's in its status.
pub(crate) fn exit_meaning(code: i32, reason: &str) -> Option<String> {
    if reason == "OOMKilled" {
        return Some("out of memory".to_owned());
    }
    match code {
        126 => Some("the program cannot be executed".to_owned()),
        127 => Some("program not found".to_owned()),
        137 => Some("killed (SIGKILL), often out of memory".to_owned()),
        129..=159 => signal(code - 128).map(|name| format!("killed by {name}")),
        _ => None,
    }
}

/// Signals by their numbers on Linux, where steps run.
const fn signal(number: i32) -> Option<&'static str> {
    Some(match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::exit_meaning;

    #[test]
    fn statuses_have_meanings() {
        for (code, reason, expected) in [
            (1, "Error", None),
            (127, "Error", Some("program not found")),
            (137, "OOMKilled", Some("out of memory")),
            (139, "Error", Some("killed by SIGSEGV")),
            (143, "Error", Some("killed by SIGTERM")),
            (150, "Error", None),
            (255, "Error", None),
        ] {
            assert_eq!(exit_meaning(code, reason).as_deref(), expected, "{code}");
        }
    }
}
