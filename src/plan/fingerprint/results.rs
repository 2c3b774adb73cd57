//! Results of other tasks among the inputs.

use super::input::{TaskInput, TaskInputs};
use crate::spec::param::{Param, ParamValue};
use crate::spec::task::TaskSpec;
use crate::spec::when::WhenExpression;
use crate::substitution::fields::{self, Place, Visitor};
use crate::substitution::{ResultRef, Scope};

/// The results a task of a pipeline is given through params, by the names they have there:
/// `result fetch.commit`. `written` are the params before references are replaced, `scope` is what
/// replaces them. They belong to the [`inputs`](crate::plan::inputs) of its TaskRun, so that a
/// change is reported by its cause. Params of a matrix are left out: each combination is decided by
/// its own values.
pub fn result_inputs(written: &[Param], scope: &Scope) -> TaskInputs {
    let mut texts = Texts::default();
    for param in written {
        texts.add_value(&param.value);
    }
    let found = results_in(&texts.0, scope);
    found
        .map(|(name, value)| (name, TaskInput::of_text(&value.to_string())))
        .collect()
}

/// The results a Task written in place refers to.
pub(crate) fn results_of_task(spec: &TaskSpec, scope: &Scope) -> Vec<(String, ParamValue)> {
    let mut texts = Texts::default();
    fields::task_spec(&mut spec.clone(), &mut texts);
    results_in(&texts.0, scope).collect()
}

fn results_in<'a>(
    texts: &'a [String],
    scope: &'a Scope,
) -> impl Iterator<Item = (String, ParamValue)> + 'a {
    let found = texts.iter().flat_map(|text| ResultRef::find_in(text));
    found.filter_map(|reference| {
        let part = reference.part();
        let value = scope.get(&(reference.whole() + &part))?;
        let (task, result) = (&reference.task, &reference.result);
        Some((format!("result {task}.{result}{part}"), value))
    })
}

/// Collects texts that may hold references.
#[derive(Default)]
struct Texts(Vec<String>);

impl Texts {
    fn add_value(&mut self, value: &ParamValue) {
        self.0.extend(value.texts().into_iter().map(str::to_owned));
    }
}

impl Visitor for Texts {
    fn text(&mut self, _: Place, text: &mut String) {
        self.0.push(text.clone());
    }

    fn list(&mut self, _: &'static str, list: &mut Vec<String>) {
        self.0.extend(list.iter().cloned());
    }

    fn value(&mut self, _: Place, value: &mut ParamValue) {
        self.add_value(value);
    }

    fn when(&mut self, _: usize, when: &mut WhenExpression) {
        self.0.extend(when.texts().map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::result_inputs;
    use crate::spec::param::ParamValue;
    use crate::substitution::Scope;

    #[test]
    fn only_the_part_of_a_result_that_is_used_is_an_input() {
        let mut scope = Scope::new();
        let list = ParamValue::Array(vec!["x".into(), "y".into()]);
        let map = ParamValue::Object([("k".into(), "v".into()), ("l".into(), "w".into())].into());
        scope.set_result("tasks", "t", "list", &list);
        scope.set_result("tasks", "t", "map", &map);
        scope.set_result("tasks", "fetch", "commit", &ParamValue::from("abc"));
        let written: Vec<_> = serde_json::from_value(json!([
            {"name": "a", "value": "at $(tasks.fetch.results.commit)"},
            {"name": "b", "value": ["$(tasks.t.results.list[1])", "$(tasks.t.results.map.k)"]},
            {"name": "c", "value": {"k": "$(tasks.unknown.results.r) $(params.p)"}},
        ]))
        .unwrap();
        let found: Vec<_> = result_inputs(&written, &scope)
            .into_iter()
            .map(|(name, input)| format!("{name}={}", input.value))
            .collect();
        assert_eq!(
            found,
            [
                "result fetch.commit=abc",
                "result t.list[1]=y",
                "result t.map.k=v"
            ]
        );
    }
}
