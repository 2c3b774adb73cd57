//! `-p name=value`: parameters from the command line.

use std::path::Path;

use crate::cli::error::CliError;
use crate::spec::{Param, ParamSpec, ParamType, ParamValue};

/// A parameter as given, before its type is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParamFlag {
    /// The flag that gave it.
    flag: &'static str,
    /// Its name.
    pub(crate) name: String,
    /// The text after `=`, or the content of the file it names.
    text: String,
}

impl ParamFlag {
    /// Reads `name=text`, `name=@file`, or `name=@@text` for a text that begins with `@`. The line
    /// end at the end of a file is not part of the value.
    pub(crate) fn parse(argument: &str, cwd: &Path) -> Result<Self, CliError> {
        Self::parse_as("-p", argument, cwd)
    }

    /// The same for another flag of the same form.
    pub(crate) fn parse_as(
        flag: &'static str,
        argument: &str,
        cwd: &Path,
    ) -> Result<Self, CliError> {
        let (name, text) = argument
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| {
                CliError::usage(format!(
                    "invalid value for `{flag}`: `{argument}` is not of the form NAME=VALUE"
                ))
            })?;
        let text = match text.strip_prefix('@') {
            None => text.to_owned(),
            Some(literal) if literal.starts_with('@') => literal.to_owned(),
            Some(file) => read(flag, name, &cwd.join(file))?,
        };
        Ok(Self {
            flag,
            name: name.to_owned(),
            text,
        })
    }

    /// The parameter, of the type it is declared with: an array is JSON or `a,b`, an object JSON
    /// or `k:v,k2:v2`, anything else is text.
    pub(crate) fn typed(&self, specs: &[ParamSpec]) -> Result<Param, CliError> {
        let spec = specs.iter().find(|spec| spec.name == self.name);
        Ok(Param {
            name: self.name.clone(),
            value: self.value(spec.map_or(ParamType::String, ParamSpec::kind))?,
        })
    }

    /// The value, of this type.
    pub(crate) fn value(&self, kind: ParamType) -> Result<ParamValue, CliError> {
        match kind {
            ParamType::String => Ok(ParamValue::String(self.text.clone())),
            ParamType::Array => self.array(),
            ParamType::Object => self.object(),
        }
    }

    /// The value where its type is not known: an array or object of strings in JSON is one,
    /// anything else is text.
    pub(crate) fn guessed(&self) -> ParamValue {
        let json = serde_json::from_str(&self.text).ok();
        let structured = json.filter(|value: &serde_json::Value| !value.is_string());
        let value = structured.map(|value| ParamValue::from_json(&value));
        value
            .filter(|value| value.kind() != ParamType::String)
            .unwrap_or_else(|| ParamValue::String(self.text.clone()))
    }

    fn array(&self) -> Result<ParamValue, CliError> {
        if self.text.starts_with('[') {
            return self.json(ParamType::Array, "[\"a\",\"b\"]");
        }
        if self.text.is_empty() {
            return Ok(ParamValue::Array(Vec::new()));
        }
        let items = self.text.split(',').map(str::to_owned).collect();
        Ok(ParamValue::Array(items))
    }

    fn object(&self) -> Result<ParamValue, CliError> {
        if self.text.starts_with('{') {
            return self.json(ParamType::Object, "{\"k\":\"v\"}");
        }
        let pairs = self.text.split(',').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (key, value) = pair.split_once(':').ok_or_else(|| {
                    let message = format!(
                        "invalid value for `{} {}`: `{pair}` is not of the form KEY:VALUE",
                        self.flag, self.name
                    );
                    CliError::usage(message)
                        .cause(format!("{} is an object", self.name))
                        .hint("pass `k:v,k2:v2`, or JSON for values that contain commas")
                })?;
                // As tkn does.
                Ok((key.trim().to_owned(), value.trim().to_owned()))
            })
            .collect::<Result<_, _>>()
            .map(ParamValue::Object)
    }

    fn json(&self, kind: ParamType, example: &str) -> Result<ParamValue, CliError> {
        let wrong = |why: String| {
            CliError::usage(format!(
                "invalid value for `{} {}`: not an {kind} of strings",
                self.flag, self.name
            ))
            .cause(why)
            .hint(format!("the JSON looks like `{example}`"))
        };
        let value: serde_json::Value =
            serde_json::from_str(&self.text).map_err(|error| wrong(error.to_string()))?;
        let value = ParamValue::from_json(&value);
        if value.kind() == kind {
            Ok(value)
        } else {
            Err(wrong("one of the values is not a string".to_owned()))
        }
    }
}

fn read(flag: &str, name: &str, path: &Path) -> Result<String, CliError> {
    let cannot = |cause: String| {
        CliError::usage(format!(
            "invalid value for `{flag} {name}`: cannot read {}",
            path.display()
        ))
        .cause(cause)
        .hint("to pass a value that begins with `@`, write `@@`")
    };
    let bytes = std::fs::read(path).map_err(|error| cannot(error.to_string()))?;
    let mut text =
        String::from_utf8(bytes).map_err(|_| cannot("the file is not UTF-8".to_owned()))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::ParamFlag;
    use crate::spec::ParamSpec;

    fn specs() -> Vec<ParamSpec> {
        [("s", "string"), ("a", "array"), ("o", "object")]
            .into_iter()
            .map(|(name, kind)| ParamSpec {
                name: name.to_owned(),
                param_type: kind.to_owned(),
                ..ParamSpec::default()
            })
            .collect()
    }

    fn value(argument: &str, cwd: &Path) -> Result<Value, String> {
        ParamFlag::parse(argument, cwd)
            .and_then(|flag| flag.typed(&specs()))
            .map(|param| param.value.to_json())
            .map_err(|error| error.message)
    }

    #[test]
    fn values_have_the_type_that_is_declared() {
        for (argument, expected) in [
            ("s=a,b", json!("a,b")),
            ("s=", json!("")),
            ("s=a=b", json!("a=b")),
            ("s=[\"x\"]", json!("[\"x\"]")),
            ("s=@@home", json!("@home")),
            ("undeclared={}", json!("{}")),
            ("a=x,y z,", json!(["x", "y z", ""])),
            ("a=one", json!(["one"])),
            ("a=", json!([])),
            ("a=[\"x,y\",\"z\"]", json!(["x,y", "z"])),
            ("o=k:v,k2:v2", json!({"k": "v", "k2": "v2"})),
            ("o=url:http://x:1", json!({"url": "http://x:1"})),
            ("o={\"k\":\"a,b\"}", json!({"k": "a,b"})),
            ("o=", json!({})),
        ] {
            let found = value(argument, Path::new("."));
            assert_eq!(found, Ok(expected), "{argument}");
        }
    }

    #[test]
    fn a_value_comes_from_a_file_without_its_last_line_end() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("v"), "one\ntwo\r\n").unwrap();
        assert_eq!(value("s=@v", dir.path()), Ok(json!("one\ntwo")));
        let missing = value("s=@none", dir.path()).unwrap_err();
        assert!(
            missing.starts_with("invalid value for `-p s`: cannot read "),
            "{missing}"
        );
    }

    #[test]
    fn what_cannot_be_meant_is_an_error() {
        for (argument, expected) in [
            (
                "s",
                "invalid value for `-p`: `s` is not of the form NAME=VALUE",
            ),
            (
                "=x",
                "invalid value for `-p`: `=x` is not of the form NAME=VALUE",
            ),
            ("a=[1]", "invalid value for `-p a`: not an array of strings"),
            ("a=[", "invalid value for `-p a`: not an array of strings"),
            (
                "o=x",
                "invalid value for `-p o`: `x` is not of the form KEY:VALUE",
            ),
            (
                "o={\"k\":1}",
                "invalid value for `-p o`: not an object of strings",
            ),
        ] {
            let found = value(argument, Path::new(".")).unwrap_err();
            assert_eq!(found, expected, "{argument}");
        }
    }
}
