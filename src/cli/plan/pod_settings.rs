//! Pod templates that the one sandbox of a run cannot do justice to, at their places in the file.

use super::place::pod_template;
use crate::cli::load::select::Selected;
use crate::diagnostic::{Diagnostics, FieldPath};
use crate::execute::pod_findings;
use crate::plan::Job;

/// What is to be said of the pod templates of a run before it starts.
pub(crate) fn pod_settings(selected: &Selected, job: &Job) -> Diagnostics {
    let found = pod_findings(job).into_iter();
    Diagnostics(
        found
            .map(|found| {
                let field = FieldPath::parse(found.field);
                let place = pod_template(&selected.run, &found.task, &field.0);
                found.diagnostic.at(selected.document, place)
            })
            .collect(),
    )
}
