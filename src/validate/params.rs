//! Parameters: their declarations and values.

use std::collections::BTreeMap;

use super::checker::Checker;
use super::names::{is_param_name, repeats};
use crate::diagnostic::FieldPath;
use crate::spec::{Param, ParamSpec, ParamType, ParamValue, PropertySpec};

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
    let wrong = not_text(&spec.properties);
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

/// The keys of an object whose values are declared to be something else than text.
pub(super) fn not_text(properties: &BTreeMap<String, PropertySpec>) -> Vec<&str> {
    properties
        .iter()
        .filter(|(_, property)| !matches!(property.property_type.as_str(), "" | "string"))
        .map(|(key, _)| key.as_str())
        .collect()
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
