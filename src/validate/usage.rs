//! Which parameters are known, and what a text may do with them.

use std::collections::{BTreeMap, BTreeSet};

use super::checker::{Checker, meant};
use super::variables::{self, Variable};
use crate::diagnostic::FieldPath;
use crate::spec::{Param, ParamSpec, ParamType, ParamValue};

/// The parameters known somewhere.
#[derive(Debug, Clone, Default)]
pub(super) struct Declared {
    known: BTreeMap<String, Shape>,
    /// Those a TaskRun gives a value: their shape is settled.
    settled: BTreeSet<String>,
    /// False where more may be known than the document shows: then only the use of what is known
    /// is checked.
    closed: bool,
}

#[derive(Debug, Clone)]
enum Shape {
    String,
    Array,
    Object(BTreeSet<String>),
}

impl Declared {
    /// Nothing, and that is all there is.
    pub(super) fn closed() -> Self {
        Self {
            closed: true,
            ..Self::default()
        }
    }

    /// Nothing that the document shows.
    pub(super) fn open() -> Self {
        Self::default()
    }

    /// These as well; they hide others of the same name.
    #[must_use]
    pub(super) fn and(&self, specs: &[ParamSpec]) -> Self {
        let mut all = self.clone();
        for spec in specs {
            let shape = Shape::of(spec);
            match all.known.get_mut(&spec.name) {
                Some(known) if all.settled.contains(&spec.name) => {
                    if let (Shape::Object(keys), Shape::Object(more)) = (known, shape) {
                        keys.extend(more);
                    }
                }
                _ => {
                    all.known.insert(spec.name.clone(), shape);
                }
            }
        }
        all
    }

    /// These as well, where nothing of the same name is known.
    pub(super) fn add(&mut self, specs: &[ParamSpec]) {
        for spec in specs {
            let shape = self
                .known
                .entry(spec.name.clone())
                .or_insert_with(|| Shape::of(spec));
            if let Shape::Object(keys) = shape {
                keys.extend(spec.properties.keys().cloned());
            }
        }
    }

    /// Given values as well, where nothing of the same name is known.
    pub(super) fn add_given(&mut self, params: &[Param]) {
        for param in params {
            let shape =
                self.known
                    .entry(param.name.clone())
                    .or_insert_with(|| match &param.value {
                        ParamValue::String(_) => Shape::String,
                        ParamValue::Array(_) => Shape::Array,
                        ParamValue::Object(_) => Shape::Object(BTreeSet::new()),
                    });
            if let (Shape::Object(keys), ParamValue::Object(map)) = (shape, &param.value) {
                keys.extend(map.keys().cloned());
            }
        }
    }

    /// Nothing below hides what is known so far.
    pub(super) fn settle(&mut self) {
        self.settled = self.known.keys().cloned().collect();
    }

    fn hint(&self, name: &str) -> Option<String> {
        meant(name, self.known.keys().map(String::as_str))
    }
}

impl Shape {
    fn of(spec: &ParamSpec) -> Self {
        match spec.kind() {
            ParamType::String => Self::String,
            ParamType::Array => Self::Array,
            ParamType::Object => Self::Object(spec.properties.keys().cloned().collect()),
        }
    }
}

/// What a text may do with arrays and objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// A plain text: items and keys only.
    Text,
    /// An item of a list: may be a whole array.
    Element,
    /// The value of a parameter: may be a whole array or object, written with `[*]`.
    Value,
    /// Part of a guard: may be a whole array, written with `[*]`. The webhook forbids that in
    /// `input`, where the run allows it; the run is right.
    Guard,
}

/// One `$(params…)` and where it stands.
struct Use<'a> {
    at: &'a FieldPath,
    text: &'a str,
    slot: Slot,
    variable: Variable<'a>,
}

/// Checks the `$(params…)` of a text.
pub(super) fn usage(
    check: &mut Checker,
    at: &FieldPath,
    text: &str,
    slot: Slot,
    declared: &Declared,
) {
    for variable in variables::find(text, "params") {
        let used = Use {
            at,
            text,
            slot,
            variable,
        };
        if variable.is_too_long() {
            if declared.closed {
                variables::too_long(check, at, text, &variable, "params");
            }
            continue;
        }
        match declared.known.get(variable.name()) {
            None if declared.closed => {
                let hint = declared.hint(variable.name());
                variables::nonexistent(check, at, text, &variable, hint);
            }
            None => {}
            Some(Shape::String) => used.as_string(check),
            Some(Shape::Array) => used.as_array(check),
            Some(Shape::Object(keys)) => used.as_object(check, keys),
        }
    }
}

impl Use<'_> {
    fn is_isolated(&self) -> bool {
        self.variable.whole.len() == self.text.len()
    }

    fn has_star(&self) -> bool {
        self.variable.inner.ends_with("[*]")
    }

    /// Tekton leaves the item, or key, of a text as it is.
    fn as_string(&self, check: &mut Checker) {
        if self.variable.is_whole() && !self.has_star() {
            return;
        }
        let (whole, name) = (self.variable.whole, self.variable.name());
        check.warning(
            self.at,
            format_args!("{whole} stays as it is: param {name:?} is text and has no items or keys"),
            Some(format!(
                "declare {name} with type: array or object, or write $(params.{name})"
            )),
        );
    }

    fn as_array(&self, check: &mut Checker) {
        if self.variable.inner.ends_with(']') && !self.has_star() {
            return;
        }
        let allowed = match self.slot {
            Slot::Text => false,
            Slot::Element => self.is_isolated(),
            Slot::Value | Slot::Guard => self.is_isolated() && self.has_star(),
        };
        if allowed {
            return;
        }
        if self.slot == Slot::Element {
            check.fault_with(
                self.at,
                format_args!("variable is not properly isolated in {:?}", self.excerpt()),
                Some("a whole array must be an item of its own".to_owned()),
            );
        } else {
            self.wrong_type(check);
        }
    }

    fn as_object(&self, check: &mut Checker, keys: &BTreeSet<String>) {
        if let Some(key) = self.variable.key() {
            if !keys.contains(key) {
                let hint = meant(key, keys.iter().map(String::as_str));
                variables::nonexistent(check, self.at, self.text, &self.variable, hint);
            }
            return;
        }
        let allowed = self.slot == Slot::Value && self.is_isolated() && self.has_star();
        if self.variable.is_whole() && !allowed {
            self.wrong_type(check);
        }
    }

    fn excerpt(&self) -> &str {
        self.variable.excerpt(self.text)
    }

    fn wrong_type(&self, check: &mut Checker) {
        check.fault(
            self.at,
            format_args!("variable type invalid in {:?}", self.excerpt()),
        );
    }
}

/// Checks the value of a parameter (`validatePipelineParametersVariablesInTaskParameters`).
pub(super) fn value_usage(
    check: &mut Checker,
    at: &FieldPath,
    value: &ParamValue,
    declared: &Declared,
) {
    match value {
        ParamValue::String(text) => usage(check, at, text, Slot::Value, declared),
        ParamValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                usage(check, &at.index(index), item, Slot::Element, declared);
            }
        }
        ParamValue::Object(map) => {
            for (key, item) in map {
                usage(check, &at.key(key), item, Slot::Text, declared);
            }
        }
    }
}
