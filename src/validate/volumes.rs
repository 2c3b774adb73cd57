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
