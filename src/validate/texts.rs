//! The texts of a step or sidecar that take references, and where each stands.

use super::usage::Slot;
use crate::diagnostic::FieldPath;
use crate::spec::{ParamValue, Sidecar, Step, StepTemplate, TaskSpec, WhenExpression};
use crate::substitution::fields::{self, Place, Visitor};

/// A text and what the webhook makes of the field.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) at: FieldPath,
    /// The field of the step: `script`, `env`.
    pub(super) field: &'static str,
    /// The field of its item: `value` in `env[0].value`.
    pub(super) sub: &'static str,
    pub(super) value: String,
}

impl Text {
    /// True for the fields in which the webhook looks for variables that mean nothing
    /// (`validateStepVariables`).
    pub(super) fn is_checked(&self) -> bool {
        match self.field {
            "name" | "image" | "workingDir" | "script" | "onError" | "command" | "args"
            | "volumeMounts" => true,
            "env" => self.sub == "value",
            _ => false,
        }
    }

    /// What it may do with arrays and objects.
    pub(super) fn slot(&self) -> Slot {
        match self.field {
            "command" | "args" => Slot::Element,
            "params" => Slot::Value,
            "when" => Slot::Guard,
            _ => Slot::Text,
        }
    }
}

struct Collector<'a> {
    at: &'a FieldPath,
    found: Vec<Text>,
}

impl Collector<'_> {
    fn push(&mut self, at: FieldPath, field: &'static str, sub: &'static str, text: &str) {
        if !text.is_empty() {
            self.found.push(Text {
                at,
                field,
                sub,
                value: text.to_owned(),
            });
        }
    }

    fn path(&self, place: Place) -> FieldPath {
        let mut path = self.at.clone();
        path.0.extend(FieldPath::parse(&place.to_string()).0);
        path
    }
}

impl Visitor for Collector<'_> {
    fn text(&mut self, place: Place, text: &mut String) {
        self.push(self.path(place), place.field, place.sub, text);
    }

    fn list(&mut self, field: &'static str, list: &mut Vec<String>) {
        for (index, item) in list.iter().enumerate() {
            self.push(self.at.key(field).index(index), field, "", item);
        }
    }

    fn value(&mut self, place: Place, value: &mut ParamValue) {
        let at = self.path(place);
        for (at, text) in super::params::texts(&at, value) {
            self.push(at, place.field, place.sub, text);
        }
    }

    fn when(&mut self, index: usize, when: &mut WhenExpression) {
        let at = self.at.key("when").index(index);
        self.push(at.key("input"), "when", "input", &when.input);
        self.push(at.key("cel"), "when", "cel", &when.cel);
        for (index, value) in when.values.iter().enumerate() {
            self.push(at.key("values").index(index), "when", "values", value);
        }
    }
}

/// Those of a step.
pub(super) fn of_step(at: &FieldPath, step: &Step) -> Vec<Text> {
    let mut collector = Collector {
        at,
        found: Vec::new(),
    };
    fields::step(&mut step.clone(), &mut collector);
    collector.found
}

/// Those of a sidecar.
pub(super) fn of_sidecar(at: &FieldPath, sidecar: &Sidecar) -> Vec<Text> {
    let mut collector = Collector {
        at,
        found: Vec::new(),
    };
    fields::sidecar(&mut sidecar.clone(), &mut collector);
    collector.found
}

/// Those of a step template.
pub(super) fn of_template(at: &FieldPath, template: &StepTemplate) -> Vec<Text> {
    let mut collector = Collector {
        at,
        found: Vec::new(),
    };
    fields::step_template(&mut template.clone(), &mut collector);
    collector.found
}

/// Those of the steps of a Task, and of the template where a step takes from it.
pub(super) fn of_steps(at: &FieldPath, spec: &TaskSpec) -> Vec<Text> {
    let mut found: Vec<Text> = spec
        .steps
        .iter()
        .enumerate()
        .flat_map(|(index, step)| of_step(&at.key("steps").index(index), step))
        .collect();
    if let Some(template) = &spec.step_template
        && spec.steps.iter().any(|step| step.step_ref.is_none())
    {
        found.extend(of_template(&at.key("stepTemplate"), template));
    }
    found
}
