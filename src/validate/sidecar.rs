//! Sidecars.

use super::checker::Checker;
use super::names::repeats;
use crate::diagnostic::FieldPath;
use crate::spec::Sidecar;

/// The sidecar Tekton itself adds when results travel by its log.
const RESERVED: &str = "tekton-log-results";

pub(super) fn all(check: &mut Checker, at: &FieldPath, sidecars: &[Sidecar]) {
    for (index, sidecar) in sidecars.iter().enumerate() {
        one(check, &at.index(index), sidecar);
    }
    // The webhook does not look; the API server rejects the pod, and with that the run.
    let named = sidecars.iter().map(|sidecar| sidecar.name.as_str());
    for (index, _) in repeats(named).into_iter().filter(|(_, n)| !n.is_empty()) {
        let what = "an API server will reject the pod: another sidecar has this name";
        check.warning(&at.index(index).key("name"), what, None);
    }
}

fn one(check: &mut Checker, at: &FieldPath, sidecar: &Sidecar) {
    if sidecar.name == RESERVED {
        check.fault(
            &at.key("name"),
            format_args!("Invalid: cannot use reserved sidecar name {RESERVED} "),
        );
    }
    if sidecar.image.is_empty() && !check.is_beta() {
        check.missing(&at.key("image"));
    }
    if !sidecar.script.is_empty() && !sidecar.command.is_empty() {
        check.fault(&at.key("script"), "script cannot be used with command");
    }
}

#[cfg(test)]
mod tests {
    use crate::validate::testing::{table, task};

    #[test]
    fn only_v1_asks_for_the_image_of_a_sidecar() {
        let in_beta = |spec: &str| task(spec).replace("tekton.dev/v1", "tekton.dev/v1beta1");
        table(
            in_beta,
            &[("{steps: [{image: i}], sidecars: [{name: s}]}", "")],
        );
    }

    #[test]
    fn sidecars() {
        table(
            |sidecars| task(&format!("{{steps: [{{image: i}}], sidecars: {sidecars}}}")),
            &[
                ("[{name: s}]", "missing field(s): spec.sidecars[0].image"),
                (
                    "[{name: tekton-log-results, image: i}]",
                    "Invalid: cannot use reserved sidecar name tekton-log-results : \
                     spec.sidecars[0].name",
                ),
                ("[{name: s, image: i}, {name: s, image: i}]", ""),
            ],
        );
    }
}
