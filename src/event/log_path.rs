//! Where the output of a container is kept.

use std::path::PathBuf;

/// The log file of a container, relative to the directory of logs: `<taskrun>/<step>.log`, of a
/// sidecar `<taskrun>/<sidecar>.sidecar.log`, and of a retry `….retry<n>.log`.
///
/// Names of steps and sidecars have no dots, so no two containers share a file.
pub fn log_path(task_run: &str, container: &str, sidecar: bool, attempt: usize) -> PathBuf {
    let mut file = safe(container);
    if sidecar {
        file.push_str(".sidecar");
    }
    let retry = match attempt {
        0 => String::new(),
        attempt => format!(".retry{attempt}"),
    };
    PathBuf::from(safe(task_run)).join(format!("{file}{retry}.log"))
}

/// A name that cannot leave its directory, whatever it was.
fn safe(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| match c {
            '/' | '\\' | '\0'..='\x1f' | '\x7f' => '_',
            other => other,
        })
        .collect();
    if name.is_empty() || name.starts_with('.') {
        return format!("_{name}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::log_path;

    #[test]
    fn every_container_and_attempt_has_its_own_file() {
        for (sidecar, attempt, expected) in [
            (false, 0, "ci-build/unit.log"),
            (false, 2, "ci-build/unit.retry2.log"),
            (true, 0, "ci-build/unit.sidecar.log"),
            (true, 1, "ci-build/unit.sidecar.retry1.log"),
        ] {
            let path = log_path("ci-build", "unit", sidecar, attempt);
            assert_eq!(path.to_str(), Some(expected));
        }
    }

    #[test]
    fn no_name_leaves_the_directory() {
        assert_eq!(
            log_path("../../etc", "/passwd", false, 0).to_str(),
            Some("_.._.._etc/_passwd.log")
        );
    }
}
