//! The entry: one document of any kind.

use super::checker::Checker;
use super::{names, pipeline, pipeline_run, step_action, task, task_run};
use crate::diagnostic::{Diagnostics, DocumentId, FieldPath};
use crate::spec::Object;

/// Everything Tekton's webhook would say about a document, were it created on a cluster.
///
/// The document is taken as read: fields unknown to Tekton and values of the wrong type have been
/// reported, v1beta1 has been converted. `document` says which document of the input the
/// diagnostics are about.
pub fn document(object: &Object, document: DocumentId) -> Diagnostics {
    let mut check = Checker::new(document);
    let root = FieldPath::root();
    let (metadata, spec) = (root.key("metadata"), root.key("spec"));
    match object {
        Object::Pipeline(object) => {
            names::metadata(&mut check, &metadata, &object.metadata);
            pipeline::document(&mut check, &spec, &object.spec);
        }
        Object::PipelineRun(object) => {
            names::metadata(&mut check, &metadata, &object.metadata);
            pipeline_run::document(&mut check, &spec, object);
        }
        Object::Task(object) => {
            names::metadata(&mut check, &metadata, &object.metadata);
            task::document(&mut check, &spec, &object.spec);
        }
        Object::TaskRun(object) => {
            names::metadata(&mut check, &metadata, &object.metadata);
            task_run::document(&mut check, &spec, object);
        }
        Object::StepAction(object) => {
            names::metadata(&mut check, &metadata, &object.metadata);
            step_action::document(&mut check, &spec, &object.spec);
        }
        Object::ConfigMap(_)
        | Object::Secret(_)
        | Object::PersistentVolumeClaim(_)
        | Object::ServiceAccount(_) => {
            names::core_metadata(&mut check, &metadata, object.metadata());
        }
    }
    check.finish()
}
