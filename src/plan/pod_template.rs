//! The pod template of a TaskRun.

use serde_json::{Value, json};

use super::bind::set_params;
use super::task_run::TaskRunRequest;
use crate::substitution::Scope;

impl TaskRunRequest {
    /// Replaces the references of the pod template to params, which are those of the Task
    /// (`pkg/reconciler/taskrun/resources/apply.go`, `ApplyParametersToPodTemplate`). What cannot
    /// be settled stays: the TaskRun fails for it.
    #[must_use]
    pub fn with_settled_pod_template(mut self) -> Self {
        let mut template = json!(self.overrides.pod_template);
        if !template.to_string().contains("$(") {
            return self;
        }
        let mut scope = self.outer.clone();
        if let Ok(values) = set_params(&self, &mut scope) {
            let mut params = Scope::new();
            for (name, value) in &values {
                params.set_param(name, value);
            }
            replace_texts(&mut template, &params);
            if let Ok(settled) = serde_json::from_value(template) {
                self.overrides.pod_template = settled;
            }
        }
        self
    }
}

fn replace_texts(value: &mut Value, scope: &Scope) {
    match value {
        Value::String(text) => *text = scope.text(text),
        Value::Array(items) => {
            for item in items {
                replace_texts(item, scope);
            }
        }
        Value::Object(map) => {
            for (_, item) in map {
                replace_texts(item, scope);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
