//! Parameters: declarations, values and their three shapes.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::schema::{ApiType, Schema, api_object};

/// The shape of a parameter or result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ParamType {
    /// Text.
    #[default]
    String,
    /// A list of strings.
    Array,
    /// A map of strings.
    Object,
}

impl ParamType {
    /// Reads Tekton's word for it.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "string" => Some(Self::String),
            "array" => Some(Self::Array),
            "object" => Some(Self::Object),
            _ => None,
        }
    }

    /// Tekton's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

impl fmt::Display for ParamType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The value of a parameter or result.
///
/// Decoded as Tekton decodes JSON (`pkg/apis/pipeline/v1/param_types.go`, `UnmarshalJSON`): a list
/// of strings is an array, a map of strings an object, and whatever is neither is the string of
/// its own JSON text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum ParamValue {
    /// Text.
    String(String),
    /// A list of strings.
    Array(Vec<String>),
    /// A map of strings.
    Object(BTreeMap<String, String>),
}

impl Default for ParamValue {
    fn default() -> Self {
        Self::String(String::new())
    }
}

impl ParamValue {
    /// Its shape.
    pub const fn kind(&self) -> ParamType {
        match self {
            Self::String(_) => ParamType::String,
            Self::Array(_) => ParamType::Array,
            Self::Object(_) => ParamType::Object,
        }
    }

    /// The text of a string value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// Every text in it: the string, the items, or the values of the keys.
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Self::String(text) => vec![text],
            Self::Array(items) => items.iter().map(String::as_str).collect(),
            Self::Object(map) => map.values().map(String::as_str).collect(),
        }
    }

    /// Decodes a JSON value by Tekton's rules.
    pub fn from_json(value: &Value) -> Self {
        match value {
            Value::Null => Self::default(),
            Value::String(text) => Self::String(text.clone()),
            Value::Array(items) => {
                let strings: Option<Vec<String>> = items.iter().map(text_or_null).collect();
                strings.map_or_else(|| Self::String(value.to_string()), Self::Array)
            }
            Value::Object(map) => {
                let strings: Option<BTreeMap<String, String>> = map
                    .iter()
                    .map(|(key, item)| Some((key.clone(), text_or_null(item)?)))
                    .collect();
                strings.map_or_else(|| Self::String(value.to_string()), Self::Object)
            }
            Value::Bool(_) | Value::Number(_) => Self::String(value.to_string()),
        }
    }

    /// Decodes the content of a result file: JSON that is an array or object of strings is taken
    /// as such, anything else is the text itself.
    pub fn from_result_text(text: &str) -> Self {
        if !text.starts_with(['[', '{']) {
            return Self::String(text.to_owned());
        }
        match serde_json::from_str::<Value>(text) {
            Ok(value) => match Self::from_json(&value) {
                Self::String(_) => Self::String(text.to_owned()),
                shaped => shaped,
            },
            Err(_) => Self::String(text.to_owned()),
        }
    }

    /// The value as JSON.
    pub fn to_json(&self) -> Value {
        match self {
            Self::String(text) => Value::String(text.clone()),
            Self::Array(items) => items.iter().cloned().map(Value::String).collect(),
            Self::Object(map) => map
                .iter()
                .map(|(key, item)| (key.clone(), Value::String(item.clone())))
                .collect(),
        }
    }
}

impl From<&str> for ParamValue {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

/// Text as it is, anything else as JSON.
impl fmt::Display for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => f.write_str(text),
            Self::Array(_) | Self::Object(_) => write!(f, "{}", self.to_json()),
        }
    }
}

fn text_or_null(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Null => Some(String::new()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

impl<'de> Deserialize<'de> for ParamValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self::from_json(&value))
    }
}

impl ApiType for ParamValue {
    fn schema() -> Schema {
        Schema::ParamValue
    }
}

api_object! {
    /// A declared parameter.
    ParamSpec = "ParamSpec" {
        name: String = "name", Honoured;
        /// Empty when it is to be inferred.
        param_type: String = "type", Honoured;
        description: String = "description", NoEffect("text for people");
        properties: BTreeMap<String, PropertySpec> = "properties", Honoured;
        default: Option<ParamValue> = "default", Honoured;
        allowed: Vec<String> = "enum", Honoured;
    }

    /// One key of an object parameter or result.
    PropertySpec = "PropertySpec" {
        property_type: String = "type", Honoured;
    }

    /// A parameter with its value.
    Param = "Param" {
        name: String = "name", Honoured;
        value: ParamValue = "value", Honoured;
    }
}

impl ParamSpec {
    /// The declared type, or the one Tekton infers (`pkg/apis/pipeline/v1/param_types.go`,
    /// `setDefaultsForProperties` and `SetDefaults`). An unknown word counts as string: validation
    /// has said so.
    pub fn kind(&self) -> ParamType {
        if !self.param_type.is_empty() {
            return ParamType::parse(&self.param_type).unwrap_or_default();
        }
        if !self.properties.is_empty() {
            return ParamType::Object;
        }
        self.default
            .as_ref()
            .map_or(ParamType::String, ParamValue::kind)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::ParamValue;

    #[test]
    fn values_decode_as_tekton_decodes_them() {
        for (input, expected) in [
            (json!(true), ParamValue::from("true")),
            (json!(8), ParamValue::from("8")),
            (json!(1.1), ParamValue::from("1.1")),
            (json!(null), ParamValue::from("")),
            (json!([true, 2]), ParamValue::from("[true,2]")),
            (json!({"a": 1}), ParamValue::from("{\"a\":1}")),
            (
                json!(["a", null]),
                ParamValue::Array(vec!["a".into(), String::new()]),
            ),
            (
                json!({"a": "b"}),
                ParamValue::Object([("a".into(), "b".into())].into()),
            ),
        ] {
            assert_eq!(ParamValue::from_json(&input), expected, "{input}");
        }
    }

    #[test]
    fn result_files_with_leading_space_are_text() {
        assert_eq!(
            ParamValue::from_result_text(" [\"a\"]"),
            ParamValue::from(" [\"a\"]")
        );
        assert_eq!(
            ParamValue::from_result_text("[\"a\"]\n"),
            ParamValue::Array(vec!["a".into()])
        );
        assert_eq!(ParamValue::from_result_text("[1]"), ParamValue::from("[1]"));
    }
}
