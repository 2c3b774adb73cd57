//! The names of the containers of steps.

/// The directory name of a step: `step-<name>`, or `step-unnamed-<i>`.
pub(super) fn step_container(name: &str, index: usize) -> String {
    if name.is_empty() {
        format!("step-unnamed-{index}")
    } else {
        format!("step-{name}")
    }
}

/// A container's name in status: at most 63 characters, ending in a letter or digit
/// (`pkg/names/generate.go`, `SimpleNameGenerator.RestrictLength`).
pub fn truncated(container: &str) -> String {
    let cut: String = container.chars().take(63).collect();
    cut.trim_end_matches(|c: char| !c.is_ascii_alphanumeric())
        .to_owned()
}
