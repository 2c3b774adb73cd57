//! `-o`: the objects of runs on standard output.

use clap::ValueEnum;
use serde_json::{Value, json};

use super::error::CliError;
use super::exit::ExitStatus;
use crate::report::clean;

/// What standard output holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// The runs with their status as JSON
    Json,
    /// The runs with their status as YAML
    Yaml,
    /// One `pipelinerun.tekton.dev/<name>` per line
    Name,
}

impl Format {
    /// The text of a value; as YAML when that is asked for, else as JSON.
    pub(super) fn plain(self, value: &Value) -> Result<String, CliError> {
        match self {
            Self::Json | Self::Name => Ok(format!("{value:#}\n")),
            Self::Yaml => serde_yaml::to_string(value).map_err(|error| {
                CliError::new(ExitStatus::Internal, "cannot write the objects as YAML")
                    .cause(error.to_string())
            }),
        }
    }

    /// The text of objects. One alone stands for itself, unless it `is_list`.
    pub(super) fn text(self, objects: Vec<Value>, is_list: bool) -> Result<String, CliError> {
        let whole = |mut objects: Vec<Value>| match objects.len() {
            1 if !is_list => objects.remove(0),
            _ => json!({"apiVersion": "v1", "kind": "List", "items": objects}),
        };
        match self {
            Self::Json | Self::Yaml => self.plain(&whole(objects)),
            Self::Name => Ok(objects.iter().map(object_line).collect()),
        }
    }
}

fn object_line(object: &Value) -> String {
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    name_line(
        object["kind"].as_str().unwrap_or_default(),
        name.unwrap_or_default(),
    )
}

/// `pipelinerun.tekton.dev/<name>` and a line end, as kubectl and tkn print it.
pub(super) fn name_line(kind: &str, name: &str) -> String {
    format!("{}.tekton.dev/{}\n", kind.to_lowercase(), clean(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Format;

    #[test]
    fn one_object_stands_for_itself_and_several_are_a_list() {
        let run = json!({"kind": "PipelineRun", "metadata": {"name": "r"}});
        let task = json!({"kind": "TaskRun", "metadata": {"name": "r-t"}});
        for (format, objects, is_list, expected) in [
            (
                Format::Yaml,
                vec![run.clone()],
                false,
                "kind: PipelineRun\nmetadata:\n  name: r\n",
            ),
            (
                Format::Yaml,
                vec![run.clone()],
                true,
                "apiVersion: v1\nkind: List\nitems:\n- kind: PipelineRun\n  metadata:\n    name: r\n",
            ),
            (
                Format::Name,
                vec![run.clone(), task.clone()],
                true,
                "pipelinerun.tekton.dev/r\ntaskrun.tekton.dev/r-t\n",
            ),
        ] {
            assert_eq!(format.text(objects, is_list).unwrap(), expected);
        }
        let list = Format::Json.text(vec![run, task], false).unwrap();
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        assert_eq!(list["items"][1]["kind"], "TaskRun");
    }
}
