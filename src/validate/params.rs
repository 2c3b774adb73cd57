//! Parameters: their declarations, and what uses them.

use std::collections::{BTreeMap, BTreeSet};

use super::checker::{Checker, meant};
use super::names::{is_param_name, repeats};
use super::variables::{self, Variable};
use crate::diagnostic::FieldPath;
use crate::spec::{Param, ParamSpec, ParamType, ParamValue};

/// Checks a list of declarations (`ValidateParameterTypes`).
///
/// An object needs `properties` always; the webhook looks only at those it happens to meet.
pub(super) fn declarations(check: &mut Checker, at: &FieldPath, specs: &[ParamSpec]) {
    for (index, spec) in specs.iter().enumerate() {
        let at = at.index(index);
        types(check, &at, spec);
    }
    for (index, _) in repeats(specs.iter().map(|spec| spec.name.as_str())) {
        check.fault(
            &at.index(index).key("name"),
            "parameter appears more than once",
        );
    }
}

fn types(check: &mut Checker, at: &FieldPath, spec: &ParamSpec) {
    if !spec.param_type.is_empty() && ParamType::parse(&spec.param_type).is_none() {
        check.invalid(&at.key("type"), &spec.param_type);
        return;
    }
    let kind = spec.kind();
    if let Some(default) = spec.default.as_ref().filter(|value| value.kind() != kind) {
        check.fault_among(
            &[at.key("type"), at.key("default").key("type")],
            format_args!(
                "\"{kind}\" type does not match default value's type: \"{}\"",
                default.kind()
            ),
        );
    }
    let wrong: Vec<&str> = spec
        .properties
        .iter()
        .filter(|(_, property)| !matches!(property.property_type.as_str(), "" | "string"))
        .map(|(key, _)| key.as_str())
        .collect();
    let properties = at.key("properties");
    if !wrong.is_empty() {
        check.fault(
            &properties,
            format_args!(
                "The value type specified for these keys [{}] is invalid",
                wrong.join(" ")
            ),
        );
    }
    if kind == ParamType::Object && spec.properties.is_empty() {
        check.missing(&properties);
    }
}

/// Checks the values allowed (`validateParamEnums`); nobody does for StepActions.
pub(super) fn enums(check: &mut Checker, at: &FieldPath, specs: &[ParamSpec]) {
    for (index, spec) in specs.iter().enumerate() {
        allowed(check, &at.index(index), spec);
    }
}

fn allowed(check: &mut Checker, at: &FieldPath, spec: &ParamSpec) {
    if spec.allowed.is_empty() {
        return;
    }
    let at = at.key("enum");
    if spec.kind() != ParamType::String {
        check.fault(&at, "enum can only be set with string type param");
    }
    for (index, value) in repeats(spec.allowed.iter().map(String::as_str)) {
        check.fault(
            &at.index(index),
            format_args!("parameter enum value {value} appears more than once"),
        );
    }
    if let Some(ParamValue::String(default)) = &spec.default
        && !default.is_empty()
        && !spec.allowed.contains(default)
    {
        check.fault(
            &at,
            format_args!("param default value {default} not in the enum list"),
        );
    }
}

/// Checks how declared parameters are called (`ValidateNameFormat`).
pub(super) fn name_formats(check: &mut Checker, at: &FieldPath, specs: &[ParamSpec]) {
    for (index, spec) in specs.iter().enumerate() {
        let at = at.index(index);
        if spec.kind() == ParamType::Object {
            object_name_format(check, &at, &spec.name, spec.properties.keys());
        } else {
            name_format(check, &at, &spec.name);
        }
    }
}

/// Checks how given parameters are called, where the webhook takes them for declarations.
pub(super) fn given_name_formats(check: &mut Checker, at: &FieldPath, params: &[Param]) {
    for (index, param) in params.iter().enumerate() {
        let at = at.index(index);
        match &param.value {
            ParamValue::Object(map) => object_name_format(check, &at, &param.name, map.keys()),
            ParamValue::String(_) | ParamValue::Array(_) => name_format(check, &at, &param.name),
        }
    }
}

fn name_format(check: &mut Checker, at: &FieldPath, name: &str) {
    if !is_param_name(name, true) {
        check.fault_with(
            &at.key("name"),
            format_args!(
                "The format of following array and string variable names is invalid: [{name}]"
            ),
            Some("letters, digits, '-', '_' and '.', beginning with a letter or '_'".to_owned()),
        );
    }
}

fn object_name_format<'a>(
    check: &mut Checker,
    at: &FieldPath,
    name: &str,
    keys: impl Iterator<Item = &'a String>,
) {
    let wrong: Vec<&str> = keys
        .map(String::as_str)
        .filter(|key| !is_param_name(key, false))
        .collect();
    if !is_param_name(name, false) || !wrong.is_empty() {
        check.fault_with(
            &at.key("name"),
            format_args!(
                "Object param name and key name format is invalid: map[{name}:[{}]]",
                wrong.join(" ")
            ),
            Some("letters, digits, '-' and '_', beginning with a letter or '_'".to_owned()),
        );
    }
}

/// Values of one list: names may occur once (`validateDuplicateParameters`).
pub(super) fn distinct(check: &mut Checker, at: &FieldPath, params: &[Param]) {
    for (index, name) in repeats(params.iter().map(|param| param.name.as_str())) {
        check.fault(
            &at.index(index).key("name"),
            format_args!(
                "parameter names must be unique, the parameter \"{name}\" is also defined at"
            ),
        );
    }
}

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

/// Checks the `$(params…)` of a text.
pub(super) fn usage(
    check: &mut Checker,
    at: &FieldPath,
    text: &str,
    slot: Slot,
    declared: &Declared,
) {
    for variable in variables::find(text, "params") {
        if variable.is_too_long() {
            if declared.closed {
                variables::too_long(check, at, text, &variable, "params");
            }
            continue;
        }
        let isolated = variable.whole.len() == text.len();
        match declared.known.get(variable.name()) {
            None if declared.closed => {
                let hint = declared.hint(variable.name());
                variables::nonexistent(check, at, text, &variable, hint);
            }
            None | Some(Shape::String) => {}
            Some(Shape::Array) => array(check, at, text, &variable, slot, isolated),
            Some(Shape::Object(keys)) => {
                object(check, at, text, &variable, slot, isolated, keys);
            }
        }
    }
}

fn array(
    check: &mut Checker,
    at: &FieldPath,
    text: &str,
    variable: &Variable<'_>,
    slot: Slot,
    isolated: bool,
) {
    let indexed = variable.inner.ends_with(']') && !variable.inner.ends_with("[*]");
    let starred = variable.inner.ends_with("[*]");
    if indexed {
        return;
    }
    match slot {
        Slot::Value | Slot::Guard if isolated && starred => {}
        Slot::Element if isolated => {}
        Slot::Element => check.fault_with(
            at,
            format_args!(
                "variable is not properly isolated in {:?}",
                variables::excerpt(text, variable.whole)
            ),
            Some("a whole array must be an item of its own".to_owned()),
        ),
        Slot::Text | Slot::Value | Slot::Guard => {
            wrong_type(check, at, text, variable);
        }
    }
}

fn object(
    check: &mut Checker,
    at: &FieldPath,
    text: &str,
    variable: &Variable<'_>,
    slot: Slot,
    isolated: bool,
    keys: &BTreeSet<String>,
) {
    if let Some(key) = variable.key() {
        if !keys.contains(key) {
            let hint = meant(key, keys.iter().map(String::as_str));
            variables::nonexistent(check, at, text, variable, hint);
        }
    } else if slot == Slot::Value && isolated && variable.inner.ends_with("[*]") {
    } else if variable.is_whole() {
        wrong_type(check, at, text, variable);
    }
}

fn wrong_type(check: &mut Checker, at: &FieldPath, text: &str, variable: &Variable<'_>) {
    check.fault(
        at,
        format_args!(
            "variable type invalid in {:?}",
            variables::excerpt(text, variable.whole)
        ),
    );
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

/// The texts a value is made of, and where each stands.
pub(super) fn texts<'v>(at: &FieldPath, value: &'v ParamValue) -> Vec<(FieldPath, &'v str)> {
    match value {
        ParamValue::String(text) => vec![(at.clone(), text.as_str())],
        ParamValue::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (at.index(index), item.as_str()))
            .collect(),
        ParamValue::Object(map) => map
            .iter()
            .map(|(key, item)| (at.key(key), item.as_str()))
            .collect(),
    }
}
