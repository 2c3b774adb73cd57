//! Pod templates that the one sandbox of a run cannot do justice to, at their places in the file.

use serde_json::json;

use crate::cli::load::select::{Run, Selected};
use crate::diagnostic::{Diagnostics, FieldPath};
use crate::execute::{Job, pod_findings};
use crate::spec::PodTemplate;

/// What is to be said of the pod templates of a run before it starts.
pub(crate) fn pod_settings(selected: &Selected, job: &Job) -> Diagnostics {
    let found = pod_findings(job).into_iter();
    Diagnostics(
        found
            .map(|found| {
                let place = place(&selected.run, &found.task, found.field);
                found.diagnostic.at(selected.document, place)
            })
            .collect(),
    )
}

/// Where the template that counts for a task has the field.
fn place(run: &Run, task: &str, field: &str) -> FieldPath {
    let spec = FieldPath::root().key("spec");
    let template = match run {
        Run::Task(_) => spec,
        Run::Pipeline(run) => {
            let own = run.spec.task_run_specs.iter().rposition(|entry| {
                let pod = entry.pod_template.as_ref();
                entry.pipeline_task_name == task && pod.is_some_and(|pod| has(pod, field))
            });
            match own {
                Some(index) => spec.key("taskRunSpecs").index(index),
                None => spec.key("taskRunTemplate"),
            }
        }
    };
    let parts = field.split('.');
    parts.fold(template.key("podTemplate"), |path, part| path.key(part))
}

fn has(pod: &PodTemplate, field: &str) -> bool {
    let pointer = format!("/{}", field.replace('.', "/"));
    json!(pod).pointer(&pointer).is_some()
}
