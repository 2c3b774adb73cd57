//! Volumes of a Task.

use super::checker::Checker;
use super::names::repeats;
use crate::diagnostic::FieldPath;
use crate::spec::core::Volume;

/// Names of volumes may occur once (`ValidateVolumes`).
pub(super) fn distinct(check: &mut Checker, at: &FieldPath, volumes: &[Volume]) {
    for (index, name) in repeats(volumes.iter().map(|volume| volume.name.as_str())) {
        check.fault(
            &at.index(index).key("name"),
            format_args!("multiple volumes with same name {name:?}"),
        );
    }
}

/// Go's `filepath.Clean`.
pub(super) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn paths_are_cleaned_as_go_cleans_them() {
        for (path, expected) in [
            ("", "."),
            ("/", "/"),
            ("/a/", "/a"),
            ("//tekton//steps", "/tekton/steps"),
            ("/a/../b", "/b"),
            ("/..", "/"),
            ("../a/..", ".."),
            ("a/./b", "a/b"),
        ] {
            assert_eq!(clean(path), expected, "{path}");
        }
    }
}
