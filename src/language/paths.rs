//! Paths as Go's `path/filepath` reads them.

/// The shortest path that means the same: Go's `filepath.Clean`.
pub fn clean(path: &str) -> String {
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

/// The same for a path in a container, where one without a leading slash starts at the root.
pub fn clean_absolute(path: &str) -> String {
    clean(&format!("/{path}"))
}

#[cfg(test)]
mod tests {
    use super::{clean, clean_absolute};

    #[test]
    fn paths_are_cleaned_as_in_go() {
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

    #[test]
    fn a_path_in_a_container_starts_at_the_root() {
        for (path, expected) in [
            ("/workspace//a/./b/../c/", "/workspace/a/c"),
            ("/../..", "/"),
            ("a/../../b", "/b"),
        ] {
            assert_eq!(clean_absolute(path), expected, "{path}");
        }
    }
}
