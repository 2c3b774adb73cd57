//! What to say about fields Tekton does not have.

use super::v1beta1;
use crate::diagnostic::{FieldPath, Segment, did_you_mean};
use crate::spec::schema::ObjectSchema;

/// The longest key, in bytes, that may be a slip of the keyboard.
const MAX_SLIP: usize = 64;

/// A field that is not Tekton's and can only be left out.
pub(super) struct Stray {
    object: &'static str,
    field: &'static str,
    why: &'static str,
}

/// What Tekton's own tests contain and no cluster ever saw.
pub(super) const STRAY: [Stray; 2] = [
    Stray {
        object: "ParamSpec",
        field: "value",
        why: "a declared param has a default, not a value; a cluster rejects this",
    },
    Stray {
        object: "Param",
        field: "type",
        why: "the type follows from the value; a cluster rejects this",
    },
];

/// Why a field that is not Tekton's is let pass; it is then left out.
pub(super) fn stray(
    path: &FieldPath,
    key: &str,
    schema: &ObjectSchema,
    lenient: bool,
) -> Option<&'static str> {
    if schema.name == "TaskRef" && key == "version" && is_of_pipeline_task(path) {
        return Some("konflux-ci's tooling replaces this before a cluster sees it");
    }
    let stray = STRAY
        .iter()
        .find(|stray| stray.object == schema.name && stray.field == key);
    stray.filter(|_| lenient).map(|stray| stray.why)
}

/// True below the `taskRef` of a task of a pipeline, as opposed to that of a TaskRun.
fn is_of_pipeline_task(path: &FieldPath) -> bool {
    matches!(
        path.0.as_slice(),
        [.., Segment::Index(_), Segment::Key(_), Segment::Key(_)]
    )
}

/// What was probably meant by a field that an object does not have.
pub(super) fn for_unknown(key: &str, schema: &ObjectSchema, beta: bool) -> Option<String> {
    let known = if beta {
        v1beta1::field_names(schema)
    } else {
        schema.fields.iter().map(|field| field.name).collect()
    };
    if !beta && let Some(name) = v1beta1::name_in_v1(schema, key) {
        return Some(format!("{name} is its name in v1"));
    }
    let advice = match (schema.name, key) {
        ("PipelineRunSpec", "serviceAccountName" | "podTemplate") => {
            "in v1 it is part of taskRunTemplate"
        }
        ("PipelineRunSpec", "timeout") => "in v1 it is timeouts.pipeline",
        ("TaskRef" | "PipelineRef", "bundle") => {
            "use resolver: bundles with the params bundle, name and kind"
        }
        ("ParamSpec", "value") => "a declared param has a default, not a value",
        ("TaskRef" | "PipelineRef", "version") => "the version is part of the resolver's params",
        ("Param", "default") => "a param that is passed has a value, not a default",
        _ if key.len() > MAX_SLIP => return None,
        _ => return did_you_mean(key, known).map(|name| format!("did you mean {name:?}?")),
    };
    Some(advice.to_owned())
}
