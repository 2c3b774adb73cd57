//! A pipeline as text: its tasks, what each waits for and what is special about it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::cli::error::CliError;
use crate::language::{Graph, GraphError};
use crate::report::{Style, clean, plural};
use crate::spec::{PipelineSpec, PipelineTask, TaskSpec};
use crate::substitution::dependencies;

/// A task and its place in the order.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its name.
    pub(crate) name: String,
    /// The tasks it waits for.
    pub(crate) after: Vec<String>,
    /// What is special about it.
    pub(crate) notes: Vec<String>,
    /// How many tasks are before it on the longest way to it.
    depth: usize,
}

/// The tasks of a pipeline, in an order in which they can run.
#[derive(Debug)]
pub(crate) struct Outline {
    /// What it is of.
    pub(crate) title: String,
    /// The tasks.
    pub(crate) tasks: Vec<Row>,
    /// The finally tasks.
    pub(crate) finally: Vec<Row>,
}

impl Outline {
    /// The outline of a pipeline; fails when its tasks wait for each other.
    pub(crate) fn new(title: String, pipeline: &PipelineSpec) -> Result<Self, CliError> {
        let names: Vec<&str> = pipeline
            .tasks
            .iter()
            .map(|task| task.name.as_str())
            .collect();
        let on: Vec<BTreeSet<String>> = pipeline.tasks.iter().map(dependencies).collect();
        let graph = Graph::new(&names, &on).map_err(|error| {
            let message = match error {
                GraphError::Cycle { .. } => format!("{title} contains a dependency cycle"),
                GraphError::UnknownTask { .. } => {
                    format!("{title} waits for a task that it does not have")
                }
            };
            CliError::invalid(message).cause(error.to_string())
        })?;
        let mut depths = vec![0; names.len()];
        for task in graph.order() {
            depths[*task] = graph
                .parents(*task)
                .map(|parent| depths[parent] + 1)
                .max()
                .unwrap_or_default();
        }
        let mut tasks: Vec<Row> = pipeline
            .tasks
            .iter()
            .zip(on)
            .zip(depths)
            .map(|((task, after), depth)| row(task, after, depth))
            .collect();
        tasks.sort_by_key(|row| row.depth);
        let finally = pipeline
            .finally
            .iter()
            .map(|task| row(task, BTreeSet::new(), 0))
            .collect();
        Ok(Self {
            title,
            tasks,
            finally,
        })
    }

    /// The outline of a single task: its steps.
    pub(crate) fn of_task(title: String, task: &TaskSpec) -> Self {
        let mut before = None;
        let tasks = task
            .steps
            .iter()
            .enumerate()
            .map(|(index, step)| {
                let name = match step.name.as_str() {
                    "" => format!("unnamed-{index}"),
                    name => name.to_owned(),
                };
                Row {
                    after: before.replace(name.clone()).into_iter().collect(),
                    name,
                    notes: Vec::new(),
                    depth: index,
                }
            })
            .collect();
        Self {
            title,
            tasks,
            finally: Vec::new(),
        }
    }

    /// For people.
    pub(crate) fn text(&self, style: Style) -> String {
        let width = self
            .tasks
            .iter()
            .chain(&self.finally)
            .map(|row| row.name.chars().count())
            .max()
            .unwrap_or_default();
        let mut text = format!("{}\n", style.bold(&clean(&self.title)));
        for row in &self.tasks {
            push_row(&mut text, row, width, style);
        }
        if !self.finally.is_empty() {
            text.push_str("finally\n");
        }
        for row in &self.finally {
            push_row(&mut text, row, width, style);
        }
        text
    }

    /// For Graphviz.
    pub(crate) fn dot(&self) -> String {
        let mut text = format!("digraph {} {{\n  rankdir=LR;\n", quoted(&self.title));
        for row in &self.tasks {
            let _ = writeln!(text, "  {};", quoted(&row.name));
        }
        for row in &self.tasks {
            for parent in &row.after {
                let _ = writeln!(text, "  {} -> {};", quoted(parent), quoted(&row.name));
            }
        }
        if !self.finally.is_empty() {
            text.push_str("  subgraph cluster_finally {\n    label=finally;\n");
            for row in &self.finally {
                let _ = writeln!(text, "    {};", quoted(&row.name));
            }
            text.push_str("  }\n");
        }
        text.push_str("}\n");
        text
    }
}

fn quoted(text: &str) -> String {
    format!(
        "\"{}\"",
        clean(text).replace('\\', "\\\\").replace('"', "\\\"")
    )
}

fn push_row(text: &mut String, row: &Row, width: usize, style: Style) {
    let mut more = Vec::new();
    if !row.after.is_empty() {
        more.push(format!("after {}", row.after.join(", ")));
    }
    if !row.notes.is_empty() {
        more.push(style.dim(&format!("({})", clean(&row.notes.join("; ")))));
    }
    let name = clean(&row.name);
    let line = format!("  {name:width$}  {}", more.join("  "));
    text.push_str(line.trim_end());
    text.push('\n');
}

fn row(task: &PipelineTask, after: BTreeSet<String>, depth: usize) -> Row {
    Row {
        name: task.name.clone(),
        after: after.into_iter().collect(),
        notes: notes(task),
        depth,
    }
}

fn notes(task: &PipelineTask) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(reference) = &task.task_ref {
        let name = match reference.resolver.as_str() {
            "" => reference.name.clone(),
            resolver => format!("from the resolver {resolver}"),
        };
        if name != task.name {
            notes.push(format!("Task {name}"));
        }
    }
    if let Some(reference) = &task.pipeline_ref {
        notes.push(format!("Pipeline {}", reference.name));
    } else if let Some(pipeline) = &task.pipeline_spec {
        let count = pipeline.tasks.len() + pipeline.finally.len();
        notes.push(format!("pipeline of {}", plural(count as u64, "task")));
    }
    for when in &task.when {
        notes.push(if when.cel.is_empty() {
            format!(
                "when {} {} [{}]",
                when.input,
                when.operator,
                when.values.join(", ")
            )
        } else {
            format!("when {}", when.cel)
        });
    }
    if let Some(matrix) = &task.matrix {
        let names: Vec<&str> = matrix
            .params
            .iter()
            .map(|param| param.name.as_str())
            .collect();
        notes.push(format!("matrix of {}", names.join(", ")));
    }
    if task.retries > 0 {
        notes.push(format!("{} retries", task.retries));
    }
    if let Some(timeout) = task.timeout {
        notes.push(format!("timeout {timeout}"));
    }
    if task.on_error == "continue" {
        notes.push("its failure is ignored".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Outline;
    use crate::report::Style;
    use crate::spec::PipelineSpec;

    fn pipeline(value: serde_json::Value) -> PipelineSpec {
        serde_json::from_value(value).unwrap()
    }

    fn sample() -> PipelineSpec {
        pipeline(json!({
            "tasks": [
                {"name": "test", "taskRef": {"name": "unit"}, "runAfter": ["fetch"], "retries": 2},
                {"name": "fetch", "taskRef": {"name": "fetch"}},
                {
                    "name": "ship",
                    "taskRef": {"name": "ship"},
                    "params": [{"name": "v", "value": "$(tasks.test.results.v)"}],
                    "when": [{"input": "$(params.x)", "operator": "in", "values": ["a", "b"]}],
                },
            ],
            "finally": [{"name": "tell", "taskRef": {"name": "tell"}}],
        }))
    }

    #[test]
    fn tasks_are_listed_in_an_order_they_can_run_in() {
        let outline = Outline::new("Pipeline p".to_owned(), &sample()).unwrap();
        assert_eq!(
            outline.text(Style::PLAIN),
            "Pipeline p
  fetch
  test   after fetch  (Task unit; 2 retries)
  ship   after test  (when $(params.x) in [a, b])
finally
  tell
"
        );
    }

    #[test]
    fn dot_has_an_edge_for_each_thing_waited_for() {
        let dot = Outline::new("a \"b\"".to_owned(), &sample()).unwrap().dot();
        assert!(dot.starts_with("digraph \"a \\\"b\\\"\" {\n"), "{dot}");
        assert!(dot.contains("  \"fetch\" -> \"test\";\n"), "{dot}");
        assert!(dot.contains("  \"test\" -> \"ship\";\n"), "{dot}");
        assert!(dot.contains("    \"tell\";\n  }\n}\n"), "{dot}");
    }

    #[test]
    fn a_cycle_is_named() {
        let cycle = pipeline(json!({"tasks": [
            {"name": "a", "runAfter": ["b"]},
            {"name": "b", "runAfter": ["a"]},
        ]}));
        let error = Outline::new("Pipeline p".to_owned(), &cycle).unwrap_err();
        assert_eq!(
            error.causes,
            ["cycle detected; task \"a\" depends on \"b\""]
        );
    }
}
