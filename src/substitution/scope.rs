//! What is known now, and replacing references by it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::fields::{Place, Visitor};
use super::ledger::{Ledger, MAX_OBJECT, TooLarge};
use super::reference::whole_reference;
use crate::spec::param::{Param, ParamValue};
use crate::spec::when::WhenExpression;

/// How long the inside of a `$(…)` may be, in bytes: each one that is opened is searched that far.
const MAX_REFERENCE: usize = 1024;
/// What an item of a list counts as beside its text, in bytes.
const ITEM: usize = 24;

/// Everything a `$(…)` can mean at one moment.
///
/// What replacing makes of a text is bounded. A text that would become too large stays as it is,
/// and [`Scope::exceeded`] says so from then on, here and in every clone.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    strings: HashMap<String, String>,
    arrays: HashMap<String, Vec<String>>,
    objects: HashMap<String, BTreeMap<String, String>>,
    longest: usize,
    ledger: Arc<Ledger>,
}

impl Scope {
    /// Knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts what is replaced from here on, here and in clones, as parts of one object.
    pub fn begin_object(&mut self) {
        self.ledger = Arc::new(self.ledger.of_object());
    }

    /// Fails when references were replaced by more than an object may hold.
    pub fn exceeded(&self) -> Result<(), TooLarge> {
        self.ledger.exceeded().cloned().map_or(Ok(()), Err)
    }

    /// `$(key)` is this text.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let key = key.into();
        self.longest = self.longest.max(key.len());
        self.strings.insert(key, value.into());
    }

    /// `$(key)`, its items and its keys are this value. An earlier value of the key is forgotten,
    /// with all its items and keys.
    pub fn set_value(&mut self, key: &str, value: &ParamValue) {
        self.forget(key);
        match value {
            ParamValue::String(text) => self.set(key, text),
            ParamValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.set(format!("{key}[{index}]"), item);
                }
                self.longest = self.longest.max(key.len() + 3);
                self.arrays.insert(key.to_owned(), items.clone());
            }
            ParamValue::Object(map) => {
                for (name, item) in map {
                    self.set(format!("{key}.{name}"), item);
                }
                self.longest = self.longest.max(key.len() + 3);
                self.objects.insert(key.to_owned(), map.clone());
            }
        }
    }

    fn forget(&mut self, key: &str) {
        self.strings.remove(key);
        if let Some(items) = self.arrays.remove(key) {
            for index in 0..items.len() {
                self.strings.remove(&format!("{key}[{index}]"));
            }
        }
        if let Some(map) = self.objects.remove(key) {
            for name in map.keys() {
                self.strings.remove(&format!("{key}.{name}"));
            }
        }
    }

    /// A parameter, in all its spellings: `params.n`, `params["n"]`, `params['n']` and the old
    /// `inputs.params.n`.
    pub fn set_param(&mut self, name: &str, value: &ParamValue) {
        for key in [
            format!("params.{name}"),
            format!("params[\"{name}\"]"),
            format!("params['{name}']"),
            format!("inputs.params.{name}"),
        ] {
            self.set_value(&key, value);
        }
    }

    /// A result of a task, in all its spellings; `side` is `tasks` or `finally`.
    pub fn set_result(&mut self, side: &str, task: &str, name: &str, value: &ParamValue) {
        for key in [
            format!("{side}.{task}.results.{name}"),
            format!("{side}.{task}.results[\"{name}\"]"),
            format!("{side}.{task}.results['{name}']"),
        ] {
            self.set_value(&key, value);
        }
    }

    /// Adds what another scope knows; the other wins.
    pub fn merge(&mut self, other: &Self) {
        for key in other.arrays.keys().chain(other.objects.keys()) {
            self.forget(key);
        }
        self.strings
            .extend(other.strings.iter().map(|(k, v)| (k.clone(), v.clone())));
        self.arrays
            .extend(other.arrays.iter().map(|(k, v)| (k.clone(), v.clone())));
        self.objects
            .extend(other.objects.iter().map(|(k, v)| (k.clone(), v.clone())));
        self.longest = self.longest.max(other.longest);
    }

    /// Forgets every parameter.
    #[must_use]
    pub fn without_params(&self) -> Self {
        let keep = |key: &String| {
            !(key.starts_with("params.")
                || key.starts_with("params[")
                || key.starts_with("inputs.params."))
        };
        Self {
            strings: self
                .strings
                .iter()
                .filter(|(k, _)| keep(k))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
            arrays: self
                .arrays
                .iter()
                .filter(|(k, _)| keep(k))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
            objects: self
                .objects
                .iter()
                .filter(|(k, _)| keep(k))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
            longest: self.longest,
            ledger: Arc::clone(&self.ledger),
        }
    }

    /// The names of the parameters it knows.
    pub fn param_names(&self) -> Vec<String> {
        let name = |key: &String| {
            key.strip_prefix("params['")
                .and_then(|rest| rest.strip_suffix("']"))
                .map(str::to_owned)
        };
        let mut names: Vec<String> = self
            .strings
            .keys()
            .chain(self.arrays.keys())
            .chain(self.objects.keys())
            .filter_map(name)
            .collect();
        names.sort();
        names
    }

    /// True for an item of an array it knows that the array does not have.
    pub fn is_out_of_bounds(&self, reference: &str) -> bool {
        let Some((key, index)) = reference
            .strip_suffix(']')
            .and_then(|rest| rest.rsplit_once('['))
        else {
            return false;
        };
        match (self.arrays.get(key), index.parse::<usize>()) {
            (Some(items), Ok(index)) => index >= items.len(),
            _ => false,
        }
    }

    /// How many items an array it knows has.
    pub fn array_len(&self, key: &str) -> Option<usize> {
        self.arrays.get(key).map(Vec::len)
    }

    /// True when the inside of a `$(…)` means something here.
    pub fn knows(&self, reference: &str) -> bool {
        let bare = reference.strip_suffix("[*]").unwrap_or(reference);
        self.strings.contains_key(reference)
            || self.arrays.contains_key(bare)
            || self.objects.contains_key(bare)
    }

    /// The value of a reference, whole.
    pub fn get(&self, reference: &str) -> Option<ParamValue> {
        if let Some(text) = self.strings.get(reference) {
            return Some(ParamValue::String(text.clone()));
        }
        let bare = reference.strip_suffix("[*]").unwrap_or(reference);
        self.arrays
            .get(bare)
            .map(|items| ParamValue::Array(items.clone()))
            .or_else(|| {
                self.objects
                    .get(bare)
                    .map(|map| ParamValue::Object(map.clone()))
            })
    }

    /// Replaces every reference to a string. Others stay as they are.
    pub fn text(&self, text: &str) -> String {
        self.replaced(text).into_owned()
    }

    fn replaced<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut out = String::new();
        let mut rest = text;
        let window = self.longest.min(MAX_REFERENCE) + 1;
        let mut changed = false;
        while let Some(start) = rest.find("$(") {
            out.push_str(&rest[..start]);
            let inner = &rest[start + 2..];
            let closed = inner.bytes().take(window).position(|byte| byte == b')');
            let found = closed.and_then(|end| Some((end, self.strings.get(&inner[..end])?)));
            if let Some((end, value)) = found {
                if out.len() + value.len() > MAX_OBJECT {
                    self.ledger.spend(out.len() + value.len(), text);
                    return Cow::Borrowed(text);
                }
                out.push_str(value);
                changed = true;
                rest = &inner[end + 1..];
            } else {
                out.push_str("$(");
                rest = inner;
            }
        }
        if !changed {
            return Cow::Borrowed(text);
        }
        out.push_str(rest);
        if self.ledger.spend(out.len(), text) {
            Cow::Owned(out)
        } else {
            Cow::Borrowed(text)
        }
    }

    /// The array that an item of a list stands for.
    fn splice(&self, item: &str) -> Option<&Vec<String>> {
        let reference = whole_reference(item)?;
        let items = self
            .arrays
            .get(reference.strip_suffix("[*]").unwrap_or(reference))?;
        let size = items.iter().map(|item| ITEM + item.len()).sum();
        self.ledger.spend(size, item).then_some(items)
    }

    /// Replaces references in a list: an item that is a whole array becomes its items.
    pub fn list(&self, items: &[String]) -> Vec<String> {
        let mut list = Vec::with_capacity(items.len());
        let mut spliced = 0;
        for item in items {
            match self.splice(item) {
                Some(items) if spliced <= MAX_OBJECT => {
                    spliced += items.iter().map(|item| ITEM + item.len()).sum::<usize>();
                    list.extend(items.iter().cloned());
                }
                _ => list.push(self.text(item)),
            }
        }
        if spliced > MAX_OBJECT {
            let first = items.first().map_or("", String::as_str);
            self.ledger.spend(spliced, first);
        }
        list
    }

    /// Replaces references in a value: a string that is a whole array or object takes its shape.
    pub fn value(&self, value: &ParamValue) -> ParamValue {
        match value {
            ParamValue::String(text) => self
                .whole(text)
                .unwrap_or_else(|| ParamValue::String(self.text(text))),
            ParamValue::Array(items) => ParamValue::Array(self.list(items)),
            ParamValue::Object(map) => ParamValue::Object(
                map.iter()
                    .map(|(key, item)| (key.clone(), self.text(item)))
                    .collect(),
            ),
        }
    }

    /// The array or object that a text stands for.
    fn whole(&self, text: &str) -> Option<ParamValue> {
        let reference = whole_reference(text)?;
        if let Some(items) = self.splice(text) {
            return Some(ParamValue::Array(items.clone()));
        }
        let map = self
            .objects
            .get(reference.strip_suffix("[*]").unwrap_or(reference))?;
        let size = map.iter().map(|(key, item)| ITEM + key.len() + item.len());
        let fits = self.ledger.spend(size.sum(), text);
        fits.then(|| ParamValue::Object(map.clone()))
    }

    /// Replaces references in the values of parameters.
    pub fn params(&self, params: &[Param]) -> Vec<Param> {
        params
            .iter()
            .map(|param| Param {
                name: param.name.clone(),
                value: self.value(&param.value),
            })
            .collect()
    }

    /// Replaces references in a guard: a whole array in `input` becomes its JSON text
    /// (`pkg/apis/pipeline/v1/when_types.go`, `applyReplacements`).
    pub fn when(&self, when: &WhenExpression) -> WhenExpression {
        let input = self.splice(&when.input).map_or_else(
            || self.text(&when.input),
            |items| ParamValue::Array(items.clone()).to_string(),
        );
        WhenExpression {
            input,
            operator: when.operator.clone(),
            values: self.list(&when.values),
            cel: self.text(&when.cel),
        }
    }
}

impl Visitor for &Scope {
    fn text(&mut self, _: Place, text: &mut String) {
        if let Cow::Owned(replaced) = self.replaced(text) {
            *text = replaced;
        }
    }

    fn list(&mut self, _: &'static str, list: &mut Vec<String>) {
        if list.iter().any(|item| item.contains("$(")) {
            *list = Scope::list(self, list);
        }
    }

    fn value(&mut self, _: Place, value: &mut ParamValue) {
        *value = Scope::value(self, value);
    }

    fn when(&mut self, _: usize, when: &mut WhenExpression) {
        *when = Scope::when(self, when);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::Scope;
    use crate::spec::param::ParamValue;
    use crate::spec::when::WhenExpression;

    fn scope() -> Scope {
        let mut scope = Scope::new();
        scope.set_param("s", &ParamValue::from("value"));
        scope.set_param("evil", &ParamValue::from("$(params.s)"));
        scope.set_param("a", &ParamValue::Array(vec!["x".into(), "y".into()]));
        scope.set_param("none", &ParamValue::Array(Vec::new()));
        scope.set_param("o", &ParamValue::Object([("k".into(), "v".into())].into()));
        scope.set_param("dotted.name", &ParamValue::from("d"));
        scope
    }

    fn list(items: &[&str]) -> Vec<String> {
        scope().list(
            &items
                .iter()
                .map(|item| (*item).to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn a_reference_has_no_escape_and_an_old_spelling() {
        assert_eq!(
            scope().text("$$(params.s) $(inputs.params.s)"),
            "$value value"
        );
        assert_eq!(scope().text("$(echo $(params.s))"), "$(echo value)");
        assert_eq!(
            scope().text("$( params.s ) $(params.S)"),
            "$( params.s ) $(params.S)"
        );
    }

    #[test]
    fn dotted_names_need_brackets() {
        assert_eq!(
            scope().text("$(params[\"dotted.name\"])$(params['dotted.name'])"),
            "dd"
        );
    }

    #[test]
    fn values_are_not_looked_at_again() {
        assert_eq!(scope().text("$(params.evil)"), "$(params.s)");
        assert_eq!(list(&["$(params.evil)"]), ["$(params.s)"]);
    }

    #[test]
    fn whole_arrays_are_spliced() {
        assert_eq!(
            list(&["-a", "$(params.a[*])", "$(params.a)", "-z"]),
            ["-a", "x", "y", "x", "y", "-z"]
        );
        assert_eq!(list(&["-a", "$(params.none[*])", "-z"]), ["-a", "-z"]);
        assert_eq!(
            list(&["p-$(params.a[*])", "$(params[\"a\"][1])"]),
            ["p-$(params.a[*])", "y"]
        );
    }

    #[test]
    fn a_whole_reference_takes_the_shape() {
        let value = |text: &str| scope().value(&ParamValue::from(text));
        assert_eq!(
            value("$(params.a)"),
            ParamValue::Array(vec!["x".into(), "y".into()])
        );
        assert_eq!(
            value("$(params.o[*])"),
            ParamValue::Object([("k".into(), "v".into())].into())
        );
        assert_eq!(value("$(params.o.k)"), ParamValue::from("v"));
        assert_eq!(
            value("x $(params.a[*])"),
            ParamValue::from("x $(params.a[*])")
        );
    }

    #[test]
    fn guards_take_arrays() {
        let when = WhenExpression {
            input: "$(params.a[*])".into(),
            operator: "in".into(),
            values: vec!["$(params.a[*])".into()],
            cel: "'$(params.s)' == ''".into(),
        };
        let when = scope().when(&when);
        assert_eq!(when.input, "[\"x\",\"y\"]");
        assert_eq!(when.values, ["x", "y"]);
        assert_eq!(when.cel, "'value' == ''");
    }

    #[test]
    fn a_new_value_leaves_nothing_of_the_old() {
        let mut scope = scope();
        scope.set_param("a", &ParamValue::Array(vec!["z".into()]));
        assert_eq!(
            scope.text("$(params.a[0]) $(params.a[1])"),
            "z $(params.a[1])"
        );
    }

    proptest! {
        #[test]
        fn never_panics_and_never_rescans(text in any::<String>(), value in any::<String>()) {
            let mut scope = Scope::new();
            scope.set("k", value.clone());
            let out = scope.text(&text);
            prop_assert_eq!(&out, &text.replace("$(k)", &value));
            prop_assert!(scope.list(std::slice::from_ref(&text)).len() == 1);
        }

        #[test]
        fn replaces_every_occurrence(parts in proptest::collection::vec("[a-z$()]{0,6}", 1..6), value in "[$()k]{0,8}") {
            let mut scope = Scope::new();
            scope.set("k", value.clone());
            let text = parts.join("$(k)");
            prop_assert_eq!(scope.text(&text), text.replace("$(k)", &value));
        }
    }

    #[test]
    fn a_text_that_would_be_too_large_stays_as_it_is() {
        let mut scope = Scope::new();
        scope.set("big", "x".repeat(1 << 20));
        scope.set_value("list", &ParamValue::Array(vec!["y".repeat(1 << 20)]));
        assert_eq!(scope.text("$(big)").len(), 1 << 20);
        assert_eq!(scope.exceeded(), Ok(()));
        assert_eq!(scope.clone().text("$(big)$(big)"), "$(big)$(big)");
        assert_eq!(scope.exceeded().unwrap_err().text, "$(big)$(big)");

        let mut object = Scope::new();
        object.merge(&scope);
        object.begin_object();
        assert_eq!(object.text("$(big)").len(), 1 << 20);
        assert_eq!(object.text("$(big)"), "$(big)");
        assert!(object.exceeded().is_err());
        object.begin_object();
        assert_eq!(object.exceeded(), Ok(()));
        let many = vec!["$(list[*])".to_owned(); 1000];
        assert!(object.list(&many).iter().map(String::len).sum::<usize>() < 3 << 20);
        assert!(object.exceeded().is_err());
        let mut loose = Scope::new();
        loose.merge(&object);
        assert!(loose.list(&many).iter().map(String::len).sum::<usize>() < 5 << 20);
        assert!(loose.exceeded().is_err());
    }

    #[test]
    fn an_open_reference_is_not_searched_forever() {
        let mut scope = Scope::new();
        scope.set("k".repeat(100_000), "never");
        let text = "$(".repeat(10_000);
        assert_eq!(scope.text(&text), text);
    }
}
