//! What waits for what (`pkg/reconciler/pipeline/dag/dag.go`).

use std::collections::BTreeSet;

use petgraph::Direction;
use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::spec::param::ParamValue;
use crate::spec::pipeline::{EmbeddedTask, PipelineTask};
use crate::spec::when::WhenExpression;
use crate::substitution::ResultRef;
use crate::substitution::fields::{self, Place, Visitor};

/// Why tasks do not make a graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphFault {
    /// Tasks wait for each other.
    #[error("cycle detected; task \"{task}\" depends on {on}")]
    Cycle {
        /// The first task, by name, that can never start.
        task: String,
        /// What it waits for, quoted and sorted.
        on: String,
    },
    /// A task waits for one that is not there.
    #[error(
        "couldn't add link between {task} and {on}: task {task} depends on {on} but {on} wasn't present in Pipeline"
    )]
    Unknown {
        /// The task.
        task: String,
        /// What is not there.
        on: String,
    },
}

/// The order of the tasks: an edge leads from a task to one that waits for it.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    graph: DiGraph<(), ()>,
    order: Vec<usize>,
}

impl Graph {
    /// The graph of tasks with these names and dependencies.
    pub fn new(names: &[&str], dependencies: &[BTreeSet<String>]) -> Result<Self, GraphFault> {
        let mut graph = DiGraph::<(), ()>::new();
        for _ in names {
            graph.add_node(());
        }
        let mut unknown = None;
        for (task, on) in dependencies
            .iter()
            .enumerate()
            .flat_map(|(task, on)| on.iter().map(move |on| (task, on)))
        {
            match names.iter().position(|name| name == on) {
                Some(parent) => {
                    graph.add_edge(NodeIndex::new(parent), NodeIndex::new(task), ());
                }
                None => drop(unknown.get_or_insert_with(|| GraphFault::Unknown {
                    task: names[task].to_owned(),
                    on: on.clone(),
                })),
            }
        }
        let order = toposort(&graph, None)
            .map_err(|_| Self::cycle(&graph, names))?
            .into_iter()
            .map(NodeIndex::index)
            .collect();
        match unknown {
            Some(fault) => Err(fault),
            None => Ok(Self { graph, order }),
        }
    }

    /// Names the cycle as Tekton does: what Kahn's algorithm leaves, first by name.
    fn cycle(graph: &DiGraph<(), ()>, names: &[&str]) -> GraphFault {
        let mut left: BTreeSet<usize> = (0..names.len()).collect();
        let waits_for = |task: usize, left: &BTreeSet<usize>| -> BTreeSet<usize> {
            graph
                .neighbors_directed(NodeIndex::new(task), Direction::Incoming)
                .map(NodeIndex::index)
                .filter(|parent| left.contains(parent))
                .collect()
        };
        while let Some(free) = left
            .iter()
            .copied()
            .find(|task| waits_for(*task, &left).is_empty())
        {
            left.remove(&free);
        }
        let Some(task) = left.iter().copied().min_by_key(|task| names[*task]) else {
            return GraphFault::Cycle {
                task: String::new(),
                on: String::new(),
            };
        };
        let on: BTreeSet<String> = waits_for(task, &left)
            .into_iter()
            .map(|parent| format!("\"{}\"", names[parent]))
            .collect();
        GraphFault::Cycle {
            task: names[task].to_owned(),
            on: on.into_iter().collect::<Vec<_>>().join(", "),
        }
    }

    /// What a task waits for.
    pub fn parents(&self, task: usize) -> impl Iterator<Item = usize> + '_ {
        self.neighbors(task, Direction::Incoming)
    }

    /// What waits for a task.
    pub fn children(&self, task: usize) -> impl Iterator<Item = usize> + '_ {
        self.neighbors(task, Direction::Outgoing)
    }

    fn neighbors(&self, task: usize, direction: Direction) -> impl Iterator<Item = usize> + '_ {
        let node = NodeIndex::new(task);
        let known = task < self.graph.node_count();
        known
            .then(|| self.graph.neighbors_directed(node, direction))
            .into_iter()
            .flatten()
            .map(NodeIndex::index)
    }

    /// The tasks, each after all it waits for.
    pub fn order(&self) -> &[usize] {
        &self.order
    }
}

/// What a task waits for: `runAfter`, and the producers of the results it refers to.
pub fn dependencies(task: &PipelineTask) -> BTreeSet<String> {
    let refs = result_refs(task)
        .into_iter()
        .filter(|r| !r.finally)
        .map(|r| r.task);
    task.run_after.iter().cloned().chain(refs).collect()
}

/// The result references of a task, where a reference makes an edge
/// (`pkg/apis/pipeline/v1/resultref.go`, `PipelineTaskResultRefs`).
pub fn result_refs(task: &PipelineTask) -> Vec<ResultRef> {
    let mut texts = Texts::default();
    for param in &task.params {
        texts.value(&param.value);
    }
    if let Some(matrix) = &task.matrix {
        for param in matrix
            .params
            .iter()
            .chain(matrix.include.iter().flat_map(|include| &include.params))
        {
            texts.value(&param.value);
        }
    }
    for when in &task.when {
        texts.guard(when);
    }
    if let Some(spec) = &task.task_spec {
        texts.embedded(spec);
    }
    texts
        .0
        .iter()
        .flat_map(|text| ResultRef::find_in(text))
        .collect()
}

/// Collects texts that may hold references.
#[derive(Default)]
struct Texts(Vec<String>);

impl Texts {
    fn push(&mut self, text: &str) {
        if text.contains("$(") {
            self.0.push(text.to_owned());
        }
    }

    fn value(&mut self, value: &ParamValue) {
        match value {
            ParamValue::String(text) => self.push(text),
            ParamValue::Array(items) => items.iter().for_each(|item| self.push(item)),
            ParamValue::Object(map) => map.values().for_each(|item| self.push(item)),
        }
    }

    fn guard(&mut self, when: &WhenExpression) {
        self.push(&when.input);
        self.push(&when.cel);
        when.values.iter().for_each(|value| self.push(value));
    }

    fn embedded(&mut self, spec: &EmbeddedTask) {
        for step in &spec.steps {
            fields::step(&mut step.clone(), &mut Searched(self));
        }
        for sidecar in &spec.sidecars {
            fields::sidecar(&mut sidecar.clone(), &mut Searched(self));
        }
    }
}

/// Keeps to the fields of steps and sidecars that Tekton searches for edges.
struct Searched<'a>(&'a mut Texts);

impl Visitor for Searched<'_> {
    fn text(&mut self, place: Place, text: &mut String) {
        if matches!(
            place.field,
            "name" | "image" | "imagePullPolicy" | "script" | "workingDir" | "env"
        ) {
            self.0.push(text);
        }
    }

    fn list(&mut self, _: &'static str, list: &mut Vec<String>) {
        list.iter().for_each(|item| self.0.push(item));
    }

    fn value(&mut self, _: Place, _: &mut ParamValue) {}

    fn when(&mut self, _: usize, _: &mut WhenExpression) {}
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::{Graph, dependencies};

    fn graph(edges: &[(&str, &[&str])]) -> Result<Vec<usize>, String> {
        let names: Vec<&str> = edges.iter().map(|(name, _)| *name).collect();
        let on: Vec<BTreeSet<String>> = edges
            .iter()
            .map(|(_, on)| on.iter().map(|name| (*name).to_owned()).collect())
            .collect();
        Graph::new(&names, &on)
            .map(|graph| graph.order().to_vec())
            .map_err(|fault| fault.to_string())
    }

    #[test]
    fn pipeline_15_16_cycles_are_named() {
        assert_eq!(
            graph(&[("a", &["b"]), ("b", &["a"]), ("c", &[])]).unwrap_err(),
            "cycle detected; task \"a\" depends on \"b\""
        );
        assert_eq!(
            graph(&[("a", &["a"])]).unwrap_err(),
            "cycle detected; task \"a\" depends on \"a\""
        );
    }

    #[test]
    fn pipeline_17_18_unknown_dependencies_are_named() {
        assert_eq!(
            graph(&[("a", &["zzz"])]).unwrap_err(),
            "couldn't add link between a and zzz: task a depends on zzz but zzz wasn't present in Pipeline"
        );
    }

    #[test]
    fn pipeline_47_48_49_50_51_only_searched_fields_make_edges() {
        let deps = |task: serde_json::Value| {
            dependencies(&serde_json::from_value(task).unwrap())
                .into_iter()
                .collect::<Vec<_>>()
        };
        assert_eq!(
            deps(json!({"params": [{"name": "p", "value": "v-$(tasks.a.results.r)"}]})),
            ["a"]
        );
        assert_eq!(
            deps(json!({"taskSpec": {"steps": [{"script": "$(tasks.a.results.r)"}]}})),
            ["a"]
        );
        assert_eq!(
            deps(
                json!({"matrix": {"params": [{"name": "p", "value": "$(tasks.m.results.r[*])"}]}})
            ),
            ["m"]
        );
        assert_eq!(
            deps(json!({"when": [{"cel": "'$(tasks.w.results.r)' == 'x'"}]})),
            ["w"]
        );
        assert!(deps(json!({"displayName": "$(tasks.a.results.r)"})).is_empty());
        assert!(
            deps(json!({"workspaces": [{"name": "w", "subPath": "$(tasks.a.results.r)"}]}))
                .is_empty()
        );
        assert!(
            deps(json!({"params": [{"name": "p", "value": "$(tasks.a.results[\"r\"])"}]}))
                .is_empty()
        );
        assert!(deps(json!({"params": [{"name": "p", "value": "$(tasks.a.status)"}]})).is_empty());
    }

    #[test]
    fn order_puts_parents_first() {
        let order = graph(&[("d", &["b", "c"]), ("b", &["a"]), ("c", &["a"]), ("a", &[])]).unwrap();
        let at = |task: usize| order.iter().position(|each| *each == task).unwrap();
        assert!(at(3) < at(1) && at(3) < at(2) && at(1) < at(0) && at(2) < at(0));
    }
}
