//! Giving every declared parameter its value.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::param_error::{DefaultError, MAX_DEPTH, ParamError};
use crate::spec::param::{Param, ParamSpec, ParamType, ParamValue};
use crate::substitution::{Scope, references};

type Values = BTreeMap<String, ParamValue>;

/// The values of a pipeline's parameters, run-given ones that it does not declare included.
/// `context` is what else a default may refer to.
pub fn pipeline_params(
    specs: &[ParamSpec],
    given: &[Param],
    context: &Scope,
) -> Result<Values, ParamError> {
    check(specs, given, false)?;
    with_defaults(specs, given, context)
}

/// The values of a task's parameters. A string value that still contains a reference passes for
/// an array or object: its type shows when the reference is replaced.
pub fn task_params(
    specs: &[ParamSpec],
    given: &[Param],
    context: &Scope,
) -> Result<Values, ParamError> {
    check(specs, given, true)?;
    with_defaults(specs, given, context)
}

fn check(specs: &[ParamSpec], given: &[Param], late: bool) -> Result<(), ParamError> {
    let mut values = HashMap::new();
    for param in given {
        values.entry(param.name.as_str()).or_insert(&param.value);
    }
    let value_of = |name: &str| values.get(name).copied();
    let names = |wrong: &dyn Fn(&ParamSpec) -> bool| -> Vec<String> {
        specs
            .iter()
            .filter(|spec| wrong(spec))
            .map(|spec| spec.name.clone())
            .collect()
    };
    let missing = names(&|spec| spec.default.is_none() && value_of(&spec.name).is_none());
    if !missing.is_empty() {
        return Err(ParamError::Missing(missing));
    }
    let is_late =
        |value: &ParamValue| late && value.as_str().is_some_and(|text| text.contains("$("));
    let mistyped = names(&|spec| {
        value_of(&spec.name).is_some_and(|value| value.kind() != spec.kind() && !is_late(value))
    });
    if !mistyped.is_empty() {
        return Err(ParamError::Type(mistyped));
    }
    for spec in specs.iter().filter(|spec| !spec.allowed.is_empty()) {
        if let Some(text) = value_of(&spec.name).and_then(ParamValue::as_str)
            && !text.is_empty()
            && !(late && text.contains("$("))
            && !spec.allowed.iter().any(|allowed| allowed == text)
        {
            return Err(ParamError::Enum(spec.name.clone(), text.to_owned()));
        }
    }
    let keys: BTreeMap<String, Vec<String>> = specs
        .iter()
        .filter(|spec| spec.kind() == ParamType::Object)
        .filter_map(|spec| Some((spec.name.clone(), missing_keys(spec, value_of(&spec.name))?)))
        .collect();
    if keys.is_empty() {
        Ok(())
    } else {
        Err(ParamError::Keys(keys))
    }
}

/// The declared keys that neither the value nor the default has. An empty object without default
/// is not looked at, as on a cluster.
fn missing_keys(spec: &ParamSpec, given: Option<&ParamValue>) -> Option<Vec<String>> {
    let mut present = BTreeSet::new();
    for value in [spec.default.as_ref(), given].into_iter().flatten() {
        match value {
            ParamValue::Object(map) => present.extend(map.keys()),
            ParamValue::String(_) | ParamValue::Array(_) => return None,
        }
    }
    if present.is_empty() {
        return None;
    }
    let missing: Vec<String> = spec
        .properties
        .keys()
        .filter(|key| !present.contains(key))
        .cloned()
        .collect();
    (!missing.is_empty()).then_some(missing)
}

fn with_defaults(
    specs: &[ParamSpec],
    given: &[Param],
    context: &Scope,
) -> Result<Values, ParamError> {
    let mut declared = HashMap::new();
    for spec in specs {
        declared.entry(spec.name.as_str()).or_insert(spec);
    }
    let mut context = context.clone();
    context.begin_object();
    let mut resolver = Resolver {
        specs: declared,
        given: given
            .iter()
            .map(|param| (param.name.as_str(), &param.value))
            .collect(),
        context,
        values: Values::new(),
        path: Vec::new(),
    };
    for param in given {
        if !resolver.specs.contains_key(param.name.as_str()) {
            resolver.settle(&param.name, param.value.clone());
        }
    }
    for spec in specs {
        resolver.resolve(&spec.name)?;
    }
    Ok(resolver.values)
}

/// Resolves defaults that refer to other parameters, whatever the order of declaration
/// (`pkg/reconciler/pipelinerun/resources/apply.go`, since v1.9).
struct Resolver<'a> {
    specs: HashMap<&'a str, &'a ParamSpec>,
    given: BTreeMap<&'a str, &'a ParamValue>,
    context: Scope,
    values: Values,
    path: Vec<String>,
}

impl Resolver<'_> {
    fn settle(&mut self, name: &str, value: ParamValue) {
        self.context.set_param(name, &value);
        self.values.insert(name.to_owned(), value);
    }

    fn resolve(&mut self, name: &str) -> Result<(), ParamError> {
        if self.values.contains_key(name) {
            return Ok(());
        }
        if self.path.iter().any(|seen| seen == name) {
            return Err(ParamError::Default(DefaultError::Circular(name.to_owned())));
        }
        if self.path.len() > MAX_DEPTH {
            return Err(ParamError::Default(DefaultError::TooDeep(name.to_owned())));
        }
        let spec = self.specs.get(name);
        let given = self.given.get(name).map(|value| (*value).clone());
        let default = spec.and_then(|spec| spec.default.clone());
        let value = match (given, default) {
            (Some(ParamValue::Object(mut given)), Some(default @ ParamValue::Object(_))) => {
                if let ParamValue::Object(default) = self.replaced(name, &default)? {
                    for (key, item) in default {
                        given.entry(key).or_insert(item);
                    }
                }
                ParamValue::Object(given)
            }
            (Some(given), _) => given,
            (None, Some(default)) => self.replaced(name, &default)?,
            (None, None) => {
                let by = self.path.last().cloned().unwrap_or_default();
                let name = name.to_owned();
                return Err(ParamError::Default(DefaultError::Undefined { by, name }));
            }
        };
        self.settle(name, value);
        Ok(())
    }

    fn replaced(&mut self, name: &str, default: &ParamValue) -> Result<ParamValue, ParamError> {
        self.path.push(name.to_owned());
        for text in default.texts() {
            for target in self.mentioned(text) {
                self.resolve(&target)?;
            }
        }
        self.path.pop();
        let value = self.context.value(default);
        match self.context.exceeded() {
            Ok(()) => Ok(value),
            Err(error) => Err(ParamError::TooLarge(name.to_owned(), error)),
        }
    }

    /// The parameters a text refers to: the longest declared name that fits, else the first part.
    fn mentioned(&self, text: &str) -> Vec<String> {
        let known = |name: &str| self.given.contains_key(name) || self.specs.contains_key(name);
        let mut found = Vec::new();
        for reference in references(text) {
            let Some(rest) = reference.strip_prefix("params.") else {
                continue;
            };
            let bare = rest.split('[').next().unwrap_or(rest);
            let first = bare.split('.').next().unwrap_or(bare);
            found.push(if known(bare) { bare } else { first }.to_owned());
        }
        for (open, close) in [("$(params[\"", "\"]"), ("$(params['", "']")] {
            for rest in text.split(open).skip(1) {
                let name = rest.split_once(close).map_or("", |(name, _)| name);
                if self.specs.contains_key(name) {
                    found.push(name.to_owned());
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ParamError, pipeline_params, task_params};
    use crate::spec::param::{Param, ParamSpec, ParamValue};
    use crate::substitution::Scope;

    fn specs(value: Value) -> Vec<ParamSpec> {
        serde_json::from_value(value).unwrap()
    }

    fn given(value: Value) -> Vec<Param> {
        serde_json::from_value(value).unwrap()
    }

    fn resolved(declared: Value, values: Value, name: &str) -> ParamValue {
        pipeline_params(&specs(declared), &given(values), &Scope::new()).unwrap()[name].clone()
    }

    fn error(declared: Value, values: Value) -> (&'static str, String) {
        let error = pipeline_params(&specs(declared), &given(values), &Scope::new()).unwrap_err();
        (
            error.reason_of_run().as_str(),
            error.of_run("default/r", "default/p"),
        )
    }

    #[test]
    fn errors_have_tektons_reasons() {
        let (reason, message) = error(json!([{"name": "a"}]), json!([]));
        assert_eq!(reason, "ParameterMissing");
        assert!(
            message.ends_with("pipelineRun missing parameters: [a]"),
            "{message}"
        );
        assert_eq!(
            error(
                json!([{"name": "a"}]),
                json!([{"name": "a", "value": ["x"]}])
            )
            .0,
            "ParameterTypeMismatch"
        );
        assert_eq!(
            error(
                json!([{"name": "a", "type": "array"}]),
                json!([{"name": "a", "value": [1, 2]}])
            )
            .0,
            "ParameterTypeMismatch"
        );
        let (reason, message) = error(
            json!([{"name": "o", "properties": {"k": {}, "l": {}}}]),
            json!([{"name": "o", "value": {"l": "1"}}]),
        );
        assert_eq!(reason, "ObjectParameterMissKeys");
        assert!(message.ends_with("map[o:[k]]"), "{message}");
    }

    #[test]
    fn enum_lets_the_empty_string_pass() {
        let declared = json!([{"name": "a", "enum": ["x"]}]);
        assert_eq!(
            error(declared.clone(), json!([{"name": "a", "value": "y"}])).0,
            "InvalidParamValue"
        );
        assert_eq!(
            resolved(declared, json!([{"name": "a", "value": ""}]), "a"),
            ParamValue::from("")
        );
    }

    #[test]
    fn defaults_resolve_in_any_order() {
        let declared = json!([
            {"name": "a", "default": "$(params.b)/x"},
            {"name": "b", "default": "$(params['c'])"},
            {"name": "c", "default": "q"},
            {"name": "l", "default": ["$(params.a)", "$(params.o.k)"]},
            {"name": "o", "default": {"k": "$(params.c)"}},
        ]);
        assert_eq!(
            resolved(declared.clone(), json!([]), "a"),
            ParamValue::from("q/x")
        );
        assert_eq!(
            resolved(declared.clone(), json!([{"name": "c", "value": "z"}]), "a"),
            ParamValue::from("z/x")
        );
        assert_eq!(
            resolved(declared, json!([]), "l"),
            ParamValue::Array(vec!["q/x".into(), "q".into()])
        );
    }

    #[test]
    fn defaults_that_lead_nowhere() {
        let message = |declared: Value| error(declared, json!([])).1;
        assert!(message(json!([{"name": "a", "default": "$(params.b)"}, {"name": "b", "default": "$(params.a)"}]))
            .contains("circular dependency detected"));
        assert!(
            message(json!([{"name": "x", "default": "$(params.y)"}]))
                .contains("param \"params.x\" references undefined param \"params.y\"")
        );
        let chain: Vec<Value> = (0..12)
            .map(|i| json!({"name": format!("p{i}"), "default": if i == 11 { "end".to_owned() } else { format!("$(params.p{})", i + 1) }}))
            .collect();
        assert!(message(Value::Array(chain)).contains("maximum recursion depth (10) exceeded"));
    }

    #[test]
    fn objects_merge_with_their_deerror() {
        let declared = json!([{"name": "o", "default": {"a": "1", "b": "2"}}]);
        assert_eq!(
            resolved(declared, json!([{"name": "o", "value": {"a": "9"}}]), "o"),
            ParamValue::Object([("a".into(), "9".into()), ("b".into(), "2".into())].into())
        );
    }

    #[test]
    fn late_values_pass_and_wrong_types_do_not() {
        let declared = specs(json!([{"name": "a", "type": "array"}]));
        let late = given(json!([{"name": "a", "value": "$(tasks.x.results.y[*])"}]));
        assert!(task_params(&declared, &late, &Scope::new()).is_ok());
        let wrong = task_params(
            &declared,
            &given(json!([{"name": "a", "value": "v"}])),
            &Scope::new(),
        );
        assert_eq!(
            wrong.unwrap_err().of_task(),
            "param types don't match the user-specified type: [a]"
        );
        assert_eq!(
            task_params(
                &specs(json!([{"name": "a"}, {"name": "b"}])),
                &[],
                &Scope::new()
            ),
            Err(ParamError::Missing(vec!["a".into(), "b".into()]))
        );
    }

    #[test]
    fn params_made_of_copies_of_one_another_end_at_the_limit() {
        let declared: Vec<Value> = (0..10)
            .map(|i| {
                let default = match i {
                    0 => "x".repeat(10),
                    _ => format!("$(params.p{})", i - 1).repeat(10),
                };
                json!({"name": format!("p{i}"), "default": default})
            })
            .collect();
        let (reason, message) = error(Value::Array(declared), json!([]));
        assert_eq!(reason, "PipelineValidationFailed");
        assert!(
            message.contains("default of param \"p6\": this is larger than 1.5 MiB"),
            "{message}"
        );
    }
}
