//! Names Tekton gives to what it creates.

use md5::{Digest, Md5};

/// The alphabet of Kubernetes' random suffixes: no vowels, no lookalikes.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// The longest name Kubernetes lets a label value have.
const MAX: usize = 63;
/// `MAX` less the length of an MD5 in hex and one.
const HEAD: usize = 31;

/// `base` and five random characters, as the API server makes of `generateName` (base cut to 58).
pub fn generate(base: &str) -> String {
    let base = base.get(..58).unwrap_or(base);
    format!("{base}{}", random_suffix())
}

/// Five random characters of Kubernetes' alphabet.
pub fn random_suffix() -> String {
    uuid::Uuid::new_v4().as_bytes()[..5]
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
        .collect()
}

/// Which of several objects of one kind and name an object in the namespace `own` means, by their
/// namespaces: the one of its own namespace, else one that names none, as files that are applied
/// to any namespace do. An object that names no namespace itself then takes any; one that does is
/// not given what a cluster would not find.
pub fn nearest_namespace<'a>(
    own: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<usize> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let place = |wanted: &str| candidates.iter().position(|candidate| *candidate == wanted);
    place(own)
        .or_else(|| place(""))
        .or_else(|| place("default").filter(|_| own.is_empty()))
        .or_else(|| (!candidates.is_empty() && matches!(own, "" | "default")).then_some(0))
}

/// A fresh UUID v4, as Kubernetes gives to every object.
pub fn uid() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// The name of a child: knative's `kmeta.ChildName`, byte for byte.
pub fn child(parent: &str, suffix: &str) -> String {
    if parent.len() + suffix.len() <= MAX {
        return format!("{parent}{suffix}");
    }
    if suffix.len() < HEAD {
        return format!(
            "{}{}{suffix}",
            cut(parent, HEAD - suffix.len()),
            md5_hex(parent)
        );
    }
    let mut name = format!(
        "{}{}",
        cut(parent, HEAD),
        md5_hex(&format!("{parent}{suffix}"))
    );
    name.push_str(cut(suffix, MAX - name.len()));
    name.trim_end_matches(|c: char| !c.is_ascii_alphanumeric())
        .to_owned()
}

/// The name of the TaskRun of a task, one of `combinations` when it is a matrix
/// (`GetNamesOfTaskRuns` in `pkg/reconciler/pipelinerun/resources/pipelinerunresolution.go`).
pub fn task_run(run: &str, task: &str, index: usize, combinations: usize) -> String {
    if combinations == 1 {
        return child(run, &format!("-{task}"));
    }
    let ending = format!("-{index}");
    let name = child(run, &format!("-{task}{ending}"));
    if name.ends_with(&ending) {
        return name;
    }
    let base = child(run, &format!("-{task}"));
    format!(
        "{}{ending}",
        cut(&base, MAX - format!("-{combinations}").len())
    )
}

/// The name of the pod of an attempt (`pkg/pod/pod.go`, `Build`).
pub fn pod(task_run: &str, attempt: usize) -> String {
    if attempt == 0 {
        child(task_run, "-pod")
    } else {
        child(task_run, &format!("-pod-retry{attempt}"))
    }
}

/// The name of the claim made of a volumeClaimTemplate
/// (`pkg/reconciler/volumeclaim/pvchandler.go`, `GeneratePVCNameFromWorkspaceBinding`).
pub fn claim(template: &str, workspace: &str, owner_uid: &str) -> String {
    let template = if template.is_empty() { "pvc" } else { template };
    let digest = sha2::Sha256::digest(format!("{workspace}{owner_uid}"));
    format!("{template}-{}", &hex(&digest)[..10])
}

/// The name of the volume of a workspace (`pkg/workspace/apply.go`): FNV-32a of its name.
pub fn workspace_volume(workspace: &str) -> String {
    let hash = workspace.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    format!("ws-{}", &format!("{hash:05x}")[..5])
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn md5_hex(text: &str) -> String {
    hex(&Md5::digest(text))
}

fn cut(text: &str, len: usize) -> &str {
    let mut end = len.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// True for a DNS-1123 label: what a task or step may be called.
pub fn is_label(name: &str) -> bool {
    name.len() <= MAX && is_label_of_any_length(name)
}

/// True for a DNS-1123 subdomain: what an object may be called.
pub fn is_subdomain(name: &str) -> bool {
    !name.is_empty() && name.len() <= 253 && name.split('.').all(is_label_of_any_length)
}

fn is_label_of_any_length(name: &str) -> bool {
    let edge =
        |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    edge(name.as_bytes().first())
        && edge(name.as_bytes().last())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::{child, is_label, is_subdomain, task_run};

    /// pipeline 138: the table of the contract, byte for byte.
    #[test]
    fn child_names_are_tektons() {
        let long = "release-nightly-2026-08-20-linux-and-darwin-and-windows";
        let tree = "compile-the-whole-world-from-source-tree-with-debug-symbols-12";
        for (run, task, index, count, expected) in [
            ("ci", "build", 0, 1, "ci-build"),
            ("ci", "build", 1, 2, "ci-build-1"),
            (
                long,
                "unit-tests",
                0,
                1,
                "release-nightly-2026aa43c90177c5b412ad5399e2326e761e-unit-tests",
            ),
            (
                long,
                "unit-tests",
                0,
                2,
                "release-nightly-20aa43c90177c5b412ad5399e2326e761e-unit-tests-0",
            ),
            (
                "nightly-integration-verification-run-on-hardware-lab",
                "compile-the-whole-world-from-source-a",
                0,
                1,
                "nightly-integration-verificatio27736c9206571c0c85c2bea0c0811529",
            ),
            (
                "short",
                tree,
                0,
                1,
                "shortb3013372b0de77d70b137223cf0a0e1d-compile-the-whole-world-f",
            ),
            (
                "nightly",
                tree,
                1,
                2,
                "nightlye2f6ec3d011237f77b7d990fac9c35e9-compile-the-whole-wor-1",
            ),
        ] {
            assert_eq!(task_run(run, task, index, count), expected, "{run} {task}");
        }
        let run = "r".repeat(62);
        assert_eq!(
            child(&run, "-t"),
            format!("{}a5dd63fbfabdf17d7cfeb329f80aff15-t", "r".repeat(29))
        );
    }

    #[test]
    fn labels_and_subdomains() {
        assert!(is_label("a-1") && !is_label("a.b") && !is_label("A") && !is_label("-a"));
        assert!(!is_label(&"a".repeat(64)) && is_label(&"a".repeat(63)));
        assert!(is_subdomain("a.b-c") && !is_subdomain("a..b") && !is_subdomain("a_b"));
    }

    #[test]
    fn an_object_is_looked_for_in_its_own_namespace_first() {
        use super::nearest_namespace as nearest;
        assert_eq!(nearest("prod", ["dev", "prod"]), Some(1));
        assert_eq!(nearest("prod", ["dev", ""]), Some(1));
        assert_eq!(nearest("prod", ["dev"]), None);
        assert_eq!(nearest("", ["dev", "default"]), Some(1));
        assert_eq!(nearest("", ["dev", "prod"]), Some(0));
        assert_eq!(nearest("default", ["dev"]), Some(0));
        assert_eq!(nearest("default", [""; 0]), None);
    }
}
